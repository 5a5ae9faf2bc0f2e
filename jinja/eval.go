package jinja

// value evaluates an expression on behalf of a statement. Until it is done,
// its operands are in no variable; see settle.
func (r *rendering) value(e expr, s *scope) (object, error) {
	r.pending++
	o, err := e.eval(r, s)
	r.pending--
	return o, err
}

func (e *constExpr) eval(r *rendering, _ *scope) (object, error) { return e.value, r.step() }

func (e *nameExpr) eval(r *rendering, s *scope) (object, error) {
	o := s.get(e.where)
	if o == nil {
		o = undefinedName(e.name)
	}
	return o, r.step()
}

// eval is there because a target is an expression; it is never read.
func (e *attributeTarget) eval(*rendering, *scope) (object, error) {
	return nil, faultf(faultRuntime, "%s.%s is only there to be assigned to", e.name, e.attribute)
}

func (r *rendering) values(exprs []expr, s *scope) ([]object, error) {
	if len(exprs) == 0 {
		return nil, nil
	}
	if err := r.spend(headCost + itemCost*len(exprs)); err != nil {
		return nil, err
	}
	out := make([]object, len(exprs))
	for i, e := range exprs {
		var err error
		if out[i], err = e.eval(r, s); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (e *tupleExpr) eval(r *rendering, s *scope) (object, error) {
	items, err := r.values(e.items, s)
	if err != nil {
		return nil, err
	}
	return &tuple{items: items}, nil
}

func (e *listExpr) eval(r *rendering, s *scope) (object, error) {
	items, err := r.values(e.items, s)
	if err != nil {
		return nil, err
	}
	return &list{items}, nil
}

func (e *dictExpr) eval(r *rendering, s *scope) (object, error) {
	if err := r.spend(headCost + dictCost*len(e.keys)); err != nil {
		return nil, err
	}
	d := &Dict{}
	for i, k := range e.keys {
		key, err := k.eval(r, s)
		if err != nil {
			return nil, err
		}
		v, err := e.values[i].eval(r, s)
		if err != nil {
			return nil, err
		}
		if err := d.set(r, key, v); err != nil {
			return nil, err
		}
	}
	return d, nil
}

func (e *condExpr) eval(r *rendering, s *scope) (object, error) {
	test, err := e.test.eval(r, s)
	if err != nil {
		return nil, err
	}
	switch {
	case truth(test):
		return e.yes.eval(r, s)
	case e.no != nil:
		return e.no.eval(r, s)
	}
	return undefinedf("the inline if-expression on line " + itoa(e.line) + " evaluated to false and no else section was defined."), nil
}

func (e *binaryExpr) eval(r *rendering, s *scope) (object, error) {
	a, err := e.left.eval(r, s)
	if err != nil {
		return nil, err
	}
	b, err := e.right.eval(r, s)
	if err != nil {
		return nil, err
	}
	if err := r.step(); err != nil {
		return nil, err
	}
	return r.arithmetic(e.op, a, b)
}

func (e *logicExpr) eval(r *rendering, s *scope) (object, error) {
	a, err := e.left.eval(r, s)
	if err != nil || truth(a) == e.or {
		return a, err
	}
	return e.right.eval(r, s)
}

func (e *notExpr) eval(r *rendering, s *scope) (object, error) {
	o, err := e.operand.eval(r, s)
	return !truth(o), err
}

func (e *signExpr) eval(r *rendering, s *scope) (object, error) {
	o, err := e.operand.eval(r, s)
	if err != nil {
		return nil, err
	}
	return r.sign(e.minus, o)
}

func (e *concatExpr) eval(r *rendering, s *scope) (object, error) {
	parts, err := r.values(e.parts, s)
	if err != nil {
		return nil, err
	}
	n := 0
	texts := make([]string, len(parts))
	for i, p := range parts {
		if texts[i], err = r.text(p); err != nil {
			return nil, err
		}
		n += len(texts[i])
	}
	return r.joinTexts(texts, "", n)
}

func (e *compareExpr) eval(r *rendering, s *scope) (object, error) {
	a, err := e.first.eval(r, s)
	if err != nil {
		return nil, err
	}
	for i, op := range e.ops {
		b, err := e.rest[i].eval(r, s)
		if err != nil {
			return nil, err
		}
		ok, err := r.compare(op, a, b)
		if !ok || err != nil {
			return false, err
		}
		a = b
	}
	return true, r.step()
}

func (e *attributeExpr) eval(r *rendering, s *scope) (object, error) {
	o, err := e.operand.eval(r, s)
	if err != nil {
		return nil, err
	}
	if err := r.step(); err != nil {
		return nil, err
	}
	if d, ok := o.(*Dict); ok && e.plain {
		if v, ok := d.text(e.name); ok {
			return v, nil
		}
		return missingMember(d, e.name), r.spend(2 * headCost)
	}
	return r.attribute(o, e.name)
}

func (e *itemExpr) eval(r *rendering, s *scope) (object, error) {
	o, err := e.operand.eval(r, s)
	if err != nil {
		return nil, err
	}
	key, err := e.key.eval(r, s)
	if err != nil {
		return nil, err
	}
	if err := r.step(); err != nil {
		return nil, err
	}
	return r.item(o, key)
}

func (e *sliceExpr) eval(r *rendering, s *scope) (object, error) {
	o, err := e.operand.eval(r, s)
	if err != nil {
		return nil, err
	}
	var bounds [3]object
	for i, b := range []expr{e.start, e.stop, e.step} {
		if b != nil {
			if bounds[i], err = b.eval(r, s); err != nil {
				return nil, err
			}
		}
	}
	if err := r.step(); err != nil {
		return nil, err
	}
	return r.slice(o, bounds[0], bounds[1], bounds[2])
}

// eval returns the arguments, with first, if it is there, before all others.
func (a *callArgs) eval(r *rendering, s *scope, first object) (arguments, error) {
	var out arguments
	if err := r.spend(itemCost * (len(a.pos) + len(a.values) + 1)); err != nil {
		return out, err
	}
	out.pos = make([]object, 0, len(a.pos)+1)
	if first != nil {
		out.pos = append(out.pos, first)
	}
	for _, e := range a.pos {
		o, err := e.eval(r, s)
		if err != nil {
			return out, err
		}
		out.pos = append(out.pos, o)
	}
	for i, e := range a.values {
		o, err := e.eval(r, s)
		if err != nil {
			return out, err
		}
		out.named = append(out.named, namedArgument{a.names[i], o})
	}
	if a.star == nil && a.stars == nil {
		return out, nil
	}
	return out, a.evalStars(r, s, &out)
}

// evalStars adds what *star and **stars stand for.
func (a *callArgs) evalStars(r *rendering, s *scope, out *arguments) error {
	if a.star != nil {
		o, err := a.star.eval(r, s)
		if err != nil {
			return err
		}
		items, err := r.collect(o)
		if err != nil {
			return err
		}
		if err := r.spend(itemCost * len(items)); err != nil {
			return err
		}
		out.pos = append(out.pos, items...)
	}
	if a.stars == nil {
		return nil
	}
	o, err := a.stars.eval(r, s)
	if err != nil {
		return err
	}
	d, ok := o.(*Dict)
	if !ok {
		return faultf(faultType, "argument after ** must be a mapping, not %s", typeName(o))
	}
	if err := r.work(d.Len() * (d.Len() + len(out.named))); err != nil {
		return err
	}
	for i, k := range d.keys {
		name, ok := stringOf(k)
		if !ok {
			return faultf(faultType, "keywords must be strings")
		}
		if err := out.add(name, d.values[i]); err != nil {
			return err
		}
	}
	return nil
}

func (e *callExpr) eval(r *rendering, s *scope) (object, error) { return e.evalWith(r, s, nil) }

// evalWith evaluates a call; caller, if it is there, is passed as caller=.
func (e *callExpr) evalWith(r *rendering, s *scope, caller object) (object, error) {
	f, err := e.callee.eval(r, s)
	if err != nil {
		return nil, err
	}
	args, err := e.args.eval(r, s, nil)
	if err != nil {
		return nil, err
	}
	if caller != nil {
		if err := args.add("caller", caller); err != nil {
			return nil, err
		}
	}
	if err := r.count(callSteps); err != nil {
		return nil, err
	}
	return r.call(f, args)
}

func (e *filterExpr) eval(r *rendering, s *scope) (object, error) {
	o, err := e.operand.eval(r, s)
	if err != nil {
		return nil, err
	}
	return e.apply(r, s, o)
}

// apply applies the filter to o. A filter on the text of a block may have
// others inside; the innermost one has no operand.
func (e *filterExpr) apply(r *rendering, s *scope, o object) (object, error) {
	if e.filter == nil {
		return nil, faultf(faultRuntime, "no filter named %s", quote(e.name))
	}
	args, err := e.args.eval(r, s, o)
	if err != nil {
		return nil, err
	}
	if err := r.count(callSteps); err != nil {
		return nil, err
	}
	return e.filter(r, e.name, args)
}

// onBlock applies a chain of filters to the text of a block.
func (e *filterExpr) onBlock(r *rendering, s *scope, text object) (object, error) {
	if inner, ok := e.operand.(*filterExpr); ok {
		var err error
		if text, err = inner.onBlock(r, s, text); err != nil {
			return nil, err
		}
	}
	return e.apply(r, s, text)
}

func (e *testExpr) eval(r *rendering, s *scope) (object, error) {
	o, err := e.operand.eval(r, s)
	if err != nil {
		return nil, err
	}
	if e.test == nil {
		return nil, faultf(faultRuntime, "no test named %s", quote(e.name))
	}
	args, err := e.args.eval(r, s, o)
	if err != nil {
		return nil, err
	}
	if err := r.count(callSteps); err != nil {
		return nil, err
	}
	return e.test(r, e.name, args)
}
