package jinja

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// tokenKind is the kind of a token. Operators are kinds of their own.
type tokenKind uint8

const (
	tokenEnd tokenKind = iota
	tokenText
	tokenBlockBegin
	tokenBlockEnd
	tokenVariableBegin
	tokenVariableEnd
	tokenName
	tokenString
	tokenInteger
	tokenFloat
	tokenOperator // text says which
)

type token struct {
	kind tokenKind
	line int
	text string
}

// is reports whether t is the operator op.
func (t token) is(op string) bool { return t.kind == tokenOperator && t.text == op }

// isName reports whether t is the word name.
func (t token) isName(name string) bool { return t.kind == tokenName && t.text == name }

// lexer cuts a template into tokens. White space is taken away as the
// reference does with trim_blocks and lstrip_blocks: a block tag swallows the
// newline after it and, when nothing else is before it, the blanks of its line.
type lexer struct {
	src    string
	pos    int
	line   int
	tokens []token

	lineStarts bool // the text at pos begins a line
}

// tokenize returns the tokens of a template, the last one tokenEnd.
func tokenize(source string) ([]token, error) {
	source = newlines(source)
	source = strings.TrimSuffix(source, "\n")
	l := &lexer{src: source, line: 1, lineStarts: true}
	for l.pos < len(l.src) {
		if err := l.outside(); err != nil {
			return nil, atLine(err, l.line)
		}
	}
	l.emit(tokenEnd, "")
	return l.tokens, nil
}

// newlines makes every line end a \n.
func newlines(s string) string {
	if !strings.Contains(s, "\r") {
		return s
	}
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}

func (l *lexer) emit(kind tokenKind, text string) {
	l.tokens = append(l.tokens, token{kind, l.line, text})
}

// advance moves over n bytes, counting lines.
func (l *lexer) advance(n int) {
	s := l.src[l.pos : l.pos+n]
	l.line += strings.Count(s, "\n")
	l.pos += n
	l.lineStarts = strings.HasSuffix(s, "\n")
}

// rawBegin is a raw tag; its newline is not swallowed.
var rawBegin = regexp.MustCompile(`^\{%[-+]?` + spaces + `*raw` + spaces + `*(?:-%\}` + spaces + `*|%\})`)

// rawEnd is its end.
var rawEnd = regexp.MustCompile(`\{%([-+]?)` + spaces + `*endraw` + spaces + `*(?:\+%\}|-%\}` + spaces + `*|%\}\n?)`)

// spaces is a class with the characters of isSpace.
const spaces = `[\s\v\x1c-\x1f\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}]`

// outside reads text up to a tag, and the tag.
func (l *lexer) outside() error {
	rest := l.src[l.pos:]
	i := tagStart(rest)
	if i < 0 {
		l.emit(tokenText, rest)
		l.advance(len(rest))
		return nil
	}
	begin := 2
	sign := byte(0)
	if len(rest) > i+2 && (rest[i+2] == '-' || rest[i+2] == '+') {
		sign = rest[i+2]
		begin = 3
	}
	l.textBefore(rest[:i], sign, rest[i+1] == '{')
	l.advance(i)
	switch rest[i+1] {
	case '#':
		l.advance(begin)
		return l.comment()
	case '{':
		l.emit(tokenVariableBegin, "")
		l.advance(begin)
		return l.inside(false)
	}
	if m := rawBegin.FindString(l.src[l.pos:]); m != "" {
		l.advance(len(m))
		return l.raw()
	}
	l.emit(tokenBlockBegin, "")
	l.advance(begin)
	return l.inside(true)
}

// tagStart returns where the first tag begins, -1 if there is none.
func tagStart(s string) int {
	for from := 0; ; {
		i := strings.IndexByte(s[from:], '{')
		if i < 0 || from+i+1 >= len(s) {
			return -1
		}
		from += i + 1
		switch s[from] {
		case '{', '%', '#':
			return from - 1
		}
	}
}

// textBefore emits the text before a tag that has the given sign.
func (l *lexer) textBefore(text string, sign byte, variable bool) {
	switch {
	case sign == '-':
		text = strings.TrimRightFunc(text, isSpace)
	case sign != '+' && !variable:
		i := strings.LastIndexByte(text, '\n') + 1
		if (i > 0 || l.lineStarts) && strings.TrimLeftFunc(text[i:], isSpace) == "" {
			text = text[:i]
		}
	}
	if text != "" {
		l.emit(tokenText, text)
	}
}

// comment moves behind the end of a comment.
func (l *lexer) comment() error {
	rest := l.src[l.pos:]
	i := strings.Index(rest, "#}")
	if i < 0 {
		if rest == "" {
			return nil
		}
		return faultf(faultSyntax, "missing end of comment tag")
	}
	signed := i > 0 && rest[i-1] == '-'
	l.advance(i + 2)
	if signed {
		l.skipSpace()
	} else if i == 0 || rest[i-1] != '+' {
		l.skipNewline()
	}
	return nil
}

