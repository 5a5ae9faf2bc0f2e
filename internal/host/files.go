package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sort"

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
	experts  int64           // bytes that those of a model may take; 0: all, or as many as fit
	log      *slog.Logger
	cache    string
	mla      string
	rope     blitz.Rope

	speculate string
}

// newFiles starts the threads that all models share.
func newFiles(o *Options, store *hub.Store) (*files, error) {
	threads, err := blitz.NewThreads(o.Threads)
	if err != nil {
		return nil, fmt.Errorf("host: %w", err)
	}
	log := o.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &files{store, threads, o.Prefixes, o.Packed, o.ExpertMemory, log, o.Cache, o.MLA, o.Rope, o.Speculate}, nil
}

func (f *files) close()           { f.threads.Close() }
func (f *files) available() int64 { return fit.MemoryLimit() }

// survey opens the files of a model, and of one that guesses for it, and reads no weights.
func (f *files) survey(_ context.Context, t target) (candidate, error) {
	if t.draft == nil {
		m, err := f.surveyOne(t, nil)
		if err != nil {
			return nil, err
		}
		return m, nil
	}
	drafts, err := f.find(*t.draft)
	if err != nil {
		return nil, guesses(err, t)
	}
	if drafts.HoldsDrafts() { // of the model itself
		m, err := f.surveyOne(t, drafts)
		if err != nil {
			drafts.Close()
			return nil, err
		}
		return m, nil
	}
	drafts.Close()
	m, err := f.surveyOne(t, nil)
	if err != nil {
		return nil, err
	}
	if m.draft, err = f.surveyOne(*t.draft, nil); err != nil {
		m.close()
		return nil, guesses(err, t)
	}
	return m, nil
}

// guesses says of an error of a draft whose draft it is.
func guesses(err error, t target) error {
	return fmt.Errorf("%w, which guesses for %s", err, t.name)
}

// find opens the files of a model.
func (f *files) find(t target) (*blitz.Files, error) {
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
		if sums, ok := t.model.SumsAt(path); ok {
			files.Know(sums)
		}
	}
	return files, nil
}

// surveyOne surveys a model, whose draft layers may stand in other files.
func (f *files) surveyOne(t target, drafts *blitz.Files) (*modelFiles, error) {
	files, err := f.find(t)
	if err != nil {
		return nil, err
	}
	n, err := files.Needs(&blitz.Options{MLA: f.mla, Rope: f.rope, MTP: drafts != nil, Drafts: drafts})
	if err != nil {
		files.Close()
		return nil, fmt.Errorf("host: %s: %w", t.name, err)
	}
	kind := f.cache
	if kind == "" {
		kind = n.Caches()[0]
	}
	return &modelFiles{host: f, name: t.name, files: files, drafts: drafts, n: n, kind: kind}, nil
}

// modelFiles are the files of one model.
type modelFiles struct {
	host  *files
	name  string
	files *blitz.Files
	n     *blitz.Needs
	kind  string      // of cache
	draft *modelFiles // of the model that guesses for it; nil: there is none

	drafts *blitz.Files // of its own draft layers, which guess for it; nil: there are none
}

// bound leaves experts on the disk where the user says so, or where all weights do not fit
// and there is room for packed weights to read them from. A draft model has all in memory, and is counted
// in, as it is by cache and longest.
func (m *modelFiles) bound(room int64) (experts, weights int64) {
	all, movable := addBytes(m.n.WeightBytes(), m.draftWeights()), m.n.ExpertBytes()
	others := all - movable
	switch bound := m.host.experts; {
	case movable == 0 || !m.host.packed.HasRoomFor(m.n.WeightBytes()):
	case bound > 0 && bound < movable:
		return bound, others + bound
	case bound == 0 && all > room && room-others >= m.n.LeastExperts():
		return room - others, room
	}
	return 0, all
}

