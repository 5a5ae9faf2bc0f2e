//go:build !amd64 || purego

package kernel

// Without assembly these are never called.

func turnRowsAsm([]byte, *sixteen, int, int) int {
	panic("kernel: no assembly in this build")
}

func splitPairsAsm(dst, src []byte, n int) { panic("kernel: no assembly in this build") }

func headSumAsm(score, dots []float32, stride int, w []float32, n int) {
	panic("kernel: no assembly in this build")
}

func atLeastAsm([]uint64, []float32, float32) int { panic("kernel: no assembly in this build") }

func copyLinesAsm(dst, x []float32, ld, n int) { panic("kernel: no assembly in this build") }
