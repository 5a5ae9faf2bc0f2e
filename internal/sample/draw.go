package sample

import (
	"slices"

	"github.com/blitz-r1/blitz/internal/kernel"
)

// Draw returns the token that the uniform number u in [0, 1) picks from the logits x
// [V]. At temperature 0, and at one so near to it that the greatest logit overflows, it is
// the greatest logit, the lowest id of equal ones.
func (s *Sampler) Draw(x []float32, u float32) int32 {
	s.tops = kernel.BlockMax(s.tops[:0], x)
	return s.draw(x, kernel.Max(s.tops), u)
}

// draw is Draw where tops, the greatest of each block of x, and top of all are known.
func (s *Sampler) draw(x []float32, top, u float32) int32 {
	hot := top / s.Temperature // the greatest of the quotients, since division keeps the order
	if s.Temperature == 0 || hot-hot != 0 {
		return greedy(x, s.tops, top)
	}
	s.hot = slices.Grow(s.hot[:0], len(x))[:len(x)]
	kernel.Div(s.hot, x, s.Temperature)
	kernel.Div(s.tops, s.tops, s.Temperature)
	p := &s.prefix
	p.reset(s.hot, s.tops, hot, s.TopK)
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

// greedy returns the index of the greatest value, which is top, the lowest of equal
// ones. tops are the greatest of each block of x.
func greedy(x, tops []float32, top float32) int32 {
	for block, t := range tops {
		if t != top {
			continue
		}
		for i := block * kernel.MaxBlock; ; i++ {
			if x[i] == top {
				return int32(i)
			}
		}
	}
	return 0
}
