package jinja

// run runs statements one after another.
func (r *rendering) run(body []stmt, s *scope) (flow, error) {
	for _, st := range body {
		if err := r.step(); err != nil {
			return flowNext, err
		}
		if err := r.settle(); err != nil {
			return flowNext, err
		}
		f, err := st.exec(r, s)
		if err != nil {
			return flowNext, atLine(err, st.at().line)
		}
		if f != flowNext {
			return f, nil
		}
	}
	return flowNext, nil
}

// captured runs body and returns what it writes.
func (r *rendering) captured(body []stmt, s *scope) (string, flow, error) {
	outer := r.out
	r.out = &buffer{}
	r.buffers = append(r.buffers, r.out)
	f, err := r.run(body, s)
	text := string(r.out.text)
	r.buffers = r.buffers[:len(r.buffers)-1]
	r.out = outer
	if err == nil {
		err = r.spendText(len(text))
	}
	return text, f, err
}

// buffer is where text goes.
type buffer struct{ text []byte }

// write appends s to the text.
func (r *rendering) write(s string) error {
	if int64(len(r.out.text)+len(s)) > r.limits.Output {
		return errOutput
	}
	if err := r.spend(len(s)); err != nil {
		return err
	}
	r.out.text = append(r.out.text, s...)
	return nil
}

// writeObject prints a value.
func (r *rendering) writeObject(o object) error {
	s, err := r.text(o)
	if err != nil {
		return err
	}
	return r.write(s)
}

func (o *outputStmt) exec(r *rendering, s *scope) (flow, error) {
	for _, part := range o.parts {
		if c, ok := part.(*constExpr); ok {
			if text, ok := c.value.(markup); ok { // the template's own text
				if err := r.write(string(text)); err != nil {
					return flowNext, err
				}
				continue
			}
		}
		v, err := r.value(part, s)
		if err == nil {
			err = r.writeObject(v)
		}
		if err != nil {
			return flowNext, atLine(err, part.at().line)
		}
	}
	return flowNext, nil
}

func (n *ifStmt) exec(r *rendering, s *scope) (flow, error) {
	v, err := r.value(n.test, s)
	if err != nil {
		return flowNext, err
	}
	if truth(v) {
		return r.run(n.body, s)
	}
	for _, e := range n.elifs {
		v, err := r.value(e.test, s)
		if err != nil {
			return flowNext, atLine(err, e.line)
		}
		if truth(v) {
			return r.run(e.body, s)
		}
	}
	return r.run(n.other, s)
}

func (n *macroStmt) exec(_ *rendering, s *scope) (flow, error) {
	m := &macro{n.code, s}
	s.set(n.where, m)
	if n.top {
		s.vars.assign(n.name, m)
	}
	return flowNext, nil
}

func (n *callStmt) exec(r *rendering, s *scope) (flow, error) {
	caller := &macro{n.code, s}
	var v object
	var err error
	if n.call != nil {
		r.pending++
		v, err = n.call.evalWith(r, s, caller)
		r.pending--
	} else {
		v, err = r.call(caller, arguments{})
	}
	if err != nil {
		return flowNext, err
	}
	return flowNext, r.writeText(v)
}

// writeText writes what a block turned into, which has to be a string.
func (r *rendering) writeText(o object) error {
	s, ok := stringOf(o)
	if !ok {
		return faultf(faultType, "expected str instance, %s found", typeName(o))
	}
	return r.write(s)
}

func (n *filterStmt) exec(r *rendering, s *scope) (flow, error) {
	s.enter(&n.frame)
	text, f, err := r.captured(n.body, s)
	if f != flowNext || err != nil {
		return f, err
	}
	r.pending++
	v, err := n.filter.onBlock(r, s, text)
	r.pending--
	if err != nil {
		return flowNext, err
	}
	s.leave(&n.frame)
	return flowNext, r.writeText(v)
}

func (n *withStmt) exec(r *rendering, s *scope) (flow, error) {
	s.enter(&n.frame)
	for i, target := range n.targets {
		v, err := r.value(n.values[i], s)
		if err != nil {
			return flowNext, err
		}
		if err := r.assign(target, v, s, false); err != nil {
			return flowNext, err
		}
	}
	f, err := r.run(n.body, s)
	if f == flowNext && err == nil {
		s.leave(&n.frame)
	}
	return f, err
}

func (n *setStmt) exec(r *rendering, s *scope) (flow, error) {
	if err := checkNamespaces(n.target, s); err != nil {
		return flowNext, err
	}
	v, err := r.value(n.value, s)
	if err != nil {
		return flowNext, err
	}
	return flowNext, r.assign(n.target, v, s, n.top)
}

// checkNamespaces makes sure that only attributes of namespaces are set.
func checkNamespaces(target expr, s *scope) error {
	switch t := target.(type) {
	case *attributeTarget:
		if _, ok := s.get(t.where).(*namespace); !ok {
			return faultf(faultRuntime, "cannot assign attribute on non-namespace object")
		}
	case *tupleExpr:
		for _, item := range t.items {
			if err := checkNamespaces(item, s); err != nil {
				return err
			}
		}
	}
	return nil
}

