// Package engine runs sequences: it batches the tokens of all that are under way,
// keeps their caches, draws their next tokens, and reuses what was computed before.
//
// One goroutine owns all of that; requests come to it and tokens leave it by
// Stream. How sequences are batched, chunked and cached changes no bit of any of
// them.
package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"sort"
	"sync"
	"time"

	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/kvcache"
	"github.com/blitz-r1/blitz/internal/machine"
	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/internal/sample"
)

// Errors of engines and requests.
var (
	// ErrContext is a prompt that leaves no room for an answer in the context.
	ErrContext = errors.New("the prompt does not fit the context")
	// ErrNoRoom is a context, or a request, that does not fit the memory. It wraps
	// model.ErrNoRoom, so that callers may ask for both at once.
	ErrNoRoom = fmt.Errorf("%w", model.ErrNoRoom)
	// ErrClosed is a request to an engine that was closed.
	ErrClosed = errors.New("closed already")
	// ErrPrompt is a request without tokens.
	ErrPrompt = errors.New("the prompt is empty")
	// ErrOption is an option of an engine or a request that is out of range, as are
	// settings of sampling.
	ErrOption = sample.ErrSetting
	// ErrEncoder is a request for text, or for what tokens are worth, of a model that makes
	// vectors of texts and writes nothing.
	ErrEncoder = errors.New("makes vectors of texts and writes nothing")
	// ErrVocabulary is a draft model whose tokens are others than the model's.
	ErrVocabulary = errors.New("the vocabularies differ")
	// ErrGuide is a guide that asked for what cannot be.
	ErrGuide = errors.New("guide")
)

// Options say how an engine runs. The zero value of each field means its default.
type Options struct {
	Threads     int               // processors; 0: DefaultThreads, of which decoding uses fewer where that is faster
	Shared      *Threads          // those of other engines, in place of its own; Threads is 0 then
	Context     int               // positions of a sequence: the model's, at most 8192
	RopeContext int               // positions that rotary frequencies are for, where they depend on such: Context
	Sequences   int               // that run at once: DefaultSequences
	Chunk       int               // tokens of prompts that a step reads at most: DefaultChunk
	Cache       *kernel.CacheKind // what the model's weights suggest
	MemoryLimit int64             // bytes that caches may take: what Sequences of the whole Context do, or half of what is available where Sequences is left open
	Keep        bool              // pages are to be kept, by the shelf of Keep
	Speculate   Speculation       // what guesses of coming tokens come from
	Draft       *model.Model      // that guesses, of the same vocabulary; nil: there is none
	DraftLimit  int64             // bytes that the draft model's caches may take: what eight sequences of the Context do, at most as much as caches may
	// Foretell, where not nil, guesses in place of what Speculate names: it appends to dst at
	// most so many tokens that may come behind a text. Measurements know what comes, and
	// choose how much of it is right.
	Foretell func(dst, text []int32, most int) []int32
}

// Defaults of Options.
const (
	DefaultContext   = 8192
	DefaultSequences = 64
	DefaultChunk     = 512
)

// Bounds of Options: what a step keeps grows with its tokens.
const (
	maxSequences = 4096
	MaxChunk     = 1 << 20
)

// Engine runs a model.
type Engine struct {
	net      network
	config   *model.Config
	options  Options
	now      func() time.Time
	threads  *Threads
	crews    *crews        // nil: all threads compute each step
	turn     chan struct{} // holds a signal where the threads are ours
	cache    *kvcache.Cache
	limit    int // bytes of it
	headroom headroom
	keeper   *keeper // nil: there is no shelf
	step     model.Step

	number  uint64 // of the last sequence that came
	tenants map[string]*tenant
	level   [2]int // what was read for the tenant that was served last, by kind
	waiting []*sequence
	running []*sequence // in the order of urgent
	pace    pace
	ledger  ledger
	// contended says that both something to be read and answers of batches wait to be
	// computed beside others, and owed is what the latter are to have before the former.
	contended bool
	owed      float64 // nanoseconds
	turns     uint64  // that answers of batches had beside others

	guesser guesser     // nil: nothing is guessed
	module  *mtpGuesser // the guesser, where it is the model's module
	betting []*sequence // that are guessed for
	bets    []int       // how many tokens of each
	text    []int32     // memory of textFrom
	purse   purse
	// guessing is what guesses took that the next step computes, and guessed those of this
	// one, which its time is to pay for.
	guessing, guessed time.Duration

	batched  []*sequence // of each segment of the batch
	verdicts []verdict   // and of its guesses
	rows     []row       // that the step has to hand out
	draws    draws
	together int // rows of logits that are computed at a time, logitRows
	content  content

	stepping bool    // a step is computed
	passed   int     // layers of it
	ended    []ended // in it
	batch    model.Batch

	swaps []*swap // in the order they came

	counts Load // the engine's own
	loadMu sync.Mutex
	load   Load // that others read

	incoming chan func()
	closing  chan struct{}
	closed   chan struct{}
	once     sync.Once
}

// New starts an engine. The error wraps ErrNoRoom where the context does not fit
// the memory limit, and says what would; ErrOption where an option is out of range.
func New(m *model.Model, o Options) (*Engine, error) {
	e, err := newStopped(m, &m.Config, o)
	if err != nil {
		return nil, err
	}
	go e.run()
	return e, nil
}

