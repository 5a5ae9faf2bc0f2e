package jinja

// What follows a value: .name, [key], (arguments), |filter and is test; and
// what can be assigned to.

func (p *parser) postfix(e expr) (expr, error) {
	for {
		var err error
		switch t := p.now(); {
		case t.is("."):
			e, err = p.dot(e)
		case t.is("["):
			e, err = p.subscript(e)
		case t.is("("):
			e, err = p.call(e)
		default:
			return e, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

func (p *parser) filtersAndTests(e expr) (expr, error) {
	for {
		var err error
		switch t := p.now(); {
		case t.is("|"):
			e, err = p.filters(e)
		case t.isName("is"):
			e, err = p.test(e)
		case t.is("("):
			e, err = p.call(e)
		default:
			return e, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

func (p *parser) dot(e expr) (expr, error) {
	at := p.here()
	p.take()
	switch t := p.take(); t.kind {
	case tokenName:
		return p.grow(&attributeExpr{at, e, t.text, !isDictMember(t.text)}, e)
	case tokenInteger:
		i, err := integerLiteral(t.text)
		if err != nil {
			return nil, p.failf("%v", err)
		}
		return p.grow(&itemExpr{at, e, &constExpr{at, i}}, e)
	}
	return nil, p.failf("want a name or number after '.'")
}

func (p *parser) subscript(e expr) (expr, error) {
	at := p.here()
	p.take()
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	keys := &tupleExpr{position: at}
	for !p.now().is("]") {
		if len(keys.items) > 0 {
			if err := p.expect(","); err != nil {
				return nil, err
			}
		}
		if len(keys.items) == 0 && p.now().is(":") {
			return p.sliceOf(at, e, nil)
		}
		k, err := p.expression()
		if err != nil {
			return nil, err
		}
		if p.now().is(":") {
			if len(keys.items) > 0 {
				return nil, p.failf("a slice cannot stand among other keys")
			}
			return p.sliceOf(at, e, k)
		}
		keys.items = append(keys.items, k)
	}
	p.take()
	if len(keys.items) == 1 {
		return p.grow(&itemExpr{at, e, keys.items[0]}, e, keys.items[0])
	}
	key, err := p.grow(keys, keys.items...)
	if err != nil {
		return nil, err
	}
	return p.grow(&itemExpr{at, e, key}, e, key)
}

// sliceOf reads the rest of a slice from its first colon.
func (p *parser) sliceOf(at position, e, start expr) (expr, error) {
	s := &sliceExpr{position: at, operand: e, start: start}
	for _, bound := range []*expr{&s.stop, &s.step} {
		if !p.skip(":") {
			break
		}
		if t := p.now(); t.is(":") || t.is("]") {
			continue
		}
		var err error
		if *bound, err = p.expression(); err != nil {
			return nil, err
		}
	}
	if err := p.expect("]"); err != nil {
		return nil, err
	}
	return p.grow(s, s.operand, s.start, s.stop, s.step)
}

func (p *parser) call(e expr) (expr, error) {
	c := &callExpr{position: p.here(), callee: e}
	var err error
	if c.args, err = p.callArgs(); err != nil {
		return nil, err
	}
	return p.grow(c, append(c.args.all(), e)...)
}

// all returns every expression among the arguments.
func (a *callArgs) all() []expr {
	out := append(append([]expr{}, a.pos...), a.values...)
	if a.star != nil {
		out = append(out, a.star)
	}
	if a.stars != nil {
		out = append(out, a.stars)
	}
	return out
}

func (p *parser) callArgs() (callArgs, error) {
	var a callArgs
	p.take() // (
	for first := true; !p.now().is(")"); first = false {
		if !first {
			if err := p.expect(","); err != nil {
				return a, err
			}
			if p.now().is(")") {
				break
			}
		}
		if err := p.callArg(&a); err != nil {
			return a, err
		}
	}
	p.take()
	return a, nil
}

func (p *parser) callArg(a *callArgs) error {
	t := p.now()
	var err error
	switch {
	case t.is("*") && a.star == nil && a.stars == nil:
		p.take()
		a.star, err = p.expression()
	case t.is("**") && a.stars == nil:
		p.take()
		a.stars, err = p.expression()
	case t.kind == tokenName && p.ahead().is("=") && a.stars == nil:
		if len(a.names) == maxArgs {
			return p.failf("more than %d arguments by name", maxArgs)
		}
		for _, n := range a.names {
			if n == t.text {
				return p.failf("keyword argument repeated: %s", t.text)
			}
		}
		p.take()
		p.take()
		var v expr
		v, err = p.expression()
		a.names = append(a.names, t.text)
		a.values = append(a.values, v)
	case a.star == nil && a.stars == nil && len(a.names) == 0:
		var v expr
		v, err = p.expression()
		a.pos = append(a.pos, v)
	default:
		return p.failf("invalid syntax for function call expression")
	}
	return err
}

// filters reads |filter as often as it comes; a nil e stands for the text of a
// block.
func (p *parser) filters(e expr) (expr, error) {
	for p.skip("|") {
		var err error
		if e, err = p.filter(e); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// dotted reads the name of a filter or test.
func (p *parser) dotted() (string, error) {
	t, err := p.expectKind(tokenName)
	name := t.text
	for err == nil && p.skip(".") {
		t, err = p.expectKind(tokenName)
		name += "." + t.text
	}
	return name, err
}

func (p *parser) filter(e expr) (expr, error) {
	f := &filterExpr{position: p.here(), operand: e}
	var err error
	if f.name, err = p.dotted(); err != nil {
		return nil, err
	}
	if p.now().is("(") {
		if f.args, err = p.callArgs(); err != nil {
			return nil, err
		}
	}
	f.filter = findFilter(f.name, p.chat)
	return p.grow(f, append(f.args.all(), e)...)
}

func (p *parser) test(e expr) (expr, error) {
	t := &testExpr{position: p.here(), operand: e}
	p.take() // is
	negated := p.skipName("not")
	var err error
	if t.name, err = p.dotted(); err != nil {
		return nil, err
	}
	switch n := p.now(); {
	case n.is("("):
		t.args, err = p.callArgs()
	case n.isName("is"):
		err = p.failf("tests cannot be chained with is")
	case n.isName("else"), n.isName("or"), n.isName("and"):
	case n.kind == tokenName, n.kind == tokenString, n.kind == tokenInteger, n.kind == tokenFloat, n.is("["), n.is("{"):
		var arg expr
		if arg, err = p.primary(false); err == nil {
			arg, err = p.postfix(arg)
		}
		t.args.pos = []expr{arg}
	}
	if err != nil {
		return nil, err
	}
	t.test = tests[t.name]
	out, err := p.grow(t, append(t.args.all(), e)...)
	if err != nil || !negated {
		return out, err
	}
	return p.grow(&notExpr{t.position, out}, out)
}

// target reads what an assignment writes to.
func (p *parser) target(o tupleOptions) (expr, error) {
	o.simple = true
	e, err := p.tuple(o)
	if err != nil {
		return nil, err
	}
	return e, p.assignable(e)
}

func (p *parser) nameTarget() (*nameExpr, error) {
	t, err := p.expectKind(tokenName)
	if err != nil {
		return nil, err
	}
	n := &nameExpr{position: position{t.line, 1}, name: t.text, use: useStore}
	switch t.text {
	case "true", "false", "none", "True", "False", "None":
		return nil, p.failf("cannot assign to '%s'", t.text)
	}
	return n, nil
}

// assignable makes e the target of an assignment.
func (p *parser) assignable(e expr) error {
	switch e := e.(type) {
	case *nameExpr, *attributeTarget:
	case *tupleExpr:
		for _, item := range e.items {
			if err := p.assignable(item); err != nil {
				return err
			}
		}
	default:
		return p.failf("cannot assign to this expression")
	}
	setUse(e, useStore)
	return nil
}

// setUse marks all names of a target.
func setUse(e expr, use nameUse) {
	switch e := e.(type) {
	case *nameExpr:
		e.use = use
	case *tupleExpr:
		for _, item := range e.items {
			setUse(item, use)
		}
	}
}

// otherTemplate reads a tag that would use another template.
func (p *parser) otherTemplate(line position, tag string) (stmt, error) {
	o := &otherTemplate{position: line, tag: tag}
	var err error
	if o.operand, err = p.expression(); err != nil {
		return nil, err
	}
	switch tag {
	case "include":
		if p.now().isName("ignore") && p.ahead().isName("missing") {
			p.take()
			p.take()
		}
	case "import":
		if err := p.expectName("as"); err != nil {
			return nil, err
		}
		name, err := p.nameTarget()
		if err != nil {
			return nil, err
		}
		o.names = []string{name.name}
	case "from":
		if err := p.importedNames(o); err != nil {
			return nil, err
		}
	}
	p.importContext()
	return o, nil
}

func (p *parser) importContext() bool {
	if (p.now().isName("with") || p.now().isName("without")) && p.ahead().isName("context") {
		p.take()
		p.take()
		return true
	}
	return false
}

func (p *parser) importedNames(o *otherTemplate) error {
	if err := p.expectName("import"); err != nil {
		return err
	}
	for {
		if p.importContext() {
			return nil
		}
		name, err := p.nameTarget()
		if err != nil {
			return err
		}
		if p.skipName("as") {
			if name, err = p.nameTarget(); err != nil {
				return err
			}
		}
		o.names = append(o.names, name.name)
		if !p.skip(",") {
			return nil
		}
	}
}
