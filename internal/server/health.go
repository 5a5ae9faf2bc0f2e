package server

import (
	"net/http"

	"github.com/blitz-r1/blitz/internal/server/wire"
)

// own returns the routes that belong to no dialect.
func (s *Server) own() *wire.Dialect {
	return &wire.Dialect{
		Name: "blitz",
		Routes: []wire.Route{
			{Pattern: "GET /health", Scope: wire.Open, Handle: s.health},
			{Pattern: "GET /ready", Scope: wire.Open, Handle: s.ready},
			{Pattern: "GET /openapi.yaml", Scope: wire.Inference, Handle: describe},
		},
		WriteError: writeOwnError,
	}
}

// health says that the server is there.
func (s *Server) health(w http.ResponseWriter, _ *http.Request) error {
	wire.WriteJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	return nil
}

// ready says whether it takes requests.
func (s *Server) ready(w http.ResponseWriter, _ *http.Request) error {
	if s.draining.Load() || s.o.Ready != nil && !s.o.Ready() {
		return &wire.Error{Kind: wire.Unavailable, Message: "not ready"}
	}
	wire.WriteJSON(w, http.StatusOK, map[string]string{"status": "ready"})
	return nil
}

func writeOwnError(w http.ResponseWriter, _ *http.Request, e *wire.Error) {
	wire.WriteJSON(w, e.Kind.Status(), map[string]string{"error": e.Message})
}
