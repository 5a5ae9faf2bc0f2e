package engine

import (
	"context"
	"fmt"
	"math"
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

// Pooling says which hidden states an embedding is made of.
type Pooling uint8

// The ways.
const (
	PoolLast  Pooling = iota // of the last token
	PoolMean                 // the mean of all
	PoolFirst                // of the first token, for models that put it there ("cls")
)

// Embed returns the hidden state [D] behind the model's last norm, pooled, and scaled
// to length 1. The sequence runs beside others, and what was computed before is used.
func (e *Engine) Embed(ctx context.Context, who Owner, ids []int32, pooling Pooling) ([]float32, error) {
	s, sum, err := e.embedding(ids, pooling)
	if err != nil {
		return nil, err
	}
	s.owner = who
	if err := e.finished(ctx, s); err != nil {
		return nil, err
	}
	return direction(sum)
}

// embedding returns the sequence of Embed, and where the sum of the hidden states comes
// to be.
func (e *Engine) embedding(ids []int32, pooling Pooling) (*sequence, []float64, error) {
	if err := e.checkGiven(ids); err != nil {
		return nil, nil, err
	}
	if len(ids) == 0 {
		return nil, nil, fmt.Errorf("engine: %w", ErrPrompt)
	}
	if pooling > PoolFirst {
		return nil, nil, fmt.Errorf("engine: pooling %d, want 0 to %d: %w", pooling, PoolFirst, ErrOption)
	}
	ids = slices.Clone(ids)
	from := 0
	switch pooling {
	case PoolLast:
		from = len(ids) - 1
	case PoolFirst:
		ids = ids[:1] // no later token is seen by it
	}
	sum := make([]float64, e.config.HiddenSize)
	s := &sequence{engine: e, tokens: ids, from: from, most: len(ids), hidden: true, work: newGiven(func(_ int, x []float32) error {
		for i, v := range x[:len(sum)] {
			sum[i] += float64(v)
		}
		return nil
	})}
	return s, sum, nil
}

// direction returns x scaled to length 1. The squares are exact in float64 or rounded
// once, and added in order, so that the bits are the same everywhere.
func direction(x []float64) ([]float32, error) {
	var squares float64
	for _, v := range x {
		squares += float64(v * v)
	}
	if squares-squares != 0 {
		return nil, fmt.Errorf("engine: hidden state: %w", sample.ErrLogits)
	}
	y := make([]float32, len(x))
	if squares == 0 {
		return y, nil
	}
	length := math.Sqrt(squares)
	for i, v := range x {
		y[i] = float32(v / length)
	}
	return y, nil
}
