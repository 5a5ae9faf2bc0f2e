package kernel

import "math/big"

// fmaExact computes a*b + c in arbitrary precision and rounds once.
func fmaExact(a, b, c float32) float32 {
	const precision = 2000
	f := func(x float32) *big.Float { return new(big.Float).SetPrec(precision).SetFloat64(float64(x)) }
	p := new(big.Float).SetPrec(precision).Mul(f(a), f(b))
	s := new(big.Float).SetPrec(precision).Add(p, f(c))
	if s.Sign() == 0 { // the sign of an exact zero follows the operands
		return float32(float64(a)*float64(b) + float64(c))
	}
	r, _ := s.Float32()
	return r
}