// newStopped makes an engine whose goroutine does not run yet.
func newStopped(net network, config *model.Config, o Options) (*Engine, error) {
	if err := o.complete(net, config); err != nil {
		return nil, err
	}
	e := &Engine{
		net: net, config: config, options: o, now: time.Now, tenants: map[string]*tenant{}, together: logitRows,
		turn: make(chan struct{}, 1), incoming: make(chan func()), closing: make(chan struct{}), closed: make(chan struct{}),
	}
	if err := e.makeCache(); err != nil {
		return nil, err
	}
	e.threads = o.Shared
	if e.threads == nil {
		var err error
		if e.threads, err = NewThreads(o.Threads); err != nil {
			return nil, err
		}
		defer e.threads.Close() // they go on until the engine leaves
	}
	if err := e.threads.join(); err != nil {
		return nil, err
	}
	e.options.Threads, e.crews = e.threads.Count(), e.threads.crews()
	if err := e.makeGuesser(); err != nil {
		e.threads.leave()
		return nil, err
	}
	e.step = model.Step{Workers: e.threads.workers, Kind: *o.Cache, Passed: e.layerPassed}
	e.publish()
	return e, nil
}

// complete fills in the defaults, but for Sequences, and checks the options.
func (o *Options) complete(net network, config *model.Config) error {
	longest := config.MaxPositionEmbeddings
	switch {
	case o.Shared != nil && o.Threads != 0 && o.Threads != o.Shared.Count():
		return fmt.Errorf("engine: %d threads, and %d shared ones: %w: want one of them", o.Threads, o.Shared.Count(), ErrOption)
	case o.Shared != nil:
		o.Threads = o.Shared.Count()
	}
	if o.Context == 0 {
		o.Context = min(DefaultContext, longest)
	}
	o.RopeContext = cmp.Or(o.RopeContext, o.Context)
	if o.Chunk == 0 {
		o.Chunk = DefaultChunk
	}
	if o.Cache == nil || config.Encoder { // which keeps nothing
		kind := net.DefaultCache()
		o.Cache = &kind
	}
	for _, x := range []struct {
		name           string
		v, least, most int
	}{
		{"threads", o.Threads, 0, MaxThreads},
		{"context", o.Context, 1, math.MaxInt32},
		{"context of rotary frequencies", o.RopeContext, 1, math.MaxInt32},
		{"sequences", o.Sequences, 0, maxSequences},
		{"chunk", o.Chunk, 1, MaxChunk},
	} {
		if x.v < x.least || x.v > x.most {
			return fmt.Errorf("engine: %s is %d, want %d to %d: %w", x.name, x.v, x.least, x.most, ErrOption)
		}
	}
	if least := min(o.MemoryLimit, o.DraftLimit); least < 0 {
		return fmt.Errorf("engine: memory limit is %d bytes, want 0 (any) or more: %w", least, ErrOption)
	}
	return nil
}

// makeCache bounds the cache: one sequence of the whole context must have room.
func (e *Engine) makeCache() error {
	o := &e.options
	layers := e.net.CacheLayers(*o.Cache)
	probe, err := kvcache.New(layers, math.MaxInt)
	if err != nil {
		return fmt.Errorf("engine: %w", err)
	}
	one := probe.Bytes(o.Context, o.Chunk)
	room := int64(math.MaxInt)
	free, ok := machine.AvailableMemory()
	switch {
	case o.MemoryLimit > 0:
		room = o.MemoryLimit
	case o.Sequences == 0 && ok:
		room = max(int64(one), free/2)
	}
	if o.Sequences == 0 {
		o.Sequences = DefaultSequences
	}
	if int64(one) > room {
		n := sort.Search(o.Context, func(n int) bool { return int64(probe.Bytes(n+1, o.Chunk)) > room })
		return fmt.Errorf("engine: a context of %d takes %d MiB with cache %s, there are %d MiB: %w; %d would fit",
			o.Context, one>>20, *o.Cache, room>>20, ErrNoRoom, n)
	}
	if e.limit = math.MaxInt; one <= math.MaxInt/o.Sequences {
		e.limit = one * o.Sequences
	}
	e.limit = int(min(int64(e.limit), room))
	e.cache, err = kvcache.New(layers, e.limit)
	if err != nil {
		return fmt.Errorf("engine: %w", err)
	}
	e.cache.Spare(max(e.limit/spareShare, one))
	if o.Keep {
		e.cache.Keep()
	}
	e.headroom = newHeadroom()
	e.headroom.caches = append(e.headroom.caches, e.cache)
	return nil
}

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
	case <-ctx.Done():
		return context.Cause(ctx)
	default:
	}
	select {
	case e.incoming <- func() { f(); close(done) }:
		<-done
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-e.closed:
		return fmt.Errorf("engine: %w", ErrClosed)
	}
}

// run is the engine's goroutine.
func (e *Engine) run() {
	defer close(e.closed)
	defer e.threads.leave()
	for open := true; open; {
		select {
		case f := <-e.incoming:
			f()
			continue
		case <-e.closing:
			open = false
			continue
		default:
		}
		if !e.exchange() && !e.stepOnce() {
			open = e.rest()
		}
	}
	e.abort()
	e.keeper.close()
}

// abort ends all sequences with ErrClosed.
func (e *Engine) abort() {
	e.abortSwaps()
	for _, s := range append(e.running, e.waiting...) {
		s.finish(Finish{FinishError, fmt.Errorf("engine: %w", ErrClosed)})
	}
}
