package fetch

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/blitz-r1/blitz/internal/message"
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

// printable makes what a stranger wrote fit for an error message.
func printable(s string) string { return message.Line(s, maxQuote) }

// clip shortens a hostile value for an error message.
func clip(text string) string {
	if len(text) <= maxClip {
		return text
	}
	return strings.ToValidUTF8(text[:maxClip], "") + "…"
}
