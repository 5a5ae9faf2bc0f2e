package blitz

import (
	"context"
	"fmt"
	"sync"

	"github.com/blitz-r1/blitz/internal/engine"
	"github.com/blitz-r1/blitz/internal/kernel"
)

// Engine runs a model: any number of requests, as many of them at once as its options
// say, batched; the others wait for their turn. What prompts have in common is
// computed once. Any goroutine may use it.
//
// A request takes memory for the positions that it has, not for those it may come to
// have. Where there is no more, the least urgent one gives its memory back, waits, and is
// read again later, which changes no bit of its answer. Prompts are read beside answers
// within a bound of time, and those of each Tenant get the same share of it.
type Engine struct {
	model *Model
	run   *engine.Engine // nil: far runs it
	far   Far
	once  sync.Once
	// unname ends the search for the model's root.
	unname context.CancelFunc
	draft  *Model
}

// EngineOptions say how an engine runs. The zero value of each field is its
// default.
type EngineOptions struct {
	Threads     int      // processors; as many as suit the machine, see NewThreads
	Shared      *Threads // in place of threads of its own, those of several engines
	Context     int      // positions of a sequence; the model's, at most 8192
	Stretch     bool     // Context may be more than the model was made for
	RopeContext int      // positions that rotary frequencies are for, of a model where they depend on such; Context
	Sequences   int      // that run at once; 64
	Chunk       int      // tokens of prompts that a step reads at most; 512
	Cache       string   // f32, f16, bf16 or q8; by the model's weights
	MemoryLimit int64    // bytes that caches may take; what all Sequences would, or half of what is available where Sequences is left open
	// Speculate says what guesses of coming tokens come from, which are computed at once and
	// change no bit of any answer: auto, the default, the draft model where there is one, else
	// ngram; off; ngram, what stood behind the same words before; draft, the draft model; mtp,
	// the model's own module of multi-token prediction, with which it has to be opened. Where
	// guessing does not pay it is left off.
	Speculate string
	Draft     *Model // a smaller model of the same vocabulary; kept open until Close
	// DraftLimit is how many bytes the draft model's caches may take; what eight sequences of
	// the Context do, at most as much as caches may.
	DraftLimit int64
	// Prefixes keep what is computed beyond the engine's life, and give it back. nil:
	// nothing does.
	Prefixes *Prefixes
}

// NewEngine starts an engine. o may be nil. The error wraps ErrNoRoom where one
// sequence of the context does not fit the memory limit, ErrOption where an option is out of range,
// ErrVocabulary where the draft model has other tokens, ErrNoMTP, and ErrClosed where a model
// or the shared threads were closed.
func NewEngine(m *Model, o *EngineOptions) (*Engine, error) {
	if o == nil {
		o = &EngineOptions{}
	}
	options := engine.Options{
		Threads: o.Threads, Context: o.Context, RopeContext: o.RopeContext, Sequences: o.Sequences, Chunk: o.Chunk, MemoryLimit: o.MemoryLimit, DraftLimit: o.DraftLimit, Keep: o.Prefixes != nil,
	}
	if o.Shared != nil {
		options.Shared = o.Shared.run
	}
	if most := m.MaxContext(); o.Context > most && !o.Stretch {
		return nil, fmt.Errorf("blitz: a context of %d, the model was made for %d: %w", o.Context, most, ErrOption)
	}
	if o.Cache != "" {
		kind, err := kernel.ParseCacheKind(o.Cache)
		if err != nil {
			return nil, fmt.Errorf("blitz: %w: %w", err, ErrOption)
		}
		options.Cache = &kind
	}
	if err := o.speculation(m, &options); err != nil {
		return nil, err
	}
	e := &Engine{model: m, draft: o.Draft}
	if err := e.join(); err != nil {
		return nil, err
	}
	var err error
	if e.run, err = engine.New(m.net, options); err != nil {
		e.leave()
		return nil, err
	}
	var ctx context.Context
	ctx, e.unname = context.WithCancel(context.Background())
	switch _, named := m.files.Rooted(); {
	case o.Prefixes == nil:
	case named:
		e.keep(ctx, o.Prefixes)
	default:
		go e.keep(ctx, o.Prefixes)
	}
	return e, nil
}

// Close ends all requests and the engine's own threads. It may be called twice.
func (e *Engine) Close() {
	e.once.Do(func() {
		if e.run != nil {
			e.unname()
			e.run.Close()
		}
		e.leave()
	})
}

// join has the engine's models stay open. The error wraps ErrClosed.
func (e *Engine) join() error {
	if err := e.model.lease.join(); err != nil {
		return err
	}
	if e.draft == nil {
		return nil
	}
	err := e.draft.lease.join()
	if err != nil {
		e.model.lease.leave(e.model.free)
	}
	return err
}

// leave lets the engine's models be closed.
func (e *Engine) leave() {
	e.model.lease.leave(e.model.free)
	if e.draft != nil {
		e.draft.lease.leave(e.draft.free)
	}
}

// Model returns the engine's model.
func (e *Engine) Model() *Model { return e.model }

// Context returns the positions of a sequence.
func (e *Engine) Context() int {
	if e.far != nil {
		return e.far.Facts().Context
	}
	return e.run.Options().Context
}

// Sequences returns how many requests run at once.
func (e *Engine) Sequences() int {
	if e.far != nil {
		return e.far.Facts().Sequences
	}
	return e.run.Options().Sequences
}

// Threads returns the processors in use.
func (e *Engine) Threads() int {
	if e.far != nil {
		return e.far.Facts().Threads
	}
	return e.run.Options().Threads
}

// Cache returns the kind of cache in use.
func (e *Engine) Cache() string {
	if e.far != nil {
		return e.far.Facts().Cache
	}
	return e.run.Options().Cache.String()
}
