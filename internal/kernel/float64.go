package kernel

import "math"

// Logarithms of 2 in two parts, so that a small multiple of the first is exact.
const (
	ln2Hi = 6.93147180369123816490e-01
	ln2Lo = 1.90821492927058770002e-10
)

// Log64 returns the natural logarithm by the algorithm of FreeBSD's e_log.c, as
// Go publishes it, with every product rounded.
func Log64(x float64) float64 {
	switch {
	case x != x || x < 0:
		return math.NaN()
	case x == 0:
		return math.Inf(-1)
	case math.IsInf(x, 1):
		return x
	}
	m, e := math.Frexp(x)
	if m < math.Sqrt2/2 {
		m, e = m*2, e-1
	}
	f, k := m-1, float64(e)
	s := f / (2 + f)
	s2 := float64(s * s)
	s4 := float64(s2 * s2)
	t1 := float64(s2 * horner(s4, 1.479819860510658591e-01, 1.818357216161805012e-01, 2.857142874366239149e-01, 6.666666666666735130e-01))
	t2 := float64(s4 * horner(s4, 1.531383769920937332e-01, 2.222219843214978396e-01, 3.999999999940941908e-01))
	h := float64(float64(0.5*f) * f)
	return float64(k*ln2Hi) - ((h - (float64(s*(h+(t1+t2))) + float64(k*ln2Lo))) - f)
}

// horner evaluates a polynomial in z, highest coefficient first, every product
// rounded.
func horner(z float64, coefficients ...float64) float64 {
	y := coefficients[0]
	for _, c := range coefficients[1:] {
		y = float64(y*z) + c
	}
	return y
}

// factorials holds 0! to 20!, all exact.
var factorials = func() (f [21]float64) {
	f[0] = 1
	for i := 1; i < len(f); i++ {
		f[i] = f[i-1] * float64(i)
	}
	return f
}()

// Exp64 returns e^x for rope frequencies: 2^k times the Taylor polynomial of
// degree 14.
func Exp64(x float64) float64 {
	k := math.RoundToEven(float64(x * 1.4426950408889634))
	r := (x - float64(k*ln2Hi)) - float64(k*ln2Lo)
	y := 1 / factorials[14]
	for i := 13; i >= 0; i-- {
		y = float64(y*r) + 1/factorials[i]
	}
	return math.Ldexp(y, int(k))
}

// SinCos64 returns sine and cosine of 0 <= a < 2^24: the angle is reduced by pi/2
// in three parts, of which multiples of the first two are exact, then Taylor
// polynomials.
func SinCos64(a float64) (sin, cos float64) {
	k := math.RoundToEven(float64(a * 0.6366197723675814))
	r := a - float64(k*0x1.921fb54p+0)
	r -= float64(k * 0x1.10b4611p-30)
	r -= float64(k * 0x1.4c4c6628b80dcp-59)
	z := float64(r * r)
	// S: +1/17! -1/15! … -1/3!   C: -1/18! +1/16! … -1/2!
	s, c := 1/factorials[17], -1/factorials[18]
	for i, sign := 15, -1.0; i >= 3; i, sign = i-2, -sign {
		s = float64(s*z) + sign/factorials[i]
	}
	for i, sign := 16, 1.0; i >= 2; i, sign = i-2, -sign {
		c = float64(c*z) + sign/factorials[i]
	}
	s = r + float64(r*float64(z*s))
	c = 1 + float64(z*c)
	switch int64(k) & 3 {
	case 0:
		return s, c
	case 1:
		return c, -s
	case 2:
		return -s, -c
	}
	return -c, s
}
