package server

import (
	_ "embed"
	"net/http"
	"strconv"
	"time"

	"github.com/blitz-r1/blitz/internal/server/wire"
)

// document describes all routes but those of the user's own programs, in OpenAPI 3.1.
// Tests hold it against the routes and against what goes over the wire.
//
//go:embed openapi.yaml
var document []byte

// describe sends the document.
func describe(w http.ResponseWriter, _ *http.Request) error {
	h := w.Header()
	h.Set("Content-Type", "application/yaml")
	h.Set("Content-Length", strconv.Itoa(len(document)))
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(wire.WritePatience)) // tests have writers without one
	_, _ = w.Write(document)                                                               // a client that is gone is nobody's fault
	return nil
}
