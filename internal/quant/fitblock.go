package quant

// Blocks of 256 store the scales of their groups as small integers times a float16
// factor. The factor is chosen first, then for each group the integers with which
// its own error is least.

// rangeBlock is what a block of a type with minima stores: of each group the integers
// scale and least, of the block the float16 factors of both.
type rangeBlock struct {
	scale, least         [16]uint8
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
	best := infinity
	for _, more := range headroom {
		for _, deeper := range headroom {
			var try rangeBlock
			try.scaleHalf = half16(scale / (top + float32(more*top)))
			try.leastHalf = half16(least / (top + float32(deeper*top)))
			if e := try.integers(fits, top); e < best {
				best, *b = e, try
			}
		}
	}
}

// integers finds the integers of all groups for the factors of b, and returns the sum
// of the errors, less the constant sum of w*y*y.
func (b *rangeBlock) integers(fits []rangeFit, top float32) float32 {
	var total float32
	d, m := F16ToF32(b.scaleHalf), F16ToF32(b.leastHalf)
	perScale, perLeast := inverse(d), inverse(m)
	for i := range fits {
		f := &fits[i]
		for g := range f.d {
			b.scale[8*i+g], b.least[8*i+g] = 0, 0
			best := rangeError(0, -f.least[g], f.w1[g], f.wy[g], 0, 0, 0)
			below := floor(min(float32(f.d[g]*perScale), top))
			for s := below; s <= min(below+1, top); s++ {
				ds := float32(s * d)
				c := (f.wy[g] - float32(ds*f.wl[g])) / f.w1[g]
				l := nearest(-float32((f.least[g]+c)*perLeast), 0, top)
				c = -float32(l*m) - f.least[g]
				if e := rangeError(ds, c, f.w1[g], f.wy[g], f.wl[g], f.wll[g], f.wyl[g]); e < best {
					best = e
					b.scale[8*i+g], b.least[8*i+g] = uint8(s), uint8(l)
				}
			}
			total += best
		}
	}
	return total
}

// floor returns the integer below x, which is at least 0 and below 2^31.
func floor(x float32) float32 { return float32(int32(x)) }

// quantise writes the codes 0..hi of a block in groups of n.
func (b *rangeBlock) quantise(q *[256]byte, x []float32, n int, hi float32) {
	d, m := F16ToF32(b.scaleHalf), F16ToF32(b.leastHalf)
	for g := range 256 / n {
		ds, least := float32(float32(b.scale[g])*d), float32(float32(b.least[g])*m)
		quantise(q[n*g:][:n], x[n*g:][:n], inverse(ds), -least, 0, hi)
	}
}

// eachRangeBlock finds the integers and codes of every block of a row, in groups of
// n.
func eachRangeBlock(row, importance []float32, n int, hi, top float32, put func(at int, b *rangeBlock, q *[256]byte)) {
	var (
		fits  [2]rangeFit
		block rangeBlock
		q     [256]byte
	)
	eachPanel(row, importance, n, func(at int, x, w *panel) {
		halves := 32 / n
		for h := range halves {
			fits[h].fit(x.half(h, n), halfOf(w, h, n), hi, false)
		}
		block.choose(fits[:halves], top)
		block.quantise(&q, row[at:at+256], n, hi)
		put(at, &block, &q)
	})
}

// scaleBlock is what a block of a type without minima stores: of each group the
// integer scale, of the block its float16 factor.
type scaleBlock struct {
	scale [16]int8
	half  uint16
}

// scaleRange says how a type stores scales: integers of at most top and at least
// -top-1, of which the group with the greatest number gets about the values in tops.
// Integers from window[0] to window[1] beside that which makes the extreme level hold
// the greatest number are tried.
type scaleRange struct {
	top    float32
	tops   []float32
	window [2]float32
}

// choose finds the integers of a block x in groups of n.
func (b *scaleBlock) choose(x, w *panel, n int, k *levels, r *scaleRange) {
	var (
		extreme, zero [2]lanes
		top           float32
	)
	halves := 32 / n
	for h := range halves {
		extremest(&extreme[h], x.half(h, n))
		for _, v := range extreme[h] {
			top = max(top, v, -v)
		}
		squares(&zero[h], x.half(h, n), halfOf(w, h, n))
	}
	best := infinity
	for _, t := range r.tops {
		try := scaleBlock{half: half16(top / float32(-k.lo*t))}
		var total float32
		for h := range halves {
			total += try.integers(h, x.half(h, n), halfOf(w, h, n), &extreme[h], &zero[h], k, r)
		}
		if total < best {
			best, *b = total, try
		}
	}
}

// integers finds the integers of eight groups for the factor of b, and returns the sum
// of their errors. extreme are their numbers of greatest magnitude, zero their errors if
// all is zero.
func (b *scaleBlock) integers(h int, x, w []float32, extreme, zero *lanes, k *levels, r *scaleRange) float32 {
	d := F16ToF32(b.half)
	best := *zero
	var scale lanes
	for _, level := range [2]float32{k.lo, k.hi} { // where the extreme number comes to lie
		middle := *extreme
		perLevel := inverse(float32(d * level))
		for g := range middle {
			middle[g] = nearest(float32(middle[g]*perLevel), -r.top-1, r.top)
		}
		for i := r.window[0]; i <= r.window[1]; i++ {
			var s, inv, e lanes
			for g := range s {
				s[g] = min(max(middle[g]+i, 0), r.top)
				if middle[g] < 0 {
					s[g] = max(min(middle[g]-i, 0), -r.top-1)
				}
				inv[g] = inverse(float32(s[g] * d))
			}
			k.tryScale(&e, x, w, &inv)
			for g := range e {
				ds := float32(s[g] * d)
				if e[g] = float32(float32(ds*ds) * e[g]); e[g] < best[g] && ds != 0 {
					best[g], scale[g] = e[g], s[g]
				}
			}
		}
	}
	var total float32
	for g, e := range best {
		b.scale[8*h+g] = int8(scale[g])
		total += e
	}
	return total
}

// quantise writes the codes of a block in groups of n.
func (b *scaleBlock) quantise(q *[256]byte, x []float32, n int, k *levels) {
	d := F16ToF32(b.half)
	for g := range 256 / n {
		k.quantise(q[n*g:][:n], x[n*g:][:n], inverse(float32(float32(b.scale[g])*d)))
	}
}

// eachScaleBlock finds the integers and codes of every block of a row, in groups of
// n.
func eachScaleBlock(row, importance []float32, n int, k *levels, r *scaleRange, put func(at int, b *scaleBlock, q *[256]byte)) {
	var (
		block scaleBlock
		q     [256]byte
	)
	eachPanel(row, importance, n, func(at int, x, w *panel) {
		block.choose(x, w, n, k, r)
		block.quantise(&q, row[at:at+256], n, k)
		put(at, &block, &q)
	})
}
