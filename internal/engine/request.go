package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/internal/sample"
)

// Request is what a user asks: tokens to continue, and how.
type Request struct {
	Tokens    []int32
	MaxTokens int // of the answer; 0: as many as the context has room for
	Sampling  sample.Settings
	Stop      []int32 // tokens that end the answer, as its last
	// Logprobs asks for the log-probability of each token and of that many best
	// ones besides; -1: for none at all.
	Logprobs int
	// Guides say what may come next. They belong to this answer alone.
	Guides []Guide
	// Observe, where not nil, is shown each token, forced ones too, with the logits [V]
	// that it came from, before penalties and masks. The engine's goroutine calls it.
	Observe func(id int32, logits []float32)
	Owner
	// Done ends the answer when it is done; nil: the context of Submit does.
	Done context.Context
}

// Owner says whose a request is, and of which adapter of the model.
type Owner struct {
	Tenant  string         // who shares the machine with the others fairly; "" is one, too
	Batch   bool           // it comes behind all that are not
	Adapter *model.Adapter // of this engine's model; nil: the model as it is
}

// salt returns what the pages of a request are found under: those of its tenant and
// adapter alone. No two give the same.
func (o *Owner) salt() string {
	switch {
	case o.Adapter != nil:
		d := o.Adapter.Digest()
		return "\x00adapter " + string(d[:]) + o.Tenant
	case strings.HasPrefix(o.Tenant, "\x00"):
		return "\x00tenant " + o.Tenant
	}
	return o.Tenant
}

// shares says whether what was computed for one serves the other.
func (o *Owner) shares(p *Owner) bool {
	return o.Tenant == p.Tenant && (o.Adapter == p.Adapter || o.Adapter != nil && p.Adapter != nil && o.Adapter.Digest() == p.Adapter.Digest())
}

// ContextError is a prompt that leaves no room for an answer. It is ErrContext.
type ContextError struct{ Prompt, Context int }

// Error says how long both are.
func (e *ContextError) Error() string {
	return fmt.Sprintf("engine: the prompt has %d tokens, the context %d: %v", e.Prompt, e.Context, ErrContext)
}

// Unwrap returns ErrContext.
func (e *ContextError) Unwrap() error { return ErrContext }

// Submit gives a request to the engine. The error wraps ErrContext, ErrNoRoom,
// ErrPrompt, ErrClosed, ErrOption or model.ErrTokens. ctx ends the answer when it is
// done. What r refers to may be changed afterwards, but for the guides.
func (e *Engine) Submit(ctx context.Context, r Request) (*Stream, error) {
	all, err := e.SubmitAll(ctx, r)
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// SubmitAll is Submit of several requests at once.
func (e *Engine) SubmitAll(ctx context.Context, requests ...Request) ([]*Stream, error) {
	var sequences []*sequence
	var streams []*Stream
	for _, r := range requests {
		s, err := e.answering(ctx, r)
		if err != nil {
			return nil, err
		}
		sequences, streams = append(sequences, s), append(streams, s.work.(*answer).stream)
	}
	if err := e.submit(ctx, sequences...); err != nil {
		return nil, err
	}
	return streams, nil
}

// answering returns the sequence of a request.
func (e *Engine) answering(ctx context.Context, r Request) (*sequence, error) {
	if err := e.checkWrites(); err != nil {
		return nil, err
	}
	r.Tokens, r.Stop, r.Sampling.Bias = slices.Clone(r.Tokens), slices.Clone(r.Stop), maps.Clone(r.Sampling.Bias)
	if len(r.Tokens) == 0 {
		return nil, fmt.Errorf("engine: %w", ErrPrompt)
	}
	if err := e.net.CheckTokens(r.Tokens); err != nil {
		return nil, err
	}
	if err := r.Sampling.Validate(); err != nil {
		return nil, err
	}
	V := e.config.VocabSize
	switch {
	case r.MaxTokens < 0:
		return nil, fmt.Errorf("engine: the most tokens are %d, want 0 (any) or more: %w", r.MaxTokens, ErrOption)
	case r.Logprobs < -1 || r.Logprobs > V:
		return nil, fmt.Errorf("engine: %d best tokens, want -1 (none) to %d: %w", r.Logprobs, V, ErrOption)
	}
	room := e.options.Context - len(r.Tokens)
	if room < 1 {
		return nil, &ContextError{len(r.Tokens), e.options.Context}
	}
	a := &answer{
		request: r, stream: newStream(len(r.Tokens), e.now), sampler: sample.New(r.Sampling, r.Tokens),
		guidance: newGuidance(r.Guides, V), most: r.MaxTokens, full: FinishLength,
	}
	if r.MaxTokens == 0 || r.MaxTokens > room {
		a.most, a.full = room, FinishContext
	}
	if r.Done != nil {
		ctx = r.Done
	}
	return &sequence{engine: e, ctx: ctx, owner: r.Owner, work: a, tokens: r.Tokens, from: len(r.Tokens) - 1, most: len(r.Tokens) + a.most}, nil
}

// submit lets sequences wait for their turn.
func (e *Engine) submit(ctx context.Context, all ...*sequence) error {
	return e.do(ctx, func() {
		e.enqueue(all...)
		e.publish()
	})
}

// enqueue is submit on the engine's goroutine.
func (e *Engine) enqueue(all ...*sequence) {
	for _, s := range all {
		e.join(s)
	}
	e.waiting = append(e.waiting, all...)
}
