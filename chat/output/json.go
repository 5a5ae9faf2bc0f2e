package output

import (
	"encoding/json"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// maxOutputDepth is how deep the JSON value of a parameter may be nested.
// Deeper ones are text: few readers of JSON would take them.
const maxOutputDepth = 1000

// scanResult says what a character is to the value that is being scanned.
type scanResult uint8

const (
	scanMore   scanResult = iota // part of it
	scanLast                     // its last
	scanOver                     // the first after it
	scanBroken                   // none of it, and no JSON at all: the value is broken off
)

// scanWant is what the grammar of JSON asks for next.
type scanWant uint8

const (
	wantValue scanWant = iota
	wantFirstValue
	wantKey
	wantFirstKey
	wantColon
	wantComma // or the bracket that closes
)

// outputScan finds the end of a JSON value, character by character. It is as
// lenient as its two uses need: arguments are handed on as the model wrote them,
// so where the grammar is broken only brackets and strings are followed; whether
// it was broken is noted in bad. A character that cannot stand outside strings
// in anything like JSON ends the value, for it begins a closing tag or fence.
type outputScan struct {
	stack   []byte // open brackets
	want    scanWant
	quoted  bool // inside a string
	escaped bool // after a backslash there
	hex     int  // digits of \u to come
	literal []byte
	bad     bool // this is no JSON
}

func (s *outputScan) reset() {
	*s = outputScan{stack: s.stack[:0], literal: s.literal[:0]}
}

// step reads the next character, starting with the first of the value.
func (s *outputScan) step(c string) scanResult {
	if s.quoted {
		return s.inString(c)
	}
	if len(s.literal) > 0 {
		if literalCharacter(c) {
			s.literal = append(s.literal, c...)
			return scanMore
		}
		s.endLiteral()
		if len(s.stack) == 0 {
			return scanOver
		}
	}
	if outputSpace(c) {
		s.bad = s.bad || !outputJSONSpace(c)
		return scanMore
	}
	switch c {
	case "<", "`":
		s.bad = true
		return scanBroken
	case "{", "[":
		s.bad = s.bad || s.want > wantFirstValue || len(s.stack) >= maxOutputDepth
		s.stack = append(s.stack, c[0])
		s.want = wantFirstKey
		if c == "[" {
			s.want = wantFirstValue
		}
		return scanMore
	case "}", "]":
		return s.closeBracket(c)
	case ",", ":":
		return s.separator(c)
	case `"`:
		s.bad = s.bad || s.want > wantFirstKey
		s.quoted = true
		return scanMore
	}
	s.bad = s.bad || s.want > wantFirstValue
	s.literal = append(s.literal, c...)
	return scanMore
}

// complete reports whether a value was read to its end and is JSON.
func (s *outputScan) complete() bool {
	if len(s.literal) > 0 {
		s.endLiteral()
	}
	return !s.bad && !s.quoted && len(s.stack) == 0 && s.want == wantComma
}

// inNestedString reports whether the last character stands in a string of an object
// or array.
func (s *outputScan) inNestedString() bool { return s.quoted && len(s.stack) > 0 }

func (s *outputScan) inString(c string) scanResult {
	if s.hex > 0 {
		if len(c) == 1 && outputHex(c[0]) {
			s.hex--
			return scanMore
		}
		s.bad, s.hex = true, 0
	}
	if s.escaped {
		s.escaped = false
		switch c {
		case `"`, `\`, "/", "b", "f", "n", "r", "t":
		case "u":
			s.hex = 4
		default:
			s.bad = true
		}
		return scanMore
	}
	switch {
	case c == `\`:
		s.escaped = true
	case c == `"`:
		s.quoted = false
		if s.want == wantKey || s.want == wantFirstKey {
			s.want = wantColon
		} else {
			s.want = wantComma
		}
		if len(s.stack) == 0 {
			return scanLast
		}
	case c[0] < ' ':
		s.bad = true
	}
	return scanMore
}

// closeBracket closes the innermost bracket, even by the wrong kind.
func (s *outputScan) closeBracket(c string) scanResult {
	n := len(s.stack) - 1
	if n < 0 {
		s.bad = true
		return scanBroken
	}
	first := wantFirstKey
	if s.stack[n] == '[' {
		first = wantFirstValue
	}
	s.bad = s.bad || s.stack[n] != c[0]-2 || s.want != wantComma && s.want != first
	s.stack, s.want = s.stack[:n], wantComma
	if n == 0 {
		return scanLast
	}
	return scanMore
}

func (s *outputScan) separator(c string) scanResult {
	n := len(s.stack) - 1
	if n < 0 {
		s.bad = true
		return scanBroken
	}
	s.bad = s.bad || (c == ",") != (s.want == wantComma) || (c == ":") != (s.want == wantColon)
	s.want = wantValue
	if c == "," && s.stack[n] == '{' {
		s.want = wantKey
	}
	return scanMore
}

// literalCharacter reports whether c goes on with a number, a name or whatever
// else the model wrote in its place.
func literalCharacter(c string) bool {
	switch c {
	case "{", "}", "[", "]", ",", ":", `"`, "<", "`":
		return false
	}
	return !outputSpace(c)
}

func (s *outputScan) endLiteral() {
	s.bad = s.bad || !json.Valid(s.literal)
	s.literal, s.want = s.literal[:0], wantComma
}

func outputHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// outputUnquote reads the value of a JSON string, character by character. What
// is no escape of JSON is taken as written.
type outputUnquote struct {
	escape []byte // that is being read: a backslash and more
	high   rune   // a high surrogate whose low one may follow
}

func (u *outputUnquote) reset() { u.escape, u.high = u.escape[:0], 0 }

// step reads the next character after the opening quote. It returns the text
// that is certain by it, and whether it was the closing quote.
func (u *outputUnquote) step(c string) (text string, end bool) {
	if len(u.escape) == 0 {
		switch c {
		case `"`:
			return u.lone(), true
		case `\`:
			u.escape = append(u.escape, '\\')
			return "", false
		}
		return u.lone() + c, false
	}
	if n := len(u.escape); n > 1 && (len(c) > 1 || !outputHex(c[0])) { // \u without its digits
		text := u.lone() + string(u.escape)
		u.escape = u.escape[:0]
		rest, end := u.step(c)
		return text + rest, end
	}
	u.escape = append(u.escape, c...)
	switch n := len(u.escape); {
	case n == 2 && c == "u", n > 2 && n < 6 && u.escape[1] == 'u':
		return "", false
	}
	return u.finish(), false
}

// finish takes the escape, which is complete.
func (u *outputUnquote) finish() string {
	escape := string(u.escape)
	u.escape = u.escape[:0]
	if len(escape) < 6 || escape[1] != 'u' {
		return u.lone() + outputUnescape(escape)
	}
	n, _ := strconv.ParseUint(escape[2:], 16, 16)
	r := rune(n)
	if high := u.high; high != 0 {
		u.high = 0
		if pair := utf16.DecodeRune(high, r); pair != utf8.RuneError {
			return string(pair)
		}
		u.high = high
	}
	text := u.lone()
	if 0xd800 <= r && r < 0xdc00 {
		u.high = r
		return text
	}
	return text + string(r) // U+FFFD for a low surrogate alone
}

// lone gives up a high surrogate that stands alone.
func (u *outputUnquote) lone() string {
	if u.high == 0 {
		return ""
	}
	u.high = 0
	return string(utf8.RuneError)
}

// outputUnescape is the value of an escape of two characters.
func outputUnescape(escape string) string {
	switch escape[1:] {
	case `"`, `\`, "/":
		return escape[1:]
	case "b":
		return "\b"
	case "f":
		return "\f"
	case "n":
		return "\n"
	case "r":
		return "\r"
	case "t":
		return "\t"
	}
	return escape
}
