// Package engine runs sequences: it batches the tokens of all that are under way,
// keeps their caches, draws their next tokens, and reuses what was computed before.
//
// One goroutine owns all of that; requests come to it and tokens leave it by
// Stream. How sequences are batched, chunked and cached changes no bit of any of
// them.
package engine

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync"

	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/kvcache"
	"github.com/blitz-r1/blitz/internal/model"
)

// Errors of requests.
var (
	// ErrContext is a prompt that leaves no room for an answer in the context.
	ErrContext = errors.New("the prompt does not fit the context")
	// ErrNoRoom is a context, or a request, that does not fit the memory. It wraps
	// model.ErrNoRoom, so that callers may ask for both at once.
	ErrNoRoom = fmt.Errorf("%w", model.ErrNoRoom)
	// ErrClosed is a request to an engine that was closed.
	ErrClosed = errors.New("the engine is closed")
	// ErrPrompt is a request without tokens.
	ErrPrompt = errors.New("the prompt is empty")
)

// Options say how an engine runs. The zero value of each field means its default.
type Options struct {
	Threads     int               // processors, as many as there are
	Context     int               // positions of a sequence: the model's, at most 8192
	Sequences   int               // that run at once: 1
	Chunk       int               // tokens of a step: DefaultChunk
	Cache       *kernel.CacheKind // what the model's weights suggest
	MemoryLimit int64             // bytes that caches may take: any
}

// Defaults of Options.
const (
	DefaultContext = 8192
	DefaultChunk   = 512
)

// maxSequences bounds how many sequences run at once.
const maxSequences = 4096

// Engine runs a model.
type Engine struct {
	model   *model.Model
	options Options
	workers *kernel.Workers
	cache   *kvcache.Cache
	step    model.Step
	room    int // bytes of cache that no running sequence has claimed

	waiting []*sequence
	running []*sequence
	batch   model.Batch

	incoming chan func()
	closing  chan struct{}
	closed   chan struct{}
	once     sync.Once
}

// New starts an engine. The error wraps ErrNoRoom where the context does not fit
// the memory limit; its message says what would.
func New(m *model.Model, o Options) (*Engine, error) {
	if o.Threads == 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	if o.Context == 0 {
		o.Context = min(DefaultContext, m.Config.MaxPositionEmbeddings)
	}
	if o.Sequences == 0 {
		o.Sequences = 1
	}
	if o.Chunk == 0 {
		o.Chunk = DefaultChunk
	}
	if o.Cache == nil {
		kind := m.DefaultCache()
		o.Cache = &kind
	}
	switch {
	case o.Threads < 1:
		return nil, fmt.Errorf("engine: %d threads, want 1 or more", o.Threads)
	case o.Context < 1:
		return nil, fmt.Errorf("engine: context of %d, want 1 or more", o.Context)
	case o.Sequences < 1 || o.Sequences > maxSequences:
		return nil, fmt.Errorf("engine: %d sequences at once, want 1 to %d", o.Sequences, maxSequences)
	case o.Chunk < 1:
		return nil, fmt.Errorf("engine: steps of %d tokens, want 1 or more", o.Chunk)
	}
	e := &Engine{
		model: m, options: o, incoming: make(chan func()), closing: make(chan struct{}), closed: make(chan struct{}),
	}
	if err := e.makeCache(); err != nil {
		return nil, err
	}
	e.workers = kernel.NewWorkers(o.Threads)
	e.step = model.Step{Workers: e.workers, Kind: *o.Cache}
	go e.run()
	return e, nil
}

// makeCache sizes the cache for the context and the sequences.
func (e *Engine) makeCache() error {
	layers := e.model.CacheLayers(*e.options.Cache)
	probe, err := kvcache.New(layers, math.MaxInt)
	if err != nil {
		return fmt.Errorf("engine: %w", err)
	}
	need := func(positions int) int {
		one := probe.Bytes(positions, e.options.Chunk)
		if one > math.MaxInt/e.options.Sequences {
			return math.MaxInt
		}
		return one * e.options.Sequences
	}
	e.room = need(e.options.Context)
	if limit := e.options.MemoryLimit; limit > 0 && int64(e.room) > limit {
		fits := 0
		for step := 1 << 24; step > 0; step /= 2 {
			if n := fits + step; n < e.options.Context && int64(need(n)) <= limit {
				fits = n
			}
		}
		return fmt.Errorf("engine: a context of %d takes %d MiB with cache %s, there are %d MiB: %w; %d would fit",
			e.options.Context, e.room>>20, *e.options.Cache, limit>>20, ErrNoRoom, fits)
	}
	e.cache, err = kvcache.New(layers, e.room)
	if err != nil {
		return fmt.Errorf("engine: %w", err)
	}
	return nil
}

// Model returns the model that the engine runs.
func (e *Engine) Model() *model.Model { return e.model }

// Options returns the options with their defaults filled in.
func (e *Engine) Options() Options { return e.options }

// Close ends all sequences and the engine's threads.
func (e *Engine) Close() {
	e.once.Do(func() { close(e.closing) })
	<-e.closed
}

// do runs f on the engine's goroutine, between two steps.
func (e *Engine) do(ctx context.Context, f func()) error {
	done := make(chan struct{})
	select {
	case e.incoming <- func() { f(); close(done) }:
		<-done
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-e.closed:
		return ErrClosed
	}
}

// run is the engine's goroutine.
func (e *Engine) run() {
	defer close(e.closed)
	defer e.workers.Close()
	for {
		if len(e.running)+len(e.waiting) == 0 {
			select {
			case f := <-e.incoming:
				f()
			case <-e.closing:
				return
			}
			continue
		}
		select {
		case f := <-e.incoming:
			f()
			continue
		case <-e.closing:
			e.abort()
			return
		default:
		}
		e.stepOnce()
	}
}

// abort ends all sequences with ErrClosed.
func (e *Engine) abort() {
	for _, s := range append(e.running, e.waiting...) {
		s.finish(FinishError, ErrClosed)
	}
}
