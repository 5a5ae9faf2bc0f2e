//go:build amd64 && !purego

package kernel

import "unsafe"

func splitSoftmaxAsm(a *splitArgs) {
	if impl >= AVX512 {
		splitSoftmaxAVX512(a)
	} else {
		splitSoftmaxAVX2(a)
	}
}

// turnArgs is what turnTiles reads.
type turnArgs struct {
	dst, src  unsafe.Pointer
	stride, n int
}

// turnTilesAsm turns n tiles; those of dst are stride bytes apart.
func turnTilesAsm(dst, src []byte, stride, n int) {
	_ = dst[(n-1)*stride+latentTile-1]
	_ = src[n*latentTile-1]
	turnTilesAVX2(&turnArgs{dst: ptr(dst), src: ptr(src), stride: stride, n: n})
}
