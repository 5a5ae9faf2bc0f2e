package kernel

import "math"

// FMA returns a*b + c with one rounding, as the fused instruction of every SIMD
// unit does.
//
// The product of two float32 is exact in float64. Its sum with c is not, so the
// sum is rounded to odd, which makes the second rounding, to float32, the only
// one that shows (Boldo and Melquiond 2008, theorem 3). CANON section 1.
func FMA(a, b, c float32) float32 {
	p := float64(a) * float64(b)
	s := p + float64(c)
	// Where the 29 bits that float32 drops are not exactly one half, the error of
	// the sum cannot change the rounding.
	bits := math.Float64bits(s)
	if bits&0x1fffffff != 1<<28 {
		r := float32(s)
		if abs := math.Abs(s); abs >= 0x1p-126 && float64(r)-float64(r) == 0 {
			return r
		}
	}
	return fmaSlow(p, float64(c), s)
}

// fmaSlow rounds the sum s = p + c to odd before it rounds to float32.
func fmaSlow(p, c, s float64) float32 {
	if s-s != 0 { // infinite or NaN
		return float32(s)
	}
	t := s - p
	e := (p - (s - t)) + (c - t)
	if bits := math.Float64bits(s); e != 0 && bits&1 == 0 {
		if (e > 0) == (s > 0) {
			bits++
		} else {
			bits--
		}
		s = math.Float64frombits(bits)
	}
	return float32(s)
}
