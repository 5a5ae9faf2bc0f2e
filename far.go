package blitz

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"

	"github.com/blitz-r1/blitz/internal/engine"
)

// Far is an engine in another process. Its methods may be called by any goroutine.
type Far interface {
	// Facts returns what the engine is.
	Facts() FarFacts
	// Answer has the engine answer, and returns what comes of it: steps in order, or
	// the error that ends the answer. It ends when ctx does.
	Answer(ctx context.Context, r *FarRequest) iter.Seq2[FarStep, error]
}

// FarFacts are what an engine in another process is.
type FarFacts struct {
	Context   int    `json:"context"`
	Sequences int    `json:"sequences"`
	Threads   int    `json:"threads"`
	Cache     string `json:"cache"`
	Form      string `json:"form"`           // of latent attention
	Rope      string `json:"rope,omitempty"` // Engine.Rope
}

// FarRequest is what an engine in another process is asked: a Request whose words are
// tokens already. Stop texts are for the one who reads the answer.
type FarRequest struct {
	Tokens   []int32  `json:"tokens"`
	Rendered bool     `json:"rendered"` // the tokens are a conversation
	Begun    int      `json:"begun"`    // the last so many are the beginning of the answer
	Settings Settings `json:"settings"`
	Logprobs bool     `json:"logprobs"`
	Top      int      `json:"top"`

	Schema json.RawMessage `json:"schema,omitempty"` // that the content matches
}

// Request returns the request that an engine of this process takes.
func (r *FarRequest) Request() Request {
	return Request{
		Tokens: r.Tokens, Rendered: r.Rendered, Begun: r.Begun, Sampling: r.Settings.sampling(), MaxTokens: r.Settings.MaxTokens,
		Think: r.Settings.Think, Logprobs: r.Logprobs, TopTokens: r.Top, Schema: r.Schema,
	}
}

// FarStep is what came of an answer: a token, word of how far the prompt is, or the end.
type FarStep struct {
	Token    *FarToken `json:"token,omitempty"`
	Progress *Progress `json:"progress,omitempty"`
	Finish   *Finish   `json:"finish,omitempty"`
	Drafted  int       `json:"drafted,omitempty"`  // with Finish: tokens that were guessed
	Accepted int       `json:"accepted,omitempty"` // of them, those that were drawn
}

// FarToken is a token without its text.
type FarToken struct {
	ID      int32       `json:"id"`
	Forced  bool        `json:"forced,omitempty"`
	Last    bool        `json:"last,omitempty"`
	Logprob float32     `json:"logprob,omitempty"`
	Top     []Candidate `json:"top,omitempty"`
}

// errFar is what an engine of another process is not asked for.
var errFar = fmt.Errorf("blitz: the engine runs in another process, which answers requests only: %w", ErrOption)

// Attach returns an engine that another process runs. The model, which may have been
// opened with NoWeights, reads and writes the text.
func Attach(m *Model, far Far) (*Engine, error) {
	if err := m.lease.join(); err != nil {
		return nil, err
	}
	return &Engine{model: m, far: far}, nil
}

// ask gives answers to the engine of another process.
func (e *Engine) ask(ctx context.Context, r *Request, p prompt, all []*Answer) error {
	if r.Adapter != nil || len(r.Guides) > 0 || len(r.StopTokens) > 0 || r.GuidesOf != nil || r.Observe != nil || r.ObserveOf != nil || slices.ContainsFunc(all, func(a *Answer) bool { return a.held != nil }) || r.Schema != nil && r.Tools != nil {
		return fmt.Errorf("%w: no Adapter, Grammar, Calls, Guides, StopTokens and Observe", errFar)
	}
	if err := e.checkPrompt(p.ids); err != nil {
		return err
	}
	for _, a := range all {
		relay := a.follow(ctx, p)
		q := &FarRequest{
			Tokens: p.ids, Rendered: p.chat, Begun: len(a.prior), Settings: a.settings, Logprobs: r.Logprobs, Top: r.TopTokens, Schema: r.Schema,
		}
		q.Settings.Stop = nil
		go a.relay(e.far, q, relay)
	}
	return nil
}

