package jinja

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// scanNumber returns the kind and length of the number at the start of s. After
// a dot only an integer is one: x.0.1 are two items.
func scanNumber(s string, afterDot bool) (tokenKind, int) {
	n := scanDigits(s)
	if !afterDot {
		if end := scanFraction(s, n); end > n {
			return tokenFloat, end
		}
	}
	if s[0] != '0' {
		return tokenInteger, n
	}
	if len(s) > 1 {
		if digits := map[byte]string{'x': "0123456789abcdefABCDEF", 'o': "01234567", 'b': "01"}[s[1]|0x20]; digits != "" {
			if end := scanGroups(s, 2, digits); end > 2 {
				return tokenInteger, end
			}
		}
	}
	return tokenInteger, max(1, scanGroups(s, 1, "0"))
}

// scanGroups returns the end of digits from s[i], each with at most one _ before it.
func scanGroups(s string, i int, digits string) int {
	for {
		j := i
		if j < len(s) && s[j] == '_' {
			j++
		}
		if j >= len(s) || !strings.Contains(digits, s[j:j+1]) {
			return i
		}
		i = j + 1
	}
}

// scanDigits returns the length of decimal digits, grouped by _ or not.
func scanDigits(s string) int {
	if s == "" || !isDigit(s[0]) {
		return 0
	}
	return scanGroups(s, 1, "0123456789")
}

// scanFraction returns the end of a fraction and exponent after the n digits
// at the start of s, or n if there is neither.
func scanFraction(s string, n int) int {
	end := n
	if strings.HasPrefix(s[end:], ".") {
		if d := scanDigits(s[end+1:]); d > 0 {
			end += 1 + d
		}
	}
	if end < len(s) && s[end]|0x20 == 'e' {
		e := end + 1
		if e < len(s) && (s[e] == '+' || s[e] == '-') {
			e++
		}
		if d := scanDigits(s[e:]); d > 0 {
			return e + d
		}
	}
	return end
}

// unescape gives the value of a string literal. The reference first writes
// what is not ASCII as an escape and then reads Python's escapes, so that a
// backslash before such a character stays, followed by the escape's text.
func unescape(s string) (string, error) {
	if !strings.Contains(s, `\`) {
		return s, nil
	}
	b := make([]byte, 0, len(s))
	for s != "" {
		i := strings.IndexByte(s, '\\')
		if i < 0 {
			i = len(s)
		}
		b = append(b, s[:i]...)
		if s = s[i:]; s == "" {
			break
		}
		var err error
		if b, s, err = unescapeOne(b, s); err != nil {
			return "", err
		}
	}
	return string(b), nil
}

var simpleEscapes = map[byte]string{
	'\n': "", '\\': `\`, '\'': "'", '"': `"`,
	'a': "\a", 'b': "\b", 'f': "\f", 'n': "\n", 'r': "\r", 't': "\t", 'v': "\v",
}

// unescapeOne appends the value of the escape that s begins with.
func unescapeOne(b []byte, s string) ([]byte, string, error) {
	if len(s) < 2 {
		return nil, "", faultf(faultSyntax, `\ at end of string`)
	}
	c := s[1]
	if t, ok := simpleEscapes[c]; ok {
		return append(b, t...), s[2:], nil
	}
	switch {
	case c == 'x':
		return unescapeHex(b, s, 2)
	case c == 'u':
		return unescapeHex(b, s, 4)
	case c == 'U':
		return unescapeHex(b, s, 8)
	case c == 'N':
		return nil, "", faultf(faultSyntax, `escapes by name (\N) are not supported`)
	case '0' <= c && c <= '7':
		n := 2
		for n < len(s) && n < 4 && '0' <= s[n] && s[n] <= '7' {
			n++
		}
		v, _ := strconv.ParseUint(s[1:n], 8, 32)
		return utf8.AppendRune(b, rune(v)), s[n:], nil
	case c >= utf8.RuneSelf:
		r, n := utf8.DecodeRuneInString(s[1:])
		q := appendQuoted(nil, string(r), true)
		return append(append(b, '\\'), q[2:len(q)-1]...), s[1+n:], nil
	}
	// Python keeps an escape that it does not know.
	return append(b, '\\', c), s[2:], nil
}

// unescapeHex reads \x, \u or \U with n digits.
func unescapeHex(b []byte, s string, n int) ([]byte, string, error) {
	if len(s) < 2+n {
		return nil, "", faultf(faultSyntax, `truncated \%c escape`, s[1])
	}
	v, err := strconv.ParseUint(s[2:2+n], 16, 32)
	if err != nil {
		return nil, "", faultf(faultSyntax, `truncated \%c escape`, s[1])
	}
	if v > utf8.MaxRune {
		return nil, "", faultf(faultSyntax, "illegal Unicode character")
	}
	// A surrogate alone, which no UTF-8 text can hold, becomes U+FFFD.
	return utf8.AppendRune(b, rune(v)), s[2+n:], nil
}
