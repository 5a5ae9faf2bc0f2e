// Package quant reads and writes the elements of tensors as files store them:
// the block formats of GGML, and the small floats.
//
// A block format has two faces. Decode gives the stored numbers as float32, as
// GGML's reference code gives them, to the bit. Ints gives the integers and
// scales that the matrix product uses (docs/CANON.md, section 3):
//
//	value = float32(s*w) - m
//
// with an integer w for each weight, and a float32 scale s and, for some types,
// a float32 minimum m for each 16 or 32 of them. Both faces show the same values
// in every type: where GGML multiplies in another order, each product but the
// last one is exact.
//
// A new type is a line in forms, a case in ints, a function in the file of its
// family, and a line in f16Scales or a case in NotFinite, which looks at stored bytes
// before they are used.
package quant

import (
	"errors"
	"fmt"

	"github.com/blitz-r1/blitz/internal/tensor"
)

var (
	// ErrType is a type that cannot be converted as asked.
	ErrType = errors.New("unsupported type")
	// ErrLength is an array whose length does not fit the other one, or the block.
	ErrLength = errors.New("wrong length")
	// ErrValue is a number that a type cannot store.
	ErrValue = errors.New("value out of range")
)

// Form says how the weights of a type look as integers.
type Form struct {
	B      int  // consecutive weights that share a scale: 16 or 32
	Min    bool // whether there is a minimum to subtract
	Lo, Hi int  // the least and greatest w that any content gives
}

var forms = [...]Form{
	tensor.Q4_0:    {32, false, -8, 7},
	tensor.Q4_1:    {32, true, 0, 15},
	tensor.Q5_0:    {32, false, -16, 15},
	tensor.Q5_1:    {32, true, 0, 31},
	tensor.Q8_0:    {32, false, -128, 127},
	tensor.Q2_K:    {16, true, 0, 3},
	tensor.Q3_K:    {16, false, -4, 3},
	tensor.Q4_K:    {32, true, 0, 15},
	tensor.Q5_K:    {32, true, 0, 31},
	tensor.Q6_K:    {16, false, -32, 31},
	tensor.IQ2_XXS: {32, false, -43, 43},
	tensor.IQ2_XS:  {16, false, -43, 43},
	tensor.IQ2_S:   {16, false, -43, 43},
	tensor.IQ3_XXS: {32, false, -62, 62},
	tensor.IQ3_S:   {32, false, -15, 15},
	tensor.IQ1_S:   {32, false, -9, 9},
	tensor.IQ1_M:   {16, false, -9, 9},
	tensor.IQ4_NL:  {32, false, -127, 113},
	tensor.IQ4_XS:  {32, false, -127, 113},
	tensor.TQ1_0:   {32, false, -1, 1},
	tensor.TQ2_0:   {32, false, -1, 2},
	tensor.MXFP4:   {32, false, -12, 12},
	tensor.NVFP4:   {16, false, -12, 12},
	tensor.Q1_0:    {32, false, -1, 1},
	tensor.Q2_0:    {32, false, -1, 2},
	tensor.Q6_0:    {32, false, -32, 31},
	tensor.IQ2_K:   {16, false, -31, 22},
	tensor.IQ3_K:   {16, false, -63, 51},
	tensor.IQ4_K:   {16, false, -127, 117},
	tensor.IQ5_K:   {16, false, -126, 123},
	tensor.IQ2_KS:  {32, false, -31, 22},
	tensor.IQ2_KL:  {32, false, -63, 47},
	tensor.IQ3_KS:  {32, false, -63, 51},
	tensor.IQ4_KS:  {32, false, -127, 117},
	tensor.IQ4_KSS: {32, false, -127, 117},
	tensor.IQ5_KS:  {32, false, -126, 123},
	tensor.IQ1_KT:  {32, false, -126, 126},
	tensor.IQ2_KT:  {32, false, -126, 126},
	tensor.IQ3_KT:  {32, false, -126, 126},
	tensor.IQ4_KT:  {32, false, -126, 126},
}

// FormOf returns the form of a quantised type, and false for any other type, and for IQ6_K,
// whose numbers are no integers times a scale.
func FormOf(t tensor.DType) (Form, bool) {
	if int(t) >= len(forms) || forms[t].B == 0 {
		return Form{}, false
	}
	return forms[t], true
}

