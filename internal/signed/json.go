package signed

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// Depth is how many objects and lists may stand in each other.
const Depth = 32

// maxValues is how many values a text may have, all of them, and maxMembers how many members
// an object: each takes some ten times the memory that its shortest text does. A signature of
// as many files as MaxBundle of package oms has room for stays below.
const (
	maxValues  = 2 << 20
	maxMembers = 1 << 16
)

// A JSON value is nil, a bool, a string, a Number, a List or an Object.
type (
	// Number is a number as it was written.
	Number string
	// List is a list of values.
	List []any
	// Object is an object, its members in the order of the text, no name twice.
	Object []Member
)

// Member is a member of an object.
type Member struct {
	Name  string
	Value any
}

// Get returns the member with a name.
func (o Object) Get(name string) (any, bool) {
	for i := range o {
		if o[i].Name == name {
			return o[i].Value, true
		}
	}
	return nil, false
}

// Parse reads one JSON value of at most so many bytes, strictly: UTF-8 without byte
// order mark, no name twice in an object, no lone surrogates, nothing behind the value,
// Depth, bounded numbers of values. The error is a Refusal with Form.
func Parse(text []byte, most int) (any, error) {
	if len(text) > most {
		return nil, Refuse(Form, "JSON of %d bytes, want at most %d", len(text), most)
	}
	if !utf8.Valid(text) {
		return nil, Refuse(Form, "JSON: not UTF-8")
	}
	p := &parser{text: string(text)}
	p.space()
	v, err := p.value(0)
	if err == nil {
		if p.space(); p.at < len(p.text) {
			err = p.wrong("something behind the value")
		}
	}
	if err != nil {
		return nil, err
	}
	return v, nil
}

// parser reads JSON. Strings without escapes are parts of text.
type parser struct {
	text   string
	at     int
	values int // that began
}

func (p *parser) wrong(format string, args ...any) error {
	return Refuse(Form, "JSON: byte %d: %s", p.at, fmt.Sprintf(format, args...))
}

func (p *parser) space() {
	for p.at < len(p.text) {
		switch p.text[p.at] {
		case ' ', '\t', '\n', '\r':
			p.at++
		default:
			return
		}
	}
}

// next returns the next byte, 0 at the end.
func (p *parser) next() byte {
	if p.at < len(p.text) {
		return p.text[p.at]
	}
	return 0
}

func (p *parser) value(depth int) (any, error) {
	if p.values++; p.values > maxValues {
		return nil, p.wrong("more than %d values", maxValues)
	}
	switch c := p.next(); {
	case c == '{' || c == '[':
		if depth == Depth {
			return nil, p.wrong("more than %d levels", Depth)
		}
		if c == '{' {
			return p.object(depth + 1)
		}
		return p.list(depth + 1)
	case c == '"':
		return p.string()
	case c == '-' || c >= '0' && c <= '9':
		return p.number()
	}
	for _, w := range []struct {
		word  string
		value any
	}{{"true", true}, {"false", false}, {"null", nil}} {
		if rest := p.text[p.at:]; len(rest) >= len(w.word) && rest[:len(w.word)] == w.word {
			p.at += len(w.word)
			return w.value, nil
		}
	}
	return nil, p.wrong("no value")
}

func (p *parser) list(depth int) (any, error) {
	p.at++
	list := List{}
	for p.space(); p.next() != ']'; p.space() {
		if len(list) > 0 {
			if p.next() != ',' {
				return nil, p.wrong("want , or ]")
			}
			p.at++
			p.space()
		}
		v, err := p.value(depth)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	p.at++
	return list, nil
}

// fewMembers is how many names are compared one by one.
const fewMembers = 16

func (p *parser) object(depth int) (any, error) {
	p.at++
	object := Object{}
	var names map[string]bool
	for p.space(); p.next() != '}'; p.space() {
		if len(object) > 0 {
			if p.next() != ',' {
				return nil, p.wrong("want , or }")
			}
			p.at++
			p.space()
		}
		switch {
		case p.next() != '"':
			return nil, p.wrong("want a name")
		case len(object) == maxMembers:
			return nil, p.wrong("more than %d members", maxMembers)
		}
		name, err := p.string()
		if err != nil {
			return nil, err
		}
		twice := names[name]
		switch {
		case names != nil:
			names[name] = true
		case len(object) < fewMembers:
			_, twice = object.Get(name)
		default:
			names = map[string]bool{name: true}
			for _, m := range object {
				twice = twice || m.Name == name
				names[m.Name] = true
			}
		}
		if twice {
			return nil, p.wrong("%.40q twice", name)
		}
		if p.space(); p.next() != ':' {
			return nil, p.wrong("want :")
		}
		p.at++
		p.space()
		v, err := p.value(depth)
		if err != nil {
			return nil, err
		}
		object = append(object, Member{name, v})
	}
	p.at++
	return object, nil
}

func (p *parser) string() (string, error) {
	p.at++
	start := p.at
	for p.at < len(p.text) {
		switch c := p.text[p.at]; {
		case c == '"':
			p.at++
			return p.text[start : p.at-1], nil
		case c == '\\':
			return p.escaped(start)
		case c < ' ':
			return "", p.wrong("a control character in a string")
		}
		p.at++
	}
	return "", p.wrong("a string without an end")
}

// escapes are what may stand behind a backslash, u aside.
var escapes = map[byte]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// escaped reads the rest of a string that has escapes.
func (p *parser) escaped(start int) (string, error) {
	s := []byte(p.text[start:p.at])
	for p.at < len(p.text) {
		c := p.text[p.at]
		switch {
		case c == '"':
			p.at++
			return string(s), nil
		case c < ' ':
			return "", p.wrong("a control character in a string")
		case c != '\\':
			s = append(s, c)
			p.at++
			continue
		}
		p.at++
		if p.next() == 'u' {
			r, err := p.codePoint()
			if err != nil {
				return "", err
			}
			s = utf8.AppendRune(s, r)
			continue
		}
		plain, ok := escapes[p.next()]
		if !ok {
			return "", p.wrong("no escape")
		}
		s = append(s, plain)
		p.at++
	}
	return "", p.wrong("a string without an end")
}

// codePoint reads u and four digits, twice for a pair of surrogates.
func (p *parser) codePoint() (rune, error) {
	unit := func() (rune, error) {
		if len(p.text)-p.at < 5 || p.text[p.at] != 'u' {
			return 0, p.wrong("want \\u and four digits")
		}
		n := rune(0)
		for _, c := range []byte(p.text[p.at+1 : p.at+5]) {
			switch {
			case c >= '0' && c <= '9':
				n = n<<4 | rune(c-'0')
			case c|0x20 >= 'a' && c|0x20 <= 'f':
				n = n<<4 | rune(c|0x20-'a'+10)
			default:
				return 0, p.wrong("want \\u and four digits")
			}
		}
		p.at += 5
		return n, nil
	}
	r, err := unit()
	if err != nil || !utf16.IsSurrogate(r) {
		return r, err
	}
	if p.next() != '\\' {
		return 0, p.wrong("half of a surrogate pair")
	}
	p.at++
	low, err := unit()
	if err != nil {
		return 0, err
	}
	if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
		return 0, p.wrong("half of a surrogate pair")
	}
	return r, nil
}

