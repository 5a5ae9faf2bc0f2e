package jinja

import (
	"cmp"
	"math"
	"math/big"
	"strings"
)

// equal is Python's a == b.
func (r *rendering) equal(a, b object) (bool, error) { return r.equalAt(a, b, 0) }

func (r *rendering) equalAt(a, b object, depth int) (bool, error) {
	if depth > r.limits.Depth {
		return false, errDepth
	}
	switch x := a.(type) {
	case string, markup:
		s, _ := stringOf(a)
		t, ok := stringOf(b)
		if !ok || len(s) != len(t) {
			return false, nil
		}
		return s == t, r.work(len(s))
	case *undefined:
		_, ok := b.(*undefined)
		return ok, nil
	case *list:
		if y, ok := b.(*list); ok {
			return r.equalItems(x.items, y.items, depth)
		}
		return false, nil
	case *tuple:
		if y, ok := b.(*tuple); ok {
			return r.equalItems(x.items, y.items, depth)
		}
		return false, nil
	case *Dict:
		if y, ok := b.(*Dict); ok {
			return r.equalDicts(x, y, depth)
		}
		return false, nil
	case *function:
		y, ok := b.(*function)
		return ok && (x == y || x.self != nil && x.name == y.name && same(x.self, y.self)), nil
	case *span:
		y, ok := b.(*span)
		return ok && equalSpans(x, y), nil
	case *view:
		if y, ok := b.(*view); ok && x.kind != viewValues && x.kind == y.kind {
			return r.equalViews(x, y, depth)
		}
		return a == b, nil
	}
	if isNumber(a) && isNumber(b) {
		c, ok, err := r.compareNumbers(a, b)
		return ok && c == 0, err
	}
	return a == b, nil
}

func (r *rendering) equalItems(a, b []object, depth int) (bool, error) {
	if len(a) != len(b) {
		return false, nil
	}
	for i := range a {
		if err := r.step(); err != nil {
			return false, err
		}
		if eq, err := r.equalAt(a[i], b[i], depth+1); !eq || err != nil {
			return false, err
		}
	}
	return true, nil
}

func (r *rendering) equalDicts(a, b *Dict, depth int) (bool, error) {
	if a.Len() != b.Len() {
		return false, nil
	}
	for i, k := range a.keys {
		if err := r.step(); err != nil {
			return false, err
		}
		v, ok, err := b.get(r, k)
		if !ok || err != nil {
			return false, err
		}
		if eq, err := r.equalAt(a.values[i], v, depth+1); !eq || err != nil {
			return false, err
		}
	}
	return true, nil
}

