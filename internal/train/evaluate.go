package train

import (
	"context"
	"fmt"
	"slices"

	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/model"
)

// Loss returns Σ weight · -log p of what a batch predicts, without gradients: a batch that
// only measures.
func (t *Trainer) Loss(ctx context.Context, b *Batch) (float64, error) {
	logp, err := t.LogP(ctx, b)
	loss := 0.0
	for i, v := range logp {
		if v != 0 { // where nothing is predicted there may be any weight
			loss -= float64(float64(b.Weights[i]) * float64(v))
		}
	}
	return loss, err
}

// LogP returns the log-probabilities of what a batch predicts with a weight other than 0,
// without gradients: the same bits as those of Gradients.
//
//	[Rows, Cols], 0 where nothing is predicted
func (t *Trainer) LogP(ctx context.Context, b *Batch) ([]float32, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := t.Check(b); err != nil {
		return nil, err
	}
	list := b.samples()
	batch, free, err := t.sequences(list, b.Routes)
	defer free()
	if err != nil {
		return nil, err
	}
	step := t.plainStep()
	hidden := t.model.Forward(step, batch)
	targets := slices.DeleteFunc(predictions(list, 1), func(x target) bool { return x.weight == 0 })
	which := make([]int32, len(targets))
	for i := range targets {
		which[i] = targets[i].row
	}
	rows := step.Rows(hidden, which)
	logp := make([]float32, len(targets))
	chunk := max(1, logitNumbers/t.model.Config.VocabSize)
	for from := 0; from < len(targets); from += chunk {
		mark := step.Mark()
		to := min(from+chunk, len(targets))
		x := t.model.Logits(step, rows, from, to)
		t.workers.Run(&scoredRows{x, targets[from:to], logp[from:to]}, to-from)
		step.Release(mark)
	}
	if err := step.Err(); err != nil {
		return nil, err
	}
	all := make([]float32, len(b.IDs))
	for i, v := range logp {
		all[targets[i].at] = v
	}
	return all, nil
}

// plainStep returns a step that records nothing.
func (t *Trainer) plainStep() *model.Step {
	return &model.Step{Workers: t.workers, Kind: t.step.Kind}
}

// scoredRows are the predictions of some rows of logits, which are lost.
type scoredRows struct {
	x       *model.Act // [T, V]
	targets []target
	logp    []float32
}

// Do does one row: log p = (x - max) - log(Σ exp(x - max)).
func (s *scoredRows) Do(i int, _ *kernel.Thread) {
	x := s.x.Row(i)
	top := kernel.Max(x)
	of := x[s.targets[i].id] - top
	s.logp[i] = of - kernel.Log(kernel.ExpSum(x, x, top))
}

// Continue goes on from ids with the likeliest token each time, the first of equals, up to
// one of ends, which is part of it, or most tokens.
func (t *Trainer) Continue(ctx context.Context, ids []int32, most int, ends []int32) ([]int32, error) {
	if len(ids) == 0 {
		return nil, fmt.Errorf("train: no ids to go on from: %w", ErrBatch)
	}
	if err := t.model.CheckTokens(ids); err != nil {
		return nil, err
	}
	seq := t.cache.Private()
	defer seq.Free()
	if err := seq.Reserve(len(ids) + most); err != nil {
		return nil, fmt.Errorf("train: keys and values of %d tokens: %w", len(ids)+most, err)
	}
	step := t.plainStep()
	var answer []int32
	for at, next := 0, ids; len(answer) < most; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		b := &model.Batch{Segments: []model.Segment{{Seq: seq, Pos: at, Tokens: next, Logits: 1, Adapter: t.adapter, Limit: len(ids) + most}}}
		hidden := t.model.Forward(step, b)
		logits := t.model.Logits(step, hidden, 0, 1).Row(0)
		if err := step.Err(); err != nil {
			return nil, err
		}
		at += len(next)
		best := int32(0)
		for k, v := range logits {
			if v > logits[best] {
				best = int32(k)
			}
		}
		if answer = append(answer, best); slices.Contains(ends, best) {
			break
		}
		next = answer[len(answer)-1:]
	}
	return answer, nil
}
