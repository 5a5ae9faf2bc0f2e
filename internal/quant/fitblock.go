package quant

import "math"

// Blocks of 256 store the scales of their groups as small integers times a float16
// factor. The factor is chosen first, then for each group the integers with which
// its own error is least.

// rangeBlock is what a block of a type with minima stores: of each group the integers
// scale and least, of the block the float16 factors of both.
type rangeBlock struct {
	scale, least         [2]lanes
	scaleHalf, leastHalf uint16
}

// headroom are the factors tried: the greatest scale or minimum becomes top plus
// that part of top, rounded.
var headroom = []float32{0, -1.0 / 32, -1.0 / 16}

// choose finds the integers 0..top of the groups that fits has, eight in each, and
// their factors.
func (b *rangeBlock) choose(fits []rangeFit, top float32) {
	var scale, least float32
	for i := range fits {
		for g, d := range fits[i].d {
			scale, least = max(scale, d), max(least, -fits[i].least[g]-fits[i].c[g])
		}
	}
	best := float32(math.MaxFloat32)
	for _, more := range headroom {
		for _, deeper := range headroom {
			scaleHalf := half16(scale / (top + float32(more*top)))
			leastHalf := half16(least / (top + float32(deeper*top)))
			if e := integers(fits, scaleHalf, leastHalf, top); e < best {
				best, b.scaleHalf, b.leastHalf = e, scaleHalf, leastHalf
				for i := range fits {
					b.scale[i], b.least[i] = fits[i].factors.scales, fits[i].factors.leasts
				}
			}
		}
	}
}

// integers finds the integers of all groups for two factors, and returns the sum of
// the errors, less the constant sum of w*y*y.
func integers(fits []rangeFit, scaleHalf, leastHalf uint16, top float32) float32 {
	var total float32
	for i := range fits {
		f := &fits[i]
		k := &f.factors
		k.scale, k.least, k.top = F16ToF32(scaleHalf), F16ToF32(leastHalf), top
		k.perScale, k.perLeast = inverse(k.scale), inverse(k.least)
		f.integers()
		for _, e := range k.e {
			total += e
		}
	}
	return total
}

// rangeBlocks finds the integers and codes of the blocks of a row whose groups are n
// numbers with codes 0..hi.
func rangeBlocks(row, importance []float32, n int, hi, top float32, put func(at int, b *rangeBlock, q *[256]byte)) {
	var (
		fits  [2]rangeFit
		block rangeBlock
	)
	z := quantiser{hi: hi}
	eachPanel(row, importance, n, func(at int, x *[256]float32, p, w *panel) {
		halves := 32 / n
		for h := range halves {
			fits[h].fit(p.half(h, n), w.half(h, n), hi, false, cutsFor(importance))
		}
		block.choose(fits[:halves], top)
		d, m := F16ToF32(block.scaleHalf), F16ToF32(block.leastHalf)
		for g := range 256 / n {
			z.spread(g, n, float32(block.scale[g/8][g%8]*d), -float32(block.least[g/8][g%8]*m))
		}
		z.x = x
		z.quantise()
		put(at, &block, &z.q)
	})
}

// scaleBlock is what a block of a type without minima stores: of each group the
// integer scale, of the block its float16 factor.
type scaleBlock struct {
	scale [2]lanes
	half  uint16
}

// scaleRange says how a type stores scales: integers of at most top and at least
// -top-1, of which the group with the greatest number gets about the values in tops.
// Integers from window[0] to window[1] beside that with which the extreme level is
// the extreme number are tried.
type scaleRange struct {
	top    float32
	tops   []float32
	window [2]float32
}

// scaleTrial looks for the integer scales of eight groups for one factor.
type scaleTrial struct {
	x, w      []float32 // [n, 8]
	levels    *levels
	lo, hi    float32 // of the levels
	factor    float32
	low, high float32 // the least and the greatest integer
	more      float32 // beyond the middle one, away from zero
	middle    lanes
	scale, e  lanes // the best integers, and their errors
}

// tryPortable tries the integers that are so much more than the middle ones.
func (t *scaleTrial) tryPortable() {
	for g, middle := range t.middle {
		s := max(middle+t.more, 0)
		if middle < 0 {
			s = -max(t.more-middle, 0)
		}
		s = max(min(s, t.high), t.low)
		if s == 0 {
			continue
		}
		d := float32(s * t.factor)
		in, sum := 1/d, float32(0)
		for i := g; i < len(t.x); i += 8 {
			at := float32(t.x[i] * in)
			off := at - t.levels.nearest(at)
			sum += float32(float32(off*off) * t.w[i])
		}
		if e := float32(float32(d*d) * sum); e < t.e[g] {
			t.scale[g], t.e[g] = s, e
		}
	}
}

// squaresPortable sets the errors for scales of zero.
func (t *scaleTrial) squaresPortable() {
	for g := range t.e {
		var sum float32
		for i := g; i < len(t.x); i += 8 {
			sum += float32(float32(t.x[i]*t.x[i]) * t.w[i])
		}
		t.e[g] = sum
	}
}

// choose finds the integers of a block p in groups of n.
func (b *scaleBlock) choose(p, w *panel, n int, k *levels, r *scaleRange) {
	var (
		extreme [2]lanes
		trials  [2]scaleTrial
		zero    [2]lanes
		top     float32
	)
	halves := 32 / n
	for h := range halves {
		extreme[h] = extremest(p.half(h, n))
		for _, v := range extreme[h] {
			top = max(top, v, -v)
		}
		trials[h] = scaleTrial{x: p.half(h, n), w: w.half(h, n), levels: k, lo: k.lo, hi: k.hi, low: -r.top - 1, high: r.top}
		trials[h].squares()
		zero[h] = trials[h].e
	}
	best := float32(math.MaxFloat32)
	for _, t := range r.tops {
		half := half16(top / float32(-k.lo*t))
		var total float32
		for h := range halves {
			trials[h].factor = F16ToF32(half)
			trials[h].e, trials[h].scale = zero[h], lanes{}
			total += trials[h].integers(&extreme[h], k, r)
		}
		if total < best {
			best, b.half = total, half
			b.scale[0], b.scale[1] = trials[0].scale, trials[1].scale
		}
	}
}

// integers tries the integers with which the extreme number comes to lie about the
// least and the greatest level, and returns the sum of the least errors.
func (t *scaleTrial) integers(extreme *lanes, k *levels, r *scaleRange) float32 {
	for _, level := range [2]float32{k.lo, k.hi} {
		perLevel := inverse(float32(t.factor * level))
		for g, v := range extreme {
			t.middle[g] = nearest(float32(v*perLevel), t.low, t.high)
		}
		for t.more = r.window[0]; t.more <= r.window[1]; t.more++ {
			t.try()
		}
	}
	var total float32
	for _, e := range t.e {
		total += e
	}
	return total
}

// scaleBlocks finds the integers and codes of the blocks of a row whose groups are n
// numbers.
func scaleBlocks(row, importance []float32, n int, k *levels, r *scaleRange, put func(at int, b *scaleBlock, q *[256]byte)) {
	var (
		block scaleBlock
		z     quantiser
	)
	eachPanel(row, importance, n, func(at int, x *[256]float32, p, w *panel) {
		block.choose(p, w, n, k, r)
		d := F16ToF32(block.half)
		for g := range 256 / n {
			z.spread(g, n, float32(block.scale[g/8][g%8]*d), 0)
		}
		z.x = x
		k.quantise(&z)
		put(at, &block, &z.q)
	})
}
