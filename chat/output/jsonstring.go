package output

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// jsonString reads the value of a JSON string, or of one of Python, character by
// character. What is no escape of JSON is taken as written.
type jsonString struct {
	quote  string // that ends it
	escape []byte // that is being read: a backslash and more
	high   rune   // a high surrogate whose low one may follow
}

// begin starts a string at its opening quote.
func (s *jsonString) begin(quote string) { s.quote, s.escape, s.high = quote, s.escape[:0], 0 }

// step reads the next character after the opening quote. It returns the text
// that is certain by it, and whether it was the closing quote.
func (s *jsonString) step(c string) (text string, end bool) {
	if len(s.escape) == 0 {
		switch c {
		case s.quote:
			return s.lone(), true
		case `\`:
			s.escape = append(s.escape, '\\')
			return "", false
		}
		return s.lone() + c, false
	}
	if n := len(s.escape); n > 1 && (len(c) > 1 || !isHex(c[0])) { // \u without its digits
		text := s.lone() + string(s.escape)
		s.escape = s.escape[:0]
		rest, end := s.step(c)
		return text + rest, end
	}
	s.escape = append(s.escape, c...)
	switch n := len(s.escape); {
	case n == 2 && c == "u", n > 2 && n < 6 && s.escape[1] == 'u':
		return "", false
	}
	return s.finish(), false
}

// finish takes the escape, which is complete.
func (s *jsonString) finish() string {
	escape := string(s.escape)
	s.escape = s.escape[:0]
	if len(escape) < 6 || escape[1] != 'u' {
		return s.lone() + s.unescape(escape)
	}
	n, _ := strconv.ParseUint(escape[2:], 16, 16)
	r := rune(n)
	if high := s.high; high != 0 {
		s.high = 0
		if pair := utf16.DecodeRune(high, r); pair != utf8.RuneError {
			return string(pair)
		}
		s.high = high
	}
	text := s.lone()
	if 0xd800 <= r && r < 0xdc00 {
		s.high = r
		return text
	}
	return text + string(r) // U+FFFD for a low surrogate alone
}

// lone gives up a high surrogate that stands alone.
func (s *jsonString) lone() string {
	if s.high == 0 {
		return ""
	}
	s.high = 0
	return string(utf8.RuneError)
}

// unescape is the value of an escape of two characters.
func (s *jsonString) unescape(escape string) string {
	switch c := escape[1:]; c {
	case `"`, `\`, "/", s.quote:
		return c
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
