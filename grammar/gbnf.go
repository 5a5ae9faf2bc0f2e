package grammar

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// GBNF compiles a grammar in the language of llama.cpp: rules NAME ::= …, of which root
// is the whole text; literals and classes with the escapes \n \r \t \\ \" \[ \] \- \xHH
// \uHHHH \UHHHHHHHH, a dot for any character, groups, alternatives, * + ? {m} {m,}
// {m,n}, special tokens <text>, and comments. l may be nil.
//
// The error wraps ErrSyntax, with the line, ErrTooLarge, ErrEmpty, or ErrUnsupported for left
// recursion, tokens by their number <[1]>, and excluded tokens !<text>.
func GBNF(text string, l *Limits) (*Grammar, error) {
	if limits := l.withDefaults(); len(text) > limits.Source {
		return nil, sourceError("grammar", len(text), limits.Source)
	}
	p := &gbnfParser{text: text, used: map[string]int{}}
	if err := p.all(); err != nil {
		return nil, err
	}
	return Compile(&p.rules, "root", l)
}

// gbnfParser reads a grammar.
type gbnfParser struct {
	text  string
	at    int
	rules Rules
	used  map[string]int // where the rules are used first
}

func (p *gbnfParser) fail(at int, sentinel error, format string, args ...any) error {
	line := 1 + strings.Count(p.text[:min(at, len(p.text))], "\n")
	return fmt.Errorf("grammar: line %d: %s: %w", line, fmt.Sprintf(format, args...), sentinel)
}

func (p *gbnfParser) syntax(format string, args ...any) error {
	return p.fail(p.at, ErrSyntax, format, args...)
}

// space goes behind spaces and comments, and behind the ends of lines where those mean
// nothing.
func (p *gbnfParser) space(lines bool) {
	for p.at < len(p.text) {
		switch c := p.text[p.at]; {
		case c == '#':
			if end := strings.IndexAny(p.text[p.at:], "\r\n"); end >= 0 {
				p.at += end
			} else {
				p.at = len(p.text)
			}
		case c == ' ' || c == '\t' || lines && (c == '\r' || c == '\n'):
			p.at++
		default:
			return
		}
	}
}

// peek returns the next byte, 0 at the end.
func (p *gbnfParser) peek() byte {
	if p.at < len(p.text) {
		return p.text[p.at]
	}
	return 0
}

// name reads the name of a rule.
func (p *gbnfParser) name() string {
	from := p.at
	for p.at < len(p.text) {
		c := p.text[p.at]
		if c != '-' && c != '_' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			break
		}
		p.at++
	}
	return p.text[from:p.at]
}

// all reads the rules.
func (p *gbnfParser) all() error {
	for p.space(true); p.at < len(p.text); p.space(true) {
		if err := p.rule(); err != nil {
			return err
		}
	}
	if !p.rules.Has("root") {
		return fmt.Errorf("grammar: no rule root: %w", ErrSyntax)
	}
	missing := ""
	for name, at := range p.used {
		if !p.rules.Has(name) && (missing == "" || at < p.used[missing]) {
			missing = name
		}
	}
	if missing != "" {
		return p.fail(p.used[missing], ErrSyntax, "there is no rule %q", missing)
	}
	return nil
}

// rule reads a rule.
func (p *gbnfParser) rule() error {
	at := p.at
	name := p.name()
	if name == "" {
		return p.syntax("%q, want the name of a rule", p.near())
	}
	if p.space(false); !strings.HasPrefix(p.text[p.at:], "::=") {
		return p.syntax("%q behind the name %q, want ::=", p.near(), name)
	}
	p.at += len("::=")
	p.space(true)
	e, err := p.alternatives(0)
	if err != nil {
		return err
	}
	if c := p.peek(); c != 0 && c != '\n' && c != '\r' {
		return p.syntax("%q, want the end of the line", p.near())
	}
	if p.rules.Has(name) {
		return p.fail(at, ErrSyntax, "rule %q is set twice", name)
	}
	p.rules.Set(name, e)
	return nil
}

// near returns what stands where an error is.
func (p *gbnfParser) near() string {
	rest := p.text[p.at:]
	end := 0
	for end < len(rest) && end < 16 && rest[end] != '\n' {
		_, n := utf8.DecodeRuneInString(rest[end:])
		end += n
	}
	return rest[:end]
}

// alternatives reads up to the end of a rule or a group.
func (p *gbnfParser) alternatives(depth int) (Expr, error) {
	if depth > maxGroups {
		return Expr{}, p.fail(p.at, ErrTooLarge, "more than %d groups in one another", maxGroups)
	}
	var all []Expr
	for {
		e, err := p.sequence(depth)
		if err != nil {
			return e, err
		}
		if all = append(all, e); !p.bar() {
			return Or(all...), nil
		}
		p.space(true)
	}
}

// bar goes behind the | of a further alternative, which may begin a line. It says whether there
// is one.
func (p *gbnfParser) bar() bool {
	at := p.at
	if p.space(true); p.peek() == '|' {
		p.at++
		return true
	}
	p.at = at
	return false
}

// sequence reads one alternative.
func (p *gbnfParser) sequence(depth int) (Expr, error) {
	var row []Expr
	for {
		e, ok, err := p.atom(depth)
		if err != nil {
			return e, err
		}
		if !ok {
			return Seq(row...), nil
		}
		p.space(depth > 0)
		if e, err = p.quantified(e, depth); err != nil {
			return e, err
		}
		row = append(row, e)
	}
}

