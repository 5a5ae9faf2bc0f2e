package quant

// levels are the integers that the codes of a type without minimum stand for: all of
// lo..hi, or the unequal steps of the types IQ4.
type levels struct {
	lo, hi float32
	step   float32 // between the outermost ones
	iq4    bool
}

var (
	levelsQ3  = levels{-4, 3, 1, false}
	levelsQ4  = levels{-8, 7, 1, false}
	levelsQ5  = levels{-16, 15, 1, false}
	levelsQ6  = levels{-32, 31, 1, false}
	levelsIQ4 = levels{-127, 113, 20, true}
)

// trySums is sums.trySums for the levels.
func (k *levels) trySums(s *sums, x, w []float32, inv *lanes) {
	if k.iq4 {
		s.tryIQ4(x, w, inv)
		return
	}
	s.trySums(x, w, inv, new(lanes), k.lo, k.hi)
}

// tryScale is tryScale for the levels.
func (k *levels) tryScale(e *lanes, x, w []float32, inv *lanes) {
	if k.iq4 {
		tryIQ4Scale(e, x, w, inv)
		return
	}
	tryScale(e, x, w, inv, k.lo, k.hi)
}

// quantise writes the codes of numbers for a scale whose inverse is given.
func (k *levels) quantise(q []byte, x []float32, inv float32) {
	if k.iq4 {
		quantiseIQ4(q, x, inv)
		return
	}
	quantise(q, x, inv, 0, k.lo, k.hi)
}

// scaleFit approximates the numbers of eight groups by d*l, with levels l.
type scaleFit struct {
	extreme lanes // the number of greatest magnitude
	d, gain lanes // the best scale, and by how much it lowers the sum of squares
}

// A trial puts the extreme number by so many steps beyond the least or the greatest
// level. Weights make it worth while to cut more.
var (
	beyond         = []float32{-0.6, -0.3, 0, 0.3, 0.6}
	beyondWeighted = []float32{-0.6, -0.25, 0.1, 0.5, 1, 1.6, 2.4}
)

// fit looks at the numbers x [n, 8] with the weights w [n, 8] or nil.
func (f *scaleFit) fit(x, w []float32, k *levels) {
	extremest(&f.extreme, x)
	f.d, f.gain = lanes{}, lanes{}
	trials := beyond
	if w != nil {
		trials = beyondWeighted
	}
	var toLeast, toMost lanes
	for _, steps := range trials {
		for g, x := range f.extreme {
			in := inverse(x)
			toLeast[g] = float32((k.lo - float32(steps*k.step)) * in)
			toMost[g] = float32((k.hi + float32(steps*k.step)) * in)
		}
		f.try(x, w, &toLeast, k)
		f.try(x, w, &toMost, k)
	}
	for range refits {
		for g, d := range f.d {
			toLeast[g] = inverse(d)
		}
		f.try(x, w, &toLeast, k)
	}
}

// try fits scales to the levels of a trial by least squares, and keeps them where
// they are better than the best so far.
func (f *scaleFit) try(x, w []float32, inv *lanes, k *levels) {
	var s sums
	k.trySums(&s, x, w, inv)
	for g := range f.d {
		if s.wll[g] == 0 {
			continue
		}
		d := s.wyl[g] / s.wll[g]
		if gain := float32(d * s.wyl[g]); gain > f.gain[g] {
			f.d[g], f.gain[g] = d, gain
		}
	}
}

// storedScale returns the float16 for a scale d of the 32 numbers x, lane g of their
// panel. Subnormal ones are so coarse that the neighbours, and 0, may be better.
func (k *levels) storedScale(d float32, x []float32, weights *panel, g int) uint16 {
	half := half16Base(d)
	if half&0x7c00 != 0 {
		return half
	}
	sign, best, found := half&0x8000, float32(0), uint16(0)
	for i, v := range x {
		best += weighted(float32(v*v), weights, g, i)
	}
	for h := max(half&0x3ff, 2) - 1; h <= half&0x3ff+1; h++ {
		scale := F16ToF32(sign | h)
		inv, e := inverse(scale), float32(0)
		for i, v := range x {
			off := v - float32(scale*k.nearest(float32(v*inv)))
			e += weighted(float32(off*off), weights, g, i)
		}
		if e < best {
			best, found = e, sign|h
		}
	}
	return found
}

// weighted returns x times the weight of number i of lane g, if there are weights.
func weighted(x float32, weights *panel, g, i int) float32 {
	if weights == nil {
		return x
	}
	return float32(x * weights[8*i+g])
}

// nearest returns the level nearest to t.
func (k *levels) nearest(t float32) float32 {
	if k.iq4 {
		return iq4Levels[codeIQ4(t)&15]
	}
	return nearest(t, k.lo, k.hi)
}

// eachScale writes blocks of 32 numbers of size bytes: a float16 scale and codes,
// which put stores.
func eachScale(dst []byte, size int, row, importance []float32, k *levels, put func(b, q []byte)) {
	var f scaleFit
	eachPanel(row, importance, 32, func(at int, x, w *panel) {
		f.fit(x[:], halfOf(w, 0, 32), k)
		for g := range f.d {
			if at+32*g == len(row) {
				return
			}
			var q [32]byte
			b := dst[(at/32+g)*size:][:size]
			half := k.storedScale(f.d[g], row[at+32*g:][:32], w, g)
			le.PutUint16(b, half)
			k.quantise(q[:], row[at+32*g:][:32], inverse(F16ToF32(half)))
			put(b[2:], q[:])
		}
	})
}
