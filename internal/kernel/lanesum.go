package kernel

import "math"

// lanes holds the sixteen partial sums of a sum along a vector.
type lanes [16]float32

// fold adds the lanes in the fixed order of CANON section 1.
func (l *lanes) fold() float32 {
	for h := 8; h > 0; h /= 2 {
		for j := range h {
			l[j] += l[j+h]
		}
	}
	return l[0]
}

// LaneSum returns the sum of x [n] in the order of sixteen lanes.
func LaneSum(x []float32) float32 {
	var l lanes
	n := vectorPart(len(x))
	if n > 0 {
		vectorAsm(opSum, &vectorArgs{n: n, dst: ptr(l[:]), a: ptr(x)})
	}
	for i := n; i < len(x); i++ {
		l[i%16] += x[i]
	}
	return l.fold()
}

// LaneSumAt returns LaneSum of an x that is zero but at ids, which ascend.
func LaneSumAt(x []float32, ids []int32) float32 {
	var l lanes
	for _, id := range ids {
		l[id%16] += x[id]
	}
	return l.fold()
}

// LaneDot returns the sum of a[i]*b[i] by fused multiply-adds, in the order of
// sixteen lanes; a, b [n].
func LaneDot(a, b []float32) float32 {
	var l lanes
	n := vectorPart(len(a))
	if n > 0 {
		vectorAsm(opDot, &vectorArgs{n: n, dst: ptr(l[:]), a: ptr(a), b: ptr(b)})
	}
	for i := n; i < len(a); i++ {
		l[i%16] = FMA(a[i], b[i], l[i%16])
	}
	return l.fold()
}

// Max returns the greatest element of x [n], -Inf of none, NaN where x holds one.
func Max(x []float32) float32 {
	var l lanes
	for i := range l {
		l[i] = float32(math.Inf(-1))
	}
	n := vectorPart(len(x))
	if n > 0 {
		vectorAsm(opMax, &vectorArgs{n: n, dst: ptr(l[:]), a: ptr(x)})
	}
	for h := 8; h > 0; h /= 2 { // in this order none waits for the one before
		for j := range h {
			l[j] = max(l[j], l[j+h])
		}
	}
	top := l[0]
	for _, v := range x[n:] {
		top = max(top, v)
	}
	return top
}
