package jinja

import (
	"strconv"
	"strings"
)

// arguments are what a call passes: by position, and by name.
type arguments struct {
	pos   []object
	named []namedArgument
}

type namedArgument struct {
	name  string
	value object
}

// add appends a named argument; a second one of the same name is a TypeError.
func (a *arguments) add(name string, v object) error {
	for _, n := range a.named {
		if n.name == name {
			return faultf(faultType, "got multiple values for keyword argument %s", quote(name))
		}
	}
	a.named = append(a.named, namedArgument{name, v})
	return nil
}

// dict returns the named arguments as a dict.
func (a *arguments) dict() *Dict {
	d := &Dict{}
	for _, n := range a.named {
		d.setText(n.name, n.value)
	}
	return d
}

// callee is a filter, a test, a method or a global function. The first
// argument of a filter, a test and a method is the value it works on. name is
// what errors call it.
type callee func(r *rendering, name string, a arguments) (object, error)

// fixed returns a callee with the parameters that text lists, see params. A
// parameter that was not given is nil.
func fixed(text string, call func(r *rendering, a []object) (object, error)) callee {
	s := params(text)
	return func(r *rendering, name string, a arguments) (object, error) {
		places, err := s.bind(name, a)
		if err != nil {
			return nil, err
		}
		return call(r, places)
	}
}

// signature is a list of parameters.
type signature struct {
	names    []string
	required int // the first so many must be given
	byPlace  int // the first so many cannot be given by name
}

// params reads a signature in Python's way of writing: "value, /, width=,
// first=" are three parameters, the last two optional, the first without a
// name.
func params(text string) signature {
	var s signature
	for p := range strings.SplitSeq(text, ", ") {
		name, optional := strings.CutSuffix(p, "=")
		switch {
		case p == "":
			continue
		case p == "/":
			s.byPlace = len(s.names)
			continue
		case !optional:
			s.required++
		}
		s.names = append(s.names, name)
	}
	return s
}

// bind puts arguments in the places of the parameters.
func (s *signature) bind(name string, a arguments) ([]object, error) {
	if len(a.pos) > len(s.names) {
		return nil, faultf(faultType, "%s() takes at most %d arguments (%d given)", name, len(s.names), len(a.pos))
	}
	if len(a.pos) == len(s.names) && len(a.named) == 0 {
		return a.pos, nil
	}
	places := make([]object, len(s.names))
	copy(places, a.pos)
	for _, n := range a.named {
		i := s.byPlace
		for i < len(s.names) && s.names[i] != n.name {
			i++
		}
		if i == len(s.names) {
			return nil, faultf(faultType, "%s() got an unexpected keyword argument %s", name, quote(n.name))
		}
		if places[i] != nil {
			return nil, faultf(faultType, "%s() got multiple values for argument %s", name, quote(n.name))
		}
		places[i] = n.value
	}
	for i := range s.required {
		if places[i] == nil {
			return nil, faultf(faultType, "%s() missing required argument %s (position %d)", name, quote(s.names[i]), i+1)
		}
	}
	return places, nil
}

// function is a value that a template can call: a global function, or a method
// together with its value.
type function struct {
	name string
	self object // nil for a global function
	call func(r *rendering, a arguments) (object, error)
	kind string // for a class such as dict, its name
}

func (f *function) text() string {
	switch {
	case f.kind != "":
		return "<class '" + f.kind + "'>"
	case f.self != nil:
		return "<built-in method " + f.name + " of " + typeName(f.self) + " object>"
	}
	return "<function " + f.name + ">"
}

// methodOf returns method name of o.
func methodOf(o object, name string, methods map[string]callee) (object, bool) {
	m, ok := methods[name]
	if !ok {
		return nil, false
	}
	return &function{name: name, self: o, call: func(r *rendering, a arguments) (object, error) {
		a.pos = append([]object{o}, a.pos...)
		return m(r, name, a)
	}}, true
}

// call is o(...) in a template.
func (r *rendering) call(o object, a arguments) (object, error) {
	if r.calls++; r.calls > r.limits.Depth {
		return nil, errDepth
	}
	defer func() { r.calls-- }()
	switch o := o.(type) {
	case *function:
		return o.call(r, a)
	case *macro:
		return o.call(r, a)
	case *joiner:
		return o.call(a)
	case *loop:
		return o.recurse(r, a)
	case *block:
		return o.call(r, a)
	case *undefined:
		return nil, o.fail()
	}
	return nil, faultf(faultType, "'%s' object is not callable", typeName(o))
}

func isCallable(o object) bool {
	switch o.(type) {
	case *function, *macro, *joiner, *loop, *block, *undefined:
		return true
	}
	return false
}

// The arguments of builtins, converted as Python's own functions do. The name
// of the function goes into the message.

func argInt(o object, missing int, what string) (int, error) {
	if o == nil {
		return missing, nil
	}
	i, ok := clampInt(o)
	if !ok {
		return 0, faultf(faultType, "%s: '%s' object cannot be interpreted as an integer", what, typeName(o))
	}
	return i, nil
}

func argText(o object, missing, what string) (string, error) {
	if o == nil {
		return missing, nil
	}
	s, ok := stringOf(o)
	if !ok {
		return "", faultf(faultType, "%s: argument must be str, not %s", what, typeName(o))
	}
	return s, nil
}

// isGiven reports whether an optional argument is there and not None.
func isGiven(o object) bool { return o != nil && o != none }

func itoa(i int) string { return strconv.Itoa(i) }
