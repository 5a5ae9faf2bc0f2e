package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/blitz-r1/blitz/internal/model"
)

// Plan says how Evaluate computes. It changes no bit of any result.
type Plan struct {
	// Drafts receives the logits of the multi-token-prediction module too, row t from
	// the hidden state of position t and token t+1, of a model that was opened with
	// it; nil: they are not computed. It is called as each of Evaluate is. From is 0
	// with it.
	Drafts func(i, t int, logits []float32) error

	Chunk    int  // tokens of a piece; 0: the engine's
	Decode   int  // the last so many tokens go one at a time
	Together bool // all sequences run at once, else one after the other
	From     int  // rows before this one are not wanted, and not computed where nothing needs them
	// Adapter is what adapts the model for all sequences; nil: nothing does.
	Adapter *model.Adapter
}

// Evaluate computes the logits behind the tokens of the sequences, from p.From on,
// and hands them to each, row by row: row t of sequence i is what comes after its
// token t. Rows of a sequence come in order. All of it is computed anew: nothing is
// taken from what was computed before. A row is valid during the call only, which the
// engine's goroutine makes: everything else waits, and a call of the engine from there
// never returns. An error of each ends the evaluation.
func (e *Engine) Evaluate(ctx context.Context, sequences [][]int32, p Plan, each func(i, t int, logits []float32) error) error {
	if err := e.checkWrites(); err != nil {
		return err
	}
	if m, ok := e.net.(interface{ HasMTP() bool }); ok && p.Drafts != nil && !m.HasMTP() { // draft layers of blocks are none
		return fmt.Errorf("engine: guesses of a module: %w", model.ErrNoMTP)
	}
	if p.Drafts != nil {
		p.From = 0 // the module goes on from every position
	}
	for i, ids := range sequences {
		if err := e.checkGiven(ids); err != nil {
			return fmt.Errorf("sequence %d: %w", i, err)
		}
	}
	if p.Chunk < 0 || p.Decode < 0 || p.From < 0 {
		return fmt.Errorf("engine: plan with pieces of %d, %d single tokens, from row %d, want none negative: %w", p.Chunk, p.Decode, p.From, ErrOption)
	}
	var all []*sequence
	for i, ids := range sequences {
		s := &sequence{
			engine: e, owner: Owner{Adapter: p.Adapter}, tokens: ids, from: p.From, most: len(ids), limit: len(ids), private: true, piece: p.Chunk, single: p.Decode,
			work: newGiven(func(t int, x []float32) error { return each(i, t, x) }),
		}
		if p.Drafts != nil {
			s.drafts = func(t int, x []float32) error { return p.Drafts(i, t, x) }
		}
		all = append(all, s)
	}
	if p.Together {
		return e.finished(ctx, all...)
	}
	for _, s := range all {
		if err := e.finished(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// checkGiven checks tokens that are computed, and nothing behind them.
func (e *Engine) checkGiven(ids []int32) error {
	if len(ids) > e.options.Context {
		return &ContextError{len(ids), e.options.Context}
	}
	return e.net.CheckTokens(ids)
}

// given is the work of a sequence whose tokens are all given: its rows are looked at.
type given struct {
	look func(pos int, x []float32) error
	done chan struct{}
	over Finish
}

func newGiven(look func(pos int, x []float32) error) *given {
	return &given{look: look, done: make(chan struct{})}
}

// outcome returns where it is told how the sequence ended.
func (g *given) outcome() *given { return g }

func (g *given) begin(*sequence) error { return nil }

func (g *given) computed(int, time.Duration) {}

func (g *given) row(_ *sequence, pos int, x []float32) error { return g.look(pos, x) }

func (g *given) end(f Finish) {
	g.over = f
	close(g.done)
}

// finished runs sequences whose work is given and waits for all of them. Where one
// fails the others end too, and its error is returned.
func (e *Engine) finished(ctx context.Context, all ...*sequence) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	for _, s := range all {
		s.ctx = ctx
	}
	if err := e.submit(ctx, all...); err != nil {
		return err
	}
	var first error
	for _, s := range all {
		g := s.work.(interface{ outcome() *given }).outcome()
		<-g.done
		if g.over.Err != nil && first == nil {
			first = g.over.Err
			cancel(first)
		}
	}
	return first
}
