package blitz

import (
	"context"

	"github.com/blitz-r1/blitz/internal/engine"
	"github.com/blitz-r1/blitz/tokenizer"
)

// ScoreOptions say what Score returns. The zero value scores every token that has one
// before it.
type ScoreOptions struct {
	From      int    // the first token that is scored, from 0; the very first has no score
	TopTokens int    // with so many of the best tokens in the place of each
	Tenant    string // as those of a Request
	Batch     bool
	Adapter   *Adapter
}

// Score returns the log-probability of each token of ids given those before it. It runs
// beside answers, and what earlier prompts have in common with ids is not computed
// again. o may be nil. The error wraps ErrContext, ErrTokens, ErrOption, ErrNoRoom,
// ErrLogits or ErrClosed, or is ctx's.
func (e *Engine) Score(ctx context.Context, ids []int32, o *ScoreOptions) ([]Token, error) {
	if o == nil {
		o = &ScoreOptions{}
	}
	from := o.From
	if from == 0 {
		from = 1
	}
	if e.run == nil {
		return nil, errFar
	}
	who, err := e.owner(o.Tenant, o.Batch, o.Adapter)
	if err != nil {
		return nil, err
	}
	scores, err := e.run.Score(ctx, who, ids, from, o.TopTokens)
	if err != nil {
		return nil, err
	}
	t := e.model.tokens
	var text *tokenizer.Stream
	if t != nil {
		text = t.NewStream()
	}
	all := make([]Token, len(scores))
	for i, s := range scores {
		all[i] = Token{ID: s.ID, Logprob: s.Logprob, Top: candidates(t, s.Top)}
		if text != nil {
			all[i].Text, _ = text.Next(s.ID) // an id that only pads the vocabulary is no text
		}
	}
	return all, nil
}

// candidates adds their texts to tokens that might have come.
func candidates(t *tokenizer.Tokenizer, top []engine.Candidate) []Candidate {
	var all []Candidate
	for _, c := range top {
		x := Candidate{ID: c.ID, Logprob: c.Logprob}
		if t != nil {
			x.Text, _ = t.Decode([]int32{c.ID}) // an id that only pads the vocabulary is no text
		}
		all = append(all, x)
	}
	return all
}
