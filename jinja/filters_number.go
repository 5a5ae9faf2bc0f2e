package jinja

import (
	"math"
	"math/big"
	"strconv"
)

func filterAbs(r *rendering, a []object) (object, error) {
	switch o := a[0].(type) {
	case float64:
		return math.Abs(o), nil
	case bool, int64, *big.Int:
		i, _ := bigOf(o)
		if i.Sign() >= 0 {
			return normal(i), nil
		}
		return r.sign(true, o)
	case *undefined:
		return nil, faultf(faultType, "bad operand type for abs(): 'Undefined'")
	}
	return nil, faultf(faultType, "bad operand type for abs(): '%s'", typeName(a[0]))
}

// filterInt reads an int, or what is before the point of a float, or gives the
// default.
func filterInt(r *rendering, a []object) (object, error) {
	if err := r.readNumber(a[0]); err != nil {
		return nil, err
	}
	base, err := argInt(a[2], 10, "int()")
	if err != nil && isText(a[0]) {
		return nil, err
	}
	v, err := toInt(a[0], base)
	if isFault(err, faultType, faultValue) {
		if err := r.count(faultSteps); err != nil {
			return nil, err
		}
		var f float64
		if f, err = r.toFloat(a[0]); err == nil {
			v, err = truncated(f)
		}
		if isFault(err, faultType, faultValue, faultOverflow) {
			if a[1] == nil {
				return int64(0), nil
			}
			return a[1], nil
		}
	}
	return v, err
}

// readNumber counts reading a number from a text: a step for each byte, since digits
// cost more the more there are, and what is none is quoted.
func (r *rendering) readNumber(o object) error {
	s, _ := stringOf(o)
	return r.work(bytesAtStep * len(s))
}

func isText(o object) bool {
	_, ok := stringOf(o)
	return ok
}

// toInt is Python's int(o), or int(o, base) for a str.
func toInt(o object, base int) (object, error) {
	switch o := o.(type) {
	case string:
		return parseInt(o, base)
	case markup:
		return parseInt(string(o), base)
	case float64:
		return truncated(o)
	case bool:
		return boolInt(o), nil
	case int64, *big.Int:
		return o, nil
	case *undefined:
		return nil, o.fail()
	}
	return nil, faultf(faultType, "int() argument must be a string, a bytes-like object or a real number, not '%s'", typeName(o))
}

// toFloat is Python's float(o).
func (r *rendering) toFloat(o object) (float64, error) {
	if s, ok := stringOf(o); ok {
		return parseFloat(s)
	}
	if f, ok, err := r.floatOf(o); ok {
		return f, err
	}
	if u, ok := o.(*undefined); ok {
		return 0, u.fail()
	}
	return 0, faultf(faultType, "float() argument must be a string or a real number, not '%s'", typeName(o))
}

func filterFloat(r *rendering, a []object) (object, error) {
	if err := r.readNumber(a[0]); err != nil {
		return nil, err
	}
	f, err := r.toFloat(a[0])
	if isFault(err, faultType, faultValue) {
		if err := r.count(faultSteps); err != nil {
			return nil, err
		}
		if a[1] == nil {
			return 0.0, nil
		}
		return a[1], nil
	}
	return f, err
}

func filterRound(r *rendering, a []object) (object, error) {
	method := "common"
	if a[2] != nil {
		method, _ = stringOf(a[2])
	}
	precision := object(int64(0))
	if a[1] != nil {
		precision = a[1]
	}
	switch method {
	case "common":
		return r.round(a[0], precision)
	case "ceil", "floor":
	default:
		return nil, faultf(faultRuntime, "method must be common, ceil or floor")
	}
	scale, err := r.arithmetic(opPow, int64(10), precision)
	if err != nil {
		return nil, err
	}
	v, err := r.arithmetic(opMul, a[0], scale)
	if err != nil {
		return nil, err
	}
	f, ok := v.(float64)
	if ok {
		if method == "ceil" {
			f = math.Ceil(f)
		} else {
			f = math.Floor(f)
		}
		if v, err = truncated(f); err != nil {
			return nil, err
		}
	} else if !isInt(v) {
		return nil, faultf(faultType, "must be real number, not %s", typeName(v))
	}
	return r.arithmetic(opDiv, v, scale)
}