// equalViews compares the keys or items of two dicts as sets.
func (r *rendering) equalViews(a, b *view, depth int) (bool, error) {
	if a.dict.Len() != b.dict.Len() {
		return false, nil
	}
	if a.kind == viewItems {
		return r.equalDicts(a.dict, b.dict, depth)
	}
	for _, k := range a.dict.keys {
		if _, ok, err := b.dict.get(r, k); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

// equalSpans reports whether two ranges have the same elements.
func equalSpans(a, b *span) bool {
	return a.length == b.length && (a.length == 0 || a.start == b.start && (a.length == 1 || a.step == b.step))
}

// compareNumbers compares exactly; ok is false if one is not a number.
func (r *rendering) compareNumbers(a, b object) (c int, ok bool, err error) {
	x, isX := intOf(a)
	y, isY := intOf(b)
	if isX && isY {
		return cmp.Compare(x, y), true, nil
	}
	if isInt(a) && isInt(b) {
		x, _ := bigOf(a)
		y, _ := bigOf(b)
		return x.Cmp(y), true, r.work(8 * min(words(x), words(y)))
	}
	f, fa := a.(float64)
	g, fb := b.(float64)
	if fa && math.IsNaN(f) || fb && math.IsNaN(g) {
		return 0, false, nil
	}
	if fa && fb {
		return cmp.Compare(f, g), true, nil
	}
	if fa && math.IsInf(f, 0) {
		return int(math.Copysign(1, f)), true, nil
	}
	if fb && math.IsInf(g, 0) {
		return -int(math.Copysign(1, g)), true, nil
	}
	const exactFloat = 1 << 53 // ints up to here are floats
	switch {
	case isX && fb && -exactFloat <= x && x <= exactFloat:
		return cmp.Compare(float64(x), g), true, nil
	case isY && fa && -exactFloat <= y && y <= exactFloat:
		return cmp.Compare(f, float64(y)), true, nil
	}
	const floatWords = 17 // of the largest float, and of the denominator of the least
	p, q := exact(a), exact(b)
	if err := r.products(floatWords, words(p.Num())+words(q.Num())); err != nil {
		return 0, false, err
	}
	return p.Cmp(q), true, nil
}

// exact returns a finite number as a fraction.
func exact(o object) *big.Rat {
	if f, ok := o.(float64); ok {
		return new(big.Rat).SetFloat64(f)
	}
	i, _ := bigOf(o)
	return new(big.Rat).SetInt(i)
}

// order is one of a < b, a <= b, a > b, a >= b.
func (r *rendering) order(op operator, a, b object) (bool, error) { return r.orderAt(op, a, b, 0) }

func (r *rendering) orderAt(op operator, a, b object, depth int) (bool, error) {
	if depth > r.limits.Depth {
		return false, errDepth
	}
	if s, ok := stringOf(a); ok {
		if t, ok := stringOf(b); ok {
			return ordered(op, strings.Compare(s, t)), r.work(min(len(s), len(t)))
		}
	}
	if isNumber(a) && isNumber(b) {
		c, ok, err := r.compareNumbers(a, b)
		return ok && ordered(op, c), err
	}
	if x, ok := a.(*list); ok {
		if y, ok := b.(*list); ok {
			return r.orderItems(op, x.items, y.items, depth)
		}
	}
	if x, ok := a.(*tuple); ok {
		if y, ok := b.(*tuple); ok {
			return r.orderItems(op, x.items, y.items, depth)
		}
	}
	if err := eitherUndefined(a, b); err != nil {
		return false, err
	}
	return false, faultf(faultType, "'%s' not supported between instances of '%s' and '%s'", op, typeName(a), typeName(b))
}

// orderItems compares the first items that differ, or else the lengths.
func (r *rendering) orderItems(op operator, a, b []object, depth int) (bool, error) {
	for i := range min(len(a), len(b)) {
		if err := r.step(); err != nil {
			return false, err
		}
		eq, err := r.equalAt(a[i], b[i], depth+1)
		if err != nil {
			return false, err
		}
		if !eq {
			return r.orderAt(op, a[i], b[i], depth+1)
		}
	}
	return ordered(op, cmp.Compare(len(a), len(b))), nil
}

func ordered(op operator, c int) bool {
	switch op {
	case opLess:
		return c < 0
	case opLessEqual:
		return c <= 0
	case opGreater:
		return c > 0
	}
	return c >= 0
}

func eitherUndefined(a, b object) error {
	if u, ok := a.(*undefined); ok {
		return u.fail()
	}
	if u, ok := b.(*undefined); ok {
		return u.fail()
	}
	return nil
}

// contains is Python's item in box.
func (r *rendering) contains(box, item object) (bool, error) {
	switch box := box.(type) {
	case string, markup:
		s, _ := stringOf(box)
		part, ok := stringOf(item)
		if !ok {
			return false, faultf(faultType, "'in <string>' requires string as left operand, not %s", typeName(item))
		}
		return strings.Contains(s, part), r.work(len(s))
	case *Dict:
		_, ok, err := box.get(r, item)
		return ok, err
	case *view:
		if box.kind == viewKeys {
			_, ok, err := box.dict.get(r, item)
			return ok, err
		}
	}
	it, err := r.iterate(box)
	if err != nil {
		return false, faultf(faultType, "argument of type '%s' is not iterable", typeName(box))
	}
	for {
		o, ok, err := it.next(r)
		if !ok || err != nil {
			return false, err
		}
		if eq, err := r.equal(o, item); eq || err != nil {
			return eq, err
		}
	}
}

// same is Python's a is b, as far as values have an identity here: numbers and
// strings are the same when they are equal and of one type.
func same(a, b object) bool {
	if x, ok := a.(*big.Int); ok {
		y, ok := b.(*big.Int)
		return ok && x.Cmp(y) == 0
	}
	return a == b
}
