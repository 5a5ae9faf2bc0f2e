package safetensors

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// shown bounds what a message quotes of a file, in bytes.
const shown = 80

// clean makes text from a file fit for a message: short, printable, one line.
func clean(s string) string {
	s, rest := clip(s)
	if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return !strconv.IsPrint(r) }) {
		s = strconv.Quote(s)
	}
	return s + rest
}

// quote is clean for text that stands between others: always in quotes.
func quote(s string) string {
	s, rest := clip(s)
	return strconv.Quote(s) + rest
}

// clip cuts s between two characters and returns an ellipsis if it had to.
func clip(s string) (string, string) {
	if len(s) <= shown {
		return s, ""
	}
	cut := shown
	for cut > shown-utf8.UTFMax && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut], "…"
}
