package jinja

import "strings"

// tests are the tests by name. They are filled in by init, because the test
// "test" looks for a name here.
var tests map[string]callee

func init() {
	tests = map[string]callee{
		"boolean":     typeTest(func(o object) bool { _, ok := o.(bool); return ok }),
		"callable":    fixed("value, /", func(_ *rendering, a []object) (object, error) { return isCallable(a[0]), nil }),
		"defined":     typeTest(func(o object) bool { _, ok := o.(*undefined); return !ok }),
		"divisibleby": fixed("value, num", testDivisibleBy),
		"escaped":     typeTest(func(o object) bool { _, ok := o.(markup); return ok }),
		"even":        fixed("value", func(r *rendering, a []object) (object, error) { return r.rest(a[0], int64(2), 0) }),
		"false":       typeTest(func(o object) bool { return o == false }),
		"filter": fixed("value", func(r *rendering, a []object) (object, error) {
			return isKnown(r, a[0], func(name string) bool { return findFilter(name, r.tree.chat) != nil })
		}),
		"float":    typeTest(func(o object) bool { _, ok := o.(float64); return ok }),
		"in":       fixed("value, seq", func(r *rendering, a []object) (object, error) { return r.compare(opIn, a[0], a[1]) }),
		"integer":  typeTest(func(o object) bool { _, ok := o.(bool); return isInt(o) && !ok }),
		"iterable": fixed("value", testIterable),
		"lower":    fixed("value", func(r *rendering, a []object) (object, error) { return r.caseTest(a[0], isLowerText) }),
		"mapping":  typeTest(func(o object) bool { _, ok := o.(*Dict); return ok }),
		"none":     typeTest(func(o object) bool { return o == none }),
		"number":   typeTest(isNumber),
		"odd":      fixed("value", func(r *rendering, a []object) (object, error) { return r.rest(a[0], int64(2), 1) }),
		"sameas":   fixed("value, other", func(_ *rendering, a []object) (object, error) { return same(a[0], a[1]), nil }),
		"sequence": fixed("value", testSequence),
		"string":   typeTest(isText),
		"test": fixed("value", func(r *rendering, a []object) (object, error) {
			return isKnown(r, a[0], func(name string) bool { return tests[name] != nil })
		}),
		"true":      typeTest(func(o object) bool { return o == true }),
		"undefined": typeTest(func(o object) bool { _, ok := o.(*undefined); return ok }),
		"upper":     fixed("value", func(r *rendering, a []object) (object, error) { return r.caseTest(a[0], isUpperText) }),
	}
	for op, names := range map[operator]string{
		opEqual: "== eq equalto", opNotEqual: "!= ne", opLess: "< lt lessthan", opLessEqual: "<= le",
		opGreater: "> gt greaterthan", opGreaterEqual: ">= ge",
	} {
		for _, name := range strings.Fields(names) {
			tests[name] = fixed("a, b, /", func(r *rendering, a []object) (object, error) { return r.compare(op, a[0], a[1]) })
		}
	}
}

// testNamed applies the test of that name, for the filters that take one.
func (r *rendering) testNamed(name object, a arguments) (object, error) {
	s, _ := stringOf(name)
	t := tests[s]
	if t == nil {
		return nil, faultf(faultRuntime, "no test named %s", quote(s))
	}
	if err := r.count(callSteps); err != nil {
		return nil, err
	}
	return t(r, s, a)
}

// typeTest is a test that looks at the value alone.
func typeTest(is func(o object) bool) callee {
	return fixed("value", func(_ *rendering, a []object) (object, error) { return is(a[0]), nil })
}

func isKnown(r *rendering, o object, known func(name string) bool) (object, error) {
	if _, err := r.hash(o); err != nil {
		return nil, err
	}
	s, ok := stringOf(o)
	return ok && known(s), nil
}

// rest reports whether o % by is want.
func (r *rendering) rest(o, by object, want int64) (object, error) {
	m, err := r.arithmetic(opMod, o, by)
	if err != nil {
		return nil, err
	}
	return r.equal(m, want)
}

func testDivisibleBy(r *rendering, a []object) (object, error) { return r.rest(a[0], a[1], 0) }

func testIterable(r *rendering, a []object) (object, error) {
	_, err := r.iterate(a[0])
	return err == nil, nil
}

// testSequence is true for everything that has a length and items.
func testSequence(_ *rendering, a []object) (object, error) {
	switch a[0].(type) {
	case string, markup, *list, *tuple, *Dict, *span, *undefined:
		return true, nil
	}
	return false, nil
}

func (r *rendering) caseTest(o object, is func(s string) bool) (object, error) {
	s, err := r.text(o)
	if err != nil {
		return nil, err
	}
	return is(s), r.tables(s)
}

// isLowerText is str.islower: there are cased characters, and all are lower case.
func isLowerText(s string) bool { return allCased(s, isLower) }

// isUpperText is str.isupper.
func isUpperText(s string) bool { return allCased(s, isUpper) }

func allCased(s string, is func(c rune) bool) bool {
	found := false
	for _, c := range s {
		if is(c) {
			found = true
		} else if isCased(c) {
			return false
		}
	}
	return found
}