func (l *lexer) skipSpace() {
	rest := l.src[l.pos:]
	if n := len(rest) - len(strings.TrimLeftFunc(rest, isSpace)); n > 0 {
		l.advance(n)
	}
}

func (l *lexer) skipNewline() {
	if strings.HasPrefix(l.src[l.pos:], "\n") {
		l.advance(1)
	}
}

// raw emits what is between raw and endraw.
func (l *lexer) raw() error {
	rest := l.src[l.pos:]
	if rest == "" {
		return nil
	}
	m := rawEnd.FindStringSubmatchIndex(rest)
	if m == nil {
		return faultf(faultSyntax, "missing end of raw directive")
	}
	sign := byte(0)
	if m[2] < m[3] {
		sign = rest[m[2]]
	}
	l.textBefore(rest[:m[0]], sign, false)
	l.advance(m[0])
	l.advance(m[1] - m[0])
	return nil
}

// inside emits the tokens of a tag up to and with its end.
func (l *lexer) inside(block bool) error {
	var open []byte // closing brackets that are due
	for l.pos < len(l.src) {
		if len(open) == 0 && l.tagEnd(block) {
			return nil
		}
		rest := l.src[l.pos:]
		c, size := utf8.DecodeRuneInString(rest)
		switch {
		case isSpace(c):
			l.skipSpace()
		case isDigit(rest[0]):
			kind, n := scanNumber(rest, l.pos > 0 && l.src[l.pos-1] == '.')
			l.emit(kind, strings.ReplaceAll(rest[:n], "_", ""))
			l.advance(n)
		case isWordPart(c):
			n := len(rest) - len(strings.TrimLeftFunc(rest, isWordPart))
			if !isIdentifier(rest[:n]) {
				return faultf(faultSyntax, "invalid character in identifier %s", quote(rest[:n]))
			}
			l.emit(tokenName, rest[:n])
			l.advance(n)
		case c == '\'' || c == '"':
			if err := l.quoted(rest); err != nil {
				return err
			}
		default:
			op := scanOperator(rest)
			if op == "" {
				return faultf(faultSyntax, "unexpected char %s", quote(rest[:size]))
			}
			var err error
			if open, err = balance(open, op[0]); err != nil {
				return err
			}
			l.emit(tokenOperator, op)
			l.advance(len(op))
		}
	}
	return nil
}

// isWordPart reports whether c can be part of a name as far as the lexer goes.
func isWordPart(c rune) bool {
	return isWord(c) || c >= utf8.RuneSelf && isIdentifier("a"+string(c))
}

// tagEnd takes the end of a tag, if it is here.
func (l *lexer) tagEnd(block bool) bool {
	kind, end := tokenVariableEnd, "}}"
	if block {
		kind, end = tokenBlockEnd, "%}"
	}
	rest := l.src[l.pos:]
	switch {
	case strings.HasPrefix(rest, end):
		l.emit(kind, "")
		l.advance(2)
		if block {
			l.skipNewline()
		}
	case strings.HasPrefix(rest, "-"+end):
		l.emit(kind, "")
		l.advance(3)
		l.skipSpace()
	case block && strings.HasPrefix(rest, "+"+end):
		l.emit(kind, "")
		l.advance(3)
	default:
		return false
	}
	return true
}

// balance keeps track of brackets, because }} ends a tag only outside of them.
func balance(open []byte, c byte) ([]byte, error) {
	switch c {
	case '(':
		return append(open, ')'), nil
	case '[':
		return append(open, ']'), nil
	case '{':
		return append(open, '}'), nil
	case ')', ']', '}':
		if len(open) == 0 {
			return nil, faultf(faultSyntax, "unexpected '%c'", c)
		}
		if due := open[len(open)-1]; due != c {
			return nil, faultf(faultSyntax, "unexpected '%c', expected '%c'", c, due)
		}
		return open[:len(open)-1], nil
	}
	return open, nil
}

// quoted emits a string.
func (l *lexer) quoted(rest string) error {
	for i := 1; i < len(rest); i++ {
		switch rest[i] {
		case '\\':
			i++
		case rest[0]:
			s, err := unescape(rest[1:i])
			if err != nil {
				return err
			}
			l.emit(tokenString, s)
			l.advance(i + 1)
			return nil
		}
	}
	return faultf(faultSyntax, "unexpected char %s: the string has no end", quote(rest[:1]))
}

var operators = []string{
	"**", "//", "==", "!=", ">=", "<=",
	"+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<", "=", ".", ":", "|", ",", ";",
}

func scanOperator(s string) string {
	for _, op := range operators {
		if strings.HasPrefix(s, op) {
			return op
		}
	}
	return ""
}
