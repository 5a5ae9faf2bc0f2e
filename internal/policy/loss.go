package policy

import "fmt"

// A Result is what a loss says of a batch.
type Result struct {
	Loss         float64
	DLogp        [][]float64 // ∂loss/∂logp_new [sequence][token]
	Advantages   []float64   // [sequence]; 0 where it was skipped
	Kept         []bool      // [group]
	Tokens       int         // that count
	KL           float64     // the mean over them
	ClipFraction float64     // the share of them where the clip decides

	skipped []bool // [sequence]
}

// sums are what is added up over a batch.
type sums struct {
	loss, kl float64
	clipped  int
}

// term takes in what a token is worth.
func (s *sums) term(w, value float64, clipped bool) {
	s.loss -= float64(w * value)
	if clipped {
		s.clipped++
	}
}

// distance takes in a distance from the reference, which is that of n tokens.
func (s *sums) distance(w, value, n float64) {
	s.loss += float64(w * value)
	s.kl += float64(value * n)
}

// Compute returns the loss of a batch. The error wraps ErrShape, ErrNotFinite,
// ErrReference or ErrTruncated, or says what of the loss means nothing.
func (l *Loss) Compute(b *Batch) (*Result, error) {
	if err := l.check(); err != nil {
		return nil, err
	}
	if err := b.check(); err != nil {
		return nil, err
	}
	if l.Beta != 0 && b.LogpRef == nil {
		return nil, ErrReference
	}
	if l.FilterTruncated && b.Truncated == nil {
		return nil, ErrTruncated
	}
	groups := b.groups(l.Dynamic)
	r := &Result{Kept: make([]bool, len(groups)), DLogp: make([][]float64, len(b.LogpNew))}
	var err error
	if r.Advantages, err = l.advantages(b, groups); err != nil {
		return nil, err
	}
	r.skipped = make([]bool, len(b.LogpNew))
	for i, row := range b.LogpNew {
		r.DLogp[i], r.skipped[i] = make([]float64, len(row)), b.skipped(i)
	}
	counted, kept := make([][]int, len(b.LogpNew)), 0
	for g := range groups {
		if r.Kept[g] = groups[g].kept; !r.Kept[g] {
			continue
		}
		kept++
		for _, i := range groups[g].at {
			if l.FilterTruncated && b.Truncated[i] {
				continue
			}
			if counted[i], err = b.counted(nil, i, l.Beta != 0); err != nil {
				return nil, err
			}
			r.Tokens += len(counted[i])
		}
	}
	var s sums
	for _, g := range groups {
		if g.kept {
			l.add(&s, b, r, g.at, kept, counted)
		}
	}
	if r.Loss = s.loss; r.Tokens > 0 {
		r.KL, r.ClipFraction = s.kl/float64(r.Tokens), float64(s.clipped)/float64(r.Tokens)
	}
	return r, r.check()
}

// add adds up the sequences of a group.
func (l *Loss) add(s *sums, b *Batch, r *Result, at []int, kept int, counted [][]int) {
	tokens := 0
	for _, i := range at {
		tokens += len(counted[i])
	}
	for _, i := range at {
		n := len(counted[i])
		if n == 0 {
			continue
		}
		w := l.weight(kept, len(at), n, tokens, r.Tokens)
		new, old, a := b.LogpNew[i], b.LogpOld[i], r.Advantages[i]
		part := w
		if l.OffPolicy && offPolicy(l.OffPolicyDelta, a, new, old, counted[i]) {
			part = 0 // where the clip decides is told of all tokens
		}
		s.terms(l, part, a, new, old, r.DLogp[i], counted[i])
		if l.Beta != 0 {
			s.distances(l, w, new, old, b.LogpRef[i], r.DLogp[i], counted[i])
		}
	}
}

// check says whether all is finite.
func (r *Result) check() error {
	if !isFinite(r.Loss) || !isFinite(r.KL) {
		return fmt.Errorf("the loss is %g, the distance %g: %w", r.Loss, r.KL, ErrNotFinite)
	}
	for i, row := range r.DLogp {
		for t, v := range row {
			if !isFinite(v) {
				return fmt.Errorf("the gradient of logp_new[%d][%d] is %g: %w", i, t, v, ErrNotFinite)
			}
		}
	}
	return nil
}
