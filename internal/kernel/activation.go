package kernel

// ExpAll writes dst[i] = Exp(x[i]); dst [n] may be x [n].
func ExpAll(dst, x []float32) {
	elementwise(opExp, dst[:len(x)], x, nil, 0, func(i int) { dst[i] = Exp(x[i]) })
}

// SigmoidAll writes dst[i] = Sigmoid(x[i]); dst [n] may be x [n].
func SigmoidAll(dst, x []float32) {
	elementwise(opSigmoid, dst[:len(x)], x, nil, 0, func(i int) { dst[i] = Sigmoid(x[i]) })
}

// TanhAll writes dst[i] = Tanh(x[i]); dst [n] may be x [n].
func TanhAll(dst, x []float32) {
	elementwise(opTanh, dst[:len(x)], x, nil, 0, func(i int) { dst[i] = Tanh(x[i]) })
}

// SiluAll writes dst[i] = Silu(x[i]); dst [n] may be x [n].
func SiluAll(dst, x []float32) {
	elementwise(opSilu, dst[:len(x)], x, nil, 0, func(i int) { dst[i] = Silu(x[i]) })
}

// GeluAll writes dst[i] = Gelu(x[i]); dst [n] may be x [n].
func GeluAll(dst, x []float32) {
	elementwise(opGelu, dst[:len(x)], x, nil, 0, func(i int) { dst[i] = Gelu(x[i]) })
}

// SiluMul writes dst = Silu(gate) * up, the inside of a gated MLP (Shazeer 2020,
// SwiGLU); dst, gate, up [n], dst may be either of them.
func SiluMul(dst, gate, up []float32) {
	elementwise(opSiluMul, dst[:len(gate)], gate, up[:len(gate)], 0, func(i int) { dst[i] = Silu(gate[i]) * up[i] })
}

// GeluMul writes dst = Gelu(gate) * up (GeGLU, with the tanh form); as SiluMul.
func GeluMul(dst, gate, up []float32) {
	elementwise(opGeluMul, dst[:len(gate)], gate, up[:len(gate)], 0, func(i int) { dst[i] = Gelu(gate[i]) * up[i] })
}
