// Package serve answers clients of OpenAI, Anthropic and Ollama inside a Go program, and
// shows its page to browsers, as blitz serve does: an http.Handler over models.
//
//	h, err := serve.New(&serve.Options{Models: []string{"smollm2.gguf"}})
//	…
//	defer h.Close(ctx)
//	err = http.ListenAndServe("127.0.0.1:8080", h)
//
// Who may ask is the business of the same keys: docs/SERVER.md. While none exists, this
// machine may.
package serve

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/host"
	"github.com/blitz-r1/blitz/internal/hub"
	"github.com/blitz-r1/blitz/internal/server"
)

// Options say what is served. The zero value of each field is its default.
type Options struct {
	// Models are loaded at once: names in the store, or paths, whose last part is then
	// their name. Others of the store are loaded when they are asked for.
	Models []string
	// Adapters are loaded beside their models at once; see Adapter.
	Adapters []Adapter
	// Home is the folder of the store, of keys and of what clients have stored; that of
	// the program blitz.
	Home string
	// Hosts are names by which clients reach the handler, beside localhost.
	Hosts []string
	// Prefixes is the bytes of disk for what was computed of prompts, in Home; 0: none.
	Prefixes  int64
	Context   int // the most positions of a sequence; the model's own, up to what memory allows
	Sequences int // that run at once in a model
	Threads   int // processors; as many as suit the machine
	Log       *slog.Logger
}

// Adapter is a low-rank adapter (LoRA) that a model may be asked for with: a request names
// MODEL:NAME. Its memory counts with that of its model.
type Adapter struct {
	Model  string // one of Options.Models, or another one of the store
	Name   string // letters, digits, '_', '-' and '.'
	Folder string // in the form of Hugging Face's PEFT
}

// Handler answers requests.
type Handler struct{ site *server.Site }

// New returns a handler whose Models and Adapters are in memory. The error wraps
// blitz.ErrNotFound for a name that no model has, or is what opening a model or loading an
// adapter says: blitz.ErrAdapter, blitz.ErrNoRoom.
func New(o *Options) (*Handler, error) {
	if o == nil {
		o = &Options{}
	}
	home := o.Home
	if home == "" {
		var err error
		if home, err = blitz.StoreFolder(); err != nil {
			return nil, err
		}
	}
	site, err := server.OpenSite(server.SiteOptions{
		Host:  host.Options{Home: home, Threads: o.Threads, Context: o.Context, Sequences: o.Sequences, KeepAlive: -1, Log: o.Log},
		Serve: o.Models, Gate: server.GateSettings{Hosts: o.Hosts},
		Prefixes: filepath.Join(home, "prefixes"), PrefixesLimit: o.Prefixes,
		PID: os.Getpid(), Stop: func() {}, Log: o.Log,
	})
	if err != nil {
		return nil, err
	}
	h := &Handler{site}
	if err := h.load(home, o); err != nil {
		return nil, errors.Join(err, h.Close(context.Background()))
	}
	return h, nil
}

// load brings models and adapters into memory.
func (h *Handler) load(home string, o *Options) error {
	ctx := context.Background()
	store, err := hub.Open(home)
	if err != nil {
		return err
	}
	store.Offline = true
	var names []string
	for _, m := range o.Models {
		name, err := h.nameOf(ctx, store, m)
		if err != nil {
			return err
		}
		names = append(names, name)
	}
	for _, a := range o.Adapters {
		model, err := h.nameOf(ctx, store, a.Model)
		if err == nil {
			err = h.site.Host().Adapter(model, a.Name, a.Folder)
		}
		if err != nil {
			return err
		}
		names = append(names, host.AdapterName(model, a.Name))
	}
	return h.site.Load(ctx, names)
}

// nameOf returns what a model is asked for by, and has the host know it.
func (h *Handler) nameOf(ctx context.Context, store *hub.Store, model string) (string, error) {
	at, err := store.Locate(ctx, model, nil)
	if err != nil {
		return "", err
	}
	if at.Model != nil {
		return at.Model.Name.String(), nil
	}
	return h.site.Host().Serve(at.Path)
}

// ServeHTTP answers a request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.site.Handler().ServeHTTP(w, r)
}

// Close waits for the answers under way until ctx ends, ends the others, and lets the
// models go.
func (h *Handler) Close(ctx context.Context) error { return h.site.Close(ctx) }
