package kernel

import (
	"math"
	"unsafe"
)

// DeltaRule takes one token into the state of a head of Gated DeltaNet and, where o is not
// nil, reads it by q (Yang et al. 2025, eq. 10, token by token):
//
//	S ← α S   u = Sᵀ k   d = β (v - u)   S ← S + k dᵀ   o = Sᵀ q
//
// Sums run over DK from the first row on, each by fused multiply-adds (CANON section 5).
//
//	s [DK, DV]   q, k [DK]   v, o, d [DV], d is scratch
func DeltaRule(o, s, q, k, v, d []float32, alpha, beta float32) {
	DV := len(v)
	d, s = d[:DV], s[:len(k)*DV]
	if o == nil {
		o, q = d, k // what is read is of no use
	}
	n := vectorPart(DV)
	if n > 0 {
		a := deltaArgs{rows: len(k), n: n, stride: 4 * DV, s: ptr(s), k: ptr(k), q: ptr(k), d: ptr(d), o: ptr(d), alpha: alpha}
		deltaDecay(&a)
		for j, u := range d[:n] {
			d[j] = beta * (v[j] - u)
		}
		a.q, a.o = ptr(q), ptr(o)
		deltaTake(&a)
	}
	for j := n; j < DV; j++ {
		var u, y float32
		for i, x := range k {
			s[i*DV+j] *= alpha
			u = FMA(x, s[i*DV+j], u)
		}
		u = beta * (v[j] - u)
		for i, x := range k {
			s[i*DV+j] = FMA(x, u, s[i*DV+j])
			y = FMA(q[i], s[i*DV+j], y)
		}
		o[j] = y
	}
}

// deltaArgs is what the two passes of DeltaRule over a state read; n is a multiple of 16.
// q[:rows], k[:rows] and o[:n], d[:n] may be the same.
type deltaArgs struct {
	rows, n, stride int
	s, k, q, d, o   unsafe.Pointer
	alpha           float32
}

// Unit writes y = x / sqrt(Σ x² + eps), the L2 norm of Gated DeltaNet's queries and keys.
//
//	x, y [D]   y may be x
func Unit(y, x []float32, eps float32) {
	Scale(y, x, 1/sqrt(LaneDot(x, x)+eps))
}

// MulAdd writes dst = fma(a, b, dst); dst, a, b [n].
func MulAdd(dst, a, b []float32) {
	n := vectorPart(len(a))
	if n > 0 { // fma((a - 0) * 1, b, dst)
		vectorAsm(opLayernorm, &vectorArgs{n: n, dst: ptr(dst), a: ptr(a), b: ptr(b), c: ptr(dst), s: 1})
	}
	for i := n; i < len(a); i++ {
		dst[i] = FMA(a[i], b[i], dst[i])
	}
}

// Softplus returns ln(1 + e^x), small values kept: CANON section 1.
func Softplus(x float32) float32 {
	z := float64(x)
	l := float64(0)
	if a := math.Abs(z); a <= 700 {
		e := Exp64(-a)
		if u := 1 + e; u == 1 {
			l = e
		} else {
			l = float64(Log64(u) * (e / (u - 1)))
		}
	}
	return float32(max(z, 0) + l)
}
