package quant

// rangeFit approximates the numbers of eight groups by d*l + b, with integers l in
// 0..hi. Numbers are counted from the least one of their group, y = x - least, so
// that nothing is lost where a group lies far from zero: b = least + c.
type rangeFit struct {
	least     lanes
	w1, wy    lanes // sums of the weights, and of w*y
	wl        lanes // sums with the codes of the best trial: w*l,
	wll       lanes // w*l*l,
	wyl       lanes // w*y*l
	d, c      lanes
	e         lanes // its error, less the constant sum of w*y*y
	span, top lanes // greatest y; greatest c
}

// A trial lets the codes reach beyond the range of a group, or cuts it, by these
// steps at either end. Weights make it worth while to cut more.
var (
	cuts         = []float32{-0.5, -0.1, 0.3, 0.7}
	cutsWeighted = []float32{-0.4, 0.3, 1, 1.8}
)

const refits = 2 // how often the codes of the best trial are made anew from its fit

// fit looks at the numbers y [n, 8], from which it subtracts the least ones, with the
// weights w [n, 8] or nil. In formats that subtract a minimum which is not negative, b
// is not positive; free lets it be anything.
func (f *rangeFit) fit(y, w []float32, hi float32, free bool) {
	f.begin(y, w, free)
	steps := cuts
	if w != nil {
		steps = cutsWeighted
	}
	var inv, off lanes
	for _, low := range steps {
		for _, high := range steps {
			for g := range inv {
				inv[g] = 0
				if f.span[g] > 0 {
					inv[g] = (hi + low + high) / f.span[g]
				}
				off[g] = -min(low, float32(f.top[g]*inv[g]))
			}
			f.try(y, w, &inv, &off, hi)
		}
	}
	for range refits {
		for g := range inv {
			inv[g], off[g] = 0, 0
			if float32(f.d[g]*1024) > f.span[g] {
				inv[g] = 1 / f.d[g]
				off[g] = -float32(f.c[g] * inv[g])
			}
		}
		f.try(y, w, &inv, &off, hi)
	}
}

// begin finds the ranges, and takes the mean for the best fit so far.
func (f *rangeFit) begin(y, w []float32, free bool) {
	var most lanes
	extremes(&f.least, &most, y)
	for g := range most {
		f.top[g] = infinity
		if !free {
			f.least[g] = min(f.least[g], 0)
			f.top[g] = -f.least[g]
		}
		f.span[g] = most[g] - f.least[g]
	}
	for i := 0; i < len(y); i += 8 {
		for g, least := range f.least {
			y[i+g] -= least
		}
	}
	moments(&f.w1, &f.wy, y, w)
	f.wl, f.wll, f.wyl, f.d = lanes{}, lanes{}, lanes{}, lanes{}
	for g := range f.c {
		f.c[g] = min(f.wy[g]/f.w1[g], f.top[g])
		f.e[g] = rangeError(0, f.c[g], f.w1[g], f.wy[g], 0, 0, 0)
	}
}

// rangeError returns the error of d*l + c, less the sum of w*y*y.
func rangeError(d, c, w1, wy, wl, wll, wyl float32) float32 {
	ofScale := float32(d*wll) + 2*(float32(c*wl)-wyl)
	ofBase := float32(c*w1) - 2*wy
	return float32(d*ofScale) + float32(c*ofBase)
}

// try fits d and c to the codes of a trial by least squares, and keeps them where
// they are better than the best so far.
func (f *rangeFit) try(y, w []float32, inv, off *lanes, hi float32) {
	var s sums
	s.trySums(y, w, inv, off, 0, hi)
	for g := range f.d {
		d, c := solveRange(f.w1[g], f.wy[g], s.wl[g], s.wll[g], s.wyl[g], f.top[g])
		e := rangeError(d, c, f.w1[g], f.wy[g], s.wl[g], s.wll[g], s.wyl[g])
		if e < f.e[g] && d > 0 {
			f.d[g], f.c[g], f.e[g] = d, c, e
			f.wl[g], f.wll[g], f.wyl[g] = s.wl[g], s.wll[g], s.wyl[g]
		}
	}
}

// solveRange returns the d and c of least error, with c at most top.
func solveRange(w1, wy, wl, wll, wyl, top float32) (d, c float32) {
	const alike = 0x1p-18 // a determinant below this part of its terms is rounding alone: all codes are equal
	product := float32(w1 * wll)
	det := product - float32(wl*wl)
	switch {
	case wll == 0:
		return 0, min(wy/w1, top)
	case det > float32(alike*product):
		d = (float32(w1*wyl) - float32(wl*wy)) / det
		c = (float32(wll*wy) - float32(wl*wyl)) / det
		if c <= top {
			return d, c
		}
		c = top
	}
	return (wyl - float32(c*wl)) / wll, c
}
