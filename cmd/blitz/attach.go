package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/attach"
	"github.com/blitz-r1/blitz/internal/hub"
	"github.com/blitz-r1/blitz/internal/server"
	"github.com/blitz-r1/blitz/internal/settings"
	"github.com/blitz-r1/blitz/internal/socket"
)

// attach returns the model as this user's server runs it, so that its weights are in
// memory once; nil where there is no server, or where it cannot do what the flags want,
// which stderr is told.
func (f *runFlags) attach(files *blitz.Files, stored *hub.Model, name string) (*running, error) {
	home, _, err := homeFolder(os.Getenv)
	if err != nil || f.receipt.wanted() { // logits stay in their process
		return nil, nil // it has none to look at
	}
	path, err := socket.Path(home, os.Getenv)
	if err != nil {
		return nil, nil
	}
	client := socket.Client(path)
	if client == nil {
		return nil, nil
	}
	if flags := f.alone(); len(flags) > 0 {
		f.note("%s: not by the server that is running; the model is loaded once more", strings.Join(flags, ", "))
		return nil, nil
	}
	began := time.Now()
	far, err := f.openFar(func() (*attach.Far, error) { return attach.Open(f.cmd.Context(), client, stored.Name.String()) }, stored.Name.String())
	switch {
	case f.cmd.Context().Err() != nil:
		return nil, f.cmd.Context().Err()
	case err != nil:
		f.note("%v; the model is loaded here", err)
		return nil, nil
	case far.Engine().Digest != stored.Identity().Hex():
		f.note("the server has another model in memory by that name; this one is loaded here")
		return nil, nil
	case f.context.v > far.Facts().Context:
		f.note("--ctx: the server has %d positions for this model; it is loaded once more", far.Facts().Context)
		return nil, nil
	}
	return f.attached(files, far, stored, name, began)
}

func (f *runFlags) note(format string, args ...any) {
	fmt.Fprintf(f.cmd.ErrOrStderr(), "blitz: note: "+format+"\n", args...)
}

// alone returns the flags that only an engine of this process can honour.
func (f *runFlags) alone() []string {
	var set []string
	for _, name := range []string{"cpu", "threads", "cache", "mla", "speculate", "draft", "lora", "rope-scaling", "rope-scale", "rope-freq-base", "yarn-orig-ctx", "yarn-attn-factor", "yarn-beta-fast", "yarn-beta-slow"} {
		if flag := f.cmd.Flags().Lookup(name); flag != nil && settings.Origin(flag) != settings.Default {
			set = append(set, "--"+name)
		}
	}
	return set
}

// openFar waits for the server to have the model, and says how far that is.
func (f *runFlags) openFar(open func() (*attach.Far, error), name string) (*attach.Far, error) {
	s := startStatus(f.cmd.ErrOrStderr(), func() work {
		w := work{what: "waiting for the server", bytes: true}
		var state server.State
		if askServer("GET", "/blitz/state", nil, &state) != nil {
			return w
		}
		if i := slices.IndexFunc(state.Models, func(m server.Loaded) bool { return m.Name == name }); i >= 0 && state.Models[i].State != "ready" {
			w.what, w.done, w.total = "the server is loading "+printable(name), state.Models[i].Done, state.Models[i].Weights
		}
		return w
	})
	defer s.end()
	return open()
}

// attached returns a model whose text is read and written here.
func (f *runFlags) attached(files *blitz.Files, far *attach.Far, stored *hub.Model, name string, began time.Time) (*running, error) {
	m, err := files.Open(&blitz.Options{Text: true, NoWeights: true})
	if err != nil {
		return nil, err
	}
	o := &running{name: name, model: m, far: true, variant: stored.Variant}
	if err = f.ready(o); err == nil {
		o.engine, err = blitz.Attach(m, far)
	}
	if err != nil {
		o.close()
		return nil, err
	}
	o.load = time.Since(began).Seconds()
	return o, nil
}
