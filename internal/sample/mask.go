package sample

import "math/bits"

// MaskWords returns the words of a mask over a vocabulary of V tokens: token id is bit
// id%64 of word id/64.
func MaskWords(V int) int { return (V + 63) / 64 }

// FillMask makes mask the set of all V tokens. What is behind them is cleared.
func FillMask(mask []uint64, V int) {
	for i := range mask {
		mask[i] = ^uint64(0)
	}
	if V%64 != 0 {
		mask[V/64] = 1<<(V%64) - 1
	}
}

// apply sets the logits x [V] of all tokens that are not in the mask to -Inf. It says
// whether any token is. A mask that is too short lacks what is behind it.
func apply(x []float32, mask []uint64) bool {
	any := uint64(0)
	for at := 0; at < len(x); at += 64 {
		part := x[at:min(at+64, len(x))]
		word := uint64(0)
		if at/64 < len(mask) {
			word = mask[at/64]
		}
		gone := ^word
		if len(part) < 64 {
			gone &= 1<<len(part) - 1
			word &= 1<<len(part) - 1
		}
		any |= word
		if word == 0 {
			for i := range part {
				part[i] = negInf
			}
			continue
		}
		for ; gone != 0; gone &= gone - 1 {
			part[bits.TrailingZeros64(gone)] = negInf
		}
	}
	return any != 0
}
