package jinja

import (
	"math"
	"math/big"
	"math/bits"
	"strconv"
	"strings"
)

// The methods of the other types. Those that would change their value are
// hidden by the sandbox.

var listMethods = map[string]callee{
	"copy":  fixed("self, /", func(_ *rendering, a []object) (object, error) { return a[0], nil }),
	"count": fixed("self, value, /", methodCountItems),
	"index": fixed("self, value, start=, stop=, /", methodIndexItem),
}

var tupleMethods = map[string]callee{
	"count": listMethods["count"],
	"index": listMethods["index"],
}

var spanMethods = map[string]callee{
	"count": listMethods["count"],
	"index": fixed("self, value, /", func(r *rendering, a []object) (object, error) {
		return methodIndexItem(r, []object{a[0], a[1], nil, nil})
	}),
}

var dictMethods = map[string]callee{
	"copy":     fixed("self, /", func(_ *rendering, a []object) (object, error) { return a[0], nil }),
	"fromkeys": fixed("self, iterable, value=, /", methodFromkeys),
	"get":      fixed("self, key, default=, /", methodGet),
	"items":    viewMethod(viewItems),
	"keys":     viewMethod(viewKeys),
	"values":   viewMethod(viewValues),
}

var viewMethods = map[string]callee{
	"isdisjoint": fixed("self, other, /", methodIsdisjoint),
}

var intMethods = map[string]callee{
	"as_integer_ratio": fixed("self, /", func(_ *rendering, a []object) (object, error) {
		i, _ := bigOf(a[0])
		return pair(normal(i), int64(1)), nil
	}),
	"bit_count": fixed("self, /", func(r *rendering, a []object) (object, error) {
		i, _ := bigOf(a[0])
		n := 0
		for _, w := range i.Bits() {
			n += bits.OnesCount(uint(w))
		}
		return int64(n), r.work(i.BitLen() / 8)
	}),
	"bit_length": fixed("self, /", func(_ *rendering, a []object) (object, error) {
		i, _ := bigOf(a[0])
		return int64(i.BitLen()), nil
	}),
	"conjugate": fixed("self, /", func(_ *rendering, a []object) (object, error) {
		i, _ := bigOf(a[0])
		return normal(i), nil
	}),
}

var floatMethods = map[string]callee{
	"as_integer_ratio": fixed("self, /", methodIntegerRatio),
	"conjugate":        fixed("self, /", func(_ *rendering, a []object) (object, error) { return a[0], nil }),
	"hex":              fixed("self, /", methodHex),
	"is_integer": fixed("self, /", func(_ *rendering, a []object) (object, error) {
		f := a[0].(float64)
		return f == math.Trunc(f) && !math.IsInf(f, 0), nil
	}),
}

// isDictMember reports whether name, as an attribute, may be something else
// than a key of a dict.
func isDictMember(name string) bool {
	return dictMethods[name] != nil || strings.HasPrefix(name, "_") || name == "clear" || name == "pop" ||
		name == "popitem" || name == "setdefault" || name == "update"
}

func methodCountItems(r *rendering, a []object) (object, error) {
	it, err := r.iterate(a[0])
	if err != nil {
		return nil, err
	}
	n := int64(0)
	for {
		o, ok, err := it.next(r)
		if !ok || err != nil {
			return n, err
		}
		eq, err := r.equal(o, a[1])
		if err != nil {
			return nil, err
		}
		n += boolInt(eq)
	}
}

func methodIndexItem(r *rendering, a []object) (object, error) {
	items, err := r.collect(a[0])
	if err != nil {
		return nil, err
	}
	start, err := argInt(a[2], 0, "index()")
	if err != nil {
		return nil, err
	}
	stop, err := argInt(a[3], len(items), "index()")
	if err != nil {
		return nil, err
	}
	if start < 0 {
		start = max(0, start+len(items))
	}
	if stop < 0 {
		stop += len(items)
	}
	for i := start; i < min(stop, len(items)); i++ {
		if err := r.step(); err != nil {
			return nil, err
		}
		if eq, err := r.equal(items[i], a[1]); eq || err != nil {
			return int64(i), err
		}
	}
	return nil, faultf(faultValue, "the value is not in the %s", typeName(a[0]))
}

func viewMethod(kind viewKind) callee {
	return fixed("self, /", func(r *rendering, a []object) (object, error) {
		return &view{a[0].(*Dict), kind}, r.step()
	})
}

func methodGet(r *rendering, a []object) (object, error) {
	v, ok, err := a[0].(*Dict).get(r, a[1])
	switch {
	case ok || err != nil:
		return v, err
	case a[2] != nil:
		return a[2], nil
	}
	return none, nil
}

func methodFromkeys(r *rendering, a []object) (object, error) {
	it, err := r.iterate(a[1])
	if err != nil {
		return nil, err
	}
	v := a[2]
	if v == nil {
		v = none
	}
	d := &Dict{}
	for {
		k, ok, err := it.next(r)
		if !ok || err != nil {
			return d, err
		}
		if err := r.spend(2 * dictCost); err != nil {
			return nil, err
		}
		if err := d.set(r, k, v); err != nil {
			return nil, err
		}
	}
}

func methodIsdisjoint(r *rendering, a []object) (object, error) {
	v := a[0].(*view)
	if v.kind == viewValues {
		return nil, faultf(faultRuntime, "'dict_values' object has no attribute 'isdisjoint'")
	}
	it, err := r.iterate(a[1])
	if err != nil {
		return nil, err
	}
	for {
		o, ok, err := it.next(r)
		if !ok || err != nil {
			return true, err
		}
		if in, err := r.contains(v, o); in || err != nil {
			return false, err
		}
	}
}

func methodIntegerRatio(_ *rendering, a []object) (object, error) {
	f := a[0].(float64)
	if _, err := truncated(f); err != nil {
		return nil, err
	}
	q := new(big.Rat).SetFloat64(f)
	return pair(normal(q.Num()), normal(q.Denom())), nil
}

// methodHex is float.hex: all 13 hexadecimal digits are shown.
func methodHex(_ *rendering, a []object) (object, error) {
	f := a[0].(float64)
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return floatText(f), nil
	}
	sign := ""
	if math.Signbit(f) {
		sign = "-"
	}
	bits := math.Float64bits(f)
	lead, exponent := "1", int(bits>>52&0x7ff)-1023
	if exponent == -1023 {
		lead, exponent = "0", -1022
	}
	if f == 0 {
		return sign + "0x0.0p+0", nil
	}
	mantissa := strconv.FormatUint(1<<52|bits&(1<<52-1), 16)[1:]
	e := itoa(exponent)
	if exponent >= 0 {
		e = "+" + e
	}
	return sign + "0x" + lead + "." + mantissa + "p" + e, nil
}
