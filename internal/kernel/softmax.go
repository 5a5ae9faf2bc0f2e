package kernel

// Softmax writes y = exp(x - max) / sum; y [n] may be x [n].
func Softmax(y, x []float32) {
	sum := ExpSum(y, x, Max(x))
	Div(y[:len(x)], y[:len(x)], sum)
}

// ExpSum writes y = exp(x - top) and returns the lane sum of y; y [n] may be x
// [n].
func ExpSum(y, x []float32, top float32) float32 {
	var l lanes
	n := vectorPart(len(x))
	if n > 0 {
		vectorAsm(opExpSum, &vectorArgs{n: n, dst: ptr(l[:]), a: ptr(x), b: ptr(y), t: top})
	}
	for i := n; i < len(x); i++ {
		y[i] = Exp(x[i] - top)
		l[i%16] += y[i]
	}
	return l.fold()
}
