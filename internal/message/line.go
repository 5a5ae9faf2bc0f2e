package message

import (
	"regexp"
	"strings"
	"unicode"
)

// escapes are the sequences that move a terminal's cursor or colour its text.
var escapes = regexp.MustCompile(`\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|.)`)

// Line returns what a stranger wrote as one line that can be shown: without a terminal's
// escapes, of printable characters, most bytes of it.
func Line(s string, most int) string {
	if len(s) > 16*most { // however little of it can be shown
		s = s[:16*most]
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(escapes.ReplaceAllString(s, ""), ""))
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
