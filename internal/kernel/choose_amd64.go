//go:build amd64 && !purego

package kernel

import "unsafe"

// atLeastArgs is what atLeast reads.
type atLeastArgs struct {
	dst, x unsafe.Pointer
	n      int
	pivot  float32
}

// atLeastAsm sets the bits of the first values, and returns how many values they are.
func atLeastAsm(dst []uint64, x []float32, pivot float32) int {
	n := len(x) &^ 63
	if n > 0 {
		_ = dst[n/64-1]
		atLeastAVX2(&atLeastArgs{dst: ptr(dst), x: ptr(x), n: n, pivot: pivot})
	}
	return n
}
