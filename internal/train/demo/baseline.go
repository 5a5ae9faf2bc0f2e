package demo

import (
	"context"
	"math"

	"github.com/blitz-r1/blitz/internal/model"
)

// baseline has the base model go on with examples for as many operations as reinforcement learning
// took, with the same mix and a schedule of the same shape, and measures it: what as much computing
// is worth without learning of own answers. before are the weights of the base model.
func (r *Run) baseline(ctx context.Context, m *model.Model, before [][]float32, operations float64) error {
	l, end, err := r.newLearner(m)
	if err != nil {
		return err
	}
	defer end()
	l.policy.Trainer.Exchange(before)
	s := &r.Settings.Pretrain
	x := &exampleSteps{stage: stageExamples, first: s.Steps, active: m.Active()}
	x.steps = max(1, int(math.Round(operations/(perToken*float64(x.active)*float64(s.Tokens)))))
	x.warmup, x.decay = x.steps*s.Warmup/s.Steps, x.steps*s.Decay/s.Steps
	err = l.policy.Engine.Swap(ctx, func() error { return r.examples(ctx, l.policy.Trainer, x) })
	if err != nil {
		return err
	}
	return l.evaluate(ctx, stageExamples, x.steps)
}
