package kernel

// Add writes dst = a + b; dst, a, b [n], dst may be either of them.
func Add(dst, a, b []float32) {
	elementwise(opAdd, dst[:len(a)], a, b[:len(a)], 0, func(i int) { dst[i] = a[i] + b[i] })
}

// Scale writes dst = x * s; dst [n] may be x [n].
func Scale(dst, x []float32, s float32) {
	elementwise(opScale, dst[:len(x)], x, nil, s, func(i int) { dst[i] = x[i] * s })
}

// Div writes dst = x / s; dst [n] may be x [n].
func Div(dst, x []float32, s float32) {
	elementwise(opDiv, dst[:len(x)], x, nil, s, func(i int) { dst[i] = x[i] / s })
}

// AddScaled writes dst = fma(s, x, dst); dst, x [n].
func AddScaled(dst, x []float32, s float32) {
	elementwise(opFma, dst[:len(x)], x, nil, s, func(i int) { dst[i] = FMA(s, x[i], dst[i]) })
}
