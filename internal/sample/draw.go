package sample

import "github.com/blitz-r1/blitz/internal/kernel"

// Draw returns the token that the uniform number u in [0, 1) picks from the logits x
// [V]. At temperature 0, and at one so near to it that the greatest logit overflows, it is
// the greatest logit, the lowest id of equal ones.
func (s *Sampler) Draw(x []float32, u float32) int32 {
	s.scanAll(x)
	s.top = kernel.Max(s.tops)
	s.weighAll(s.spread())
	return s.pick(u)
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
