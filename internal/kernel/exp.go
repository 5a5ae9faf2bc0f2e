package kernel

import "math"

// The constants of exp, CANON section 1.
const (
	expLimit = 88.72283
	expUnder = -87.33654
)

// Exp returns e^x: CANON section 1, after Cephes' expf.
func Exp(x float32) float32 {
	switch {
	case x != x:
		return x
	case x > expLimit:
		return float32(math.Inf(1))
	case x < expUnder:
		return 0
	}
	n := roundEven(float32(x * 1.44269504))
	r := FMA(float32(n), -0.693145752, x)
	r = FMA(float32(n), -1.42860677e-6, r)
	p := float32(1.9875691500e-4)
	p = FMA(p, r, 1.3981999507e-3)
	p = FMA(p, r, 8.3334519073e-3)
	p = FMA(p, r, 4.1665795894e-2)
	p = FMA(p, r, 1.6666665459e-1)
	p = FMA(p, r, 5.0000001201e-1)
	y := FMA(p, float32(r*r), r) + 1
	half := n >> 1 // two steps, so that n = 128 is right
	return float32(float32(y*pow2(half)) * pow2(n-half))
}

// pow2 returns 2^n for n of a normal number.
func pow2(n int32) float32 { return math.Float32frombits(uint32(n+127) << 23) }

// Sigmoid returns 1 / (1 + e^-x).
func Sigmoid(x float32) float32 { return 1 / (1 + Exp(-x)) }

// Silu returns x / (1 + e^-x).
func Silu(x float32) float32 { return x / (1 + Exp(-x)) }

// Tanh returns the hyperbolic tangent as 1 - 2 / (e^2x + 1).
func Tanh(x float32) float32 { return 1 - 2/(Exp(2*x)+1) }

// Gelu returns the tanh form of the Gaussian error linear unit (Hendrycks and
// Gimpel 2016).
func Gelu(x float32) float32 {
	inner := FMA(float32(0.044715*x), float32(x*x), x)
	return float32(float32(0.5*x) * (1 + Tanh(float32(0.7978845608*inner))))
}

// Log returns the natural logarithm, rounded from Log64.
func Log(x float32) float32 { return float32(Log64(float64(x))) }
