// Package weights packs the matrices of model files into the form that the
// products of package kernel read: sixteen rows interleaved, scales beside them.
//
// Adding a quantised type: a line in formats, and a case in dAt where its scales
// are a float16 factor times small integers. Packing itself goes through
// quant.Ints, which every type has; types that are common also have a path that
// moves bits directly (fast.go).
package weights

import (
	"fmt"

	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// formats says how each quantised type is packed. Of the types of a codebook those of
// 256 and 512 points keep its codes; larger ones are slow to look up. IQ2_S and IQ1 get
// codes of halves of their points, IQ3_S indices into its few distinct values.
var formats = map[tensor.DType]kernel.Format{
	tensor.Q4_0:    {Layout: kernel.Bits4, Scales: kernel.ScalesF16, Block: 32},
	tensor.Q4_1:    {Layout: kernel.Bits4, Scales: kernel.ScalesF16M, Block: 32},
	tensor.Q5_0:    {Layout: kernel.Bits5, Scales: kernel.ScalesF16, Block: 32},
	tensor.Q5_1:    {Layout: kernel.Bits5, Scales: kernel.ScalesF16M, Block: 32},
	tensor.Q8_0:    {Layout: kernel.Bits8, Scales: kernel.ScalesF16, Block: 32},
	tensor.Q2_K:    {Layout: kernel.Bits2, Scales: kernel.ScalesKM, Block: 16},
	tensor.Q3_K:    {Layout: kernel.Bits3, Scales: kernel.ScalesK, Block: 16},
	tensor.Q4_K:    {Layout: kernel.Bits4, Scales: kernel.ScalesKM, Block: 32},
	tensor.Q5_K:    {Layout: kernel.Bits5, Scales: kernel.ScalesKM, Block: 32},
	tensor.Q6_K:    {Layout: kernel.Bits6, Scales: kernel.ScalesK, Block: 16},
	tensor.IQ2_XXS: {Layout: kernel.Octets8, Scales: kernel.ScalesOdd, Block: 32, Unit: 0.125, Grid: gridOf(tensor.IQ2_XXS)},
	tensor.IQ2_XS:  {Layout: kernel.Octets9, Scales: kernel.ScalesOdd, Block: 16, Unit: 0.125, Grid: gridOf(tensor.IQ2_XS)},
	tensor.IQ2_S:   {Layout: kernel.Sevens, Scales: kernel.ScalesOdd, Block: 16, Unit: 0.125, Grid: gridOf(tensor.IQ2_S)},
	tensor.IQ3_XXS: {Layout: kernel.Quads, Scales: kernel.ScalesOdd, Block: 32, Unit: 0.25, Grid: gridOf(tensor.IQ3_XXS)},
	tensor.IQ3_S:   {Layout: kernel.Bits4T, Scales: kernel.ScalesOdd, Block: 32, Unit: 1, Values: iq3sValues},
	tensor.IQ1_S:   {Layout: kernel.Ternary, Scales: kernel.ScalesOdd, Block: 32, Unit: 0.125, Grid: gridOf(tensor.IQ1_S)},
	tensor.IQ1_M:   {Layout: kernel.Ternary, Scales: kernel.ScalesOdd, Block: 16, Unit: 0.125, Grid: gridOf(tensor.IQ1_M)},
	tensor.IQ4_NL:  {Layout: kernel.Bits4T, Scales: kernel.ScalesF16, Block: 32, Values: iq4Values},
	tensor.IQ4_XS:  {Layout: kernel.Bits4T, Scales: kernel.ScalesK, Block: 32, Values: iq4Values},
	tensor.TQ1_0:   {Layout: kernel.Bits2, Scales: kernel.ScalesF16, Block: 32},
	tensor.TQ2_0:   {Layout: kernel.Bits2, Scales: kernel.ScalesF16, Block: 32},
	tensor.MXFP4:   {Layout: kernel.Bits4T, Scales: kernel.ScalesF32, Block: 32, Values: fp4Values},
	tensor.NVFP4:   {Layout: kernel.Bits4T, Scales: kernel.ScalesF32, Block: 16, Values: fp4Values},
	tensor.Q1_0:    {Layout: kernel.Bits2, Scales: kernel.ScalesF16, Block: 32},
	tensor.Q2_0:    {Layout: kernel.Bits2, Scales: kernel.ScalesF16, Block: 32},

	// Two tables of points in one, as far as there are four bits for it; of four bits each, the
	// second moved up.
	tensor.Q6_0:    {Layout: kernel.Bits6, Scales: kernel.ScalesF16, Block: 32},
	tensor.IQ2_K:   {Layout: kernel.Bits4T, Scales: kernel.ScalesK, Block: 16, Values: ik2Values},
	tensor.IQ3_K:   {Layout: kernel.Bits4T, Scales: kernel.ScalesK, Block: 16, Values: ik3Values},
	tensor.IQ4_K:   {Layout: kernel.Bits4Two, Scales: kernel.ScalesK, Block: 16, Values: iq4Values, Shift: 4},
	tensor.IQ5_K:   {Layout: kernel.Bits8, Scales: kernel.ScalesK, Block: 16},
	tensor.IQ2_KS:  {Layout: kernel.Bits4T, Scales: kernel.ScalesK, Block: 32, Values: ik2Values},
	tensor.IQ2_KL:  {Layout: kernel.Bits4T, Scales: kernel.ScalesK, Block: 32, Values: ik3Values},
	tensor.IQ3_KS:  {Layout: kernel.Bits4T, Scales: kernel.ScalesK, Block: 32, Values: ik3Values},
	tensor.IQ4_KS:  {Layout: kernel.Bits4Two, Scales: kernel.ScalesK, Block: 32, Values: iq4Values, Shift: 4},
	tensor.IQ4_KSS: {Layout: kernel.Bits4Two, Scales: kernel.ScalesK, Block: 32, Values: iq4Values, Shift: 4},
	tensor.IQ5_KS:  {Layout: kernel.Bits8, Scales: kernel.ScalesK, Block: 32},
	tensor.IQ1_KT:  {Layout: kernel.Bits8, Scales: kernel.ScalesK, Block: 32},
	tensor.IQ2_KT:  {Layout: kernel.Bits8, Scales: kernel.ScalesK, Block: 32},
	tensor.IQ3_KT:  {Layout: kernel.Bits8, Scales: kernel.ScalesK, Block: 32},
	tensor.IQ4_KT:  {Layout: kernel.Bits8, Scales: kernel.ScalesK, Block: 32},
}

// The distinct integers of types with a table; packing finds an integer's index
// by searching from the front, so that fillers and the -0 of fp4 are never used. The
// four-bit ones stand in the order of the types' own codes.
var (
	iq3sValues = [16]int8{1, 3, 5, 7, 9, 11, 13, 15, -1, -3, -5, -7, -9, -11, -13, -15}
	iq4Values  = [16]int8{-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113}
	ik2Values  = [16]int8{-31, -13, 1, 17, -26, -8, 6, 22}
	ik3Values  = [16]int8{-63, -40, -23, -10, 1, 13, 28, 47, -59, -36, -19, -6, 5, 17, 32, 51}
	fp4Values  = [16]int8{0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12}
)

// NewFloat is New for a matrix that is multiplied as float whatever its type is: MXFP4 as a
// checkpoint has it, whose codes stay codes (CANON section 4).
func NewFloat(name string, t tensor.DType, rows, cols int) (kernel.Matrix, error) {
	if t != tensor.MXFP4 {
		return New(name, t, rows, cols)
	}
	if cols%t.Block() != 0 {
		return kernel.Matrix{}, fmt.Errorf("weights: tensor %s: rows of %d do not fit blocks of %d", name, cols, t.Block())
	}
	return kernel.NewFloatMatrix(rows, cols, t, nil), nil
}

// New returns the packed form of a matrix of that type and shape, without its
// memory: set Data to Bytes() bytes and call Pack. The error says that the type
// is no weight type, or that the row does not fit its blocks.
func New(name string, t tensor.DType, rows, cols int) (kernel.Matrix, error) {
	switch t {
	case tensor.F32, tensor.F16, tensor.BF16, tensor.F8E4M3:
		return kernel.NewFloatMatrix(rows, cols, t, nil), nil
	case tensor.F64:
		return kernel.NewFloatMatrix(rows, cols, tensor.F32, nil), nil
	case tensor.IQ6_K: // whose numbers are no integers times a scale
		if cols%t.Block() != 0 {
			return kernel.Matrix{}, fmt.Errorf("weights: tensor %s: rows of %d do not fit blocks of %d", name, cols, t.Block())
		}
		return kernel.NewFloatMatrix(rows, cols, t, nil), nil
	case tensor.F8E5M2: // fits bfloat16 exactly
		return kernel.NewFloatMatrix(rows, cols, tensor.BF16, nil), nil
	}
	f, ok := formats[t]
	if !ok {
		return kernel.Matrix{}, fmt.Errorf("weights: tensor %s: type %s is no weight type", name, t)
	}
	if cols%t.Block() != 0 {
		return kernel.Matrix{}, fmt.Errorf("weights: tensor %s: rows of %d do not fit blocks of %d", name, cols, t.Block())
	}
	return kernel.NewMatrix(rows, cols, f, nil), nil
}
