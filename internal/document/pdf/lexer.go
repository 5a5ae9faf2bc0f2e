package pdf

import (
	"bytes"
	"strconv"
)

// maxNesting bounds arrays and dictionaries within each other.
const maxNesting = 64

// lexer reads objects of a text. What is damaged gives some object; the end of the text
// gives none.
type lexer struct {
	text  []byte
	pos   int
	refs  bool // "12 0 R" is a reference, as everywhere but in content
	depth int
}

// Characters that end a word.
var (
	isSpace     = table("\x00\t\n\f\r ")
	isDelimiter = table("()<>[]{}/%")
)

func table(chars string) (t [256]bool) {
	for i := range len(chars) {
		t[chars[i]] = true
	}
	return t
}

// space passes over blanks and comments.
func (l *lexer) space() {
	for l.pos < len(l.text) {
		switch c := l.text[l.pos]; {
		case isSpace[c]:
			l.pos++
		case c == '%':
			if n := bytes.IndexAny(l.text[l.pos:], "\r\n"); n >= 0 {
				l.pos += n
			} else {
				l.pos = len(l.text)
			}
		default:
			return
		}
	}
}

// next returns the next object or keyword; false at the end of the text.
func (l *lexer) next() (any, bool) {
	l.space()
	if l.pos >= len(l.text) {
		return nil, false
	}
	switch c := l.text[l.pos]; c {
	case '/':
		l.pos++
		return l.name(), true
	case '(':
		return l.literal(), true
	case '<':
		if l.pos+1 < len(l.text) && l.text[l.pos+1] == '<' {
			l.pos += 2
			return l.dict(), true
		}
		return l.hex(), true
	case '>':
		if l.pos+1 < len(l.text) && l.text[l.pos+1] == '>' {
			l.pos++
		}
		l.pos++
		return keyword(">>"), true
	case '[':
		l.pos++
		return l.array(), true
	case ']', '{', '}', ')':
		l.pos++
		return keyword(c), true
	}
	return l.word(), true
}

// word reads a number, a reference, or a keyword.
func (l *lexer) word() any {
	from := l.pos
	for l.pos < len(l.text) && !isSpace[l.text[l.pos]] && !isDelimiter[l.text[l.pos]] {
		l.pos++
	}
	w := l.text[from:l.pos]
	if c := w[0]; c >= '0' && c <= '9' || c == '+' || c == '-' || c == '.' {
		n, isNumber := parseNumber(w)
		if i, ok := n.(int); ok && l.refs && i >= 0 {
			if r, ok := l.reference(i); ok {
				return r
			}
		}
		if isNumber {
			return n
		}
	}
	switch string(w) {
	case "true":
		return true
	case "false":
		return false
	case "null":
		return nil
	}
	return keyword(w)
}

// parseNumber reads a number as PDF writes it. Some programs write "--5" or "1.2.3"; the
// sign counts once, and what is behind a second point does not.
func parseNumber(w []byte) (any, bool) {
	sign := 1.0
	for len(w) > 0 && (w[0] == '-' || w[0] == '+') {
		if w[0] == '-' {
			sign = -1
		}
		w = w[1:]
	}
	digits, point := 0, -1
	for i, c := range w {
		switch {
		case c >= '0' && c <= '9':
			digits++
			continue
		case c == '.' && point < 0:
			point = i
			continue
		case digits == 0:
			return nil, false
		}
		w = w[:i]
		break
	}
	if digits == 0 || len(w) > 40 {
		return 0, len(w) <= 1 // "-" and "." alone stand for 0
	}
	if point < 0 {
		if n, err := strconv.ParseInt(string(w), 10, 32); err == nil {
			return int(sign) * int(n), true
		}
	}
	x, err := strconv.ParseFloat(string(w), 64)
	if err != nil {
		return nil, false
	}
	return sign * x, true
}

// reference reads the rest of "12 0 R".
func (l *lexer) reference(number int) (ref, bool) {
	from := l.pos
	l.space()
	start := l.pos
	for l.pos < len(l.text) && l.pos-start < 6 && l.text[l.pos] >= '0' && l.text[l.pos] <= '9' {
		l.pos++
	}
	generation, err := strconv.Atoi(string(l.text[start:l.pos]))
	l.space()
	if err == nil && l.pos < len(l.text) && l.text[l.pos] == 'R' &&
		(l.pos+1 == len(l.text) || isSpace[l.text[l.pos+1]] || isDelimiter[l.text[l.pos+1]]) {
		l.pos++
		return ref{number, generation}, true
	}
	l.pos = from
	return ref{}, false
}

