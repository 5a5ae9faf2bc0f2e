package output

import (
	"strconv"
	"unicode/utf8"
)

// pythonString reads the value of a string of Python, character by character. Escapes are
// those of Python and of JSON; what is none is taken as written.
type pythonString struct {
	json   jsonString
	escape []byte // one that JSON has not: a backslash and more
}

// begin starts a string at its opening quote.
func (s *pythonString) begin(quote string) {
	s.json.begin(quote)
	s.escape = s.escape[:0]
}

// step reads the next character after the opening quote. It returns the text that is certain
// by it, and whether it was the closing quote.
func (s *pythonString) step(c string) (text string, end bool) {
	if n := len(s.escape); n > 0 {
		if digits, base := escapeDigits(s.escape[1]); len(c) == 1 && n < digits && isDigit(c[0], base) {
			if s.escape = append(s.escape, c...); len(s.escape) == digits {
				return s.finish(), false
			}
			return "", false
		}
		text := s.finish()
		rest, end := s.step(c)
		return text + rest, end
	}
	if string(s.json.escape) != `\` || len(c) > 1 {
		return s.json.step(c)
	}
	switch {
	case c == "x" || c == "U" || '0' <= c[0] && c[0] <= '7':
		s.json.escape = s.json.escape[:0]
		s.escape = append(s.escape, '\\', c[0])
		return s.json.lone(), false
	case c == "a" || c == "v" || c == "\n":
		s.json.escape = s.json.escape[:0]
		return s.json.lone() + map[string]string{"a": "\a", "v": "\v", "\n": ""}[c], false
	}
	return s.json.step(c)
}

// escapeDigits returns how long an escape of this kind may be, and the base of its digits.
func escapeDigits(kind byte) (length, base int) {
	switch kind {
	case 'x':
		return len(`\x00`), 16
	case 'U':
		return len(`\U00000000`), 16
	}
	return len(`\000`), 8
}

func isDigit(c byte, base int) bool {
	if base == 8 {
		return '0' <= c && c <= '7'
	}
	return isHex(c)
}

// finish takes the escape, after which no more digits come.
func (s *pythonString) finish() string {
	escape := string(s.escape)
	s.escape = s.escape[:0]
	length, base := escapeDigits(escape[1])
	digits := escape[1:]
	if base == 16 {
		if digits = escape[2:]; len(escape) < length {
			return escape
		}
	}
	n, err := strconv.ParseUint(digits, base, 32)
	if err != nil || n > utf8.MaxRune {
		return escape
	}
	return string(rune(n))
}
