package jinja

// The tags of templates, each behind its name.

func (p *parser) forTag(line position) (stmt, error) {
	f := &forStmt{position: line}
	var err error
	if f.target, err = p.target(tupleOptions{end: "in"}); err != nil {
		return nil, err
	}
	if err := p.expectName("in"); err != nil {
		return nil, err
	}
	if f.iter, err = p.tuple(tupleOptions{end: "recursive"}); err != nil {
		return nil, err
	}
	if p.skipName("if") {
		if f.test, err = p.expression(); err != nil {
			return nil, err
		}
	}
	f.recursive = p.skipName("recursive")
	end := ""
	if f.body, end, err = p.body("endfor", "else"); err != nil || end == "endfor" {
		return f, err
	}
	f.other, _, err = p.body("endfor")
	return f, err
}

func (p *parser) ifTag(line position) (stmt, error) {
	first := &ifStmt{position: line}
	for s := first; ; {
		var err error
		if s.test, err = p.tuple(tupleOptions{}); err != nil {
			return nil, err
		}
		end := ""
		if s.body, end, err = p.body("elif", "else", "endif"); err != nil {
			return nil, err
		}
		switch end {
		case "elif":
			s = &ifStmt{position: position{line: p.now().line}}
			first.elifs = append(first.elifs, s)
			continue
		case "else":
			first.other, _, err = p.body("endif")
		}
		return first, err
	}
}

func (p *parser) setTag(line position) (stmt, error) {
	target, err := p.target(tupleOptions{attributes: true})
	if err != nil {
		return nil, err
	}
	if p.skip("=") {
		value, err := p.tuple(tupleOptions{cond: true})
		return &setStmt{position: line, target: target, value: value}, err
	}
	s := &setBlockStmt{position: line, target: target}
	if p.now().is("|") {
		e, err := p.filters(nil)
		if err != nil {
			return nil, err
		}
		s.filter = e.(*filterExpr)
	}
	s.body, _, err = p.body("endset")
	return s, err
}

// signature reads the parameters of a macro or call block.
func (p *parser) signature(code *macroCode) error {
	if err := p.expect("("); err != nil {
		return err
	}
	for !p.now().is(")") {
		if len(code.params) > 0 {
			if err := p.expect(","); err != nil {
				return err
			}
		}
		if len(code.params) == maxArgs {
			return p.failf("more than %d parameters", maxArgs)
		}
		name, err := p.nameTarget()
		if err != nil {
			return err
		}
		name.use = useParam
		for _, other := range code.params {
			if other.name == name.name {
				return p.failf("duplicate argument '%s'", name.name)
			}
		}
		if p.skip("=") {
			d, err := p.expression()
			if err != nil {
				return err
			}
			code.defaults = append(code.defaults, d)
		} else if len(code.defaults) > 0 {
			return p.failf("non-default argument follows default argument")
		}
		code.params = append(code.params, name)
	}
	return p.expect(")")
}

func (p *parser) macroTag(line position) (stmt, error) {
	name, err := p.nameTarget()
	if err != nil {
		return nil, err
	}
	m := &macroStmt{position: line, name: name.name, code: &macroCode{name: name.name, line: line.line}}
	if err := p.signature(m.code); err != nil {
		return nil, err
	}
	m.code.body, _, err = p.body("endmacro")
	return m, err
}

func (p *parser) callTag(line position) (stmt, error) {
	c := &callStmt{position: line, code: &macroCode{line: line.line}}
	if p.now().is("(") {
		if err := p.signature(c.code); err != nil {
			return nil, err
		}
	}
	e, err := p.expression()
	if err != nil {
		return nil, err
	}
	call, ok := e.(*callExpr)
	if !ok {
		return nil, p.failf("a call block needs a call")
	}
	c.call = call
	c.code.body, _, err = p.body("endcall")
	return c, err
}

func (p *parser) filterTag(line position) (stmt, error) {
	e, err := p.filter(nil)
	if err != nil {
		return nil, err
	}
	if e, err = p.filters(e); err != nil {
		return nil, err
	}
	f := &filterStmt{position: line, filter: e.(*filterExpr)}
	f.body, _, err = p.body("endfilter")
	return f, err
}

func (p *parser) withTag(line position) (stmt, error) {
	w := &withStmt{position: line}
	for p.now().kind != tokenBlockEnd {
		if len(w.targets) > 0 {
			if err := p.expect(","); err != nil {
				return nil, err
			}
		}
		target, err := p.target(tupleOptions{})
		if err != nil {
			return nil, err
		}
		setUse(target, useParam)
		if err := p.expect("="); err != nil {
			return nil, err
		}
		value, err := p.expression()
		if err != nil {
			return nil, err
		}
		w.targets = append(w.targets, target)
		w.values = append(w.values, value)
	}
	var err error
	w.body, _, err = p.body("endwith")
	return w, err
}

func (p *parser) printTag(line position) (stmt, error) {
	out := &outputStmt{position: line}
	for p.now().kind != tokenBlockEnd {
		if len(out.parts) > 0 {
			if err := p.expect(","); err != nil {
				return nil, err
			}
		}
		e, err := p.expression()
		if err != nil {
			return nil, err
		}
		out.parts = append(out.parts, e)
	}
	return out, nil
}

func (p *parser) blockTag(line position) (stmt, error) {
	name, err := p.expectKind(tokenName)
	if err != nil {
		return nil, err
	}
	b := &blockStmt{position: line, name: name.text}
	b.scoped = p.skipName("scoped")
	b.required = p.skipName("required")
	if b.body, _, err = p.body("endblock"); err != nil {
		return nil, err
	}
	p.skipName(b.name)
	return b, nil
}

// autoescapeTag reads a tag of web pages, which no published chat template uses.
func (p *parser) autoescapeTag(line position) (stmt, error) {
	if _, err := p.expression(); err != nil {
		return nil, err
	}
	_, _, err := p.body("endautoescape")
	return &refusedStmt{line, "autoescape"}, err
}
