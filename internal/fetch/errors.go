package fetch

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"
	"unicode"
)

// The kinds of failure that a caller may act on; test with errors.Is.
var (
	ErrNotFound    = errors.New("not found")         // 404 or 410
	ErrDenied      = errors.New("access refused")    // 401, 403 or 451
	ErrUnreachable = errors.New("cannot be reached") // the network, or a server on it
	ErrDigest      = errors.New("digest mismatch")   // bytes, or how many, are not those that were promised
	ErrFormat      = errors.New("refused input")     // an answer that makes no sense, or an address that is not asked
)

// StatusError is an answer with a status that is no success.
type StatusError struct {
	URL     string // without its query
	Code    int
	Reason  string // X-Error-Code, or the code in the body
	Message string // of the server, one printable line; empty if it says nothing
	Header  http.Header
	After   time.Duration // that it asks to wait; 0: it does not say
}

// Error names the address, the status and what the server says.
func (e *StatusError) Error() string {
	text := fmt.Sprintf("%s: %d %s", e.URL, e.Code, http.StatusText(e.Code))
	if http.StatusText(e.Code) == "" {
		text = fmt.Sprintf("%s: status %d", e.URL, e.Code)
	}
	if e.Message != "" {
		text += ": " + e.Message
	}
	return text
}

// Is makes the error one of the kinds.
func (e *StatusError) Is(target error) bool {
	switch e.Code {
	case http.StatusNotFound, http.StatusGone:
		return target == ErrNotFound
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusUnavailableForLegalReasons:
		return target == ErrDenied
	}
	return target == ErrUnreachable
}

// againError is a failure that another try may not meet.
type againError struct {
	err   error
	after time.Duration // what the server asked to wait
}

func (e *againError) Error() string { return e.err.Error() }
func (e *againError) Unwrap() error { return e.err }

const (
	maxQuote = 400 // bytes of a stranger's text in an error
	maxClip  = 100 // bytes of a value
)

var escapes = regexp.MustCompile("\x1b\\[[0-9;?]*[ -/]*[@-~]")

// Printable makes what a stranger wrote fit for an error message: one line, no
// terminal escapes, not long.
func Printable(s string) string {
	if len(s) > 16*maxQuote {
		s = s[:16*maxQuote]
	}
	s = strings.ToValidUTF8(escapes.ReplaceAllString(s, ""), "")
	s = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > maxQuote {
		s = strings.ToValidUTF8(s[:maxQuote], "") + "…"
	}
	return s
}

// clip shortens a hostile value for an error message.
func clip(text string) string {
	if len(text) <= maxClip {
		return text
	}
	return strings.ToValidUTF8(text[:maxClip], "") + "…"
}
