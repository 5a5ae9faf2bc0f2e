package ollama

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/blitz-r1/blitz/internal/hub"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// pull fetches a model: of a source, of a stored name, or of a name of the catalogue. What
// a request may name are sources, whose addresses have to be public ones; the server's own
// settings say where hubs and registries are. No path of a request is looked at.
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
	if err := checkPulled(name); err != nil {
		return err
	}
	s := newSteps(w, stream)
	m, err := d.fetch(r.Context(), name, s)
	if err != nil {
		return s.end(err)
	}
	s.tell(status{Status: "verifying sha256 digest"})
	s.tell(status{Status: "writing manifest"})
	return s.end(d.auditPull(r.Context(), m, ""))
}

// fetch pulls a model and tells how far that is.
func (d *dialect) fetch(ctx context.Context, name string, s *steps) (*hub.Model, error) {
	s.tell(status{Status: "pulling manifest"})
	m, err := d.host.Pull(ctx, name, func(p hub.Progress) { s.tell(pullStatus(p)) })
	if err != nil {
		return nil, pullError(name, err)
	}
	return m, nil
}

// auditPull writes down that a model was fetched, and for what else than itself.
func (d *dialect) auditPull(ctx context.Context, m *hub.Model, reason string) error {
	detail := map[string]string{"source": m.Origin.Source, "digest": m.Digest().String()}
	if reason != "" {
		detail["for"] = reason
	}
	return d.audit(ctx, "model.pull", m.Name.String(), detail)
}

// checkPulled refuses what names nothing that can be pulled.
func checkPulled(name string) error {
	source, err := hub.ParseSource(name)
	switch {
	case err != nil:
		return wire.Refuse("model", "model is %s, which names no source: want such as hf.co/USER/REPO:QUANT, ollama:NAME:TAG or pip:PACKAGE", wire.Quote(name))
	case source.Kind == hub.KindPath:
		return wire.Refuse("model", "model is %s, a path: the server reads none that a request names", wire.Quote(name))
	}
	return nil
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
	var missing *hub.NotFoundError
	if errors.As(err, &missing) {
		e.Message = fmt.Sprintf("pull model manifest: model '%s' not found: no model of the store or the catalogue has this name, and it names no source; want such as hf.co/USER/REPO:QUANT, ollama:NAME:TAG or pip:PACKAGE", quoted(name))
	}
	return e
}

// pullStatus returns a step in Ollama's words.
func pullStatus(p hub.Progress) status {
	switch p.Stage {
	case hub.Pausing:
		return status{Status: "waiting: " + p.What}
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
