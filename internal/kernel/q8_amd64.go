//go:build amd64 && !purego

package kernel

import "unsafe"

// q8Args is what q8row reads.
type q8Args struct {
	x, q, scale, nsum, xsum, nsum16, xsum16 unsafe.Pointer
	groups, stride                          int
}

func (a *Q8) quantiseAsm(v q8Vector, x []float32) {
	args := q8Args{
		x: unsafe.Pointer(&x[0]), q: unsafe.Pointer(&a.q[v.at*Group]), scale: unsafe.Pointer(&a.scale[v.at]),
		nsum: unsafe.Pointer(&a.nsum[v.at]), xsum: unsafe.Pointer(&a.xsum[v.at]),
		nsum16: unsafe.Pointer(&a.nsum16[v.at16]), xsum16: unsafe.Pointer(&a.xsum16[v.at16]),
		groups: len(x) / Group, stride: v.n,
	}
	q8rowAVX2(&args)
}
