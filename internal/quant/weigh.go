package quant

import "math"

// leastWeight is what an importance counts at least beside the greatest of its
// block: groups that no activation met are encoded by their plain errors.
const leastWeight = 0x1p-20

// weigh writes the weights of the errors of a block: the importances times a power
// of two that makes the greatest one lie in [1, 2), but at least leastWeight; ones
// where there are no importances or all are zero. Sums of products of them with
// squares of a row's numbers neither overflow nor vanish in float32.
//
//	w [n]   importance [n] or nil
func weigh(w, importance []float32) {
	top := greatest(importance)
	if top == 0 {
		for i := range w {
			w[i] = 1
		}
		return
	}
	_, exponent := math.Frexp(float64(top))
	scale := math.Ldexp(1, 1-exponent) // beyond float32 where importances are subnormal
	for i := range w {
		w[i] = max(float32(float64(importance[i])*scale), leastWeight)
	}
}
