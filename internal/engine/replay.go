package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Replayed is what came of a request that was asked again with the tokens that it once got.
type Replayed struct {
	First int    // the first of the tokens that does not come again; -1: all do
	Over  Reason // why the answer ends behind the last of them; FinishNone: it goes on
}

// Replay computes prompt and tokens of an answer in one prefill, and draws each token again
// from its row, as Submit would have: with the same random numbers, penalties, guides and
// ends. each is shown every token that comes, from 0, and the raw logits [V] that it came
// from; the engine's goroutine calls it. An answer that should have ended before, or that
// another token is drawn in, is no error. Logprobs and Observe of the request do nothing.
func (e *Engine) Replay(ctx context.Context, r Request, tokens []int32, each func(i int, id int32, logits []float32)) (Replayed, error) {
	s, err := e.answering(ctx, r)
	if err != nil {
		return Replayed{}, err
	}
	all := slices.Concat(s.tokens, tokens)
	if err := e.checkGiven(all); err != nil {
		return Replayed{}, err
	}
	a := s.work.(*answer)
	w := &replay{given: newGiven(nil), engine: e, answer: a, tokens: tokens, each: each, result: Replayed{First: -1}}
	s.work, s.private = w, true
	if len(tokens) == 0 {
		return w.result, w.begin(s)
	}
	s.tokens, s.most = all[:len(all)-1], len(all)-1
	if err := e.finished(ctx, s); err != nil && !errors.Is(err, errDiffers) {
		return Replayed{}, err
	}
	return w.result, nil
}

// errDiffers ends a sequence whose tokens do not come again.
var errDiffers = errors.New("engine: another token comes")

// replay is the work of Replay.
type replay struct {
	*given
	engine *Engine
	answer *answer
	tokens []int32
	at     int // the token of the next row
	each   func(i int, id int32, logits []float32)
	result Replayed
}

func (w *replay) begin(s *sequence) error {
	if err := w.answer.guidance.begin(s.tokens[:s.from+1]); err != nil {
		return err
	}
	return w.force()
}

func (w *replay) computed(int, time.Duration) {}

// force takes what guides force next; its rows come.
func (w *replay) force() error {
	err := w.answer.force()
	w.answer.owed = w.answer.forced
	return err
}

// row draws the next token, and compares.
func (w *replay) row(_ *sequence, pos int, logits []float32) error {
	id, err := w.next(logits)
	if err != nil {
		return fmt.Errorf("token %d: %w", w.at, err)
	}
	w.each(w.at, id, logits)
	if id != w.tokens[w.at] {
		w.result.First = w.at
		return errDiffers
	}
	w.at++
	if len(w.answer.owed) > 0 {
		return nil
	}
	if w.result.Over = w.answer.over.Reason; w.result.Over == FinishNone {
		return w.force()
	}
	if w.at < len(w.tokens) {
		w.result.First = w.at
		return errDiffers
	}
	return nil
}

// next returns the token that comes from a row.
func (w *replay) next(logits []float32) (int32, error) {
	a := w.answer
	if len(a.owed) > 0 {
		id := a.owed[0]
		a.owed = a.owed[1:]
		return id, nil
	}
	a.guidance.mask()
	id, err := w.engine.drawOne(a, logits)
	if err != nil {
		return 0, err
	}
	return id, a.take(id)
}
