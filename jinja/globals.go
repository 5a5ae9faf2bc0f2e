package jinja

// globals are the functions that every template has. A variable of the caller
// with the same name hides one.
var globals = map[string]object{
	"range":           &function{name: "range", call: globalRange, kind: ""},
	"dict":            &function{name: "dict", call: globalDict, kind: "dict"},
	"namespace":       &function{name: "namespace", call: globalNamespace, kind: "jinja2.utils.Namespace"},
	"cycler":          &function{name: "cycler", call: globalCycler, kind: "jinja2.utils.Cycler"},
	"joiner":          &function{name: "joiner", call: globalJoiner, kind: "jinja2.utils.Joiner"},
	"lipsum":          &function{name: "lipsum", call: globalLipsum},
	"raise_exception": &function{name: "raise_exception", call: globalRaise},
	"strftime_now":    &function{name: "strftime_now", call: globalStrftime},
}

func globalRange(_ *rendering, a arguments) (object, error) {
	if len(a.named) > 0 {
		return nil, faultf(faultType, "range() takes no keyword arguments")
	}
	if len(a.pos) < 1 || len(a.pos) > 3 {
		return nil, faultf(faultType, "range expected 1 to 3 arguments, got %d", len(a.pos))
	}
	n := [3]int64{0, 0, 1}
	for i, o := range a.pos {
		v, err := argInt(o, 0, "range()")
		if err != nil {
			return nil, err
		}
		n[i] = int64(v)
	}
	if len(a.pos) == 1 {
		n[0], n[1] = 0, n[0]
	}
	s := &span{start: n[0], stop: n[1], step: n[2]}
	switch {
	case s.step == 0:
		return nil, faultf(faultValue, "range() arg 3 must not be zero")
	case s.step > 0 && s.start < s.stop:
		s.length = (s.stop-s.start-1)/s.step + 1
	case s.step < 0 && s.start > s.stop:
		s.length = (s.start-s.stop-1)/-s.step + 1
	}
	if s.length > maxRange {
		return nil, faultf(faultOverflow, "the range has %d items, want at most %d", s.length, maxRange)
	}
	return s, nil
}

// globalDict is dict(...): from a mapping or pairs, and from names.
func globalDict(r *rendering, a arguments) (object, error) {
	if len(a.pos) > 1 {
		return nil, faultf(faultType, "dict expected at most 1 argument, got %d", len(a.pos))
	}
	d := &Dict{}
	if err := r.spend(headCost + dictCost*len(a.named)); err != nil {
		return nil, err
	}
	if len(a.pos) == 1 {
		if err := fillDict(r, d, a.pos[0]); err != nil {
			return nil, err
		}
	}
	for _, n := range a.named {
		d.setText(n.name, n.value)
	}
	return d, nil
}

func fillDict(r *rendering, d *Dict, from object) error {
	if other, ok := from.(*Dict); ok {
		return d.merge(r, other)
	}
	if u, ok := from.(*undefined); ok {
		return u.fail()
	}
	it, err := r.iterate(from)
	if err != nil {
		return err
	}
	for i := 0; ; i++ {
		o, ok, err := it.next(r)
		if !ok || err != nil {
			return err
		}
		if _, err := r.iterate(o); err != nil {
			return faultf(faultType, "cannot convert dictionary update sequence element #%d to a sequence", i)
		}
		kv, err := r.collect(o)
		if err != nil {
			return err
		}
		if len(kv) != 2 {
			return faultf(faultValue, "dictionary update sequence element #%d has length %d; 2 is required", i, len(kv))
		}
		if err := r.spend(2 * dictCost); err != nil {
			return err
		}
		if err := d.set(r, kv[0], kv[1]); err != nil {
			return err
		}
	}
}

func globalNamespace(r *rendering, a arguments) (object, error) {
	d, err := globalDict(r, a)
	if err != nil {
		return nil, err
	}
	return &namespace{d.(*Dict)}, nil
}

// cycler gives its items in turn, without end.
type cycler struct {
	items []object
	i     int
}

func globalCycler(_ *rendering, a arguments) (object, error) {
	if len(a.named) > 0 {
		return nil, faultf(faultType, "cycler() got an unexpected keyword argument %s", quote(a.named[0].name))
	}
	if len(a.pos) == 0 {
		return nil, faultf(faultRuntime, "at least one item has to be provided")
	}
	return &cycler{items: a.pos}, nil
}

func (c *cycler) member(name string) (object, bool) {
	switch name {
	case "items":
		return &tuple{items: c.items}, true
	case "pos":
		return int64(c.i), true
	case "current":
		return c.items[c.i], true
	case "next":
		return c.method(name, func() object {
			o := c.items[c.i]
			c.i = (c.i + 1) % len(c.items)
			return o
		}), true
	case "reset":
		return c.method(name, func() object {
			c.i = 0
			return none
		}), true
	}
	return nil, false
}

func (c *cycler) method(name string, do func() object) *function {
	return &function{name: name, self: c, call: func(_ *rendering, a arguments) (object, error) {
		if len(a.pos)+len(a.named) > 0 {
			return nil, faultf(faultType, "%s() takes no arguments", name)
		}
		return do(), nil
	}}
}

// joiner is nothing the first time it is called, and its separator from then on.
type joiner struct {
	separator object
	used      bool
}

var joinerParams = params("sep=")

func globalJoiner(_ *rendering, a arguments) (object, error) {
	places, err := joinerParams.bind("joiner", a)
	if err != nil {
		return nil, err
	}
	if places[0] == nil {
		return &joiner{separator: ", "}, nil
	}
	return &joiner{separator: places[0]}, nil
}

func (j *joiner) call(a arguments) (object, error) {
	if len(a.pos)+len(a.named) > 0 {
		return nil, faultf(faultType, "a joiner takes no arguments")
	}
	if !j.used {
		j.used = true
		return "", nil
	}
	return j.separator, nil
}

func (j *joiner) member(name string) (object, bool) {
	switch name {
	case "sep":
		return j.separator, true
	case "used":
		return j.used, true
	}
	return nil, false
}

func globalLipsum(*rendering, arguments) (object, error) {
	return nil, faultf(faultRefused, "lipsum is left to chance, and a prompt is not")
}

var raiseParams = params("message")

func globalRaise(r *rendering, a arguments) (object, error) {
	places, err := raiseParams.bind("raise_exception", a)
	if err != nil {
		return nil, err
	}
	text, err := r.text(places[0])
	if err != nil {
		return nil, err
	}
	return nil, &RaisedError{text}
}

var strftimeParams = params("format")

func globalStrftime(r *rendering, a arguments) (object, error) {
	places, err := strftimeParams.bind("strftime_now", a)
	if err != nil {
		return nil, err
	}
	format, err := argText(places[0], "", "strftime()")
	if err != nil {
		return nil, err
	}
	return r.strftime(r.now(), format)
}
