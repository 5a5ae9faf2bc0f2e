package quant

import (
	"fmt"
	"math"

	"github.com/blitz-r1/blitz/internal/tensor"
)

// Decode writes the stored numbers of src, elements of type t, as float32.
//
//	dst [n]   src [n/Block*BlockBytes] bytes; n is a multiple of Block
//
// Quantised types and floats of up to 32 bits are exact, integers and F64 are
// rounded to nearest, ties to even; a BOOL is 0 or 1. Any bytes decode.
// The factor of an NVFP4 tensor is not in its blocks and is left out.
// Errors: ErrType, ErrLength.
func Decode(dst []float32, t tensor.DType, src []byte) error {
	if err := check("decode", t, len(dst), len(src)); err != nil {
		return err
	}
	if t == tensor.IQ6_K {
		decodeIQ6_K(dst, src)
		return nil
	}
	if t.IsQuantised() {
		decodeBlocks(dst, t, src)
		return nil
	}
	decodePlain(dst, t, src)
	return nil
}

// check verifies that n elements of t are size bytes.
func check(verb string, t tensor.DType, n, size int) error {
	quantised := t.IsQuantised()
	switch {
	case !quantised && (t < tensor.F64 || t > tensor.Bool):
		return fmt.Errorf("quant: %s %s: %w", verb, t, ErrType)
	case n%t.Block() != 0:
		return fmt.Errorf("quant: %s %s: %w: %d elements, want a multiple of %d", verb, t, ErrLength, n, t.Block())
	case size%t.BlockBytes() != 0 || size/t.BlockBytes() != n/t.Block():
		return fmt.Errorf("quant: %s %s: %w: %d bytes, want %d for %d elements", verb, t, ErrLength, size, t.RowBytes(n), n)
	}
	return nil
}

// decodeBlocks goes through the integers in pieces of 256 weights, a multiple of
// every block.
func decodeBlocks(dst []float32, t tensor.DType, src []byte) {
	var (
		w    [256]int8
		s, m [16]float32
		f, _ = FormOf(t)
	)
	for len(dst) > 0 {
		n := min(len(dst), len(w))
		groups := n / f.B
		ints(asBytes(w[:n]), s[:groups], m[:groups], t, src)
		src = src[t.RowBytes(n):]
		for g := range groups {
			scale, least := s[g], m[g] // m stays 0 where there is no minimum
			y, q := dst[g*f.B:][:f.B], w[g*f.B:][:f.B]
			for i := range y {
				y[i] = float32(scale*float32(q[i])) - least
			}
		}
		dst = dst[n:]
	}
}

func decodePlain(dst []float32, t tensor.DType, src []byte) {
	switch t {
	case tensor.F64:
		convert(dst, src, 8, func(b []byte) float32 { return float32(math.Float64frombits(le.Uint64(b))) })
	case tensor.F32:
		convert(dst, src, 4, func(b []byte) float32 { return math.Float32frombits(le.Uint32(b)) })
	case tensor.F16:
		w := widening{dst: dst, src: src}
		w.fromF16()
	case tensor.BF16:
		w := widening{dst: dst, src: src}
		w.fromBF16()
	case tensor.F8E4M3:
		convert(dst, src, 1, func(b []byte) float32 { return F8E4M3ToF32(b[0]) })
	case tensor.F8E5M2:
		convert(dst, src, 1, func(b []byte) float32 { return F8E5M2ToF32(b[0]) })
	case tensor.F8E8M0:
		convert(dst, src, 1, func(b []byte) float32 { return F8E8M0ToF32(b[0]) })
	case tensor.I64:
		convert(dst, src, 8, func(b []byte) float32 { return float32(int64(le.Uint64(b))) })
	case tensor.I32:
		convert(dst, src, 4, func(b []byte) float32 { return float32(int32(le.Uint32(b))) })
	case tensor.I16:
		convert(dst, src, 2, func(b []byte) float32 { return float32(int16(le.Uint16(b))) })
	case tensor.I8:
		convert(dst, src, 1, func(b []byte) float32 { return float32(int8(b[0])) })
	case tensor.U64:
		convert(dst, src, 8, func(b []byte) float32 { return float32(le.Uint64(b)) })
	case tensor.U32:
		convert(dst, src, 4, func(b []byte) float32 { return float32(le.Uint32(b)) })
	case tensor.U16:
		convert(dst, src, 2, func(b []byte) float32 { return float32(le.Uint16(b)) })
	case tensor.U8:
		convert(dst, src, 1, func(b []byte) float32 { return float32(b[0]) })
	case tensor.Bool:
		convert(dst, src, 1, func(b []byte) float32 {
			if b[0] != 0 {
				return 1
			}
			return 0
		})
	}
}

// widening converts src [2*len(dst)], floats of sixteen bits.
type widening struct {
	dst []float32
	src []byte
	n   int // what a routine does
}

func (w *widening) fromF16Portable() {
	src := w.src[2*w.n:]
	for i := range w.dst[w.n:] {
		w.dst[w.n+i] = F16ToF32(le.Uint16(src[2*i:]))
	}
}

func (w *widening) fromBF16Portable() {
	src := w.src[2*w.n:]
	for i := range w.dst[w.n:] {
		w.dst[w.n+i] = BF16ToF32(le.Uint16(src[2*i:]))
	}
}

// convert applies one to every element of size bytes.
func convert(dst []float32, src []byte, size int, one func([]byte) float32) {
	for i := range dst {
		dst[i] = one(src[i*size : (i+1)*size])
	}
}
