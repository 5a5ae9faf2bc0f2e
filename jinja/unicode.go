package jinja

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// isSpace reports whether c is white space for Python's str methods and \s.
func isSpace(c rune) bool { return unicode.IsSpace(c) || 0x1c <= c && c <= 0x1f }

// isLineEnd reports whether str.splitlines ends a line at c.
func isLineEnd(c rune) bool {
	switch c {
	case '\n', '\r', '\v', '\f', 0x1c, 0x1d, 0x1e, 0x85, 0x2028, 0x2029:
		return true
	}
	return false
}

func isWord(c rune) bool { return c == '_' || unicode.IsLetter(c) || unicode.IsNumber(c) }

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func isIdentifierStart(c rune) bool {
	return c == '_' || unicode.In(c, unicode.L, unicode.Nl, unicode.Other_ID_Start)
}

// isIdentifier is str.isidentifier.
func isIdentifier(s string) bool {
	for i, c := range s {
		if isIdentifierStart(c) {
			continue
		}
		if i == 0 || !unicode.In(c, unicode.Mn, unicode.Mc, unicode.Nd, unicode.Pc, unicode.Other_ID_Continue) {
			return false
		}
	}
	return s != ""
}

func isLower(c rune) bool { return unicode.In(c, unicode.Ll, unicode.Other_Lowercase) }

func isUpper(c rune) bool { return unicode.In(c, unicode.Lu, unicode.Other_Uppercase) }

func isCased(c rune) bool { return isLower(c) || isUpper(c) || unicode.Is(unicode.Lt, c) }

// isCaseIgnorable reports whether c is passed over when the end of a word is
// looked for. The Unicode Standard, section 3.13, D136.
func isCaseIgnorable(c rune) bool {
	return unicode.In(c, unicode.Mn, unicode.Me, unicode.Cf, unicode.Lm, unicode.Sk) ||
		strings.ContainsRune("'.:·\u0387\u055f\u05f4\u2018\u2019\u2024\u2027\ufe13\ufe52\ufe55\uff07\uff0e\uff1a", c)
}

func upper(s string) string {
	return mapCase(s, func(b []byte, _ int, c rune) []byte { return appendUpper(b, c) })
}

func lower(s string) string {
	return mapCase(s, func(b []byte, i int, c rune) []byte { return appendLower(b, s, i, c) })
}

// mapCase builds a string from what each character becomes. ASCII, which is
// most text, goes through the same mapping.
func mapCase(s string, one func(b []byte, i int, c rune) []byte) string {
	b := make([]byte, 0, len(s))
	for i, c := range s {
		b = one(b, i, c)
	}
	return string(b)
}

func appendUpper(b []byte, c rune) []byte {
	if c >= utf8.RuneSelf {
		if t, ok := upperSpecial[c]; ok {
			return append(b, t...)
		}
	}
	return utf8.AppendRune(b, unicode.ToUpper(c))
}

func appendTitle(b []byte, c rune) []byte {
	if c >= utf8.RuneSelf {
		if t, ok := titleSpecial[c]; ok {
			return append(b, t...)
		}
	}
	return utf8.AppendRune(b, unicode.ToTitle(c))
}

// appendLower appends the lower case of the character c at s[i:]. A capital
// sigma at the end of a word has a form of its own.
func appendLower(b []byte, s string, i int, c rune) []byte {
	switch c {
	case 'İ':
		return append(b, "i\u0307"...)
	case 'Σ':
		if finalSigma(s, i) {
			return append(b, "ς"...)
		}
	}
	return utf8.AppendRune(b, unicode.ToLower(c))
}

func finalSigma(s string, i int) bool {
	before := strings.TrimRightFunc(s[:i], isCaseIgnorable)
	c, _ := utf8.DecodeLastRuneInString(before)
	if before == "" || !isCased(c) {
		return false
	}
	after := strings.TrimLeftFunc(s[i+len("Σ"):], isCaseIgnorable)
	c, _ = utf8.DecodeRuneInString(after)
	return after == "" || !isCased(c)
}

// capitalize is str.capitalize.
func capitalize(s string) string {
	return mapCase(s, func(b []byte, i int, c rune) []byte {
		if i == 0 {
			return appendTitle(b, c)
		}
		return appendLower(b, s, i, c)
	})
}

// title is str.title.
func title(s string) string {
	inWord := false
	return mapCase(s, func(b []byte, i int, c rune) []byte {
		if inWord {
			b = appendLower(b, s, i, c)
		} else {
			b = appendTitle(b, c)
		}
		inWord = isCased(c)
		return b
	})
}

// swapCase is str.swapcase.
func swapCase(s string) string {
	return mapCase(s, func(b []byte, i int, c rune) []byte {
		switch {
		case isUpper(c):
			return appendLower(b, s, i, c)
		case isLower(c):
			return appendUpper(b, c)
		}
		return utf8.AppendRune(b, c)
	})
}

// quote is a text in an error: its repr, cut where it is long.
func quote(s string) string {
	const most = 64 // characters
	if len(s) > most {
		if end := byteOffset(s[:min(len(s), 4*most)], most); end < len(s) {
			return string(appendQuoted(nil, s[:end], false)) + "…"
		}
	}
	return string(appendQuoted(nil, s, false))
}

// quoteFor is the quote of a repr: single, unless that needs an escape and double
// does not.
func quoteFor(s string) byte {
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		return '"'
	}
	return '\''
}

// appendQuoted appends the repr of s; with ascii, what lies beyond ASCII is escaped.
func appendQuoted(b []byte, s string, ascii bool) []byte {
	q := quoteFor(s)
	return append(appendEscaped(append(b, q), s, q, ascii), q)
}

// appendEscaped appends what stands between the quotes q.
func appendEscaped(b []byte, s string, q byte, ascii bool) []byte {
	for _, c := range s {
		switch {
		case c == rune(q) || c == '\\':
			b = append(b, '\\', byte(c))
		case c == '\n':
			b = append(b, `\n`...)
		case c == '\r':
			b = append(b, `\r`...)
		case c == '\t':
			b = append(b, `\t`...)
		case unicode.IsPrint(c) && (c < utf8.RuneSelf || !ascii):
			b = utf8.AppendRune(b, c)
		case c < 0x100:
			b = appendHex(append(b, '\\', 'x'), c, 2)
		case c < 0x10000:
			b = appendHex(append(b, '\\', 'u'), c, 4)
		default:
			b = appendHex(append(b, '\\', 'U'), c, 8)
		}
	}
	return b
}

// appendHex appends the last digits of c in hexadecimal.
func appendHex(b []byte, c rune, digits int) []byte {
	for shift := 4 * (digits - 1); shift >= 0; shift -= 4 {
		b = append(b, "0123456789abcdef"[c>>shift&15])
	}
	return b
}
