package grpo

import (
	"context"
	"errors"
	"fmt"

	"github.com/blitz-r1/blitz/internal/engine"
	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/internal/policy"
	"github.com/blitz-r1/blitz/internal/train"
)

// ErrMismatch says that a trainer computed other log-probabilities than the engine drew with,
// which is a mistake of ours or of the machine.
var ErrMismatch = errors.New("rollout and trainer disagree")

// Policy is a model that learns of its own answers: an engine and a trainer on the same weights,
// which are those in memory, once. One goroutine uses it at a time.
type Policy struct {
	Engine  *engine.Engine
	Trainer *train.Trainer
	Adapter *model.Adapter // what is trained, where it is not the whole model
	Ends    []int32        // tokens that end an answer
	AtOnce  int            // tokens that are computed together; fewer need less memory, and round sums otherwise
	// Active is how many numbers a token is multiplied with (model.Model.Active), of which operations
	// are counted; 0: they are not.
	Active int64
}

// Operations returns the operations of floating point of a rollout and of learning of it: two for
// each multiply-add with an active number, for a token that is drawn, read or run over; three times
// as many for a token that is learned of, twice as many where only an adapter is trained, which
// needs no gradients of the weights that it is over. Attention and the adapter itself are not counted.
func (p *Policy) Operations(f *Figures, x *Learned) float64 {
	learned := 3.0
	if p.Adapter != nil {
		learned = 2
	}
	return 2 * float64(p.Active) * (float64(f.Tokens+f.Prompts+x.Forward) + learned*float64(x.Tokens))
}

// Group is a prompt with its answers.
type Group struct {
	Prompt  []int32
	Answers []Answer
	Rewards []float64
	Correct []bool
	Skipped []bool // nothing is known of what they are worth; nil: none
	// Parts are what each reward says of an answer, [answer][reward]: NaN where it says nothing.
	Parts [][]float64
	Said  []*string // what stands as the answer, nil where nothing does; nil: unknown
}

// dead says whether nothing can be learned of a group: all rewards are equal.
func (g *Group) dead() bool {
	first := -1
	for i, r := range g.Rewards {
		switch {
		case g.skipped(i):
		case first < 0:
			first = i
		case r != g.Rewards[first]:
			return false
		}
	}
	return true
}

// Lesson says how groups become steps.
type Lesson struct {
	Loss     policy.Loss
	Steps    *train.Settings
	Updates  int         // the groups of a rollout are cut into so many parts, a step each
	Referent [][]float32 // weights of the reference, where the loss has a distance from it
}

// Learned is what came of the groups of a rollout.
type Learned struct {
	Loss, GradNorm, Rate float64     // means over the steps; the rate is the last one's
	KL, ClipFraction     float64     // over the tokens
	LogPDiff             float64     // the greatest |log p of the rollout - log p of the trainer| by the weights of the rollout: 0
	Compared             int         // log-probabilities that were compared
	Advantages           [][]float64 // [group][answer]
	Steps                int
	Tokens               int               // that were learned of, with their prompts
	Forward              int               // that the trainer ran over beside, without gradients
	Loads                []map[int][]int32 // rows of each expert by layer, of each step; empty without experts
}

// Learn changes the weights by groups of answers that the policy drew with the weights that it
// has. The first step is computed with the log-probabilities of the rollout, and holds the
// trainer's to them: a bit that differs is ErrMismatch, and the step is not taken. The others
// compute what the weights before them say, with the experts that the rollout chose: those are
// found, and their log-probabilities held to the rollout's, before the first step changes a weight.
func (p *Policy) Learn(ctx context.Context, groups []Group, l *Lesson) (x *Learned, err error) {
	x = &Learned{Advantages: make([][]float64, len(groups))}
	if len(groups) == 0 {
		return x, nil
	}
	err = p.Engine.Swap(ctx, func() error {
		ref, err := p.referent(ctx, groups, l, x)
		if err != nil {
			return err
		}
		parts := cut(groups, l.Updates)
		packs := make([]*packed, len(parts))
		for i, part := range parts {
			packs[i] = pack(part, p.AtOnce)
			if i > 0 && p.Trainer.HasExperts() {
				if err := p.follow(ctx, packs[i], part, x); err != nil {
					return err
				}
			}
		}
		counted, first := 0, 0
		for i, part := range parts {
			r, err := p.step(ctx, packs[i], part, rowsOf(ref, groups, first, first+len(part)), l, x, i == 0)
			if err != nil {
				return err
			}
			for _, g := range part {
				x.Advantages[first] = r.Advantages[:len(g.Answers)]
				r.Advantages = r.Advantages[len(g.Answers):]
				first++
			}
			counted += r.Tokens
			x.KL += r.KL * float64(r.Tokens)
			x.ClipFraction += r.ClipFraction * float64(r.Tokens)
		}
		n := float64(x.Steps)
		x.Loss, x.GradNorm = x.Loss/n, x.GradNorm/n
		if counted > 0 {
			x.KL, x.ClipFraction = x.KL/float64(counted), x.ClipFraction/float64(counted)
		}
		return nil
	})
	return x, err
}

