package quant

import (
	"fmt"
	"math"

	"github.com/blitz-r1/blitz/internal/tensor"
)

// Encode writes src as elements of type t: F32, F16, BF16 (rounded to nearest,
// ties to even) or Q8_0.
//
//	dst [n/Block*BlockBytes] bytes   src [n]; n is a multiple of Block
//
// Floats keep infinities and NaN. Q8_0 cannot store them, nor a block whose
// scale exceeds float16. Errors: ErrType, ErrLength, ErrValue.
func Encode(dst []byte, t tensor.DType, src []float32) error {
	if err := check("encode", t, len(src), len(dst)); err != nil {
		return err
	}
	switch t {
	case tensor.F32:
		for i, x := range src {
			le.PutUint32(dst[4*i:], math.Float32bits(x))
		}
	case tensor.F16:
		for i, x := range src {
			le.PutUint16(dst[2*i:], F32ToF16(x))
		}
	case tensor.BF16:
		for i, x := range src {
			le.PutUint16(dst[2*i:], F32ToBF16(x))
		}
	case tensor.Q8_0:
		return encodeQ8_0(dst, src)
	default:
		return fmt.Errorf("quant: encode %s: %w", t, ErrType)
	}
	return nil
}

// encodeQ8_0 takes the steps of GGML's reference: d = max/127, then x * (1/d)
// rounded to nearest, halves away from zero; d itself is rounded to float16 only
// when it is stored.
func encodeQ8_0(dst []byte, src []float32) error {
	for i := 0; i < len(src); i += 32 {
		x, b := (*[32]float32)(src[i:]), (*[34]byte)(dst[i/32*34:])
		top, err := greatest(x[:])
		if err != nil {
			return fmt.Errorf("quant: encode Q8_0: %w: block of 32 from element %d: %w", ErrValue, i, err)
		}
		d := top / 127
		half := F32ToF16(d)
		if half == 0x7c00 {
			return fmt.Errorf("quant: encode Q8_0: %w: block of 32 from element %d: reaches %g, too much for a float16 scale", ErrValue, i, top)
		}
		inverse := 1 / d
		if inverse > math.MaxFloat32 { // d is 0, or so small that it is stored as 0
			inverse = 0
		}
		le.PutUint16(b[:2], half)
		for j, v := range x {
			r := float64(float32(v * inverse))
			b[2+j] = uint8(int32(r + math.Copysign(0.5, r))) // float64 holds the sum exactly where it matters
		}
	}
	return nil
}

// greatest returns the greatest magnitude in x. Bits of positive floats order as
// the floats do, and infinities and NaN are the greatest.
func greatest(x []float32) (float32, error) {
	top := uint32(0)
	for _, v := range x {
		top = max(top, math.Float32bits(v)&0x7fffffff)
	}
	f := math.Float32frombits(top)
	if !(f <= math.MaxFloat32) {
		return 0, fmt.Errorf("holds %g, want finite numbers", f)
	}
	return f, nil
}
