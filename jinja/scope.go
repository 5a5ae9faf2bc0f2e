package jinja

// scope holds the variables of one running routine.
type scope struct {
	slots []object // nil where nothing was set
	up    *scope   // of the routine around it
	vars  *variables
}

func newScope(r *routine, up *scope, vars *variables) *scope {
	return &scope{make([]object, len(r.slots)), up, vars}
}

func (s *scope) get(v variable) object {
	for range v.hops {
		s = s.up
	}
	return s.slots[v.slot]
}

func (s *scope) set(v variable, o object) {
	for range v.hops {
		s = s.up
	}
	s.slots[v.slot] = o
}

// enter gives the slots of a frame their first values.
func (s *scope) enter(f *frameBinding) {
	for i := range f.enter {
		step := &f.enter[i]
		switch step.kind {
		case loadResolve:
			s.slots[step.slot] = s.vars.lookup(step.name)
		case loadAlias:
			s.slots[step.slot] = s.get(step.from)
		case loadUndefined:
			s.slots[step.slot] = nil
		}
	}
}

func (s *scope) leave(f *frameBinding) {
	for _, slot := range f.leave {
		s.slots[slot] = nil
	}
}

// variables are the names that a template gets from outside: what the caller
// passes, on top of the global functions. Blocks see in addition what the
// template set on its top level, and scoped blocks what is set around them.
type variables struct {
	set     map[string]object
	up      *variables
	input   *Dict
	globals map[string]object
}

// lookup returns nil for a name that nobody set.
func (v *variables) lookup(name string) object {
	for {
		if o := v.set[name]; o != nil {
			return o
		}
		if v.up == nil {
			break
		}
		v = v.up
	}
	if o, ok := v.input.text(name); ok {
		return o
	}
	return v.globals[name]
}

func (v *variables) assign(name string, o object) {
	if v.set == nil {
		v.set = map[string]object{}
	}
	v.set[name] = o
}
