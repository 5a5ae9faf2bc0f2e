package jinja

import "slices"

// macro is a macro or the body of a call block, together with the variables
// around it.
type macro struct {
	code  *macroCode
	scope *scope
}

func (m *macro) title() string {
	if m.code.name == "" {
		return "macro None"
	}
	return "macro " + quote(m.code.name)
}

func (m *macro) member(name string) (object, bool) {
	switch name {
	case "name":
		if m.code.name == "" {
			return none, true
		}
		return m.code.name, true
	case "arguments":
		t := &tuple{}
		for _, p := range m.code.params {
			t.items = append(t.items, p.name)
		}
		return t, true
	case "catch_kwargs":
		return m.code.kwargs != nil, true
	case "catch_varargs":
		return m.code.varargs != nil, true
	case "caller":
		return m.code.caller != nil, true
	case "explicit_caller":
		return m.code.explicit, true
	}
	return nil, false
}

// call runs the macro and returns its text.
func (m *macro) call(r *rendering, a arguments) (object, error) {
	c := m.code
	if err := r.spend(headCost + itemCost*len(c.routine.slots)); err != nil {
		return nil, err
	}
	s := newScope(c.routine, m.scope, m.scope.vars)
	if err := m.pass(r, a, s); err != nil {
		return nil, err
	}
	r.scopes = append(r.scopes, s)
	s.enter(&c.frame)
	text, err := m.run(r, s)
	r.scopes = r.scopes[:len(r.scopes)-1]
	if err != nil {
		return nil, err
	}
	return text, nil
}

// run computes the defaults of parameters that were not given, in order, and
// runs the body.
func (m *macro) run(r *rendering, s *scope) (string, error) {
	c := m.code
	for i, p := range c.params {
		if s.get(p.where) != nil {
			continue
		}
		if i < len(c.params)-len(c.defaults) {
			s.set(p.where, &undefined{before: "parameter ", name: p.name, after: " was not provided", kind: faultUndefined})
			continue
		}
		v, err := r.value(c.defaults[i-len(c.params)+len(c.defaults)], s)
		if err != nil {
			return "", atLine(err, c.line)
		}
		s.set(p.where, v)
	}
	text, _, err := r.captured(c.body, s)
	return text, err
}

// pass puts arguments in the variables of the macro. The order of things is
// that of the reference: parameters, caller, kwargs, varargs.
func (m *macro) pass(r *rendering, a arguments, s *scope) error {
	c := m.code
	taken := min(len(a.pos), len(c.params))
	for i, p := range c.params[:taken] {
		s.set(p.where, a.pos[i])
	}
	if err := r.work(8 * len(c.params) * len(a.named)); err != nil {
		return err
	}
	named := a.named
	pop := func(name string) object {
		for i, n := range named {
			if n.name == name {
				named = append(append([]namedArgument{}, named[:i]...), named[i+1:]...)
				return n.value
			}
		}
		return nil
	}
	for _, p := range c.params[taken:] {
		s.set(p.where, pop(p.name))
	}
	if c.caller != nil {
		caller := pop("caller")
		if !isGiven(caller) {
			caller = undefinedf("No caller defined")
		}
		s.set(*c.caller, caller)
	}
	switch {
	case c.kwargs != nil:
		rest := arguments{named: named}
		s.set(*c.kwargs, rest.dict())
	case len(named) > 0 && named[0].name == "caller":
		return faultf(faultType, "%s was invoked with two values for the special caller argument", m.title())
	case len(named) > 0:
		return faultf(faultType, "%s takes no keyword argument %s", m.title(), quote(named[0].name))
	}
	switch {
	case c.varargs != nil:
		s.set(*c.varargs, &tuple{items: slices.Clone(a.pos[taken:])})
	case len(a.pos) > taken:
		return faultf(faultType, "%s takes not more than %d argument(s)", m.title(), len(c.params))
	}
	return nil
}
