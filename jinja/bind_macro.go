package jinja

// macro binds the routine of a macro or call block.
func (b *binder) macro(f *frame, c *macroCode) error {
	in := f.innerRoutine()
	c.routine = in.routine
	survey := func() {
		in.survey(nodesOf(c.params)...)
		in.survey(nodesOf(c.defaults)...)
		in.survey(nodesOf(c.body)...)
	}
	survey()
	special := undeclared(c.body, "caller", "kwargs", "varargs")
	for i, p := range c.params {
		switch p.name {
		case "caller":
			c.explicit = true
			if special["caller"] && i < len(c.params)-len(c.defaults) {
				return faultf(faultSyntax, `the special "caller" argument of a macro or call block must be omitted or be given a default`)
			}
			fallthrough
		case "kwargs", "varargs":
			special[p.name] = false
		}
	}
	for name, v := range map[string]**variable{"caller": &c.caller, "kwargs": &c.kwargs, "varargs": &c.varargs} {
		if special[name] {
			where := in.symbols.param(name).from(in.routine)
			*v = &where
		}
	}
	survey()
	if err := bindAll(b, in, c.params); err != nil {
		return err
	}
	if err := bindAll(b, in, c.defaults); err != nil {
		return err
	}
	err := b.statements(in, c.body)
	c.frame = in.binding()
	return err
}
