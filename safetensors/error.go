package safetensors

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// ErrFormat is wrapped by every error that is about what a file contains, as
// against the file being absent or unreadable.
var ErrFormat = errors.New("refused safetensors file")

// Error says what is wrong in which file. It wraps [ErrFormat].
type Error struct {
	File    string // base name
	Subject string // "tensor model.norm.weight"; empty for the file as a whole
	Reason  string
}

func (e *Error) Error() string {
	if e.Subject == "" {
		return fmt.Sprintf("safetensors: %s: %s", e.File, e.Reason)
	}
	return fmt.Sprintf("safetensors: %s: %s: %s", e.File, e.Subject, e.Reason)
}

// Unwrap returns [ErrFormat].
func (e *Error) Unwrap() error { return ErrFormat }

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
