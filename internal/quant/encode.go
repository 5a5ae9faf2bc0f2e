package quant

import (
	"fmt"
	"math"

	"github.com/blitz-r1/blitz/internal/tensor"
)

// encoder says how a type is written.
type encoder struct {
	// write stores a row. Its numbers are finite and none is greater than most.
	// importance is nil or as long as the row, finite and not negative.
	write func(dst []byte, row, importance []float32)
	most  float32 // the greatest magnitude whose scales are sure to be finite
	needs bool    // too few bits to be of use without importances
}

const (
	mostF16  = 65504 // the greatest float16
	mostBF16 = 0x1.fep127
)

// encoders has a line for every type that can be written.
var encoders = [...]encoder{
	tensor.F32:    {write: writeF32, most: math.MaxFloat32},
	tensor.F16:    {write: writeF16, most: mostF16},
	tensor.BF16:   {write: writeBF16, most: mostBF16},
	tensor.Q4_0:   {write: writeQ4_0, most: 8 * mostF16},
	tensor.Q4_1:   {write: writeQ4_1, most: mostF16},
	tensor.Q5_0:   {write: writeQ5_0, most: 16 * mostF16},
	tensor.Q5_1:   {write: writeQ5_1, most: mostF16},
	tensor.Q8_0:   {write: writeQ8_0, most: 127 * mostF16},
	tensor.Q2_K:   {write: writeQ2_K, most: 15 * mostF16},
	tensor.Q3_K:   {write: writeQ3_K, most: 4 * 21 * mostF16},
	tensor.Q4_K:   {write: writeQ4_K, most: 63 * mostF16},
	tensor.Q5_K:   {write: writeQ5_K, most: 63 * mostF16},
	tensor.Q6_K:   {write: writeQ6_K, most: 32 * 123 * mostF16},
	tensor.IQ4_NL: {write: writeIQ4_NL, most: 113 * mostF16},
	tensor.IQ4_XS: {write: writeIQ4_XS, most: 127 * 27 * mostF16},
	tensor.TQ1_0:  {write: writeTQ1_0, most: mostF16},
	tensor.TQ2_0:  {write: writeTQ2_0, most: mostF16},
	tensor.MXFP4:  {write: writeMXFP4, most: math.MaxFloat32},
	tensor.NVFP4:  {write: writeNVFP4, most: 6 * 448},

	tensor.IQ1_S:   {write: writeIQ1_S, most: 16 * mostF16, needs: true},
	tensor.IQ1_M:   {write: writeIQ1_M, most: 16 * mostF16, needs: true},
	tensor.IQ2_XXS: {write: writeIQ2_XXS, most: 166 * mostF16, needs: true},
	tensor.IQ2_XS:  {write: writeIQ2_XS, most: 166 * mostF16, needs: true},
	tensor.IQ2_S:   {write: writeIQ2_S, most: 166 * mostF16, needs: true},
	tensor.IQ3_XXS: {write: writeIQ3_XXS, most: 465 * mostF16, needs: true},
	tensor.IQ3_S:   {write: writeIQ3_S, most: 465 * mostF16},
}

// Encodes says whether EncodeRow writes type t.
func Encodes(t tensor.DType) bool { return int(t) < len(encoders) && encoders[t].write != nil }

// NeedsImportance says whether t has so few bits that a row of it is of use only
// if importances say which weights matter. EncodeRow does without them all the same.
func NeedsImportance(t tensor.DType) bool { return int(t) < len(encoders) && encoders[t].needs }

// EncodeRow writes a row of a matrix as elements of type t: the floats rounded to
// nearest, ties to even, the block formats with as small a sum of squared errors as
// the encoder finds, each weighted by its importance where there are importances, and
// in most types a little by its magnitude (weighNumbers). The same row gives the same
// bytes on every machine.
//
//	dst [n/Block*BlockBytes] bytes   row [n]; n is a multiple of Block
//	importance [n], or nil: how much the square of each weight's error counts;
//	           mean squares of the activations that meet it
//
// Importances are finite and not negative; only their ratios within 256 matter.
// Errors: ErrType; ErrLength; ErrValue for numbers that are not finite or greater than
// the scales of t reach.
func EncodeRow(dst []byte, t tensor.DType, row, importance []float32) error {
	if err := check("encode", t, len(row), len(dst)); err != nil {
		return err
	}
	if !Encodes(t) {
		return fmt.Errorf("quant: encode %s: %w", t, ErrType)
	}
	e := &encoders[t]
	if err := checkRow(t, row, e.most); err != nil {
		return err
	}
	if importance != nil {
		if err := checkImportance(t, importance, len(row)); err != nil {
			return err
		}
	}
	e.write(dst, row, importance)
	return nil
}

