//go:build amd64 && !purego

package kernel

import "unsafe"

// rowsArgs is what turnRows reads.
type rowsArgs struct {
	dst, rows unsafe.Pointer
	at, n     int
}

// pairsArgs is what splitPairs reads.
type pairsArgs struct {
	dst, src unsafe.Pointer
	n        int
}

// linesArgs is what copyLines reads.
type linesArgs struct {
	dst, src unsafe.Pointer
	ld, n    int
}

func copyLinesAsm(dst, x []float32, ld, n int) {
	copyLinesAVX2(&linesArgs{dst: ptr(dst), src: ptr(x), ld: 4 * ld, n: n})
}

// turnRowsAsm turns the first dwords of rows, from byte at on, and returns how many.
func turnRowsAsm(dst []byte, rows *sixteen, at, n int) int {
	if n &^= 3; n > 0 {
		_ = dst[4*RowBlock*n-1]
		turnRowsAVX2(&rowsArgs{dst: ptr(dst), rows: unsafe.Pointer(rows), at: at, n: n})
	}
	return n
}

func splitPairsAsm(dst, src []byte, n int) {
	_ = dst[2*RowBlock*n-1]
	_ = src[4*RowBlock*((n+1)/2)-1]
	splitPairsAVX2(&pairsArgs{dst: ptr(dst), src: ptr(src), n: n})
}
