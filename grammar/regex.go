package grammar

import (
	"fmt"
	"strconv"
	"unicode/utf8"
)

// Regex compiles a regular expression that a whole text has to match. l may be nil. It
// takes what ECMA-262, Perl and Go have in common: classes, \d \w \s \p{…} and their
// opposites, escapes, groups (captures are not kept), alternatives, quantifiers, of which
// lazy ones match the same texts, and ^ and $ at the begin and the end of the pattern or of its
// alternatives. Where those languages differ it matches what all of them do: a dot is no
// line end, \s is a tab, a newline, a form feed, a carriage return or a space.
//
// The error wraps ErrSyntax, ErrTooLarge, ErrEmpty, or, naming them, ErrUnsupported for
// look-around, back references, word boundaries, flags, and atomic and possessive forms.
func Regex(pattern string, l *Limits) (*Grammar, error) {
	if limits := l.withDefaults(); len(pattern) > limits.Source {
		return nil, sourceError("pattern", len(pattern), limits.Source)
	}
	e, err := regexExpr(pattern, false)
	if err != nil {
		return nil, err
	}
	return CompileExpr(e, l)
}

// sourceError is a text that is too long.
func sourceError(what string, got, most int) error {
	return fmt.Errorf("grammar: a %s of %d bytes, want at most %d: %w", what, got, most, ErrTooLarge)
}

// regexExpr returns the expression of a pattern: of the texts that it matches, or, to
// search, of those in which it matches some part.
func regexExpr(pattern string, search bool) (Expr, error) {
	if !utf8.ValidString(pattern) {
		return Expr{}, fmt.Errorf("grammar: pattern: not UTF-8: %w", ErrSyntax)
	}
	p := &regexParser{text: pattern}
	e, err := p.alternatives(0)
	if err == nil && p.at < len(p.text) {
		err = p.syntax("a ) without a (")
	}
	if err != nil {
		return Expr{}, err
	}
	pad := Expr{}
	if search {
		pad = Repeat(Any(), 0, Unbounded)
	}
	return anchored(e, pad)
}

// regexParser reads a pattern.
type regexParser struct {
	text string
	at   int
}

// maxGroups bounds groups in one another.
const maxGroups = 1000

func (p *regexParser) syntax(what string) error {
	return fmt.Errorf("grammar: pattern, at byte %d: %s: %w", p.at, what, ErrSyntax)
}

func (p *regexParser) unsupported(what string) error {
	return fmt.Errorf("grammar: pattern, at byte %d: %s: %w", p.at, what, ErrUnsupported)
}

// has says whether what follows begins with s.
func (p *regexParser) has(s string) bool {
	return len(p.text)-p.at >= len(s) && p.text[p.at:p.at+len(s)] == s
}

// take is has, and goes behind s.
func (p *regexParser) take(s string) bool {
	if !p.has(s) {
		return false
	}
	p.at += len(s)
	return true
}

// alternatives reads up to a closing parenthesis or the end.
func (p *regexParser) alternatives(depth int) (Expr, error) {
	if depth > maxGroups {
		return Expr{}, fmt.Errorf("grammar: pattern: more than %d groups in one another: %w", maxGroups, ErrTooLarge)
	}
	var all []Expr
	for {
		e, err := p.sequence(depth)
		if err != nil {
			return e, err
		}
		if all = append(all, e); !p.take("|") {
			return Or(all...), nil
		}
	}
}

// sequence reads one alternative.
func (p *regexParser) sequence(depth int) (Expr, error) {
	var row []Expr
	for p.at < len(p.text) && !p.has("|") && !p.has(")") {
		e, err := p.atom(depth)
		if err != nil {
			return e, err
		}
		if e, err = p.quantified(e); err != nil {
			return e, err
		}
		row = append(row, e)
	}
	return Seq(row...), nil
}

// atom reads what a quantifier is about.
func (p *regexParser) atom(depth int) (Expr, error) {
	c := p.text[p.at]
	switch {
	case c == '(':
		return p.group(depth)
	case c == '[':
		return p.class()
	case c == '\\':
		return p.escaped()
	case c == '*' || c == '+' || c == '?':
		return Expr{}, p.syntax(fmt.Sprintf("%c behind nothing", c))
	}
	if _, _, ok, err := p.count(); ok || err != nil {
		return Expr{}, p.syntax("a count behind nothing")
	}
	r, n := utf8.DecodeRuneInString(p.text[p.at:])
	p.at += n
	switch r {
	case '^':
		return Expr{&node{op: opBegin, depth: 1, begins: true}}, nil
	case '$':
		return Expr{&node{op: opEnd, depth: 1, ends: true}}, nil
	case '.':
		return NotClass(Range{'\n', '\n'}, Range{'\r', '\r'}, Range{0x2028, 0x2029}), nil
	}
	return Literal(string(r)), nil
}

