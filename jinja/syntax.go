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
