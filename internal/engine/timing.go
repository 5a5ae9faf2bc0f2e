package engine

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/blitz-r1/blitz/internal/experts"
	"github.com/blitz-r1/blitz/internal/kvcache"
	"github.com/blitz-r1/blitz/internal/model"
)

// Trial is what Time measures: sequences of random tokens, each with Depth of them
// in the cache before.
type Trial struct {
	Depth     int // tokens before, not timed
	Sequences int // at once
	Prompt    int // tokens of each sequence that are prefilled behind Depth, in the engine's chunks
	Tokens    int // tokens of each that are decoded behind Depth, one a step
	Repeat    int // how often
}

// Timing is how long one repetition of a trial took.
type Timing struct {
	Prefill, Decode           time.Duration
	PrefillMeter, DecodeMeter model.Meter
	// Of a model whose experts are not all in memory.
	PrefillExperts, DecodeExperts experts.Stats
}

// Time runs a trial, with the steps that requests take, but without drawing. Nothing
// else runs meanwhile, so that nothing else is timed. The context of the engine must
// have room for it.
func (e *Engine) Time(ctx context.Context, t Trial) ([]Timing, error) {
	n := t.Depth + max(t.Prompt, t.Tokens)
	if n > e.options.Context || t.Sequences > e.options.Sequences {
		return nil, fmt.Errorf("engine: a trial of %d sequences of %d tokens, the engine is for %d of %d: %w",
			t.Sequences, n, e.options.Sequences, e.options.Context, ErrContext)
	}
	if one := e.cache.Bytes(n, e.options.Chunk); one > e.limit/max(t.Sequences, 1) {
		return nil, fmt.Errorf("engine: a trial of %d sequences of %d tokens takes %d MiB of cache each, there are %d MiB: %w",
			t.Sequences, n, one>>20, e.limit>>20, ErrNoRoom)
	}
	var timings []Timing
	var result error
	if err := e.do(ctx, func() { timings, result = e.time(ctx, t) }); err != nil {
		return nil, err
	}
	return timings, result
}

func (e *Engine) time(ctx context.Context, t Trial) ([]Timing, error) {
	e.threads.take(e.turn)
	defer e.threads.give()
	before := make([]*kvcache.Sequence, t.Sequences)
	for i := range before {
		before[i] = e.cache.Private()
		defer before[i].Free()
	}
	if err := e.timeSteps(ctx, before, t.Depth); err != nil {
		return nil, err
	}
	defer func() { e.step.Meter = nil }()
	var timings []Timing
	for range t.Repeat {
		x, err := e.timeOnce(ctx, t, before)
		if err != nil {
			return nil, err
		}
		timings = append(timings, x)
	}
	return timings, nil
}

// timeOnce goes on from some sequences twice, prefilling and decoding; they stay as they are.
func (e *Engine) timeOnce(ctx context.Context, t Trial, before []*kvcache.Sequence) (x Timing, err error) {
	x.Prefill, err = e.timeFrom(before, &x.PrefillMeter, &x.PrefillExperts, func(sequences []*kvcache.Sequence) error {
		return e.timeSteps(ctx, sequences, t.Prompt)
	})
	if err != nil {
		return x, err
	}
	x.Decode, err = e.timeFrom(before, &x.DecodeMeter, &x.DecodeExperts, func(sequences []*kvcache.Sequence) error {
		for range t.Tokens {
			if err := e.timeStep(ctx, sequences, 1, true); err != nil {
				return err
			}
		}
		return nil
	})
	return x, err
}

// timeFrom returns how long it takes to go on from copies of some sequences.
func (e *Engine) timeFrom(before []*kvcache.Sequence, m *model.Meter, x *experts.Stats, goOn func([]*kvcache.Sequence) error) (time.Duration, error) {
	sequences := make([]*kvcache.Sequence, len(before))
	for i, s := range before {
		sequences[i] = s.Fork()
		defer sequences[i].Free()
	}
	e.step.Meter = m
	first, began := e.experts(), time.Now()
	err := goOn(sequences)
	took := time.Since(began)
	*x = e.experts().Sub(first)
	return took, err
}

// experts returns what was read of experts so far; nothing where all are in memory.
func (e *Engine) experts() (s experts.Stats) {
	if m, ok := e.net.(*model.Model); ok {
		s, _, _ = m.Experts()
	}
	return s
}

// timeSteps prefills n tokens of each sequence, one sequence after the other.
func (e *Engine) timeSteps(ctx context.Context, sequences []*kvcache.Sequence, n int) error {
	for _, s := range sequences {
		for at := 0; at < n; at += e.options.Chunk {
			size := min(e.options.Chunk, n-at)
			if err := e.timeStep(ctx, []*kvcache.Sequence{s}, size, at+size == n); err != nil {
				return err
			}
		}
	}
	return nil
}

// timeStep runs one step of n random tokens of each sequence, with the logits of the
// last where they are wanted.
func (e *Engine) timeStep(ctx context.Context, sequences []*kvcache.Sequence, n int, logits bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	e.batch.Segments = e.batch.Segments[:0]
	for _, s := range sequences {
		if err := s.Reserve(n); err != nil {
			return fmt.Errorf("engine: %w: %w", err, ErrNoRoom)
		}
		ids := make([]int32, n)
		for i := range ids {
			ids[i] = rand.Int32N(int32(e.config.VocabSize))
		}
		g := model.Segment{Seq: s, Pos: s.Len(), Tokens: ids, Limit: e.options.RopeContext}
		if logits {
			g.Logits = 1
		}
		e.batch.Segments = append(e.batch.Segments, g)
	}
	crew := e.muster(n*len(sequences), n > 1)
	began := e.now()
	hidden := e.net.Forward(&e.step, &e.batch)
	if err := e.step.Err(); err != nil {
		return err
	}
	for i := range e.batch.Segments {
		e.batch.Segments[i].Seq.Append(e.batch.Segments[i].Tokens)
	}
	if hidden.T > 0 {
		e.net.Logits(&e.step, hidden, 0, hidden.T)
	}
	if crew != nil {
		crew.note(float64(e.now().Sub(began)))
	}
	return nil
}
