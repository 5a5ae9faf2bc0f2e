// Package message makes text of files fit for error messages.
package message

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Shown is how much of a text a message quotes, in bytes.
const Shown = 80

// Clean returns text of a file as a message may have it: short, printable, one line.
func Clean(s string) string {
	s, rest := clip(s)
	if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return !strconv.IsPrint(r) }) {
		s = strconv.Quote(s)
	}
	return s + rest
}

// Quote is Clean for text that stands between others: always in quotes.
func Quote(s string) string {
	s, rest := clip(s)
	return strconv.Quote(s) + rest
}

// clip cuts s between two characters and returns an ellipsis if it had to.
func clip(s string) (string, string) {
	if len(s) <= Shown {
		return s, ""
	}
	cut := Shown
	for cut > Shown-utf8.UTFMax && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut], "…"
}
