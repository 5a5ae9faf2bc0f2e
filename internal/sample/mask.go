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
			word = mask[at/64] & (^uint64(0) >> (64 - len(part)))
		}
		any |= word
		keep(part, word)
	}
	return any != 0
}

// few is how many logits of 64 are put aside, so that the others are set at once.
const few = 24

// keep sets all of x, at most 64 logits, to -Inf but those whose bits are set.
func keep(x []float32, word uint64) {
	if bits.OnesCount64(word) > few {
		for gone := ^word & (^uint64(0) >> (64 - len(x))); gone != 0; gone &= gone - 1 {
			x[bits.TrailingZeros64(gone)] = negInf
		}
		return
	}
	var kept [few]float32
	n := 0
	for w := word; w != 0; w &= w - 1 {
		kept[n] = x[bits.TrailingZeros64(w)]
		n++
	}
	copy(x, noneOf64[:])
	n = 0
	for w := word; w != 0; w &= w - 1 {
		x[bits.TrailingZeros64(w)] = kept[n]
		n++
	}
}

// noneOf64 is 64 logits of which none may come.
var noneOf64 = func() (x [64]float32) {
	for i := range x {
		x[i] = negInf
	}
	return x
}()
