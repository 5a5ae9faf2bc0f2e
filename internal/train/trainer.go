package train

import (
	"context"
	"fmt"
	"slices"
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
	x, err := t.Update(s, r)
	if err == nil {
		x.Duration = time.Since(began)
	}
	return x, err
}

// Update changes the weights by the gradients that were computed last, with the result r: the
// second half of Step, for who looks at the result first.
func (t *Trainer) Update(s *Settings, r *Result) (*Stats, error) {
	began := time.Now()
	x := &Stats{Result: r, Step: t.done, GradNorm: Norm(t.gradients), LR: s.Schedule.Rate(t.done)}
	for what, v := range map[string]float64{"loss": r.Loss, "norm of the gradients": x.GradNorm} {
		if v-v != 0 {
			return nil, fmt.Errorf("train: step %d: the %s is %v: %w", t.done, what, v, ErrDiverged)
		}
	}
	t.begin()
	u := newUpdate(s.Optimizer, x.LR, x.GradNorm, t.done+1, t.gradients, t.moments)
	t.workers.Run(u, len(u.items))
	t.refresh()
	t.correct(r.Loads, s.BiasGamma)
	t.done++
	x.Duration = time.Since(began)
	return x, nil
}

// refresh brings what depends on the weights up to date.
func (t *Trainer) refresh() {
	if t.adapter != nil {
		t.adapter.Refresh()
	}
}

// Copy returns the numbers of all weights, each as Weight.Values has them.
func (t *Trainer) Copy() [][]float32 {
	values := make([][]float32, len(t.weights))
	for i, w := range t.weights {
		values[i] = slices.Clone(w.Values())
	}
	return values
}

// Exchange exchanges the weights with the numbers that Copy or Kept returned: a second call
// with the same list undoes the first.
func (t *Trainer) Exchange(values [][]float32) {
	for i, w := range t.weights {
		own := w.Values()
		for k, v := range own {
			own[k], values[i][k] = values[i][k], v
		}
	}
	t.refresh()
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

// HasExperts says whether the model has routers, whose choices a batch may have to follow.
func (t *Trainer) HasExperts() bool { return t.model.Config.HasExperts() }

// Weights returns what the trainer was given to change.
func (t *Trainer) Weights() []*model.Weight { return t.weights }