// Encode writes src as elements of type t, without importances. src may be several
// rows, if each is a multiple of Block. Unlike EncodeRow it keeps infinities and NaN
// in the types F32, F16 and BF16, and numbers too great for these become infinities.
//
//	dst [n/Block*BlockBytes] bytes   src [n]; n is a multiple of Block
//
// Errors: ErrType, ErrLength, ErrValue.
func Encode(dst []byte, t tensor.DType, src []float32) error {
	if t != tensor.F32 && t != tensor.F16 && t != tensor.BF16 {
		return EncodeRow(dst, t, src, nil)
	}
	if err := check("encode", t, len(src), len(dst)); err != nil {
		return err
	}
	encoders[t].write(dst, src, nil)
	return nil
}

// checkRow refuses what the scales of t cannot hold.
func checkRow(t tensor.DType, row []float32, most float32) error {
	if greatest(row) <= most {
		return nil
	}
	for i, x := range row {
		switch {
		case !IsFinite(x):
			return fmt.Errorf("quant: encode %s: %w: element %d is %g, want finite numbers", t, ErrValue, i, x)
		case x > most || x < -most:
			return fmt.Errorf("quant: encode %s: %w: element %d is %g, want at most %g, which its scales reach", t, ErrValue, i, x, most)
		}
	}
	return nil
}

func checkImportance(t tensor.DType, importance []float32, n int) error {
	if len(importance) != n {
		return fmt.Errorf("quant: encode %s: %w: %d importances, want %d as in the row", t, ErrLength, len(importance), n)
	}
	for i, w := range importance {
		if !(w >= 0 && w <= math.MaxFloat32) {
			return fmt.Errorf("quant: encode %s: %w: importance %d is %g, want a finite number that is not negative", t, ErrValue, i, w)
		}
	}
	return nil
}

// greatest returns the greatest magnitude in x. Bits of positive floats order as
// the floats do, and infinities and NaN are the greatest: a NaN in x is returned.
func greatest(x []float32) float32 {
	m := magnitudes{x: x}
	m.find()
	top := uint32(0)
	for _, v := range m.top {
		top = max(top, v)
	}
	for _, v := range x[m.n:] {
		top = max(top, math.Float32bits(v)&0x7fffffff)
	}
	return math.Float32frombits(top)
}

// magnitudes are the bits of the greatest magnitudes of the first n numbers of x, in
// eight lanes.
type magnitudes struct {
	x   []float32
	n   int
	top [8]uint32
}

func writeF32(dst []byte, row, _ []float32) {
	for i, x := range row {
		le.PutUint32(dst[4*i:], math.Float32bits(x))
	}
}

func writeF16(dst []byte, row, _ []float32) {
	for i, x := range row {
		le.PutUint16(dst[2*i:], F32ToF16(x))
	}
}

func writeBF16(dst []byte, row, _ []float32) {
	for i, x := range row {
		le.PutUint16(dst[2*i:], F32ToBF16(x))
	}
}

// writeQ8_0 takes the steps of GGML's reference: d = max/127, then x / d rounded to
// nearest, halves away from zero; d itself is rounded to float16 only when it is
// stored. GGML multiplies by 1/d, which takes some halves for less. Importances would
// change nothing that can be told.
func writeQ8_0(dst []byte, row, _ []float32) {
	b := q8Blocks{dst: dst, src: row, n: len(row) / 32}
	b.write()
}

// q8Blocks are n blocks of Q8_0 to be written.
type q8Blocks struct {
	dst []byte
	src []float32
	n   int
}

func (q *q8Blocks) writePortable() {
	for i := range q.n {
		x, b := (*[32]float32)(q.src[32*i:]), (*[34]byte)(q.dst[34*i:])
		d := greatest(x[:]) / 127
		le.PutUint16(b[:2], F32ToF16(d))
		if 1/d > math.MaxFloat32 { // d is 0, or so small that it is stored as 0
			clear(b[2:])
			continue
		}
		for j, v := range x {
			r := float64(v / d)
			b[2+j] = uint8(int32(r + math.Copysign(0.5, r))) // float64 holds the sum exactly where it matters
		}
	}
}
