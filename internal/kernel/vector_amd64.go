//go:build amd64 && !purego

package kernel

import "unsafe"

// q8Args is what q8row reads.
type q8Args struct {
	x, q, scale, nsum, xsum, nsum16, xsum16 unsafe.Pointer
	groups, stride                          int
}

func splitSoftmaxAsm(a *splitArgs) {
	if impl == AVX512 {
		splitSoftmaxAVX512(a)
	} else {
		splitSoftmaxAVX2(a)
	}
}