// Ints decodes n weights of a quantised type to integers and scales.
//
//	w [n]   s [n/B]   m [n/B] where the form has a minimum, else unused
//	src [n/Block*BlockBytes] bytes; n is a multiple of Block
//
// Any bytes decode; damaged ones may give scales that are infinite or NaN. The
// scales of NVFP4 leave out the tensor's factor: multiply each by it, in float32.
// A type without a form, and lengths that do not fit, are errors of the caller:
// Ints panics.
func Ints(w []int8, s, m []float32, t tensor.DType, src []byte) {
	f, ok := FormOf(t)
	n := len(w)
	switch {
	case !ok:
		panic(fmt.Sprintf("quant: type %s has no integers", t))
	case n%t.Block() != 0 || len(src) != t.RowBytes(n):
		panic(fmt.Sprintf("quant: ints of %s: %d weights, %d bytes", t, n, len(src)))
	case len(s) != n/f.B || f.Min && len(m) != n/f.B:
		panic(fmt.Sprintf("quant: ints of %s: %d weights, %d scales, %d minima", t, n, len(s), len(m)))
	}
	ints(asBytes(w), s, m, t, src)
}

func ints(w []byte, s, m []float32, t tensor.DType, src []byte) {
	switch t {
	case tensor.Q4_0:
		intsQ4_0(w, s, src)
	case tensor.Q4_1:
		intsQ4_1(w, s, m, src)
	case tensor.Q5_0:
		intsQ5_0(w, s, src)
	case tensor.Q5_1:
		intsQ5_1(w, s, m, src)
	case tensor.Q8_0:
		intsQ8_0(w, s, src)
	case tensor.Q2_K:
		intsQ2_K(w, s, m, src)
	case tensor.Q3_K:
		intsQ3_K(w, s, src)
	case tensor.Q4_K:
		intsQ4_K(w, s, m, src)
	case tensor.Q5_K:
		intsQ5_K(w, s, m, src)
	case tensor.Q6_K:
		intsQ6_K(w, s, src)
	case tensor.IQ2_XXS:
		intsIQ2_XXS(w, s, src)
	case tensor.IQ2_XS:
		intsIQ2_XS(w, s, src)
	case tensor.IQ2_S:
		intsIQ2_S(w, s, src)
	case tensor.IQ3_XXS:
		intsIQ3_XXS(w, s, src)
	case tensor.IQ3_S:
		intsIQ3_S(w, s, src)
	case tensor.IQ1_S:
		intsIQ1_S(w, s, src)
	case tensor.IQ1_M:
		intsIQ1_M(w, s, src)
	case tensor.IQ4_NL:
		intsIQ4_NL(w, s, src)
	case tensor.IQ4_XS:
		intsIQ4_XS(w, s, src)
	case tensor.TQ1_0:
		intsTQ1_0(w, s, src)
	case tensor.TQ2_0:
		intsTQ2_0(w, s, src)
	case tensor.MXFP4:
		intsMXFP4(w, s, src)
	case tensor.NVFP4:
		intsNVFP4(w, s, src)
	case tensor.Q1_0:
		intsQ1_0(w, s, src)
	case tensor.Q2_0:
		intsQ2_0(w, s, src)
	case tensor.Q6_0:
		intsQ6_0(w, s, src)
	case tensor.IQ2_K:
		intsIQ2_K(w, s, src)
	case tensor.IQ3_K:
		intsIQ3_K(w, s, src)
	case tensor.IQ4_K:
		intsIQ4_K(w, s, src)
	case tensor.IQ5_K:
		intsIQ5_K(w, s, src)
	case tensor.IQ2_KS:
		intsIQ2_KS(w, s, src)
	case tensor.IQ2_KL:
		intsIQ2_KL(w, s, src)
	case tensor.IQ3_KS:
		intsIQ3_KS(w, s, src)
	case tensor.IQ4_KS:
		intsIQ4_KS(w, s, src)
	case tensor.IQ4_KSS:
		intsIQ4_KSS(w, s, src)
	case tensor.IQ5_KS:
		intsIQ5_KS(w, s, src)
	case tensor.IQ1_KT:
		intsIQ1_KT(w, s, src)
	case tensor.IQ2_KT:
		intsIQ2_KT(w, s, src)
	case tensor.IQ3_KT:
		intsIQ3_KT(w, s, src)
	case tensor.IQ4_KT:
		intsIQ4_KT(w, s, src)
	}
}
