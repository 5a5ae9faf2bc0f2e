package engine

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/internal/sample"
)

// checkWrites returns an error where the model writes no text.
func (e *Engine) checkWrites() error {
	if e.config.Encoder {
		return fmt.Errorf("engine: a %s model %w", e.config.ModelType, ErrEncoder)
	}
	return nil
}

// Pooling says which hidden states a vector is made of.
type Pooling = model.Pooling

// The ways.
const (
	PoolLast  = model.PoolLast
	PoolMean  = model.PoolMean
	PoolFirst = model.PoolFirst
	PoolModel = model.PoolModel
)

// EmbedOptions say what Embed returns.
type EmbedOptions struct {
	Pooling Pooling // PoolModel: as the model's files say, else the mean
	Length  Length
}

// Length says how long vectors are.
type Length uint8

// The lengths.
const (
	LengthModel Length = iota // 1, unless the model's files leave them as they are
	LengthOne
	LengthAny // as they are
)

// Embed returns, for each list of tokens, the hidden states [D] behind the model's last norm,
// pooled, sent through the model's heads of vectors where it has some, and scaled. The
// sequences run beside others, and what was computed before is used where tokens see only
// those before them.
func (e *Engine) Embed(ctx context.Context, who Owner, texts [][]int32, o EmbedOptions) ([][]float32, error) {
	var all []*sequence
	vectors := make([][]float32, len(texts))
	for i, ids := range texts {
		s, err := e.embedding(ids, o, func(v []float32) { vectors[i] = v })
		if err != nil {
			return nil, aboutText(i, len(texts), err)
		}
		s.owner = who
		all = append(all, s)
	}
	if err := e.finished(ctx, all...); err != nil {
		return nil, err
	}
	return vectors, nil
}

// Pair is two texts as one list of tokens.
type Pair struct {
	Tokens []int32
	Second int // where the second begins
}

// Rank returns how well the texts of each pair go together, from 0 to 1, of a model with a head
// that tells.
func (e *Engine) Rank(ctx context.Context, who Owner, pairs []Pair) ([]float32, error) {
	var all []*sequence
	scores := make([]float32, len(pairs))
	for i, p := range pairs {
		s, err := e.embedding(p.Tokens, EmbedOptions{Pooling: PoolModel, Length: LengthAny}, func(v []float32) { scores[i] = likely(v) })
		if err != nil {
			return nil, aboutText(i, len(pairs), err)
		}
		s.owner, s.second = who, p.Second
		all = append(all, s)
	}
	return scores, e.finished(ctx, all...)
}

// likely returns how likely the first answer of a head is, which has one or two.
func likely(v []float32) float32 {
	if len(v) == 2 {
		return kernel.Sigmoid(v[0] - v[1])
	}
	return kernel.Sigmoid(v[0])
}

// RankByAnswer returns how likely the token yes is behind each text, and not the token no.
func (e *Engine) RankByAnswer(ctx context.Context, who Owner, texts [][]int32, yes, no int32) ([]float32, error) {
	if err := e.checkWrites(); err != nil {
		return nil, err
	}
	if err := e.net.CheckTokens([]int32{yes, no}); err != nil {
		return nil, err
	}
	var all []*sequence
	scores := make([]float32, len(texts))
	for i, ids := range texts {
		err := e.checkGiven(ids)
		if err == nil && len(ids) == 0 {
			err = fmt.Errorf("engine: %w", ErrPrompt)
		}
		if err != nil {
			return nil, aboutText(i, len(texts), err)
		}
		look := func(_ int, logits []float32) error {
			if scores[i] = kernel.Sigmoid(logits[yes] - logits[no]); scores[i] != scores[i] {
				return fmt.Errorf("engine: logits behind text %d: %w", i, sample.ErrLogits)
			}
			return nil
		}
		ids = slices.Clone(ids)
		all = append(all, &sequence{engine: e, owner: who, tokens: ids, from: len(ids) - 1, most: len(ids), work: newGiven(look)})
	}
	return scores, e.finished(ctx, all...)
}

// aboutText says which of several texts an error is about.
func aboutText(i, n int, err error) error {
	if n == 1 {
		return err
	}
	return fmt.Errorf("text %d: %w", i, err)
}

// embedding returns the sequence whose hidden states become a vector, which is handed to give.
func (e *Engine) embedding(ids []int32, o EmbedOptions, give func([]float32)) (*sequence, error) {
	if err := e.checkGiven(ids); err != nil {
		return nil, err
	}
	pooling := o.Pooling
	if pooling == PoolModel {
		pooling = e.config.Pooling
	}
	switch {
	case len(ids) == 0:
		return nil, fmt.Errorf("engine: %w", ErrPrompt)
	case pooling == PoolModel:
		pooling = PoolMean
	case pooling > PoolFirst:
		return nil, fmt.Errorf("engine: pooling %d, want 0 to %d: %w", o.Pooling, PoolFirst, ErrOption)
	}
	ids = slices.Clone(ids)
	from, first, last := 0, 0, len(ids)-1 // rows that are added up
	switch {
	case pooling == PoolLast:
		from, first = last, last
	case pooling == PoolFirst && e.config.Encoder:
		last = 0
	case pooling == PoolFirst: // no later token is seen by it
		ids, last = ids[:1], 0
	}
	sum := make([]float64, e.config.HiddenSize)
	end := len(ids) - 1
	look := func(pos int, x []float32) error {
		if pos >= first && pos <= last {
			for i, v := range x[:len(sum)] { // more stand behind where a module goes on from them
				sum[i] += float64(v)
			}
		}
		if pos < end {
			return nil
		}
		v, err := e.vector(sum, last-first+1, o.Length)
		if err != nil {
			return err
		}
		give(v)
		return nil
	}
	return &sequence{engine: e, tokens: ids, from: from, most: len(ids), hidden: true, private: e.config.Encoder, work: newGiven(look)}, nil
}

// vector makes a vector of the sum of n hidden states. The engine's goroutine calls it, within
// a step.
func (e *Engine) vector(sum []float64, n int, length Length) ([]float32, error) {
	if e.config.Heads > 0 {
		mean := make([]float32, len(sum))
		for i, v := range sum {
			mean[i] = float32(v / float64(n))
		}
		sum, n = sum[:0], 1
		mark := e.step.Mark()
		for _, v := range e.net.Project(&e.step, mean) {
			sum = append(sum, float64(v))
		}
		e.step.Release(mark)
	}
	if length == LengthOne || length == LengthModel && !e.config.AnyLength {
		return direction(sum)
	}
	y := make([]float32, len(sum))
	for i, v := range sum {
		if y[i] = float32(v / float64(n)); y[i]-y[i] != 0 {
			return nil, fmt.Errorf("engine: hidden state: %w", sample.ErrLogits)
		}
	}
	return y, nil
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
