package sample

import (
	"slices"

	"github.com/blitz-r1/blitz/internal/kernel"
)

// A draw goes over all logits twice: for the greatest of them and their quotients, and for
// the weights of the candidates. Both are done in parts, which may be done by several
// threads at once: Begin, Scan of each part, Spread, Weigh of each part, End.

// partLogits is how many logits a part has: a multiple of the blocks of kernel.BlockMax.
const partLogits = 16 * kernel.MaxBlock

// Begin begins to draw the next token from logits [V], which are to stay as they are until
// End, and which it leaves so. It returns how many parts are to be scanned. mask, where not
// nil, is the set of tokens that may pass: bit id%64 of word id/64. The error is ErrMask
// where it is empty.
func (s *Sampler) Begin(logits []float32, mask []uint64) (parts int, err error) {
	x, err := s.change(logits, mask)
	if err != nil {
		return 0, err
	}
	return s.begin(x), nil
}

// begin begins to draw from x [V].
func (s *Sampler) begin(x []float32) (parts int) {
	s.from = x
	blocks := (len(x) + kernel.MaxBlock - 1) / kernel.MaxBlock
	s.tops = slices.Grow(s.tops[:0], blocks)[:blocks]
	if s.Temperature != 0 {
		s.hot = slices.Grow(s.hot[:0], len(x))[:len(x)]
	}
	return (len(x) + partLogits - 1) / partLogits
}

// bounds returns the ends of a part of n logits.
func bounds(part, n int) (from, to int) {
	return part * partLogits, min((part+1)*partLogits, n)
}

// Scan does a part. Any thread may call it.
func (s *Sampler) Scan(part int) {
	from, to := bounds(part, len(s.from))
	block := from / kernel.MaxBlock
	kernel.BlockMax(s.tops[block:block], s.from[from:to])
	if s.Temperature != 0 {
		kernel.Div(s.hot[from:to], s.from[from:to], s.Temperature)
	}
}

// Spread returns how many parts are to be weighed, when all are scanned. The error is
// ErrLogits, and ends the draw.
func (s *Sampler) Spread() (parts int, err error) {
	s.top = kernel.Max(s.tops)
	if s.top-s.top != 0 {
		return 0, ErrLogits
	}
	return s.spread(), nil
}

// spread is Spread where the greatest logit is known.
func (s *Sampler) spread() (parts int) {
	if s.isGreedy() {
		return 0
	}
	kernel.Div(s.tops, s.tops, s.Temperature)
	if s.prefix.reset(s.hot, s.tops, s.top/s.Temperature, s.TopK); !s.prefix.all {
		return 0
	}
	return (len(s.hot) + partLogits - 1) / partLogits
}

// isGreedy says whether the greatest logit is drawn: at temperature 0, and at one so near to
// it that the greatest quotient, which is that of the greatest logit, overflows.
func (s *Sampler) isGreedy() bool {
	hot := s.top / s.Temperature
	return s.Temperature == 0 || hot-hot != 0
}

// Weigh does a part. Any thread may call it.
func (s *Sampler) Weigh(part int) {
	from, to := bounds(part, len(s.hot))
	kernel.ExpSum(s.prefix.e[from:to], s.hot[from:to], s.prefix.top)
}

// End returns the token that is drawn, when all parts are weighed.
func (s *Sampler) End() int32 {
	id := s.pick(s.uniform())
	s.count(id)
	return id
}

// scanAll scans all parts of x on this thread.
func (s *Sampler) scanAll(x []float32) {
	for part := range s.begin(x) {
		s.Scan(part)
	}
}

// weighAll weighs so many parts on this thread.
func (s *Sampler) weighAll(parts int) {
	for part := range parts {
		s.Weigh(part)
	}
}

// pick returns the token that the uniform number u picks.
func (s *Sampler) pick(u float32) int32 {
	if s.isGreedy() {
		return greedy(s.from, s.tops, s.top)
	}
	p := &s.prefix
	if p.all {
		p.sum = kernel.LaneSum(p.e)
	}
	kept, run, cut := p.keep(s.TopP, s.MinP, u)
	total := p.sum
	if cut {
		total = run[len(run)-1]
	}
	limit := float32(u * total)
	for i, r := range run {
		if r > limit {
			return kept[i]
		}
	}
	return kept[len(kept)-1]
}
