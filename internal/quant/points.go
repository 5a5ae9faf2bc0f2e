package quant

import "github.com/blitz-r1/blitz/internal/tensor"

// Points returns the grid of IQ2_XXS, IQ2_XS, IQ2_S or IQ3_XXS: for each code the magnitudes of
// eight weights, of IQ3_XXS four, bytes of a number, the first one lowest. Nil for other
// types.
func Points(t tensor.DType) []uint64 {
	switch t {
	case tensor.IQ2_XXS:
		return iq2xxsGrid[:]
	case tensor.IQ2_XS:
		return iq2xsGrid[:]
	case tensor.IQ2_S:
		return iq2sGrid[:]
	case tensor.IQ3_XXS:
		return iq3xxsGrid[:]
	}
	return nil
}
