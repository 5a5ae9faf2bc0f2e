package server

import (
	"net/http"
	"time"

	"github.com/blitz-r1/blitz/internal/host"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// Loaded is a model as blitz ps shows it.
type Loaded struct {
	Name     string    `json:"name"`
	Digest   string    `json:"digest"`
	State    string    `json:"state"` // ready, loading or waiting
	Done     int64     `json:"done,omitempty"`
	Weights  int64     `json:"weights"` // bytes
	Size     int64     `json:"size"`    // bytes, with what caches may take
	Context  int       `json:"context"`
	Requests int       `json:"requests"`
	Expires  time.Time `json:"expires,omitzero"` // zero: never
}

// State is what blitz ps asks for.
type State struct {
	PID     int      `json:"pid"`
	Version string   `json:"version"`
	URL     string   `json:"url"` // by which programs of this machine reach it
	Models  []Loaded `json:"models"`
}

// owner returns the routes by which the programs of the user who runs the server speak to
// it: ps, stop.
func (s *Site) owner() *wire.Dialect {
	return &wire.Dialect{
		Name: "owner",
		Routes: append(s.attached(),
			wire.Route{Pattern: "GET /metrics", Scope: wire.AnyKey, Handle: s.metrics.serve},
			wire.Route{Pattern: "GET /blitz/state", Scope: wire.Admin, Handle: s.state},
			wire.Route{Pattern: "POST /blitz/unload", Scope: wire.Admin, Handle: s.unload},
			wire.Route{Pattern: "POST /blitz/stop", Scope: wire.Admin, Handle: s.end},
		),
		WriteError: writeOwnError,
	}
}

func (s *Site) state(w http.ResponseWriter, _ *http.Request) error {
	state := State{PID: s.o.PID, Version: s.o.Version, URL: s.o.URL, Models: []Loaded{}}
	for _, r := range s.host.Loaded() {
		state.Models = append(state.Models, loaded(r))
	}
	wire.WriteJSON(w, http.StatusOK, state)
	return nil
}

func loaded(r host.Running) Loaded {
	l := Loaded{
		Name: r.Name, Digest: r.Digest, State: "ready", Done: r.Done, Weights: r.Weights, Size: r.Size,
		Context: r.Context, Requests: r.Requests, Expires: r.Expires,
	}
	switch {
	case r.Waits:
		l.State = "waiting"
	case r.Loading:
		l.State = "loading"
	}
	return l
}

// unload lets a model go, now or behind its last answer.
func (s *Site) unload(w http.ResponseWriter, r *http.Request) error {
	o, err := wire.ReadObject(r)
	if err != nil {
		return err
	}
	name := o.Text("model")
	if err := o.Err(); err != nil {
		return err
	}
	if err := s.host.Unload(name); err != nil {
		return &wire.Error{Kind: wire.NoModel, Param: "model", Message: err.Error(), Err: err}
	}
	if err := s.accounts.Audit(r.Context(), "model.unload", name, nil); err != nil {
		return err
	}
	wire.WriteJSON(w, http.StatusOK, map[string]string{"unloaded": name})
	return nil
}

// end has the server end, as a signal does.
func (s *Site) end(w http.ResponseWriter, _ *http.Request) error {
	wire.WriteJSON(w, http.StatusAccepted, map[string]int{"pid": s.o.PID})
	s.o.Stop()
	return nil
}