// cut cuts groups into so many parts, or as many as there are groups.
func cut(groups []Group, parts int) (list [][]Group) {
	n := min(max(1, parts), len(groups))
	for i := range n {
		list = append(list, groups[i*len(groups)/n:(i+1)*len(groups)/n])
	}
	return list
}

// follow finds the experts of answers by the weights that they were drawn with: the
// log-probabilities say that they are those of the rollout.
func (p *Policy) follow(ctx context.Context, k *packed, groups []Group, x *Learned) error {
	for _, b := range k.batches {
		b.Routes = new(model.Routes)
	}
	now, err := p.logp(ctx, k)
	if err != nil {
		return err
	}
	x.Forward += k.tokens
	return p.hold(k, now, k.rollout(groups), x)
}

// hold holds log-probabilities of the trainer to those of the rollout.
func (p *Policy) hold(k *packed, got, want []float32, x *Learned) error {
	diff := k.differ(got, want)
	x.LogPDiff = max(x.LogPDiff, diff)
	for _, at := range k.places {
		x.Compared += at.n
	}
	if diff != 0 {
		return fmt.Errorf("grpo: step %d: log-probabilities of rollout and trainer differ by up to %g, want 0: %w", p.Trainer.Done(), diff, ErrMismatch)
	}
	return nil
}

// step takes one step on some groups.
func (p *Policy) step(ctx context.Context, k *packed, groups []Group, ref [][]float64, l *Lesson, x *Learned, first bool) (*policy.Result, error) {
	old := k.rollout(groups)
	now := old
	if !first {
		var err error
		if now, err = p.logp(ctx, k); err != nil {
			return nil, err
		}
		x.Forward += k.tokens
	}
	b := &policy.Batch{LogpNew: k.rows(now), LogpOld: k.rows(old), LogpRef: ref}
	for _, g := range groups {
		b.Groups = append(b.Groups, len(g.Answers))
		b.Rewards, b.Correct = append(b.Rewards, g.Rewards...), append(b.Correct, g.Correct...)
		for i := range g.Answers {
			b.Skipped = append(b.Skipped, g.skipped(i))
		}
		for i := range g.Answers {
			b.Truncated = append(b.Truncated, g.Answers[i].Truncated)
		}
	}
	r, err := l.Loss.Compute(b)
	if err != nil {
		return nil, fmt.Errorf("grpo: %w", err)
	}
	k.weigh(r.DLogp)
	p.Trainer.Losses = l.Steps.Losses()
	taken, err := p.Trainer.Gradients(ctx, k.batches...)
	if err != nil {
		return nil, err
	}
	if first {
		err = p.hold(k, taken.LogP, now, x)
	} else if diff := k.differ(taken.LogP, now); diff != 0 { // the same weights, with gradients and without
		err = fmt.Errorf("grpo: step %d: log-probabilities with gradients and without differ by up to %g, want 0: %w", p.Trainer.Done(), diff, ErrMismatch)
	}
	if err != nil {
		return nil, err
	}
	taken.Loss = r.Loss // of the gradient there is Σ w·log p, which says nothing
	s, err := p.Trainer.Update(l.Steps, taken)
	if err != nil {
		return nil, err
	}
	x.Steps++
	x.Loss, x.GradNorm, x.Rate = x.Loss+r.Loss, x.GradNorm+s.GradNorm, s.LR
	x.Tokens += k.tokens
	if len(taken.Loads) > 0 {
		x.Loads = append(x.Loads, taken.Loads)
	}
	return r, nil
}

// logp computes the log-probabilities of all answers, as the trainer's batches lie.
func (p *Policy) logp(ctx context.Context, k *packed) (all []float32, err error) {
	for _, b := range k.batches {
		one, err := p.Trainer.LogP(ctx, b)
		if err != nil {
			return nil, err
		}
		all = append(all, one...)
	}
	return all, nil
}

// referent returns the log-probabilities of all answers by the reference, where there is one.
func (p *Policy) referent(ctx context.Context, groups []Group, l *Lesson, x *Learned) ([][]float64, error) {
	if l.Loss.Beta == 0 {
		return nil, nil
	}
	p.Trainer.Exchange(l.Referent)
	defer p.Trainer.Exchange(l.Referent)
	k := pack(groups, p.AtOnce)
	all, err := p.logp(ctx, k)
	x.Forward += k.tokens
	return k.rows(all), err
}

// rowsOf returns the rows of the answers of some groups; nil of nil.
func rowsOf(rows [][]float64, groups []Group, from, to int) [][]float64 {
	if rows == nil {
		return nil
	}
	count := func(groups []Group) (n int) {
		for _, g := range groups {
			n += len(g.Answers)
		}
		return n
	}
	first := count(groups[:from])
	return rows[first : first+count(groups[from:to])]
}
