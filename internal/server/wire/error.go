package wire

import (
	"fmt"
	"net/http"
	"time"
)

// Kind is what is wrong with a request, for the client. Each dialect has its own words
// and, now and then, its own status for it.
type Kind uint8

// The kinds, and the status that most dialects give them.
const (
	Invalid     Kind = iota + 1 // 400: a body or a value that cannot be honoured
	Key                         // 401: no key where one is needed, or one that does not count
	Forbidden                   // 403: the key, the Host or the Origin may not do this
	NoModel                     // 404: no such model
	NotFound                    // 404: no such path, file, response …
	NoMethod                    // 405: the path has no such method
	Conflict                    // 400: a state in which this cannot be done; never sent again by clients
	TooLarge                    // 413: a body beyond its bound
	MediaType                   // 415: a body of another form
	RateLimit                   // 429: the key's limit is reached
	Overloaded                  // 429, or 529 for Anthropic's clients: the server is full
	Internal                    // 500: a fault of ours
	Unavailable                 // 503: the server is going down, or has no memory for a model
	Payment                     // 402: it has to be paid; see Error.Payment
)

var statuses = [...]int{
	Invalid: 400, Key: 401, Forbidden: 403, NoModel: 404, NotFound: 404, NoMethod: 405, Conflict: 400,
	TooLarge: 413, MediaType: 415, RateLimit: 429, Overloaded: 429, Internal: 500, Unavailable: 503, Payment: 402,
}

// Status returns the HTTP status of the kind.
func (k Kind) Status() int {
	if int(k) < len(statuses) && statuses[k] != 0 {
		return statuses[k]
	}
	return http.StatusInternalServerError
}

// ContextLength is the Code of a prompt that is longer than the context.
const ContextLength = "context_length_exceeded"

// Error is what a client is told. Message is for people and has no more than a little
// of the request in it.
type Error struct {
	Kind       Kind
	Param      string // the field that is wrong, with its path; "" for none
	Code       string // a word for programs, such as ContextLength; "" for none
	Message    string
	RetryAfter time.Duration // with RateLimit, Overloaded and Unavailable
	Allow      string        // with NoMethod, the methods that there are
	Payment    string        // with Payment, how to pay; "": nobody says
	Err        error         // what it came from, for the log; nil for none
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// Unwrap returns what the error came from.
func (e *Error) Unwrap() error { return e.Err }

// Refuse returns an Error of kind Invalid about a field.
func Refuse(param, format string, args ...any) *Error {
	return &Error{Kind: Invalid, Param: param, Message: fmt.Sprintf(format, args...)}
}

// maxQuote bounds what a message repeats of a request, in bytes.
const maxQuote = 64

// Quote returns text as an error message may repeat it: quoted, and cut where it is
// long.
func Quote(text string) string {
	if len(text) <= maxQuote {
		return fmt.Sprintf("%q", text)
	}
	cut := maxQuote
	for cut > 0 && text[cut]&0xc0 == 0x80 { // within a character
		cut--
	}
	return fmt.Sprintf("%q…", text[:cut])
}
