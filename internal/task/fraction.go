package task

import "math/big"

// A fraction is an exact rational number that is not reduced: with sums and products alone
// it has no more digits than the numbers that it was made of. Nothing divided by zero is
// none, and neither is what was made of that.
type fraction struct {
	num, den *big.Int // den 0: no number
}

func whole(n int64) fraction { return fraction{big.NewInt(n), big.NewInt(1)} }

func fractionOf(r *big.Rat) fraction { return fraction{r.Num(), r.Denom()} }

// isNumber says that nothing was divided by zero.
func (a fraction) isNumber() bool { return a.den.Sign() != 0 }

// apply returns a op b, op one of + - * /.
func (a fraction) apply(op byte, b fraction) fraction {
	mul := func(x, y *big.Int) *big.Int { return new(big.Int).Mul(x, y) }
	switch op {
	case '*':
		return fraction{mul(a.num, b.num), mul(a.den, b.den)}
	case '/':
		if !b.isNumber() {
			return b
		}
		return fraction{mul(a.num, b.den), mul(a.den, b.num)}
	}
	left, right := mul(a.num, b.den), mul(b.num, a.den)
	if op == '+' {
		left.Add(left, right)
	} else {
		left.Sub(left, right)
	}
	return fraction{left, mul(a.den, b.den)}
}

// equals says that both are the same number.
func (a fraction) equals(b fraction) bool {
	if !a.isNumber() || !b.isNumber() {
		return false
	}
	return new(big.Int).Mul(a.num, b.den).Cmp(new(big.Int).Mul(b.num, a.den)) == 0
}