// name reads a name behind its slash.
func (l *lexer) name() name {
	var b []byte
	for l.pos < len(l.text) {
		c := l.text[l.pos]
		if isSpace[c] || isDelimiter[c] {
			break
		}
		l.pos++
		if c == '#' && l.pos+1 < len(l.text) {
			if hi, lo := hexDigit(l.text[l.pos]), hexDigit(l.text[l.pos+1]); hi >= 0 && lo >= 0 {
				c = byte(hi<<4 | lo)
				l.pos += 2
			}
		}
		b = append(b, c)
	}
	return name(b)
}

func hexDigit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// hex reads a string in hexadecimal digits.
func (l *lexer) hex() str {
	l.pos++
	var b []byte
	half := -1
	for l.pos < len(l.text) {
		c := l.text[l.pos]
		l.pos++
		if c == '>' {
			break
		}
		d := hexDigit(c)
		switch {
		case d < 0:
		case half < 0:
			half = d
		default:
			b, half = append(b, byte(half<<4|d)), -1
		}
	}
	if half >= 0 {
		b = append(b, byte(half<<4))
	}
	return str(b)
}

// literal reads a string in parentheses.
func (l *lexer) literal() str {
	l.pos++
	var b []byte
	for open := 1; l.pos < len(l.text); {
		c := l.text[l.pos]
		l.pos++
		switch c {
		case '(':
			open++
		case ')':
			if open--; open == 0 {
				return str(b)
			}
		case '\\':
			b = l.escape(b)
			continue
		case '\r': // a line end of any kind is one
			if l.pos < len(l.text) && l.text[l.pos] == '\n' {
				l.pos++
			}
			c = '\n'
		}
		b = append(b, c)
	}
	return str(b)
}

// escape reads what follows a backslash.
func (l *lexer) escape(b []byte) []byte {
	if l.pos >= len(l.text) {
		return b
	}
	c := l.text[l.pos]
	l.pos++
	switch c {
	case 'n':
		return append(b, '\n')
	case 'r':
		return append(b, '\r')
	case 't':
		return append(b, '\t')
	case 'b':
		return append(b, '\b')
	case 'f':
		return append(b, '\f')
	case '\n':
		return b
	case '\r':
		if l.pos < len(l.text) && l.text[l.pos] == '\n' {
			l.pos++
		}
		return b
	}
	if c < '0' || c > '7' {
		return append(b, c)
	}
	n := int(c - '0')
	for i := 0; i < 2 && l.pos < len(l.text) && l.text[l.pos] >= '0' && l.text[l.pos] <= '7'; i++ {
		n = n<<3 | int(l.text[l.pos]-'0')
		l.pos++
	}
	return append(b, byte(n))
}

// enter reports whether one more level may be read; else the text ends.
func (l *lexer) enter() bool {
	if l.depth++; l.depth <= maxNesting {
		return true
	}
	l.pos = len(l.text)
	return false
}

// array reads an array behind its bracket.
func (l *lexer) array() array {
	a := array{}
	for l.enter() {
		o, ok := l.next()
		l.depth--
		if !ok || o == keyword("]") {
			return a
		}
		if w, isWord := o.(keyword); isWord {
			if w == "endobj" || w == "endstream" {
				return a
			}
			continue
		}
		a = append(a, o)
	}
	l.depth--
	return a
}

// dict reads a dictionary behind its brackets.
func (l *lexer) dict() dict {
	d := dict{}
	for l.enter() {
		key, ok := l.next()
		if !ok || key == keyword(">>") || key == keyword("endobj") || key == keyword("stream") {
			if key == keyword("stream") {
				l.pos -= len("stream")
			}
			l.depth--
			return d
		}
		k, isName := key.(name)
		if !isName {
			l.depth--
			continue
		}
		value, ok := l.next()
		l.depth--
		if !ok || value == keyword(">>") {
			return d
		}
		if _, isWord := value.(keyword); !isWord && value != nil {
			d[k] = value
		}
	}
	l.depth--
	return d
}