func (p *parser) number() (any, error) {
	start := p.at
	digits := func() bool {
		from := p.at
		for p.next() >= '0' && p.next() <= '9' {
			p.at++
		}
		return p.at > from
	}
	if p.next() == '-' {
		p.at++
	}
	ok := true
	if p.next() == '0' {
		p.at++
	} else {
		ok = digits()
	}
	if ok && p.next() == '.' {
		p.at++
		ok = digits()
	}
	if ok && p.next()|0x20 == 'e' {
		p.at++
		if p.next() == '+' || p.next() == '-' {
			p.at++
		}
		ok = digits()
	}
	if !ok {
		return nil, p.wrong("no number")
	}
	n := Number(p.text[start:p.at])
	if _, err := n.float(); err != nil {
		return nil, p.wrong("a number that is too large")
	}
	return n, nil
}

func (n Number) float() (float64, error) { return strconv.ParseFloat(string(n), 64) }

// Canonical returns the form of a value that RFC 8785 defines.
func Canonical(v any) []byte { return appendJSON(nil, v, true) }

// Text returns a value as JSON, members and numbers as they are.
func Text(v any) []byte { return appendJSON(nil, v, false) }

func appendJSON(b []byte, v any, canonical bool) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...)
	case bool:
		return strconv.AppendBool(b, v)
	case string:
		return appendText(b, v)
	case int:
		return strconv.AppendInt(b, int64(v), 10)
	case Number:
		if !canonical {
			return append(b, v...)
		}
		f, _ := v.float() // which Parse checked
		return appendNumber(b, f)
	case List:
		b = append(b, '[')
		for i, x := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSON(b, x, canonical)
		}
		return append(b, ']')
	case Object:
		b = append(b, '{')
		if canonical {
			v = slices.SortedFunc(slices.Values(v), func(x, y Member) int { return compareUTF16(x.Name, y.Name) })
		}
		for i, m := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendText(b, m.Name), ':')
			b = appendJSON(b, m.Value, canonical)
		}
		return append(b, '}')
	}
	panic(fmt.Sprintf("signed: no JSON value: %T", v))
}

// compareUTF16 orders names by their UTF-16 code units: as code points are, but that
// those of two units come before U+E000.
func compareUTF16(x, y string) int {
	for len(x) > 0 && len(y) > 0 {
		a, n := utf8.DecodeRuneInString(x)
		b, m := utf8.DecodeRuneInString(y)
		if a != b {
			if wideA, wideB := a > 0xffff, b > 0xffff; wideA != wideB {
				if wideA {
					a, _ = utf16.EncodeRune(a)
				} else {
					b, _ = utf16.EncodeRune(b)
				}
			}
			return int(a) - int(b)
		}
		x, y = x[n:], y[m:]
	}
	return len(x) - len(y)
}

func appendText(b []byte, s string) []byte {
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\b':
			b = append(b, `\b`...)
		case '\f':
			b = append(b, `\f`...)
		case '\n':
			b = append(b, `\n`...)
		case '\r':
			b = append(b, `\r`...)
		case '\t':
			b = append(b, `\t`...)
		default:
			if c < ' ' {
				b = fmt.Appendf(b, `\u%04x`, c)
			} else {
				b = append(b, c)
			}
		}
	}
	return append(b, '"')
}

// appendNumber writes a number as ECMAScript does (ECMA-262, Number::toString).
func appendNumber(b []byte, f float64) []byte {
	if f == 0 {
		return append(b, '0') // -0 too
	}
	if a := math.Abs(f); a >= 1e-6 && a < 1e21 {
		return strconv.AppendFloat(b, f, 'f', -1, 64)
	}
	b = strconv.AppendFloat(b, f, 'e', -1, 64)
	if n := len(b); n >= 4 && b[n-4] == 'e' && b[n-2] == '0' { // e-07
		b[n-2] = b[n-1]
		b = b[:n-1]
	}
	return b
}
