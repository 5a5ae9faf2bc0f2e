package jinja

import (
	"slices"
	"strings"
)

// parser builds the tree of a template from its tokens.
type parser struct {
	tokens  []token
	i       int
	nesting int  // statements around this place
	depth   int  // expressions around this place
	chat    bool // see NewChatTemplate
}

// parse returns the statements of a template.
func parse(tokens []token, chat bool) (body []stmt, err error) {
	p := &parser{tokens: tokens, chat: chat}
	body, err = p.statements()
	if err != nil {
		return nil, atLine(err, p.now().line)
	}
	return body, nil
}

func (p *parser) now() token { return p.tokens[p.i] }

// ahead is the token after the present one.
func (p *parser) ahead() token { return p.tokens[min(p.i+1, len(p.tokens)-1)] }

// take returns the present token and moves on.
func (p *parser) take() token {
	t := p.tokens[p.i]
	if t.kind != tokenEnd {
		p.i++
	}
	return t
}

// skip moves over the operator op, if it is here.
func (p *parser) skip(op string) bool {
	if p.now().is(op) {
		p.i++
		return true
	}
	return false
}

// skipName moves over the word name, if it is here.
func (p *parser) skipName(name string) bool {
	if p.now().isName(name) {
		p.i++
		return true
	}
	return false
}

func (p *parser) expect(op string) error {
	if p.skip(op) {
		return nil
	}
	return p.unexpected("'" + op + "'")
}

func (p *parser) expectName(name string) error {
	if p.skipName(name) {
		return nil
	}
	return p.unexpected("'" + name + "'")
}

func (p *parser) expectKind(kind tokenKind) (token, error) {
	if p.now().kind != kind {
		return token{}, p.unexpected(kind.String())
	}
	return p.take(), nil
}

func (p *parser) unexpected(wanted string) error {
	if p.now().kind == tokenEnd {
		return p.failf("unexpected end of template, want %s", wanted)
	}
	return p.failf("got %s, want %s", p.now(), wanted)
}

func (p *parser) failf(format string, a ...any) error {
	return atLine(faultf(faultSyntax, format, a...), p.now().line)
}

func (k tokenKind) String() string {
	return [...]string{
		"the end of the template", "text", "'{%'", "'%}'", "'{{'", "'}}'", "a name", "a string", "an integer", "a float", "an operator",
	}[k]
}

func (t token) String() string {
	switch t.kind {
	case tokenName, tokenOperator, tokenInteger, tokenFloat:
		return "'" + t.text + "'"
	case tokenString:
		return "the string " + quote(t.text)
	}
	return t.kind.String()
}

// statements reads up to a block tag that begins with one of the names in
// ends, and stops at that name. Without ends it reads to the end.
func (p *parser) statements(ends ...string) ([]stmt, error) {
	var body []stmt
	var out *outputStmt
	add := func(part expr) {
		if out == nil {
			out = &outputStmt{position: position{line: part.at().line}}
			body = append(body, out)
		}
		out.parts = append(out.parts, part)
	}
	for {
		t := p.take()
		switch t.kind {
		case tokenEnd:
			if len(ends) > 0 {
				return nil, p.failf("unexpected end of template, want '%s'", strings.Join(ends, "' or '"))
			}
			return body, nil
		case tokenText:
			add(&constExpr{position{line: t.line, height: 1}, markup(t.text)})
		case tokenVariableBegin:
			e, err := p.tuple(tupleOptions{cond: true})
			if err != nil {
				return nil, err
			}
			if _, err := p.expectKind(tokenVariableEnd); err != nil {
				return nil, err
			}
			add(e)
		case tokenBlockBegin:
			out = nil
			if n := p.now(); n.kind == tokenName && slices.Contains(ends, n.text) {
				return body, nil
			}
			s, err := p.statement(ends)
			if err != nil {
				return nil, err
			}
			if _, err := p.expectKind(tokenBlockEnd); err != nil {
				return nil, err
			}
			body = append(body, s)
		}
	}
}

// body reads the end of a tag and statements up to one of ends, whose name it
// returns.
func (p *parser) body(ends ...string) ([]stmt, string, error) {
	p.skip(":")
	if _, err := p.expectKind(tokenBlockEnd); err != nil {
		return nil, "", err
	}
	if p.nesting++; p.nesting > maxNesting {
		return nil, "", p.failf("statements are nested more than %d levels deep", maxNesting)
	}
	body, err := p.statements(ends...)
	if err != nil {
		return nil, "", err
	}
	p.nesting--
	return body, p.take().text, nil
}

// statement reads a block tag after its beginning.
func (p *parser) statement(ends []string) (stmt, error) {
	if p.now().kind != tokenName {
		return nil, p.unexpected("a tag name")
	}
	line := position{line: p.now().line}
	tag := p.take().text
	switch tag {
	case "for":
		return p.forTag(line)
	case "if":
		return p.ifTag(line)
	case "set":
		return p.setTag(line)
	case "macro":
		return p.macroTag(line)
	case "call":
		return p.callTag(line)
	case "generation":
		body, _, err := p.body("endgeneration")
		return &callStmt{position: line, code: &macroCode{body: body, line: line.line}}, err
	case "filter":
		return p.filterTag(line)
	case "with":
		return p.withTag(line)
	case "print":
		return p.printTag(line)
	case "block":
		return p.blockTag(line)
	case "autoescape":
		return p.autoescapeTag(line)
	case "break":
		return &breakStmt{line}, nil
	case "continue":
		return &continueStmt{line}, nil
	case "include", "import", "from", "extends":
		return p.otherTemplate(line, tag)
	}
	if len(ends) > 0 {
		return nil, p.failf("unknown tag '%s' (the open block ends with '%s')", tag, strings.Join(ends, "' or '"))
	}
	return nil, p.failf("unknown tag '%s'", tag)
}

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
