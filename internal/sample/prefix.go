package sample

import (
	"math"
	"slices"

	"github.com/blitz-r1/blitz/internal/kernel"
)

// prefix hands out the candidates in order: greater first, equal ones by id. It
// sorts only as far as it is asked.
type prefix struct {
	x, e  []float32 // [V] logits, and exp(logit - top) of the candidates
	tops  []float32 // the greatest of each block of x
	sum   float32   // lane sum of e by id
	all   bool      // all are candidates, whose e and sum are computed by others
	top   float32   // the greatest logit
	n     int       // candidates
	ids   []int32   // candidates handed out and kept
	heap  []int32   // candidates not yet handed out, best on top
	floor float32   // those below it are not yet in the heap
	tier  int       // the next of tiers
	run   []float32 // running sums of e of ids
	byID  []int32   // the best k, for their sum
}

// tiers are distances below the greatest logit: candidates nearer than the first
// are put in order before the others are looked at.
var tiers = [...]float32{2, 8, 24, float32(math.Inf(1))}

// reset prepares the candidates of x [V]: all, or the best k. tops are the greatest of
// each block of x, top of all.
func (p *prefix) reset(x, tops []float32, top float32, k int) {
	p.x, p.tops, p.e = x, tops, slices.Grow(p.e[:0], len(x))[:len(x)]
	p.ids, p.run, p.heap, p.tier = p.ids[:0], p.run[:0], p.heap[:0], 0
	p.top, p.n = top, len(x)
	if p.all = k <= 0 || k >= len(x); p.all {
		p.floor = float32(math.Inf(1))
		return
	}
	p.n = k
	p.heap = kernel.TopKOf(p.heap, x, tops, k) // sorted, so a heap already
	p.tier = len(tiers)
	for _, id := range p.heap {
		p.e[id] = kernel.Exp(x[id] - p.top)
	}
	p.byID = append(p.byID[:0], p.heap...)
	slices.Sort(p.byID)
	p.sum = kernel.LaneSumAt(p.e, p.byID)
}

// next returns the next candidate.
func (p *prefix) next() (int32, bool) {
	for len(p.heap) == 0 {
		if p.tier == len(tiers) {
			return 0, false
		}
		floor := p.top - tiers[p.tier]
		last := p.tier == len(tiers)-1
		p.gather(floor, last)
		for i := len(p.heap)/2 - 1; i >= 0; i-- {
			p.down(i)
		}
		p.floor = floor
		p.tier++
	}
	id := p.heap[0]
	end := len(p.heap) - 1
	p.heap[0] = p.heap[end]
	p.heap = p.heap[:end]
	p.down(0)
	return id, true
}

// gather puts the candidates below p.floor into the heap, those from floor on or all that
// are left.
func (p *prefix) gather(floor float32, all bool) {
	for block, top := range p.tops {
		if top < floor && !all {
			continue
		}
		first := block * kernel.MaxBlock
		for i, v := range p.x[first:min(first+kernel.MaxBlock, len(p.x))] {
			if v < p.floor && (v >= floor || all) {
				p.heap = append(p.heap, int32(first+i))
			}
		}
	}
}

func (p *prefix) before(a, b int32) bool {
	if p.x[a] != p.x[b] {
		return p.x[a] > p.x[b]
	}
	return a < b
}

func (p *prefix) down(i int) {
	for {
		best := i
		for c := 2*i + 1; c <= 2*i+2 && c < len(p.heap); c++ {
			if p.before(p.heap[c], p.heap[best]) {
				best = c
			}
		}
		if best == i {
			return
		}
		p.heap[i], p.heap[best] = p.heap[best], p.heap[i]
		i = best
	}
}

// keep returns the candidates that top-p and min-p leave, in order, with the
// running sums of their e; cut says whether they left any out. Where nothing can
// be cut, it stops as soon as the draw with u is decided.
func (p *prefix) keep(topP, minP, u float32) (ids []int32, run []float32, cut bool) {
	var sum float32
	limit, decided := float32(topP*p.sum), float32(u*p.sum)
	for len(p.ids) < p.n {
		id, ok := p.next()
		if !ok {
			break
		}
		if minP > 0 && p.e[id] < minP && len(p.ids) > 0 {
			return p.ids, p.run, true
		}
		sum += p.e[id]
		p.ids, p.run = append(p.ids, id), append(p.run, sum)
		if topP < 1 && sum >= limit {
			return p.ids, p.run, len(p.ids) < p.n
		}
		if topP >= 1 && minP <= 0 && sum > decided {
			break
		}
	}
	return p.ids, p.run, false
}