// checkPrompt says why an engine cannot answer a prompt.
func (e *Engine) checkPrompt(ids []int32) error {
	if len(ids) == 0 {
		return ErrPrompt
	}
	if err := e.model.CheckTokens(ids); err != nil {
		return err
	}
	if n := e.Context(); len(ids) >= n {
		return &ContextError{Prompt: len(ids), Context: n}
	}
	return nil
}

// follow has an answer come from elsewhere: of what is put into the relay.
func (a *Answer) follow(ctx context.Context, p prompt) *engine.Relay {
	a.ctx, a.cancel = context.WithCancelCause(ctx)
	a.prompt, a.open = p.ids, p.open
	relay := engine.NewRelay(len(p.ids))
	a.stream = relay.Stream
	return relay
}

// broke ends an answer that comes from elsewhere where its context ended, or err did it.
func (a *Answer) broke(err error, to *engine.Relay) bool {
	switch {
	case a.ctx.Err() != nil:
		to.End(engine.Finish{Reason: engine.FinishCancel, Err: context.Cause(a.ctx)})
	case err != nil:
		to.End(engine.Finish{Reason: engine.FinishError, Err: err})
	default:
		return false
	}
	return true
}

// relay hands on what the other process says of an answer.
func (a *Answer) relay(far Far, q *FarRequest, to *engine.Relay) {
	for step, err := range far.Answer(a.ctx, q) {
		switch {
		case a.broke(err, to):
			return
		case step.Progress != nil:
			to.Reached(step.Progress.CachedTokens, step.Progress.ComputedTokens)
		case step.Token != nil:
			to.Put(step.Token.engine(a.engine.model.stops))
		case step.Finish != nil:
			if step.Finish.Budget && a.budget != nil {
				a.budget.ended.Store(true)
			}
			to.Guessed(step.Drafted, step.Accepted)
			to.End(engine.Finish{Reason: engineReason(step.Finish.Reason)})
			return
		}
	}
	to.End(engine.Finish{Reason: engine.FinishError, Err: fmt.Errorf("blitz: the other process broke off: %w", ErrClosed)})
}

// engine returns the token as an engine of this process gives it.
func (t *FarToken) engine(stops []int32) engine.Token {
	out := engine.Token{ID: t.ID, Forced: t.Forced, Last: t.Last, End: slices.Contains(stops, t.ID), Logprob: t.Logprob}
	for _, c := range t.Top {
		out.Top = append(out.Top, engine.Candidate{ID: c.ID, Logprob: c.Logprob})
	}
	return out
}

// engineReason returns why an engine ends where an answer ends for this reason.
func engineReason(r FinishReason) engine.Reason {
	switch r {
	case FinishStopToken, FinishToolCalls:
		return engine.FinishStop
	case FinishLength:
		return engine.FinishLength
	case FinishContext:
		return engine.FinishContext
	case FinishCancelled:
		return engine.FinishCancel
	}
	return engine.FinishError
}

// Steps returns what another process is told of an answer as it comes. It takes the
// place of Tokens.
func (a *Answer) Steps() iter.Seq2[FarStep, error] {
	return func(yield func(FarStep, error) bool) {
		for t, err := range a.Tokens() {
			if err != nil {
				yield(FarStep{}, err)
				return
			}
			step := FarStep{Token: &FarToken{ID: t.ID, Forced: t.Forced, Last: a.over, Logprob: t.Logprob, Top: t.Top}}
			if len(a.ids) == 1 {
				if p := a.Progress(); !yield(FarStep{Progress: &p}, nil) {
					return
				}
			}
			if !yield(step, nil) {
				return
			}
		}
		f, u := a.finish, a.Usage()
		yield(FarStep{Finish: &f, Drafted: u.DraftedTokens, Accepted: u.AcceptedTokens}, nil)
	}
}
