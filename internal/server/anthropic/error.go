package anthropic

import (
	"net/http"
	"strings"

	"github.com/blitz-r1/blitz/internal/server/wire"
)

// threadUnsupported is the code by which clients that would keep a conversation on the
// server learn that they have to send all of it.
const threadUnsupported = "thread_unsupported_request"

// statusOverloaded is the API's own status for a server that is full.
const statusOverloaded = 529

// errorBody is what a client is told.
type errorBody struct {
	Type      string      `json:"type"`
	Error     errorDetail `json:"error"`
	RequestID string      `json:"request_id"`
}

type errorDetail struct {
	Type    string       `json:"type"`
	Message string       `json:"message"`
	Details *unsupported `json:"details,omitempty"`
}

// unsupported names what of a request is not to be had here.
type unsupported struct {
	ErrorCode   string   `json:"error_code"`
	Unsupported []string `json:"unsupported"`
}

var errorTypes = map[wire.Kind]string{
	wire.Invalid: "invalid_request_error", wire.Conflict: "invalid_request_error", wire.MediaType: "invalid_request_error", wire.NoMethod: "invalid_request_error",
	wire.Key: "authentication_error", wire.Forbidden: "permission_error", wire.NoModel: "not_found_error", wire.NotFound: "not_found_error",
	wire.TooLarge: "request_too_large", wire.RateLimit: "rate_limit_error", wire.Overloaded: "overloaded_error",
}

// newErrorBody returns the form of an error.
func newErrorBody(w http.ResponseWriter, e *wire.Error) errorBody {
	b := errorBody{Type: "error", Error: errorDetail{Type: errorTypes[e.Kind], Message: e.Message}, RequestID: setRequestID(w)}
	if b.Error.Type == "" {
		b.Error.Type = "api_error"
	}
	if e.Code == threadUnsupported {
		b.Error.Details = &unsupported{e.Code, []string{e.Param}}
	}
	return b
}

func writeError(w http.ResponseWriter, _ *http.Request, e *wire.Error) {
	status := e.Kind.Status()
	if e.Kind == wire.Overloaded {
		status = statusOverloaded
	}
	wire.WriteJSON(w, status, newErrorBody(w, e))
}

// setRequestID sets the header that clients show as the request's id, and returns it: the
// server's own id of the request where that has the API's form.
func setRequestID(w http.ResponseWriter) string {
	const prefix = "req_"
	h := w.Header()
	if id := h.Get("Request-Id"); id != "" {
		return id
	}
	id := h.Get("X-Request-Id")
	if id == "" {
		id = wire.NewID(prefix)
	} else if !strings.HasPrefix(id, prefix) {
		id = prefix + id
	}
	h.Set("Request-Id", id)
	return id
}
