package wire

import (
	"errors"
	"net/http"
)

// Scope is what a caller must be allowed to do for a route.
type Scope string

// The scopes. A route without one of them does not exist.
const (
	Open      Scope = "open"      // nothing: no key is asked for
	Inference Scope = "inference" // have models answer
	Models    Scope = "models"    // change which models there are
	Admin     Scope = "admin"     // keys, limits, usage
	AnyKey    Scope = "any"       // any of these: to be known is enough
)

// Route is a path that the server answers.
type Route struct {
	Pattern string // of http.ServeMux, with its method: "POST /v1/chat/completions"
	Scope   Scope
	Header  string // it is for requests with this header; "": for all others
	// Handle answers. Its error, where nothing was written yet, is written in the form
	// of the dialect; behind the first byte of a stream the handler says itself what
	// went wrong, and returns nil.
	Handle func(w http.ResponseWriter, r *http.Request) error
	// MaxBody is the bytes that a body may have; 0: MaxBody of this package.
	MaxBody int64
}

// Dialect is a family of routes with one form of errors.
type Dialect struct {
	Name   string
	Routes []Route
	// WriteError writes the status and the body of an error; headers that all dialects
	// have, such as Retry-After and Allow, are set already.
	WriteError func(w http.ResponseWriter, r *http.Request, e *Error)
}

// AsError returns an error as one that a client is told: what is no *Error is a fault of
// ours, of which the client learns nothing.
func AsError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Kind: Internal, Message: "the server failed to answer", Err: err}
}
