package quant

import "math"

// rangeFit approximates the numbers of eight groups by d*l + b, with integers l in
// 0..hi. Numbers are counted from the least one of their group, y = x - least, so
// that nothing is lost where a group lies far from zero: b = least + c.
type rangeFit struct {
	y, w []float32 // [n, 8]
	hi   float32

	least     lanes
	top, span lanes // greatest c, and greatest y
	perSpan   lanes // 1/span, or 0
	w1, wy    lanes // sums of the weights, and of w*y
	d, c      lanes // of the best trial
	e         lanes // its error, less the constant sum of w*y*y
	wl        lanes // sums with its codes: w*l,
	wll       lanes // w*l*l,
	wyl       lanes // w*y*l

	// A trial: code 0 is that many steps above the least number, and the range has so
	// many steps.
	low, steps float32

	factors rangeFactors
}

// rangeFactors are the factors that scales and minima are integers of, and the
// integers of the groups for them.
type rangeFactors struct {
	scale, least       float32
	perScale, perLeast float32 // their inverses
	top                float32 // the greatest integer
	scales, leasts, e  lanes
}

// A trial lets the codes reach beyond the range of a group, or cuts it, by these
// steps at either end. Importances make it worth while to cut more.
var (
	cuts         = []float32{-0.5, -0.1, 0.3, 0.7}
	cutsWeighted = []float32{-0.4, 0.3, 1, 1.8}
)

const refits = 2 // how often the codes of the best trial are made anew from its fit

// cutsFor returns the cuts to try.
func cutsFor(importance []float32) []float32 {
	if importance != nil {
		return cutsWeighted
	}
	return cuts
}

// fit looks at the numbers y, from which it takes the least ones. In formats that
// subtract a minimum which is not negative, b is not positive; free lets it be
// anything.
func (f *rangeFit) fit(y, w []float32, hi float32, free bool, steps []float32) {
	f.y, f.w, f.hi = y, w, hi
	f.begin(free)
	for _, low := range steps {
		for _, high := range steps {
			f.low, f.steps = low, hi+low+high
			f.try()
		}
	}
	for range refits {
		f.refit()
	}
}

// begin finds the ranges, and takes the mean for the best fit so far.
func (f *rangeFit) begin(free bool) {
	e := extremes{x: f.y}
	e.find()
	for g, most := range e.most {
		f.least[g], f.top[g] = e.least[g], math.MaxFloat32
		if !free {
			f.least[g] = min(f.least[g], 0)
			f.top[g] = -f.least[g]
		}
		f.span[g] = most - f.least[g]
		f.perSpan[g] = inverse(f.span[g])
	}
	f.shift()
	f.wl, f.wll, f.wyl, f.d = lanes{}, lanes{}, lanes{}, lanes{}
	for g := range f.c {
		f.c[g] = min(f.wy[g]/f.w1[g], f.top[g])
		f.e[g] = rangeError(0, f.c[g], f.w1[g], f.wy[g], 0, 0, 0)
	}
}

// shiftPortable takes the least number from all, and sums up.
func (f *rangeFit) shiftPortable() {
	for g, least := range f.least {
		var w1, wy float32
		for i := g; i < len(f.y); i += 8 {
			y := f.y[i] - least
			f.y[i] = y
			w1 += f.w[i]
			wy += float32(f.w[i] * y)
		}
		f.w1[g], f.wy[g] = w1, wy
	}
}

// rangeError returns the error of d*l + c, less the sum of w*y*y.
func rangeError(d, c, w1, wy, wl, wll, wyl float32) float32 {
	ofScale := float32(d*wll) + 2*(float32(c*wl)-wyl)
	ofBase := float32(c*w1) - 2*wy
	return float32(d*ofScale) + float32(c*ofBase)
}

// tryPortable takes the codes that the steps of a trial give.
func (f *rangeFit) tryPortable() {
	for g := range f.d {
		inv := float32(f.steps * f.perSpan[g])
		f.codes(g, inv, -min(f.low, float32(f.top[g]*inv)))
	}
}

