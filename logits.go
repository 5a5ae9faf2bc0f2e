package blitz

import (
	"context"

	"github.com/blitz-r1/blitz/internal/engine"
)

// LogitsPlan says how Logits computes. It changes no bit of any result.
type LogitsPlan struct {
	// Drafts receives the logits of the module of multi-token prediction too, row t
	// from the hidden state of position t and token t+1, of a model that was opened with
	// it; nil: they are not computed. It is called as each of Logits is. From is 0 with
	// it.
	Drafts func(i, t int, logits []float32) error

	Chunk    int  // tokens of a piece; 0: the engine's
	Decode   int  // the last so many tokens go one at a time
	Together bool // all sequences run at once, else one after the other
	From     int  // rows before this one are not wanted, and not computed where nothing needs them
	// Adapter is what adapts the model for all sequences; nil: nothing does.
	Adapter *Adapter
}

// Logits computes the raw logits behind the tokens of sequences, from p.From on, and
// hands them to each: row t [V] of sequence i is what comes after its token t. The rows
// of a sequence come in order. Everything is computed anew, beside answers.
//
// A row is valid during the call only. The engine's goroutine makes it, and whatever
// else runs waits for it; a call of the engine from there never returns. An error of
// each ends the computation, and is returned.
func (e *Engine) Logits(ctx context.Context, sequences [][]int32, p LogitsPlan, each func(i, t int, logits []float32) error) error {
	if e.run == nil {
		return errFar
	}
	bound, err := p.Adapter.boundTo(e.model)
	if err != nil {
		return err
	}
	plan := engine.Plan{Drafts: p.Drafts, Chunk: p.Chunk, Decode: p.Decode, Together: p.Together, From: p.From, Adapter: bound}
	return e.run.Evaluate(ctx, sequences, plan, each)
}
