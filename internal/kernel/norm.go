package kernel

import "math"

// RMSNorm writes y = (x * r) * w with r = 1 / sqrt(mean(x²) + eps).
//
//	x, y, w [D]   y may be x.  Zhang and Sennrich 2019, eq. 4.
func RMSNorm(y, x, w []float32, eps float32) {
	r := rmsScale(x, eps)
	elementwise(opNorm, y[:len(x)], x, w[:len(x)], r, func(i int) { y[i] = float32(x[i]*r) * w[i] })
}

// UnitRMS writes y = x * r with r = 1 / sqrt(mean(x²) + eps): RMSNorm without weights.
//
//	x, y [D]   y may be x
func UnitRMS(y, x []float32, eps float32) { Scale(y, x, rmsScale(x, eps)) }

// rmsScale returns 1 / sqrt(mean(x²) + eps).
func rmsScale(x []float32, eps float32) float32 {
	return 1 / sqrt(LaneDot(x, x)/float32(len(x))+eps)
}

// LayerNorm writes y = fma((x - mean) * r, w, b) with r = 1 / sqrt(var(x) + eps).
//
//	x, y, w, b [D]   y may be x.  Ba et al. 2016, eq. 4.
func LayerNorm(y, x, w, b []float32, eps float32) {
	D := float32(len(x))
	mean := LaneSum(x) / D
	var l lanes
	n := vectorPart(len(x))
	if n > 0 {
		vectorAsm(opVariance, &vectorArgs{n: n, dst: ptr(l[:]), a: ptr(x), t: mean})
	}
	for i := n; i < len(x); i++ {
		d := x[i] - mean
		l[i%16] = FMA(d, d, l[i%16])
	}
	r := 1 / sqrt(l.fold()/D+eps)
	if n > 0 {
		vectorAsm(opLayernorm, &vectorArgs{n: n, dst: ptr(y), a: ptr(x), b: ptr(w), c: ptr(b), s: r, t: mean})
	}
	for i := n; i < len(x); i++ {
		y[i] = FMA(float32((x[i]-mean)*r), w[i], b[i])
	}
}

// sqrt is exact in float32: the float64 root rounds to it without a second error.
func sqrt(x float32) float32 { return float32(math.Sqrt(float64(x))) }

// RMSNormBackward adds the gradients of RMSNorm to dx and dw.
//
//	dx, dw, dy, x, w, tmp [D]   with r = 1 / rms(x), n = x*r: dw = dy*n, dx = r*(dy*w - n*mean(dy*w*n))
func RMSNormBackward(dx, dw, dy, x, w []float32, eps float32, tmp []float32) {
	r := rmsScale(x, eps)
	mul(tmp, x, dy, r)
	Add(dw, dw, tmp)
	mean := LaneDot(tmp, w) / float32(len(x))
	mul(tmp, dy, w, 1)
	AddScaled(dx, tmp, r)
	AddScaled(dx, x, -float32(float32(mean*r)*r))
}

// Mul writes dst = a * b; dst, a, b [n], dst may be either of them.
func Mul(dst, a, b []float32) { mul(dst, a, b, 1) }

// mul writes dst = (a*s)*b; dst, a, b [n], dst may be either of them.
func mul(dst, a, b []float32, s float32) {
	elementwise(opNorm, dst[:len(a)], a, b[:len(a)], s, func(i int) { dst[i] = float32(a[i]*s) * b[i] })
}
