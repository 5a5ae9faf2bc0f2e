package trained

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/blitz-r1/blitz/internal/dataset"
	"github.com/blitz-r1/blitz/internal/policy"
	"github.com/blitz-r1/blitz/internal/train"
	"github.com/blitz-r1/blitz/internal/train/course"
)

// Preference is a model that learns preferences. One of DPO and KTO says how.
//
// A step computes the log-probabilities of all its answers first, and of those the loss and
// what each of them is to change; then the gradients, of one part of the step after the
// other. So its loss is that of the whole step, whatever it is cut into.
type Preference struct {
	*Model
	DPO *policy.DPO
	KTO *policy.KTO

	reference map[*dataset.Samples][]float64 // log-probabilities of answers before anything was learned
}

var _ course.Model = (*Preference)(nil)

// answer is an answer of a batch, with its log-probabilities.
type answer struct {
	role     dataset.Role
	new, ref float64
	d        float64 // ∂loss/∂new
}

// logp returns the log-probability of each sample of a batch: the sum over what is learned
// of it.
func (m *Model) logp(ctx context.Context, b *dataset.Batch) (sums []float64, err error) {
	logp, err := m.Trainer.LogP(ctx, batchOf(b))
	if err != nil {
		return nil, err
	}
	b.Spans(func(_ int32, from, to int) {
		sum := 0.0
		for _, v := range logp[from:to] {
			sum += float64(v)
		}
		sums = append(sums, sum)
	})
	return sums, nil
}

// answers returns the answers of batches.
func (m *Preference) answers(ctx context.Context, batches []*dataset.Batch) (list [][]answer, err error) {
	for _, b := range batches {
		sums, err := m.logp(ctx, b)
		if err != nil {
			return nil, err
		}
		of := make([]answer, len(sums))
		for k, i := range b.Index {
			of[k] = answer{role: b.Of.Roles[i], new: sums[k], ref: m.reference[b.Of][i]}
		}
		list = append(list, of)
	}
	return list, nil
}

// judge computes the loss of answers and leaves in them what each is to change.
func (m *Preference) judge(list [][]answer) (x course.Measured, err error) {
	all := slices.Concat(list...)
	defer func() {
		if errors.Is(err, policy.ErrNotFinite) {
			err = fmt.Errorf("%w: %w", err, course.ErrDiverged)
		}
	}()
	var d []float64 // of the first and second of each preference
	if m.KTO != nil {
		answers, mismatched, desirable := &policy.Answers{}, &policy.Answers{}, []bool{}
		for i := 0; i < len(all); i += 2 {
			add(answers, all[i])
			add(mismatched, all[i+1])
			desirable = append(desirable, all[i].role == dataset.Desirable)
		}
		r, err := m.KTO.Compute(answers, desirable, mismatched)
		if err != nil {
			return x, err
		}
		for _, v := range r.DLogp {
			d = append(d, v, 0)
		}
		x = course.Measured{Loss: r.Loss, Rewards: rewardsOf(&r.Rewards)}
		x.Rewards.KL = &r.Rewards.KL
	} else {
		chosen, rejected := &policy.Answers{}, &policy.Answers{}
		for i := 0; i < len(all); i += 2 {
			add(chosen, all[i])
			add(rejected, all[i+1])
		}
		r, err := m.DPO.Compute(chosen, rejected)
		if err != nil {
			return x, err
		}
		for i := range r.DChosen {
			d = append(d, r.DChosen[i], r.DReject[i])
		}
		x = course.Measured{Loss: r.Loss, Rewards: rewardsOf(&r.Rewards)}
	}
	for _, of := range list {
		for k := range of {
			of[k].d = d[k]
		}
		d = d[len(of):]
	}
	return x, nil
}

func add(to *policy.Answers, a answer) {
	to.New, to.Ref = append(to.New, a.new), append(to.Ref, a.ref)
}

// rewardsOf returns rewards as a run writes them down.
func rewardsOf(r *policy.Rewards) *course.Rewards {
	x := &course.Rewards{Accuracy: r.Accuracy}
	if r.Preferreds > 0 {
		x.Chosen = &r.Preferred
	}
	if r.Others > 0 {
		x.Rejected = &r.Other
	}
	if r.Preferreds > 0 && r.Others > 0 {
		margin := r.Margin()
		x.Margin = &margin
	}
	return x
}

// Measure implements course.Model.
func (m *Preference) Measure(ctx context.Context, batches []*dataset.Batch) (course.Measured, error) {
	list, err := m.answers(ctx, batches)
	if err != nil {
		return course.Measured{}, err
	}
	return m.judge(list)
}

// Step implements course.Model.
func (m *Preference) Step(ctx context.Context, batches []*dataset.Batch) (course.Taken, error) {
	list, err := m.answers(ctx, batches)
	if err != nil {
		return course.Taken{}, err
	}
	x, err := m.judge(list)
	if err != nil {
		return course.Taken{}, err
	}
	weighted := make([]*train.Batch, len(batches))
	for i, b := range batches {
		weighted[i] = weigh(b, list[i])
	}
	taken, err := m.step(ctx, weighted)
	taken.Rewards, taken.Loss = x.Rewards, x.Loss
	return taken, err
}

// weigh returns a batch whose gradient is that of what its answers are to change. Mismatched
// answers are left out of it.
func weigh(b *dataset.Batch, of []answer) *train.Batch {
	x := batchOf(b)
	x.Segments, x.Weights, x.Divisor = slices.Clone(b.Segments), slices.Clone(b.Weights), 1
	k := 0
	b.Spans(func(_ int32, from, to int) {
		if of[k].role == dataset.Mismatched {
			clear(x.Segments[from:to])
		}
		for i := from; i < to; i++ {
			if x.Weights[i] != 0 {
				x.Weights[i] = -float32(of[k].d)
			}
		}
		k++
	})
	return x
}