// atom reads what a quantifier is about. It says whether there is any.
func (p *gbnfParser) atom(depth int) (e Expr, ok bool, err error) {
	switch c := p.peek(); c {
	case '"':
		e, err = p.literal()
	case '[':
		e, err = p.class()
	case '(':
		p.at++
		p.space(true)
		if e, err = p.alternatives(depth + 1); err == nil && p.peek() != ')' {
			err = p.syntax("%q, want )", p.near())
		}
		p.at++
	case '.':
		p.at++
		e = Any()
	case '<':
		e, err = p.token()
	case '!':
		err = p.fail(p.at, ErrUnsupported, "excluded tokens !<…>")
	default:
		at := p.at
		name := p.name()
		if name == "" {
			return Expr{}, false, nil
		}
		if _, ok := p.used[name]; !ok {
			p.used[name] = at
		}
		e = Ref(name)
	}
	return e, true, err
}

// quantified reads the quantifiers behind an expression.
func (p *gbnfParser) quantified(e Expr, depth int) (Expr, error) {
	for {
		low, high := 0, Unbounded
		switch p.peek() {
		case '*':
		case '+':
			low = 1
		case '?':
			high = 1
		case '{':
			var err error
			if low, high, err = p.count(); err != nil {
				return e, err
			}
		default:
			return e, nil
		}
		p.at++
		e = Repeat(e, low, high)
		if e.n != nil && e.n.depth > maxNesting {
			return e, p.fail(p.at, ErrTooLarge, "more than %d expressions in one another", maxNesting)
		}
		p.space(depth > 0)
	}
}

// count reads {m}, {m,} or {m,n} up to the closing brace.
func (p *gbnfParser) count() (low, high int, err error) {
	p.at++
	p.space(true)
	low, end, ok := readCount(p.text, p.at)
	if !ok {
		return 0, 0, p.syntax("%q, want a number", p.near())
	}
	p.at, high = end, low
	if p.space(true); p.peek() == ',' {
		p.at++
		p.space(true)
		if high, end, ok = readCount(p.text, p.at); !ok {
			high = Unbounded
		}
		p.at = end
		p.space(true)
	}
	switch {
	case p.peek() != '}':
		return 0, 0, p.syntax("%q, want }", p.near())
	case high != Unbounded && high < low:
		return 0, 0, p.syntax("a count from %d to %d", low, high)
	}
	return low, high, nil
}

// literal reads a text in quotes.
func (p *gbnfParser) literal() (Expr, error) {
	var text strings.Builder
	for p.at++; p.peek() != '"'; {
		r, err := p.character()
		if err != nil {
			return Expr{}, err
		}
		text.WriteRune(r)
	}
	p.at++
	return Literal(text.String()), nil
}

// class reads a class in brackets.
func (p *gbnfParser) class() (Expr, error) {
	p.at++
	not := p.peek() == '^'
	if not {
		p.at++
	}
	var all []Range
	for p.peek() != ']' {
		lo, err := p.character()
		if err != nil {
			return Expr{}, err
		}
		hi := lo
		if p.peek() == '-' && p.at+1 < len(p.text) && p.text[p.at+1] != ']' {
			p.at++
			if hi, err = p.character(); err != nil {
				return Expr{}, err
			}
			if hi < lo {
				return Expr{}, p.syntax("a range from %q to %q", lo, hi)
			}
		}
		all = append(all, Range{lo, hi})
	}
	p.at++
	if not {
		return NotClass(all...), nil
	}
	return Class(all...), nil
}

// character reads a character of a literal or a class.
func (p *gbnfParser) character() (rune, error) {
	if p.at == len(p.text) {
		return 0, p.syntax("a literal or a class without an end")
	}
	if p.peek() != '\\' {
		r, n := utf8.DecodeRuneInString(p.text[p.at:])
		if r == utf8.RuneError && n == 1 {
			return 0, p.syntax("not UTF-8")
		}
		p.at += n
		return r, nil
	}
	p.at++
	c := p.peek()
	p.at = min(p.at+1, len(p.text))
	switch c {
	case 'n':
		return '\n', nil
	case 'r':
		return '\r', nil
	case 't':
		return '\t', nil
	case '\\', '"', '[', ']', '-', '^':
		return rune(c), nil
	case 'x':
		return p.hex(2)
	case 'u':
		return p.hex(4)
	case 'U':
		return p.hex(8)
	}
	p.at = min(p.at, len(p.text))
	return 0, p.syntax(`escape \%c`, c)
}

// hex reads so many hexadecimal digits, of a character.
func (p *gbnfParser) hex(n int) (rune, error) {
	digits := &regexParser{text: p.text, at: p.at}
	r, err := digits.hexDigits(n)
	if err != nil {
		return 0, p.syntax("%q, want %d hexadecimal digits", p.near(), n)
	}
	if !utf8.ValidRune(r) {
		return 0, p.syntax("U+%X is no character", uint32(r))
	}
	p.at = digits.at
	return r, nil
}

// token reads a special token.
func (p *gbnfParser) token() (Expr, error) {
	if strings.HasPrefix(p.text[p.at:], "<[") {
		return Expr{}, p.fail(p.at, ErrUnsupported, "tokens by their number <[…]>")
	}
	end := strings.IndexAny(p.text[p.at:], ">\r\n")
	if end < 2 || p.text[p.at+end] != '>' {
		return Expr{}, p.syntax("%q, want a token <text>", p.near())
	}
	text := p.text[p.at : p.at+end+1]
	p.at += end + 1
	return Special(text), nil
}