func (n *setBlockStmt) exec(r *rendering, s *scope) (flow, error) {
	if err := checkNamespaces(n.target, s); err != nil {
		return flowNext, err
	}
	s.enter(&n.frame)
	text, f, err := r.captured(n.body, s)
	if f != flowNext || err != nil {
		return f, err
	}
	v := object(text)
	if n.filter != nil {
		r.pending++
		v, err = n.filter.onBlock(r, s, v)
		r.pending--
		if err != nil {
			return flowNext, err
		}
	}
	if err := r.assign(n.target, v, s, n.top); err != nil {
		return flowNext, err
	}
	s.leave(&n.frame)
	return flowNext, nil
}

// assign stores v in a target; with top, also where blocks find it.
func (r *rendering) assign(target expr, v object, s *scope, top bool) error {
	switch t := target.(type) {
	case *nameExpr:
		s.set(t.where, v)
		if top {
			s.vars.assign(t.name, v)
		}
	case *attributeTarget:
		ns, ok := s.get(t.where).(*namespace)
		if !ok {
			return faultf(faultRuntime, "cannot assign attribute on non-namespace object")
		}
		if err := r.spend(dictCost); err != nil {
			return err
		}
		ns.attrs.setText(t.attribute, v)
	case *tupleExpr:
		return r.unpack(t, v, s, top)
	}
	return nil
}

// unpack stores the items of v in the targets of a tuple.
func (r *rendering) unpack(t *tupleExpr, v object, s *scope, top bool) error {
	it, err := r.iterate(v)
	if err != nil {
		return faultf(faultType, "cannot unpack non-iterable %s object", typeName(v))
	}
	var items []object
	for {
		o, ok, err := it.next(r)
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		if len(items) == len(t.items) {
			return faultf(faultValue, "too many values to unpack (expected %d)", len(t.items))
		}
		items = append(items, o)
	}
	if len(items) < len(t.items) {
		return faultf(faultValue, "not enough values to unpack (expected %d, got %d)", len(t.items), len(items))
	}
	for i, target := range t.items {
		if err := r.assign(target, items[i], s, top); err != nil {
			return err
		}
	}
	return nil
}

func (n *refusedStmt) exec(*rendering, *scope) (flow, error) {
	return flowNext, faultf(faultRefused, "the tag %s is not supported", n.tag)
}

func (n *breakStmt) exec(*rendering, *scope) (flow, error) { return flowBreak, nil }

func (n *continueStmt) exec(*rendering, *scope) (flow, error) { return flowContinue, nil }

func (n *otherTemplate) exec(*rendering, *scope) (flow, error) {
	return flowNext, faultf(faultRefused, "the tag %s needs another template, and a chat template has none", n.tag)
}

func (n *blockStmt) exec(r *rendering, s *scope) (flow, error) {
	if n.required {
		return flowNext, faultf(faultRuntime, "required block %s not found", quote(n.name))
	}
	vars := s.vars
	if n.scoped {
		vars = &variables{up: s.vars, input: s.vars.input, globals: s.vars.globals}
		for _, v := range n.stores {
			if o := s.get(v.where); o != nil {
				vars.assign(v.name, o)
			}
		}
	}
	return flowNext, r.runBlock(n.code, vars)
}

// runBlock runs the body of a block, which writes where the text goes.
func (r *rendering) runBlock(c *blockCode, vars *variables) error {
	if r.calls++; r.calls > r.limits.Depth {
		return errDepth
	}
	defer func() { r.calls-- }()
	s := newScope(c.routine, nil, vars)
	if c.self != nil {
		s.set(*c.self, &blocks{r.tree, vars})
	}
	if c.super != nil {
		s.set(*c.super, &undefined{before: "there is no parent block called ", name: c.name, kind: faultUndefined})
	}
	r.scopes = append(r.scopes, s)
	s.enter(&c.frame)
	_, err := r.run(c.body, s)
	r.scopes = r.scopes[:len(r.scopes)-1]
	return err
}

// blocks is self in a template: its blocks by name.
type blocks struct {
	tree *tree
	vars *variables
}

// block is a block that can be called for its text.
type block struct {
	code *blockCode
	vars *variables
}

func (b *block) call(r *rendering, a arguments) (object, error) {
	if len(a.pos)+len(a.named) > 0 {
		return nil, faultf(faultType, "a block takes no arguments")
	}
	outer := r.out
	r.out = &buffer{}
	r.buffers = append(r.buffers, r.out)
	err := r.runBlock(b.code, b.vars)
	text := string(r.out.text)
	r.buffers = r.buffers[:len(r.buffers)-1]
	r.out = outer
	if err == nil {
		err = r.spendText(len(text))
	}
	return text, err
}
