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

// swigluRun is how many numbers SwigluClamped takes at once.
const swigluRun = 256

// SwigluClamped writes dst = g sigmoid(alpha g) (u + 1) with g = min(gate, limit) and u = up
// between -limit and limit, the inside of gpt-oss's experts (OpenAI 2025, §2.2); dst, gate,
// up [n], dst may be either of them.
func SwigluClamped(dst, gate, up []float32, alpha, limit float32) {
	var s [swigluRun]float32
	for len(gate) > 0 {
		n := min(len(gate), swigluRun)
		for i, g := range gate[:n] {
			s[i] = alpha * min(g, limit)
		}
		SigmoidAll(s[:n], s[:n])
		for i, g := range gate[:n] {
			u := max(-limit, min(up[i], limit))
			dst[i] = float32(min(g, limit)*s[i]) * (u + 1)
		}
		dst, gate, up = dst[n:], gate[n:], up[n:]
	}
}

// SiluClamped writes dst = silu(min(gate, limit)) * u with u = up between -limit and limit, the
// inside of DeepSeek-V4's experts; dst, gate, up [n], dst may be gate.
func SiluClamped(dst, gate, up []float32, limit float32) {
	var u [swigluRun]float32
	for len(gate) > 0 {
		n := min(len(gate), swigluRun)
		for i, g := range gate[:n] {
			dst[i] = min(g, limit)
			u[i] = max(min(up[i], limit), -limit)
		}
		SiluMul(dst[:n], dst[:n], u[:n])
		dst, gate, up = dst[n:], gate[n:], up[n:]
	}
}

// gateScratch is what the backward of a gate needs beside its operands: three rows.
func gateScratch(tmp []float32, n int) (a, b, c []float32) {
	return tmp[:n], tmp[n : 2*n], tmp[2*n : 3*n]
}

// SiluMulBackward adds the gradients of SiluMul to dgate and dup.
//
//	dgate, dup, dy, gate, up [n]   tmp [3n]   silu' = s + silu (1 - s), s = sigmoid
func SiluMulBackward(dgate, dup, dy, gate, up, tmp []float32) {
	s, y, slope := gateScratch(tmp, len(gate))
	SigmoidAll(s, gate)
	SiluAll(y, gate)
	mul(slope, s, y, -1)
	Add(slope, slope, s)
	Add(slope, slope, y)
	gateBackward(dgate, dup, dy, up, y, slope, s)
}

// GeluMulBackward adds the gradients of GeluMul to dgate and dup; as SiluMulBackward.
//
//	gelu' = (1 + t)/2 + x/2 (1 - t²) c (1 + 3·0.044715 x²), t = tanh(c (x + 0.044715 x³))
func GeluMulBackward(dgate, dup, dy, gate, up, tmp []float32) {
	t, y, slope := gateScratch(tmp, len(gate))
	for i, x := range gate {
		t[i] = float32(0.7978845608 * FMA(float32(0.044715*x), float32(x*x), x))
	}
	TanhAll(t, t)
	GeluAll(y, gate)
	for i, x := range gate {
		inner := float32(0.7978845608 * (1 + float32(0.134145*float32(x*x))))
		slope[i] = float32(0.5*(1+t[i])) + float32(float32(float32(0.5*x)*(1-float32(t[i]*t[i])))*inner)
	}
	gateBackward(dgate, dup, dy, up, y, slope, t)
}

// gateBackward adds dy*y to dup and dy*up*slope to dgate.
func gateBackward(dgate, dup, dy, up, y, slope, tmp []float32) {
	mul(tmp, dy, y, 1)
	Add(dup, dup, tmp)
	mul(tmp, dy, up, 1)
	mul(tmp, tmp, slope, 1)
	Add(dgate, dgate, tmp)
}
