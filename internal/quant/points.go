package quant

import "github.com/blitz-r1/blitz/internal/tensor"

// Points returns the grid of a codebook type, but IQ3_S: for each code the magnitudes of
// eight weights, of IQ3_XXS four, bytes of a number, the first one lowest. Of IQ1_S and
// IQ1_M they are signed, and those of the shift downwards; the shift upwards makes each 2
// more. Nil for other types.
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
	case tensor.IQ1_S, tensor.IQ1_M:
		points := make([]uint64, len(iq1Grid))
		for code := range points {
			points[code] = pointIQ1(uint(code), 1)
		}
		return points
	}
	return nil
}
