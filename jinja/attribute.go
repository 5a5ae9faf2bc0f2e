package jinja

import (
	"fmt"
	"math/big"
	"slices"
	"strings"
)

// attribute is o.name in a template: an attribute of the value if there is one,
// else its item.
func (r *rendering) attribute(o object, name string) (object, error) {
	v, ok, err := r.member(o, name)
	if ok || err != nil {
		return v, err
	}
	v, ok, err = r.itemOf(o, name)
	if ok || err != nil {
		return v, err
	}
	return missingMember(o, name), r.spend(2 * headCost)
}

// item is o[key] in a template: an item of the value if there is one, else,
// for a str, its attribute.
func (r *rendering) item(o, key object) (object, error) {
	v, ok, err := r.itemOf(o, key)
	if ok || err != nil {
		return v, err
	}
	if name, isText := stringOf(key); isText {
		v, ok, err := r.member(o, name)
		if ok || err != nil {
			return v, err
		}
		return missingMember(o, name), r.spend(2 * headCost)
	}
	return undefinedf(describe(o) + " has no element " + brief(key)), r.spend(2 * headCost)
}

// brief is a value in an error: a number, or the type of another value.
func brief(o object) string {
	switch o := o.(type) {
	case bool, int64, float64:
		return fmt.Sprint(o)
	}
	return "of type " + typeName(o)
}

func missingMember(o object, name string) *undefined {
	return &undefined{before: "'" + describe(o) + "' has no attribute ", name: name, kind: faultUndefined}
}

func describe(o object) string {
	if o == none {
		return "None"
	}
	return typeName(o) + " object"
}

// itemOf is Python's o[key]; found is false where that is a LookupError or a
// TypeError.
func (r *rendering) itemOf(o, key object) (v object, found bool, err error) {
	switch o := o.(type) {
	case *Dict:
		v, found, err = o.get(r, key)
		if isFault(err, faultType) { // a key that cannot be hashed
			return nil, false, nil
		}
		return v, found, err
	case *undefined:
		return nil, false, o.fail()
	case *blocks:
		name, ok := stringOf(key)
		if ok && o.tree.blocks[name] != nil {
			return &block{o.tree.blocks[name], o.vars}, true, nil
		}
		return nil, false, nil
	}
	i, ok := clampInt(key)
	if !ok {
		return nil, false, nil
	}
	return r.index(o, i)
}

// member is Python's getattr(o, name) in the sandbox; found is false for an
// AttributeError. What the sandbox hides is found to be undefined.
func (r *rendering) member(o object, name string) (v object, found bool, err error) {
	if err := r.work(2 * len(name)); err != nil {
		return nil, false, err
	}
	switch o := o.(type) {
	case *undefined:
		if hasDunder(name) || slices.Contains(undefinedDunders, name) {
			return hidden(o, name), true, nil
		}
		return nil, false, o.fail()
	case *namespace:
		v, found = o.attrs.text(name)
	case *loop:
		v, found, err = o.member(r, name)
	default:
		v, found = plainMember(o, name)
	}
	if err != nil {
		return nil, false, err
	}
	if found && strings.HasPrefix(name, "_") || !found && hasDunder(name) {
		return hidden(o, name), true, nil
	}
	return v, found, nil
}

// plainMember looks name up in the methods and fields of o's type.
func plainMember(o object, name string) (object, bool) {
	switch o := o.(type) {
	case string, markup:
		return methodOf(o, name, stringMethods)
	case *list:
		if slices.Contains(listChanges, name) {
			return hidden(o, name), true
		}
		return methodOf(o, name, listMethods)
	case *Dict:
		if slices.Contains(dictChanges, name) {
			return hidden(o, name), true
		}
		return methodOf(o, name, dictMethods)
	case *tuple:
		if o.group && name == "grouper" {
			return o.items[0], true
		}
		if o.group && name == "list" {
			return o.items[1], true
		}
		return methodOf(o, name, tupleMethods)
	case bool, int64, *big.Int:
		return intMember(o, name)
	case float64:
		return floatMember(o, name)
	case *span:
		return o.member(name)
	case *view:
		if name == "mapping" {
			return o.dict, true
		}
		return methodOf(o, name, viewMethods)
	case *cycler:
		return o.member(name)
	case *joiner:
		return o.member(name)
	case *macro:
		return o.member(name)
	case *function:
		if o.kind == "dict" && name == "fromkeys" {
			return methodOf(&Dict{}, name, dictMethods)
		}
	case *block:
		if name == "super" {
			return &undefined{before: "there is no parent block called ", name: o.code.name, kind: faultUndefined}, true
		}
	}
	return nil, false
}

// What the immutable sandbox hides because it changes the value.
var (
	listChanges = []string{"append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove"}
	dictChanges = []string{"clear", "pop", "popitem", "setdefault", "update"}
)

// hidden is what an attribute is that the sandbox does not show.
func hidden(o object, name string) *undefined {
	return &undefined{before: "access to attribute ", name: name, after: " of '" + typeName(o) + "' object is unsafe.", kind: faultSecurity}
}

// undefinedDunders are what the reference gives an undefined value besides.
var undefinedDunders = []string{
	"__add__", "__radd__", "__sub__", "__rsub__", "__mul__", "__rmul__", "__div__", "__rdiv__", "__truediv__", "__rtruediv__", "__floordiv__", "__rfloordiv__",
	"__mod__", "__rmod__", "__pow__", "__rpow__", "__pos__", "__neg__", "__call__", "__getitem__", "__getattr__", "__int__", "__float__", "__complex__", "__len__",
	"__iter__", "__aiter__", "__bool__", "__slots__", "__module__",
}

// hasDunder reports whether every Python value has the attribute name.
func hasDunder(name string) bool {
	switch name {
	case "__class__", "__doc__", "__dir__", "__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__",
		"__hash__", "__init__", "__init_subclass__", "__new__", "__reduce__", "__reduce_ex__", "__repr__",
		"__str__", "__format__", "__sizeof__", "__setattr__", "__delattr__", "__getattribute__",
		"__subclasshook__", "__getstate__":
		return true
	}
	return false
}

func intMember(o object, name string) (object, bool) {
	i, _ := bigOf(o)
	switch name {
	case "real", "numerator":
		return normal(i), true
	case "imag":
		return int64(0), true
	case "denominator":
		return int64(1), true
	}
	return methodOf(o, name, intMethods)
}

func floatMember(f float64, name string) (object, bool) {
	switch name {
	case "real":
		return f, true
	case "imag":
		return 0.0, true
	}
	return methodOf(f, name, floatMethods)
}

func (s *span) member(name string) (object, bool) {
	switch name {
	case "start":
		return s.start, true
	case "stop":
		return s.stop, true
	case "step":
		return s.step, true
	}
	return methodOf(s, name, spanMethods)
}
