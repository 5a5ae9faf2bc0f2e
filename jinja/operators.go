package jinja

import (
	"math"
	"math/big"
	"math/bits"
)

type operator uint8

const (
	opAdd operator = iota
	opSub
	opMul
	opDiv
	opFloorDiv
	opMod
	opPow
	opEqual
	opNotEqual
	opLess
	opLessEqual
	opGreater
	opGreaterEqual
	opIn
	opNotIn
)

var operatorText = [...]string{"+", "-", "*", "/", "//", "%", "**", "==", "!=", "<", "<=", ">", ">=", "in", "not in"}

func (op operator) String() string { return operatorText[op] }

// compare is a op b for the operators that give a bool.
func (r *rendering) compare(op operator, a, b object) (bool, error) {
	switch op {
	case opEqual:
		return r.equal(a, b)
	case opNotEqual:
		eq, err := r.equal(a, b)
		return !eq, err
	case opIn:
		return r.contains(b, a)
	case opNotIn:
		in, err := r.contains(b, a)
		return !in, err
	}
	return r.order(op, a, b)
}

// arithmetic is a op b.
func (r *rendering) arithmetic(op operator, a, b object) (object, error) {
	if x, ok := a.(int64); ok {
		if y, ok := b.(int64); ok {
			if v, ok := smallInts(op, x, y); ok {
				return v, nil
			}
		}
	}
	switch op {
	case opAdd:
		if v, err := r.concatenate(a, b); v != nil || err != nil {
			return v, err
		}
	case opMul:
		if v, err := r.repeat(a, b); v != nil || err != nil {
			return v, err
		}
	case opMod:
		if _, ok := stringOf(a); ok {
			return r.printf(a, b)
		}
	}
	if isInt(a) && isInt(b) {
		return r.ints(op, a, b)
	}
	if isNumber(a) && isNumber(b) {
		x, _, err := r.floatOf(a)
		if err != nil {
			return nil, err
		}
		y, _, err := r.floatOf(b)
		if err != nil {
			return nil, err
		}
		if op == opPow {
			if err := r.count(powerSteps); err != nil {
				return nil, err
			}
		}
		return floats(op, x, y)
	}
	return nil, operandError(op, a, b)
}

func operandError(op operator, a, b object) error {
	if err := eitherUndefined(a, b); err != nil {
		return err
	}
	if op == opAdd {
		switch a.(type) {
		case string, markup, *list, *tuple:
			return faultf(faultType, `can only concatenate %s (not "%s") to %[1]s`, typeName(a), typeName(b))
		}
	}
	return faultf(faultType, "unsupported operand type(s) for %s: '%s' and '%s'", op, typeName(a), typeName(b))
}

// smallInts is the quick way; ok is false where the result may not fit or
// where the operation fails.
func smallInts(op operator, x, y int64) (v object, ok bool) {
	switch op {
	case opAdd:
		s := x + y
		return s, (s > x) == (y > 0)
	case opSub:
		s := x - y
		return s, (s < x) == (y > 0)
	case opMul:
		hi, lo := bits.Mul64(uint64(max(x, -x)), uint64(max(y, -y)))
		return x * y, hi == 0 && lo < 1<<62 && x > math.MinInt64 && y > math.MinInt64
	case opFloorDiv:
		if y == 0 || y == -1 {
			return nil, false
		}
		q := x / y
		if x%y != 0 && (x < 0) != (y < 0) {
			q--
		}
		return q, true
	case opMod:
		if y == 0 || y == -1 {
			return nil, false
		}
		m := x % y
		if m != 0 && (m < 0) != (y < 0) {
			m += y
		}
		return m, true
	}
	return nil, false
}

// ints is arithmetic on integers of any size.
func (r *rendering) ints(op operator, a, b object) (object, error) {
	x, _ := bigOf(a)
	y, _ := bigOf(b)
	if err := r.spend(intBytes(x) + intBytes(y)); err != nil {
		return nil, err
	}
	if op != opAdd && op != opSub && op != opPow {
		if err := r.products(words(x), words(y)); err != nil {
			return nil, err
		}
	}
	switch op {
	case opAdd:
		return checked(new(big.Int).Add(x, y))
	case opSub:
		return checked(new(big.Int).Sub(x, y))
	case opMul:
		return checked(new(big.Int).Mul(x, y))
	case opPow:
		return r.power(x, y)
	}
	if y.Sign() == 0 {
		return nil, faultf(faultZeroDivision, "division by zero")
	}
	switch op {
	case opDiv:
		if err := r.products(divideWork*words(x), words(y)); err != nil { // the fraction is reduced
			return nil, err
		}
		if x.Sign() == 0 {
			return math.Copysign(0, float64(y.Sign())), nil
		}
		f, _ := new(big.Rat).SetFrac(x, y).Float64()
		if math.IsInf(f, 0) {
			return nil, faultf(faultOverflow, "integer division result too large for a float")
		}
		return f, nil
	case opFloorDiv:
		q, _ := floorDiv(x, y)
		return checked(q)
	}
	_, m := floorDiv(x, y)
	return checked(m)
}

// divideWork is how many times as long reducing a fraction takes as multiplying.
const divideWork = 8

