package engine

import (
	"context"
	"fmt"
	"slices"

	"github.com/blitz-r1/blitz/internal/sample"
)

// Score returns the log-probability of each token of ids from the one at from on, 1 or
// later, given those before it, and that many of the best ones in its place. The
// sequence runs beside others, and what was computed before is used.
func (e *Engine) Score(ctx context.Context, who Owner, ids []int32, from, top int) ([]Token, error) {
	s, scores, err := e.scoring(ids, from, top)
	if err != nil || s == nil {
		return nil, err
	}
	s.owner = who
	if err := e.finished(ctx, s); err != nil {
		return nil, err
	}
	return *scores, nil
}

// scoring returns the sequence of Score, and where its result comes to be; none where
// there is nothing to score.
func (e *Engine) scoring(ids []int32, from, top int) (*sequence, *[]Token, error) {
	if err := e.checkWrites(); err != nil {
		return nil, nil, err
	}
	if err := e.checkGiven(ids); err != nil {
		return nil, nil, err
	}
	if from < 1 || top < 0 || top > e.config.VocabSize {
		return nil, nil, fmt.Errorf("engine: score from token %d with %d best, want from 1, and 0 to %d: %w", from, top, e.config.VocabSize, ErrOption)
	}
	if from >= len(ids) {
		return nil, nil, nil
	}
	ids = slices.Clone(ids) // the engine may run a moment longer than this call
	var scratch []float32
	scores := make([]Token, 0, len(ids)-from)
	last := len(ids) - 1 // what is behind the last token is not asked
	s := &sequence{engine: e, tokens: ids[:last], from: from - 1, most: last, work: newGiven(func(pos int, logits []float32) error {
		t := Token{ID: ids[pos+1], Last: pos+1 == last}
		if t.Logprob, t.Top = rate(&scratch, logits, t.ID, top); t.Logprob != t.Logprob {
			return fmt.Errorf("engine: logits behind token %d: %w", pos, sample.ErrLogits)
		}
		scores = append(scores, t)
		return nil
	})}
	return s, &scores, nil
}
