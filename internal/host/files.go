package host

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/engine"
	"github.com/blitz-r1/blitz/internal/fit"
	"github.com/blitz-r1/blitz/internal/hub"
)

// opened is a model in memory that answers.
type opened interface {
	engine() *blitz.Engine
	caches() int64 // bytes that its caches have taken, as far as that is known
	mapped() int64 // bytes of its weights that the system counts as available
	close()        // gives all its memory back
}

// files opens models from files.
type files struct {
	store    *hub.Store
	threads  *blitz.Threads
	prefixes *blitz.Prefixes // nil: none
	packed   *blitz.Packed   // nil: none
	log      *slog.Logger
	cache    string
	mla      string
}

// newFiles starts the threads that all models share.
func newFiles(o *Options, store *hub.Store) (*files, error) {
	n := o.Threads
	if n == 0 {
		n = min(runtime.GOMAXPROCS(0), engine.MaxThreads)
	}
	threads, err := blitz.NewThreads(n)
	if err != nil {
		return nil, fmt.Errorf("host: %w", err)
	}
	log := o.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &files{store, threads, o.Prefixes, o.Packed, log, o.Cache, o.MLA}, nil
}

func (f *files) close()           { f.threads.Close() }
func (f *files) available() int64 { return fit.MemoryLimit() }

// survey opens the files of a model, and reads no weights.
func (f *files) survey(_ context.Context, t target) (candidate, error) {
	path := t.path
	if t.model != nil {
		var err error
		if path, err = f.store.Path(t.model); err != nil {
			return nil, fmt.Errorf("host: %w", err)
		}
	}
	files, err := blitz.OpenFiles(path)
	if err != nil {
		return nil, fmt.Errorf("host: %s: %w", t.name, err)
	}
	if t.model != nil {
		files.Know(t.model.Sums())
	}
	n, err := files.Needs(&blitz.Options{MLA: f.mla})
	if err != nil {
		files.Close()
		return nil, fmt.Errorf("host: %s: %w", t.name, err)
	}
	kind := f.cache
	if kind == "" {
		kind = n.Caches()[0]
	}
	return &modelFiles{host: f, name: t.name, files: files, n: n, kind: kind}, nil
}

// modelFiles are the files of one model.
type modelFiles struct {
	host  *files
	name  string
	files *blitz.Files
	n     *blitz.Needs
	kind  string // of cache
}

func (m *modelFiles) weights() int64 { return m.n.WeightBytes() }
func (m *modelFiles) context() int   { return m.n.MaxContext() }

func (m *modelFiles) cache(positions int) (int64, error) {
	bytes, err := m.n.CacheBytes(m.kind, positions)
	return int64(bytes), err
}

func (m *modelFiles) longest(room int64) (int, error) { return m.n.Longest(m.kind, room) }

func (m *modelFiles) close() { m.files.Close() }

// open reads the weights and starts the engine.
func (m *modelFiles) open(ctx context.Context, p plan, report func(done, total int64)) (opened, error) {
	model, err := m.files.Open(&blitz.Options{
		MemoryLimit: p.weights, MLA: m.host.mla, Packed: m.host.packed, Interrupted: ctx.Err, Progress: report,
	})
	if err != nil {
		return nil, fmt.Errorf("host: %s: %w", m.name, err)
	}
	defer model.Close() // it stays as long as its engine
	e, err := blitz.NewEngine(model, &blitz.EngineOptions{
		Shared: m.host.threads, Context: p.context, Sequences: p.sequences, Cache: m.kind, MemoryLimit: p.caches,
		Prefixes: m.host.prefixes,
	})
	if err != nil {
		return nil, fmt.Errorf("host: %s: %w", m.name, err)
	}
	r := running{e: e, unkeep: func() {}}
	if model.IsUnkept() {
		r.unkeep = m.keep(model)
	}
	return r, nil
}

// keep has the packed weights written down in the background. The function that it returns
// gives that up where it is not done.
func (m *modelFiles) keep(model *blitz.Model) (unkeep func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		err := model.KeepPacked(ctx, &blitz.KeepOptions{Quiet: func() bool { return true }})
		if err != nil && ctx.Err() == nil {
			m.host.log.Warn("packed weights are not kept for the next start", "model", m.name, "error", err)
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

// running is an engine and its model.
type running struct {
	e      *blitz.Engine
	unkeep func()
}

func (r running) engine() *blitz.Engine { return r.e }
func (r running) mapped() int64         { return r.e.Model().MappedBytes() }
func (r running) caches() int64 {
	l := r.e.Load()
	return int64(l.HeldBytes) + int64(l.CachedBytes)
}

func (r running) close() {
	r.unkeep()
	r.e.Close()
}
