package ollama

import (
	"context"
	"net/http"
	"strings"

	"github.com/blitz-r1/blitz/internal/host"
	"github.com/blitz-r1/blitz/internal/server/inference"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// Options say what a Dialect stands on.
type Options struct {
	Service *inference.Service
	// Page answers who wants HTML at the root; nil: all get Ollama's text.
	Page func(w http.ResponseWriter, r *http.Request) error
	// Audit writes down that a model was changed; nil: nobody does.
	Audit func(ctx context.Context, action, subject string, detail any) error
}

// Version is what clients are told of Ollama: the API of that release is spoken.
const Version = "0.17.7"

// maxUpload bounds a file that is sent for a model, in bytes.
const maxUpload = 1 << 42

// dialect is the API.
type dialect struct {
	o       Options
	service *inference.Service
	host    *host.Host
}

// New returns the API of Ollama.
func New(o Options) *wire.Dialect {
	d := &dialect{o, o.Service, o.Service.Host()}
	route := func(pattern string, scope wire.Scope, handle func(http.ResponseWriter, *http.Request) error) wire.Route {
		return wire.Route{Pattern: pattern, Scope: scope, Handle: handle}
	}
	upload := route("POST /api/blobs/{digest}", wire.Models, d.upload)
	upload.MaxBody = maxUpload
	return &wire.Dialect{
		Name: "ollama",
		Routes: []wire.Route{
			route("HEAD /{$}", wire.Open, d.root),
			route("GET /{$}", wire.Open, d.root),
			route("GET /api/version", wire.Inference, d.version),
			route("POST /api/generate", wire.Inference, d.generate),
			route("POST /api/chat", wire.Inference, d.chat),
			route("POST /api/embed", wire.Inference, d.embed),
			route("POST /api/embeddings", wire.Inference, d.embeddings),
			route("GET /api/tags", wire.Inference, d.tags),
			route("GET /api/ps", wire.Inference, d.ps),
			route("POST /api/show", wire.Inference, d.show),
			route("POST /api/copy", wire.Models, d.copyModel),
			route("DELETE /api/delete", wire.Models, d.deleteModel),
			route("POST /api/pull", wire.Models, d.pull),
			route("POST /api/push", wire.Models, d.push),
			route("POST /api/create", wire.Models, d.create),
			route("HEAD /api/blobs/{digest}", wire.Models, d.uploaded),
			upload,
		},
		WriteError: writeError,
	}
}

// writeError writes an error as Ollama does.
func writeError(w http.ResponseWriter, _ *http.Request, e *wire.Error) {
	wire.WriteJSON(w, e.Kind.Status(), errorLine(e))
}

// errorLine is an error, as an answer of its own or as the last line of a stream.
func errorLine(e *wire.Error) map[string]string {
	message := e.Message
	if e.Kind == wire.NoModel { // clients compare the words, which have no hint
		message, _, _ = strings.Cut(message, "; ")
	}
	return map[string]string{"error": message}
}

// root says that a server is there.
func (d *dialect) root(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Vary", "Accept")
	if d.o.Page != nil && strings.Contains(r.Header.Get("Accept"), "text/html") {
		return d.o.Page(w, r)
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("Ollama is running"))
	return nil
}

func (d *dialect) version(w http.ResponseWriter, _ *http.Request) error {
	wire.WriteJSON(w, http.StatusOK, map[string]string{"version": Version})
	return nil
}

// audit writes down a change.
func (d *dialect) audit(ctx context.Context, action, model string, detail any) error {
	if d.o.Audit == nil {
		return nil
	}
	return d.o.Audit(ctx, action, model, detail)
}
