//go:build amd64 && !purego

package kernel

import "unsafe"

// headArgs is what headSum reads.
type headArgs struct {
	dots, w, score   unsafe.Pointer
	stride, heads, n int
}

// headSumAsm writes n scores, a multiple of 16; the dots of a head are stride behind
// those of the one before.
func headSumAsm(score, dots []float32, stride int, w []float32, n int) {
	_ = score[n-1]
	_ = dots[(len(w)-1)*stride+n-1]
	headSumAVX2(&headArgs{dots: ptr(dots), w: ptr(w), score: ptr(score), stride: 4 * stride, heads: len(w), n: n})
}
