package train

import (
	"context"
	"fmt"
	"time"

	"github.com/blitz-r1/blitz/internal/model"
)

// Stats are what a step was.
type Stats struct {
	*Result
	Step     int     // from 0 on
	GradNorm float64 // before the clip
	LR       float64
	Duration time.Duration
}

// Done returns how many steps were made.
func (t *Trainer) Done() int { return t.done }

// Step changes the weights by the gradients of some batches, which count as one. An error
// leaves them as they are; one that wraps ErrDiverged says that loss or norm is no number.
func (t *Trainer) Step(ctx context.Context, s *Settings, batches ...*Batch) (*Stats, error) {
	began := time.Now()
	t.Losses = s.Losses()
	r, err := t.Gradients(ctx, batches...)
	if err != nil {
		return nil, err
	}
	x := &Stats{Result: r, Step: t.done, GradNorm: Norm(t.gradients), LR: s.Schedule.Rate(t.done)}
	for what, v := range map[string]float64{"loss": r.Loss, "norm of the gradients": x.GradNorm} {
		if v-v != 0 {
			return nil, fmt.Errorf("train: step %d: the %s is %v: %w", t.done, what, v, ErrDiverged)
		}
	}
	t.begin()
	u := newUpdate(s.Optimizer, x.LR, x.GradNorm, t.done+1, t.gradients, t.moments)
	t.workers.Run(u, len(u.items))
	if t.adapter != nil {
		t.adapter.Refresh()
	}
	t.correct(r.Loads, s.BiasGamma)
	t.done++
	x.Duration = time.Since(began)
	return x, nil
}

// begin makes the moments of the first step.
func (t *Trainer) begin() {
	if t.moments != nil {
		return
	}
	t.moments = make([]moments, len(t.gradients.All))
	for i, g := range t.gradients.All {
		t.moments[i] = moments{make([]float32, len(g.X)), make([]float32, len(g.X))}
	}
}

// correct moves the correction bias of each router towards even loads.
func (t *Trainer) correct(loads map[int][]int32, gamma float64) {
	for _, w := range t.weights {
		load := loads[w.Corrects]
		if w.Trained() || gamma == 0 || len(load) != len(w.Vector) {
			continue
		}
		total := 0
		for _, n := range load {
			total += int(n)
		}
		for i, n := range load { // compared as whole numbers: mean load against this one
			switch own := int(n) * len(load); {
			case own < total:
				w.Vector[i] += float32(gamma)
			case own > total:
				w.Vector[i] -= float32(gamma)
			}
		}
	}
}

// Weights returns what the trainer was given to change.
func (t *Trainer) Weights() []*model.Weight { return t.weights }
