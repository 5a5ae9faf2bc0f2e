package blitz

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/blitz-r1/blitz/internal/engine"
)

// Known is what an answer came to elsewhere, of the same model.
type Known struct {
	Tokens []int32
	Cached int  // tokens of the prompt that were not computed again
	Cut    bool // it ended at its longest, not by an end token or a stop text
}

// Recall returns the answers to a request as GenerateAll does, but has nothing computed: learn
// is asked, in a goroutine of each answer, what came of its prompt with its settings. The
// answers are read as others are: text, reasoning, calls, stop texts. The context that learn
// gets ends with the answer. The errors are those of GenerateAll, as far as the request alone
// tells them. Request.Logprobs, TopTokens and Observe count for nothing.
func (e *Engine) Recall(ctx context.Context, r Request, n int, learn func(ctx context.Context, i int, prompt []int32, s Settings) (Known, error)) ([]*Answer, error) {
	if n < 1 || n > MaxAnswers {
		return nil, fmt.Errorf("blitz: %d answers, want 1 to %d: %w", n, MaxAnswers, ErrOption)
	}
	first, err := e.newAnswer(&r)
	if err != nil {
		return nil, err
	}
	p, err := e.prompt(ctx, &r)
	if err == nil {
		err = e.checkPrompt(p.ids)
	}
	if err != nil {
		return nil, err
	}
	all := make([]*Answer, n)
	for i := range all {
		a := *first
		a.settings.Seed += uint64(i)
		a.prior = p.ids[len(p.ids)-r.Begun:]
		if err := errors.Join(a.reader(&r, p), a.constrain(&r, p)); err != nil {
			return nil, err
		}
		if r.Begun > 0 {
			if err := a.replay(); err != nil {
				return nil, err
			}
		}
		all[i] = &a
	}
	for i, a := range all {
		relay := a.follow(ctx, p)
		go func() {
			known, err := learn(a.ctx, i, a.prompt, a.settings)
			a.recall(&known, err, relay)
		}()
	}
	return all, nil
}

// recall hands on what is known of an answer.
func (a *Answer) recall(known *Known, err error, to *engine.Relay) {
	if err == nil {
		err = a.engine.model.CheckTokens(known.Tokens)
	}
	if a.broke(err, to) {
		return
	}
	to.Reached(min(max(known.Cached, 0), len(a.prompt)), len(a.prompt))
	end := engine.Finish{Reason: engine.FinishError, Err: fmt.Errorf("blitz: an answer of %d tokens ends by no end token and no stop text: %w", len(known.Tokens), ErrTokens)}
	for i, id := range known.Tokens {
		last := i == len(known.Tokens)-1
		stops := last && slices.Contains(a.engine.model.stops, id)
		to.Put(engine.Token{ID: id, Last: last, End: stops})
		switch {
		case stops:
			end = engine.Finish{Reason: engine.FinishStop}
		case last && known.Cut:
			end = engine.Finish{Reason: engine.FinishLength}
		}
	}
	to.End(end)
}
