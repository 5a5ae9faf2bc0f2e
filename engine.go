package blitz

import (
	"github.com/blitz-r1/blitz/internal/engine"
	"github.com/blitz-r1/blitz/internal/kernel"
)

// Engine runs a model: any number of requests at once, batched; what prompts have
// in common is computed once.
type Engine struct {
	model *Model
	run   *engine.Engine
}

// EngineOptions say how an engine runs. The zero value of each field is its
// default.
type EngineOptions struct {
	Threads     int    // processors; as many as there are
	Context     int    // positions of a sequence; the model's, at most 8192
	Sequences   int    // that run at once; 1
	Cache       string // f32, f16, bf16 or q8; by the model's weights
	MemoryLimit int64  // bytes that caches may take; any
}

// NewEngine starts an engine. o may be nil. The error wraps ErrNoRoom where the
// context does not fit the memory limit.
func NewEngine(m *Model, o *EngineOptions) (*Engine, error) {
	if o == nil {
		o = &EngineOptions{}
	}
	options := engine.Options{Threads: o.Threads, Context: o.Context, Sequences: o.Sequences, MemoryLimit: o.MemoryLimit}
	if o.Cache != "" {
		kind, err := kernel.ParseCacheKind(o.Cache)
		if err != nil {
			return nil, err
		}
		options.Cache = &kind
	}
	run, err := engine.New(m.net, options)
	if err != nil {
		return nil, err
	}
	return &Engine{model: m, run: run}, nil
}

// Close ends all requests and the engine's threads.
func (e *Engine) Close() { e.run.Close() }

// Model returns the engine's model.
func (e *Engine) Model() *Model { return e.model }

// Context returns the positions of a sequence.
func (e *Engine) Context() int { return e.run.Options().Context }

// Threads returns the processors in use.
func (e *Engine) Threads() int { return e.run.Options().Threads }

// Cache returns the kind of cache in use.
func (e *Engine) Cache() string { return e.run.Options().Cache.String() }