// refitPortable takes the codes that the best fit gives, unless its scale is out of
// proportion.
func (f *rangeFit) refitPortable() {
	for g := range f.d {
		if float32(f.d[g]*1024) > f.span[g] {
			inv := 1 / f.d[g]
			f.codes(g, inv, -float32(f.c[g]*inv))
		}
	}
}

// codes fits d and c to the codes l = nearest(y*inv + off) of group g by least
// squares, and keeps them if they are better than the best so far.
func (f *rangeFit) codes(g int, inv, off float32) {
	var wl, wll, wyl float32
	w := f.w[:len(f.y)]
	for i := g; i < len(f.y); i += 8 {
		l := nearest(float32(f.y[i]*inv)+off, 0, f.hi)
		x := float32(w[i] * l)
		wl += x
		wll += float32(x * l)
		wyl += float32(x * f.y[i])
	}
	if wll == 0 {
		return
	}
	d, c := solveRange(f.w1[g], f.wy[g], wl, wll, wyl, f.top[g])
	if e := rangeError(d, c, f.w1[g], f.wy[g], wl, wll, wyl); e < f.e[g] && d > 0 {
		f.d[g], f.c[g], f.e[g], f.wl[g], f.wll[g], f.wyl[g] = d, c, e, wl, wll, wyl
	}
}

// alike is the part of its terms below which a determinant is rounding alone: all
// codes are equal.
const alike = 0x1p-18

// solveRange returns the d and c of least error, with c at most top; wll is positive.
func solveRange(w1, wy, wl, wll, wyl, top float32) (d, c float32) {
	product := float32(w1 * wll)
	det := product - float32(wl*wl)
	if det > float32(alike*product) {
		d = (float32(w1*wyl) - float32(wl*wy)) / det
		c = (float32(wll*wy) - float32(wl*wyl)) / det
		if c <= top {
			return d, c
		}
		c = top
	}
	return (wyl - float32(c*wl)) / wll, c
}

// integersPortable finds the integers of the groups for the factors: the best minimum
// for each of the two scales beside that of the fit, or zeros. The errors are less the
// constant sum of w*y*y.
func (f *rangeFit) integersPortable() {
	k := &f.factors
	for g := range f.d {
		k.scales[g], k.leasts[g] = 0, 0
		k.e[g] = rangeError(0, -f.least[g], f.w1[g], f.wy[g], 0, 0, 0)
		s := floor(min(float32(f.d[g]*k.perScale), k.top))
		for range 2 {
			d := float32(s * k.scale)
			c := (f.wy[g] - float32(d*f.wl[g])) / f.w1[g]
			l := nearest(float32(-(f.least[g]+c)*k.perLeast), 0, k.top)
			c = -float32(l*k.least) - f.least[g]
			if e := rangeError(d, c, f.w1[g], f.wy[g], f.wl[g], f.wll[g], f.wyl[g]); e < k.e[g] {
				k.scales[g], k.leasts[g], k.e[g] = s, l, e
			}
			s = min(s+1, k.top)
		}
	}
}

// floor returns the integer below x, which is at least 0 and below 2^31.
func floor(x float32) float32 { return float32(int32(x)) }

// eachRange writes blocks of 32 numbers of size bytes: a float16 scale, a float16
// minimum that is added, and codes 0..hi, which put stores.
func eachRange(dst []byte, size int, row, importance []float32, hi float32, put func(b, q []byte)) {
	var f rangeFit
	z := quantiser{hi: hi}
	eachPanel(row, importance, 32, func(at int, x *[256]float32, p, w *panel) {
		f.fit(p[:], w[:], hi, true, cutsFor(importance))
		blocks := dst[at/32*size:]
		n := min(len(blocks)/size, 8)
		for g := range n {
			half := half16(f.d[g])
			d := F16ToF32(half)
			base := half16Base(f.least[g] + (f.wy[g]-float32(d*f.wl[g]))/f.w1[g])
			le.PutUint16(blocks[g*size:], half)
			le.PutUint16(blocks[g*size+2:], base)
			z.spread(g, 32, d, F16ToF32(base))
		}
		z.x = x
		z.quantise()
		for g := range n {
			put(blocks[g*size+4:][:size-4], z.q[32*g:][:32])
		}
	})
}