// round is Python's round(o, digits): half goes to even, and what is rounded
// is the exact value of a float.
func (r *rendering) round(o, digits object) (object, error) {
	if u, ok := o.(*undefined); ok {
		return nil, faultf(faultType, "type %s doesn't define __round__ method", typeName(u))
	}
	if !isNumber(o) {
		return nil, faultf(faultType, "type %s doesn't define __round__ method", typeName(o))
	}
	f, isFloat := o.(float64)
	if digits == none && isFloat {
		return truncated(math.RoundToEven(f))
	}
	if digits == none {
		digits = int64(0)
	}
	n, ok := clampInt(digits)
	if !ok {
		return nil, faultf(faultType, "'%s' object cannot be interpreted as an integer", typeName(digits))
	}
	if isFloat {
		if err := r.count(powerSteps); err != nil {
			return nil, err
		}
		return roundFloat(f, n)
	}
	i, _ := bigOf(o)
	if n >= 0 {
		return normal(i), nil
	}
	if -n > maxIntBits/3 { // more digits than any int has
		return int64(0), nil
	}
	size := max(words(i), -n/19+1) // words of the int and of the unit
	if err := r.products(4*size, size); err != nil {
		return nil, err
	}
	if err := r.spend(4 * (headCost + 8*size)); err != nil {
		return nil, err
	}
	unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(-n)), nil)
	return normal(new(big.Int).Mul(divideEven(i, unit), unit)), nil
}

// divideEven is x / y rounded to the nearest integer, half to even.
func divideEven(x, y *big.Int) *big.Int {
	q, m := floorDiv(x, y)
	twice := new(big.Int).Lsh(m, 1)
	if c := twice.Cmp(y); c > 0 || c == 0 && q.Bit(0) == 1 {
		q.Add(q, big.NewInt(1))
	}
	return q
}

func roundFloat(f float64, n int) (object, error) {
	const most = 323 // digits after the point of the smallest float
	switch {
	case math.IsNaN(f) || math.IsInf(f, 0) || n > most:
		return f, nil
	case n < -308:
		return math.Copysign(0, f), nil
	case n >= 0:
		g, _ := strconv.ParseFloat(strconv.FormatFloat(f, 'f', n, 64), 64)
		return g, nil
	}
	unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(-n)), nil)
	x := new(big.Rat).SetFloat64(f)
	q := divideEven(x.Num(), new(big.Int).Mul(x.Denom(), unit))
	g, _ := new(big.Float).SetInt(q.Mul(q, unit)).Float64()
	if math.IsInf(g, 0) {
		return nil, faultf(faultOverflow, "rounded value too large to represent")
	}
	if g == 0 {
		g = math.Copysign(0, f)
	}
	return g, nil
}

func filterSum(r *rendering, a []object) (object, error) {
	path, err := r.attributePath(a[1])
	if err != nil {
		return nil, err
	}
	it, err := r.iterate(a[0])
	if err != nil {
		return nil, err
	}
	total := object(int64(0))
	if a[2] != nil {
		total = a[2]
	}
	if isText(total) {
		return nil, faultf(faultType, "sum() can't sum strings [use ''.join(seq) instead]")
	}
	for {
		o, ok, err := it.next(r)
		if !ok || err != nil {
			return total, err
		}
		if o, err = r.follow(o, path, nil); err != nil {
			return nil, err
		}
		if total, err = r.arithmetic(opAdd, total, o); err != nil {
			return nil, err
		}
	}
}

func filterMin(r *rendering, a []object) (object, error) { return r.extreme(a, opLess) }

func filterMax(r *rendering, a []object) (object, error) { return r.extreme(a, opGreater) }

// extreme returns the first item whose key is op the keys of all others.
func (r *rendering) extreme(a []object, op operator) (object, error) {
	it, err := r.iterate(a[0])
	if err != nil {
		return nil, err
	}
	key, err := r.sortKey(a[1], a[2])
	if err != nil {
		return nil, err
	}
	var best, bestKey object
	for {
		o, ok, err := it.next(r)
		if err != nil {
			return nil, err
		}
		if !ok {
			break
		}
		k, err := key.of(r, o)
		if err != nil {
			return nil, err
		}
		if best == nil {
			best, bestKey = o, k
			continue
		}
		better, err := r.order(op, k, bestKey)
		if err != nil {
			return nil, err
		}
		if better {
			best, bestKey = o, k
		}
	}
	if best == nil {
		return undefinedf("No aggregated item, sequence was empty."), nil
	}
	return best, nil
}