// group reads a group.
func (p *regexParser) group(depth int) (Expr, error) {
	switch {
	case p.has("(?=") || p.has("(?!"):
		return Expr{}, p.unsupported("look-ahead " + p.text[p.at:p.at+3])
	case p.has("(?<=") || p.has("(?<!"):
		return Expr{}, p.unsupported("look-behind " + p.text[p.at:p.at+4])
	case p.has("(?>"):
		return Expr{}, p.unsupported("atomic group (?>")
	case p.take("(?:"):
	case p.take("(?<") || p.take("(?P<"):
		for p.at < len(p.text) && p.text[p.at] != '>' && p.text[p.at] != ')' {
			p.at++
		}
		if !p.take(">") {
			return Expr{}, p.syntax("a name of a group without >")
		}
	case p.has("(?"):
		return Expr{}, p.unsupported("flags or other forms of (?")
	case p.has("(*"):
		return Expr{}, p.unsupported("verbs (*")
	default:
		p.at++
	}
	e, err := p.alternatives(depth + 1)
	if err == nil && !p.take(")") {
		err = p.syntax("a ( without a )")
	}
	return e, err
}

// quantified reads the quantifier behind an expression, if there is one.
func (p *regexParser) quantified(e Expr) (Expr, error) {
	low, high := 1, 1
	switch {
	case p.take("*"):
		low, high = 0, Unbounded
	case p.take("+"):
		low, high = 1, Unbounded
	case p.take("?"):
		low, high = 0, 1
	default:
		var ok bool
		var err error
		if low, high, ok, err = p.count(); err != nil {
			return e, err
		} else if !ok {
			return e, nil
		}
	}
	switch {
	case p.has("+"):
		return e, p.unsupported("possessive quantifier")
	case p.take("?"): // lazy: the same texts
	}
	if _, _, again, _ := p.count(); again || p.has("*") || p.has("+") || p.has("?") {
		return e, p.syntax("a quantifier behind a quantifier")
	}
	if holdsAnchor(e.n, opBegin) || holdsAnchor(e.n, opEnd) {
		return e, p.unsupported("a quantifier about ^ or $")
	}
	return Repeat(e, low, high), nil
}

// count reads a count in braces. What has another form is no count but text.
func (p *regexParser) count() (low, high int, ok bool, err error) {
	if !p.has("{") {
		return 0, 0, false, nil
	}
	at := p.at + 1
	low, at, ok = readCount(p.text, at)
	if !ok {
		return 0, 0, false, nil
	}
	high = low
	if at < len(p.text) && p.text[at] == ',' {
		var bounded bool
		if high, at, bounded = readCount(p.text, at+1); !bounded {
			high = Unbounded
		}
	}
	if at >= len(p.text) || p.text[at] != '}' {
		return 0, 0, false, nil
	}
	if high != Unbounded && high < low {
		return 0, 0, false, p.syntax(fmt.Sprintf("a count from %d to %d", low, high))
	}
	p.at = at + 1
	return low, high, true, nil
}

// readCount reads a number. What is beyond maxRounds is maxRounds.
func readCount(text string, at int) (n, end int, ok bool) {
	for end = at; end < len(text) && text[end] >= '0' && text[end] <= '9'; end++ {
		n = min(10*n+int(text[end]-'0'), maxRounds)
	}
	return n, end, end > at
}

// escaped reads an escape outside of a class.
func (p *regexParser) escaped() (Expr, error) {
	if p.at+1 < len(p.text) {
		switch c := p.text[p.at+1]; {
		case c == 'b' || c == 'B':
			return Expr{}, p.unsupported(`word boundary \` + string(c))
		case c >= '1' && c <= '9', c == 'k', c == 'g':
			return Expr{}, p.unsupported(`back reference \` + string(c))
		case c == 'A':
			p.at += 2
			return Expr{&node{op: opBegin, depth: 1, begins: true}}, nil
		case c == 'z':
			p.at += 2
			return Expr{&node{op: opEnd, depth: 1, ends: true}}, nil
		case c == 'Z' || c == 'G' || c == 'K' || c == 'R' || c == 'X' || c == 'Q' || c == 'E':
			return Expr{}, p.unsupported(`\` + string(c))
		}
	}
	ranges, _, err := p.escape()
	if err != nil {
		return Expr{}, err
	}
	return Class(ranges...), nil
}

// hexDigits reads so many hexadecimal digits.
func (p *regexParser) hexDigits(n int) (rune, error) {
	if len(p.text)-p.at < n {
		return 0, p.syntax(fmt.Sprintf("want %d hexadecimal digits", n))
	}
	v, err := strconv.ParseUint(p.text[p.at:p.at+n], 16, 32)
	if err != nil || p.text[p.at] == '+' {
		return 0, p.syntax(fmt.Sprintf("%q, want %d hexadecimal digits", p.text[p.at:p.at+n], n))
	}
	p.at += n
	return rune(v), nil
}
