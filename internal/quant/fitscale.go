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

// nearest returns the level nearest to t.
func (k *levels) nearest(t float32) float32 {
	if k.iq4 {
		return iq4Levels[codeIQ4(t)&15]
	}
	return nearest(t, k.lo, k.hi)
}

// quantise fills in the codes of a block.
func (k *levels) quantise(z *quantiser) {
	z.lo, z.hi = k.lo, k.hi
	if k.iq4 {
		z.quantiseIQ4()
		return
	}
	z.quantise()
}

// scaleFit approximates the numbers of eight groups by d*l, with levels l.
type scaleFit struct {
	x, w    []float32 // [n, 8]
	levels  *levels
	lo, hi  float32 // of the levels
	inverse lanes   // of the scales of a trial
	d, gain lanes   // the best scale, and by how much it lowers the sum of squares
}

// A trial puts the extreme number by so many steps beyond the least or the greatest
// level. Importances make it worth while to cut more.
var (
	beyond         = []float32{-0.6, -0.3, 0, 0.3, 0.6}
	beyondWeighted = []float32{-0.6, -0.25, 0.1, 0.5, 1, 1.6, 2.4}
)

// fit looks at the numbers x with the weights w.
func (f *scaleFit) fit(x, w []float32, k *levels, trials []float32) {
	f.x, f.w, f.levels, f.lo, f.hi = x, w, k, k.lo, k.hi
	perExtreme := extremest(x)
	for g, v := range perExtreme {
		perExtreme[g] = inverse(v)
	}
	f.d, f.gain = lanes{}, lanes{}
	for _, steps := range trials {
		for _, level := range [2]float32{k.lo - float32(steps*k.step), k.hi + float32(steps*k.step)} {
			for g, in := range perExtreme {
				f.inverse[g] = float32(level * in)
			}
			f.try()
		}
	}
	for range refits {
		for g, d := range f.d {
			f.inverse[g] = inverse(d)
		}
		f.try()
	}
}

// tryPortable fits scales to the levels of a trial by least squares, and keeps them
// where they are better than the best so far.
func (f *scaleFit) tryPortable() {
	for g := range f.d {
		var wll, wxl float32
		for i := g; i < len(f.x); i += 8 {
			l := f.levels.nearest(float32(f.x[i] * f.inverse[g]))
			v := float32(f.w[i] * l)
			wll += float32(v * l)
			wxl += float32(v * f.x[i])
		}
		if wll == 0 {
			continue
		}
		d := wxl / wll
		if gain := float32(d * wxl); gain > f.gain[g] {
			f.d[g], f.gain[g] = d, gain
		}
	}
}

// stored returns the float16 for the scale of group g. Subnormal ones are so coarse
// that the neighbours, and 0, may be better.
func (f *scaleFit) stored(g int) uint16 {
	half := half16Base(f.d[g])
	if half&0x7c00 != 0 {
		return half
	}
	sign, found := half&0x8000, uint16(0)
	best := f.errorOf(g, 0)
	for h := max(half&0x3ff, 2) - 1; h <= half&0x3ff+1; h++ {
		if e := f.errorOf(g, F16ToF32(sign|h)); e < best {
			best, found = e, sign|h
		}
	}
	return found
}

// errorOf returns the weighted squared errors of group g for a scale.
func (f *scaleFit) errorOf(g int, d float32) float32 {
	in, sum := inverse(d), float32(0)
	for i := g; i < len(f.x); i += 8 {
		off := f.x[i] - float32(d*f.levels.nearest(float32(f.x[i]*in)))
		sum += float32(float32(off*off) * f.w[i])
	}
	return sum
}

// eachScale writes blocks of 32 numbers of size bytes: a float16 scale and codes,
// which put stores.
func eachScale(dst []byte, size int, row, importance []float32, k *levels, put func(b, q []byte)) {
	var (
		f scaleFit
		z quantiser
	)
	trials := beyond
	if importance != nil {
		trials = beyondWeighted
	}
	eachPanel(row, importance, 32, func(at int, x *[256]float32, p, w *panel) {
		f.fit(p[:], w[:], k, trials)
		blocks := dst[at/32*size:]
		n := min(len(blocks)/size, 8)
		for g := range n {
			half := f.stored(g)
			le.PutUint16(blocks[g*size:], half)
			z.spread(g, 32, F16ToF32(half), 0)
		}
		z.x = x
		k.quantise(&z)
		for g := range n {
			put(blocks[g*size+2:][:size-2], z.q[32*g:][:32])
		}
	})
}