// floorDiv rounds the quotient down; the rest has the sign of y.
func floorDiv(x, y *big.Int) (q, m *big.Int) {
	q, m = new(big.Int).QuoRem(x, y, new(big.Int))
	if m.Sign() != 0 && m.Sign() != y.Sign() {
		q.Sub(q, big.NewInt(1))
		m.Add(m, y)
	}
	return q, m
}

func (r *rendering) power(x, y *big.Int) (object, error) {
	if y.Sign() < 0 {
		f, _, err := r.floatOf(normal(x))
		if err != nil {
			return nil, err
		}
		g, _, err := r.floatOf(normal(y))
		if err != nil {
			return nil, err
		}
		if err := r.count(powerSteps); err != nil {
			return nil, err
		}
		return floats(opPow, f, g)
	}
	if x.BitLen() > 1 && (!y.IsInt64() || y.Int64()*int64(x.BitLen()-1) > maxIntBits || y.Int64() > maxIntBits) {
		return nil, errBigInt
	}
	if x.BitLen() <= 1 { // 0, 1, -1: only whether y is zero or odd matters
		y = big.NewInt(int64(y.Bit(0)) + 2*int64(y.Sign()))
	}
	size := 1 // words of the result, at most
	if x.BitLen() > 1 {
		size += x.BitLen() * int(y.Int64()) / 64
	}
	if err := r.products(2*size, size); err != nil {
		return nil, err
	}
	if err := r.spend(headCost + 16*size); err != nil {
		return nil, err
	}
	return checked(new(big.Int).Exp(x, y, nil))
}

func floats(op operator, x, y float64) (object, error) {
	switch op {
	case opAdd:
		return x + y, nil
	case opSub:
		return x - y, nil
	case opMul:
		return x * y, nil
	case opPow:
		return floatPower(x, y)
	}
	if y == 0 {
		return nil, faultf(faultZeroDivision, "float division by zero")
	}
	if op == opDiv {
		return x / y, nil
	}
	q, m := floatDivmod(x, y)
	if op == opMod {
		return m, nil
	}
	return q, nil
}

// floatDivmod is Python's divmod: the rest has the sign of y, and the quotient
// is the integer next to the exact one.
func floatDivmod(x, y float64) (q, m float64) {
	m = math.Mod(x, y)
	q = (x - m) / y
	if m != 0 {
		if (y < 0) != (m < 0) {
			m += y
			q--
		}
	} else {
		m = math.Copysign(0, y)
	}
	if q == 0 {
		return math.Copysign(0, x/y), m
	}
	f := math.Floor(q)
	if q-f > 0.5 {
		f++
	}
	return f, m
}

func floatPower(x, y float64) (object, error) {
	switch {
	case x == 0 && y < 0:
		return nil, faultf(faultZeroDivision, "0.0 cannot be raised to a negative power")
	case x < 0 && !math.IsInf(x, 0) && y != math.Trunc(y):
		return nil, faultf(faultRefused, "complex numbers are not supported")
	}
	f, ok := halfPower(x, y)
	switch {
	case ok:
	case x == 0 || x == 1 || math.IsInf(x, 0) || math.IsNaN(x) || math.IsInf(y, 0) || math.IsNaN(y):
		f = math.Pow(x, y)
	default:
		return nil, faultf(faultRefused, "the power %v of a float is not supported: want a multiple of 0.5 up to %d", y, maxPower)
	}
	if math.IsInf(f, 0) && !math.IsInf(x, 0) && !math.IsInf(y, 0) {
		return nil, faultf(faultOverflow, "numerical result out of range")
	}
	return f, nil
}

// maxPower is the largest power of a float: 2 to it is no float any more.
const maxPower = 1100

// halfPower is x to a power that is an integer or a half, correctly rounded,
// which math.Pow is not; ok is false where it is of no use.
func halfPower(x, y float64) (f float64, ok bool) {
	n := 2 * y
	if x == 0 || math.IsInf(x, 0) || math.IsNaN(x) || n != math.Trunc(n) || math.Abs(n) > 2*maxPower {
		return 0, false
	}
	const precision = 256
	p := new(big.Float).SetPrec(precision).SetInt64(1)
	base := new(big.Float).SetPrec(precision).SetFloat64(x)
	whole := int64(math.Abs(n))
	if whole%2 == 1 {
		p.Sqrt(base)
	}
	for whole /= 2; whole > 0; whole /= 2 {
		if whole%2 == 1 {
			p.Mul(p, base)
		}
		base.Mul(base, base)
	}
	if n < 0 {
		p.Quo(new(big.Float).SetPrec(precision).SetInt64(1), p)
	}
	f, _ = p.Float64()
	return f, true
}

// sign is the unary + or -.
func (r *rendering) sign(minus bool, o object) (object, error) {
	if f, ok := o.(float64); ok {
		if minus {
			return -f, nil
		}
		return f, nil
	}
	if i, ok := bigOf(o); ok {
		if !minus {
			return normal(i), nil
		}
		if err := r.spend(intBytes(i)); err != nil {
			return nil, err
		}
		return normal(new(big.Int).Neg(i)), nil
	}
	if u, ok := o.(*undefined); ok {
		return nil, u.fail()
	}
	return nil, faultf(faultType, "bad operand type for unary %s: '%s'", map[bool]string{true: "-", false: "+"}[minus], typeName(o))
}
