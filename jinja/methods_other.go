package jinja

import (
	"math"
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

// Methods of numbers that no published chat template uses are refused by name.
var intMethods = map[string]callee{
	"as_integer_ratio": refused("method"), "bit_count": refused("method"), "bit_length": refused("method"),
	"conjugate": refused("method"), "from_bytes": refused("method"), "is_integer": refused("method"), "to_bytes": refused("method"),
}

var floatMethods = map[string]callee{
	"as_integer_ratio": refused("method"), "conjugate": refused("method"), "fromhex": refused("method"), "hex": refused("method"),
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
