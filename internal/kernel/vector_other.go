//go:build !amd64 || purego

package kernel

func vectorAsm(vectorOp, *vectorArgs) { panic("kernel: no assembly in this build") }

func deltaDecay(*deltaArgs) { panic("kernel: no assembly in this build") }

func deltaTake(*deltaArgs) { panic("kernel: no assembly in this build") }

func splitSoftmaxAsm(*splitArgs) { panic("kernel: no assembly in this build") }

func turnTilesAsm(dst, src []byte, stride, n int) { panic("kernel: no assembly in this build") }
