package kernel

import "unsafe"

// vectorOp is an elementwise operation, or a sum along lanes, that has assembly.
// The assembly does multiples of sixteen elements, portable Go the rest.
type vectorOp uint8

const (
	opExp vectorOp = iota
	opSigmoid
	opTanh
	opSilu
	opGelu
	opSiluMul
	opGeluMul
	opAdd
	opScale
	opDiv
	opFma
	opNorm
	opLayernorm
	opCombine
	opMulF16
	opRopeHalves
	opRopePairs
	opSum
	opDot
	opVariance
	opMax
	opExpSum
)

// vectorArgs is what an elementwise routine reads; n is a multiple of 16.
type vectorArgs struct {
	n            int
	dst, a, b, c unsafe.Pointer
	s, t         float32
}

// vectorPart returns how many of n elements the assembly does.
func vectorPart(n int) int {
	if impl == Portable {
		return 0
	}
	return n &^ 15
}

// ptr returns the address of the first element.
func ptr[E any](s []E) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(s)) }

// elementwise runs op over dst, a and b, and rest over what assembly leaves.
func elementwise(op vectorOp, dst, a, b []float32, s float32, rest func(i int)) {
	n := vectorPart(len(a))
	if n > 0 {
		vectorAsm(op, &vectorArgs{n: n, dst: ptr(dst), a: ptr(a), b: ptr(b), s: s})
	}
	for i := n; i < len(a); i++ {
		rest(i)
	}
}