// draftWeights returns what the weights of the draft model take; 0: there is none.
func (m *modelFiles) draftWeights() int64 {
	if m.draft == nil {
		return 0
	}
	return m.draft.n.WeightBytes()
}

func (m *modelFiles) context() int { return m.n.MaxContext() }

func (m *modelFiles) cache(positions int) (int64, error) {
	bytes, err := m.n.CacheBytes(m.kind, positions)
	if err != nil {
		return 0, err
	}
	more, err := m.draftCache(positions)
	return addBytes(int64(bytes), more), err
}

func (m *modelFiles) longest(room int64) (int, error) {
	most, err := m.n.Longest(m.kind, room)
	if err != nil || m.draft == nil {
		return most, err
	}
	most = sort.Search(most, func(n int) bool {
		bytes, failed := m.cache(n + 1)
		err = errors.Join(err, failed)
		return bytes > room
	})
	return most, err
}

func (m *modelFiles) close() {
	m.files.Close()
	if m.drafts != nil {
		m.drafts.Close()
	}
	if m.draft != nil {
		m.draft.close()
	}
}

// open reads the weights and starts the engine. The models stay open as long as it: their
// weights are written down beside it.
func (m *modelFiles) open(ctx context.Context, p plan, report func(done, total int64)) (opened, error) {
	o := &blitz.EngineOptions{
		Shared: m.host.threads, Context: p.context, Sequences: p.sequences, Cache: m.kind, Prefixes: m.host.prefixes, Speculate: m.host.speculate,
	}
	if m.drafts != nil {
		o.Speculate = engine.SpeculateMTP.String()
	}
	model, err := m.read(ctx, p.weights-m.draftWeights(), p.experts, report)
	if err != nil {
		return nil, err
	}
	r := running{models: []*blitz.Model{model}}
	if m.draft != nil {
		behind := func(done, total int64) { report(m.n.WeightBytes()+done, total) }
		if o.Draft, err = m.draft.read(ctx, m.draftWeights(), 0, behind); err != nil {
			r.close()
			return nil, err
		}
		r.models = append(r.models, o.Draft)
	}
	if o.MemoryLimit, o.DraftLimit, err = m.divide(p); err == nil {
		r.e, err = blitz.NewEngine(model, o)
	}
	if err != nil {
		r.close()
		return nil, fmt.Errorf("host: %s: %w", m.name, err)
	}
	for i, of := range []*modelFiles{m, m.draft}[:len(r.models)] {
		if r.models[i].IsUnkept() {
			r.unkeep = append(r.unkeep, of.keep(r.models[i]))
		}
	}
	return r, nil
}

// read reads weights that take so many bytes of memory, of which experts take some where they
// are not all there.
func (m *modelFiles) read(ctx context.Context, weights, experts int64, report func(done, total int64)) (*blitz.Model, error) {
	model, err := m.files.Open(&blitz.Options{
		MemoryLimit: weights, ExpertMemory: experts, MLA: m.host.mla, Rope: m.host.rope, MTP: m.drafts != nil, Drafts: m.drafts, Packed: m.host.packed, Interrupted: ctx.Err, Progress: report,
	})
	if err != nil {
		return nil, fmt.Errorf("host: %s: %w", m.name, err)
	}
	return model, nil
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

// running is an engine and its models, of which a second one guesses.
type running struct {
	e      *blitz.Engine
	models []*blitz.Model
	unkeep []func()
}

func (r running) engine() *blitz.Engine { return r.e }

func (r running) mapped() int64 {
	var n int64
	for _, m := range r.models {
		n += m.MappedBytes()
	}
	return n
}

func (r running) caches() int64 {
	l := r.e.Load()
	return int64(l.HeldBytes) + int64(l.CachedBytes)
}

func (r running) close() {
	for _, unkeep := range r.unkeep {
		unkeep()
	}
	if r.e != nil {
		r.e.Close()
	}
	for _, m := range r.models {
		m.Close()
	}
}
