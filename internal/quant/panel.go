package quant

import "math"

// The encoders look at 256 numbers at once: the groups that share a scale lie in
// lanes, so that what is summed over a group is summed lane by lane, in the order of
// its numbers, and the same sums come from any width of registers. Products are
// rounded before they are added, never fused.

// lanes are eight groups, or a number for each of them.
type lanes [8]float32

// panel holds 256 numbers as groups of n: number i of group g at
// [g/8*8*n + 8*i + g%8].
type panel [256]float32

// flushed is what panels take for zero: no float16 scale reaches down to it, and the
// square of its inverse is still a float32.
const flushed = 0x1p-40

// load fills the panel with row in groups of n, and zeros where row ends early.
func (p *panel) load(row []float32, n int) {
	if len(row) < len(p) {
		*p = panel{}
	}
	for i := 0; i < len(row); i += n {
		g := i / n
		to := p[g/8*8*n+g%8:]
		for j, x := range row[i:min(i+n, len(row))] {
			if x < flushed && x > -flushed {
				x = 0
			}
			to[8*j] = x
		}
	}
}

// loadWeights fills the panel with the weights of up to 256 importances in groups
// of n, and ones behind them.
func (p *panel) loadWeights(importance []float32, n int) {
	var w [256]float32
	weigh(w[:len(importance)], importance)
	for i := len(importance); i < len(w); i++ {
		w[i] = 1
	}
	p.load(w[:], n)
}

// half returns eight groups of n.
func (p *panel) half(h, n int) []float32 { return p[8*n*h:][:8*n] }

// magic rounds a float32 below 2^22 to an integer, ties to even, when it is added
// and taken away again.
const magic = 0x1.8p23

// nearest returns the integer nearest to t within lo..hi.
func nearest(t, lo, hi float32) float32 {
	if t < lo {
		t = lo
	}
	if t > hi {
		t = hi
	}
	return (t + magic) - magic
}

// sums are what a least squares fit of eight groups needs, for the codes l that a
// trial gives their numbers y with the weights w.
type sums struct{ wl, wll, wyl lanes }

// trySums adds up the codes l = nearest(y*inverse + offset) of eight groups.
//
//	y [n, 8]   w [n, 8], or nil for ones
func (s *sums) trySums(y, w []float32, inverse, offset *lanes, lo, hi float32) {
	for g := range 8 {
		var wl, wll, wyl float32
		in, off := inverse[g], offset[g]
		if w == nil {
			for i := g; i < len(y); i += 8 {
				l := nearest(float32(y[i]*in)+off, lo, hi)
				wl += l
				wll += float32(l * l)
				wyl += float32(l * y[i])
			}
		} else {
			w := w[:len(y)]
			for i := g; i < len(y); i += 8 {
				l := nearest(float32(y[i]*in)+off, lo, hi)
				x := float32(w[i] * l)
				wl += x
				wll += float32(x * l)
				wyl += float32(x * y[i])
			}
		}
		s.wl[g], s.wll[g], s.wyl[g] = wl, wll, wyl
	}
}

// tryScale adds up, in units of the squared scale, the weighted squared errors of
// eight groups for the scales whose inverses are given.
//
//	x [n, 8]   w [n, 8], or nil for ones
func tryScale(e *lanes, x, w []float32, inverse *lanes, lo, hi float32) {
	for g := range 8 {
		var sum float32
		in := inverse[g]
		if w == nil {
			for i := g; i < len(x); i += 8 {
				t := float32(x[i] * in)
				off := t - nearest(t, lo, hi)
				sum += float32(off * off)
			}
		} else {
			w := w[:len(x)]
			for i := g; i < len(x); i += 8 {
				t := float32(x[i] * in)
				off := t - nearest(t, lo, hi)
				sum += float32(float32(off*off) * w[i])
			}
		}
		e[g] = sum
	}
}

// moments adds up the weights and the weighted numbers of eight groups.
func moments(w1, wy *lanes, y, w []float32) {
	for g := range 8 {
		var one, sum float32
		for i := g; i < len(y); i += 8 {
			if w == nil {
				one++
				sum += y[i]
				continue
			}
			one += w[i]
			sum += float32(w[i] * y[i])
		}
		w1[g], wy[g] = one, sum
	}
}

// squares adds up the weighted squares of eight groups.
func squares(s *lanes, x, w []float32) {
	for g := range 8 {
		var sum float32
		for i := g; i < len(x); i += 8 {
			v := float32(x[i] * x[i])
			if w != nil {
				v = float32(v * w[i])
			}
			sum += v
		}
		s[g] = sum
	}
}

// extremes finds the least and the greatest number of eight groups.
func extremes(least, most *lanes, x []float32) {
	*least, *most = lanes(x[:8]), lanes(x[:8])
	for i := 8; i < len(x); i += 8 {
		for g, v := range x[i : i+8] {
			least[g], most[g] = min(least[g], v), max(most[g], v)
		}
	}
}

// half16 returns the finite float16 nearest to a scale, and for one that is not zero
// at least the least magnitude.
func half16(d float32) uint16 {
	h := half16Base(d)
	if h&0x7fff == 0 && d != 0 {
		h |= 1
	}
	return h
}

// extremest finds the number of greatest magnitude of eight groups, the positive one
// of two equal ones.
func extremest(extreme *lanes, x []float32) {
	var least, most lanes
	extremes(&least, &most, x)
	*extreme = most
	for g, v := range least {
		if -v > most[g] {
			extreme[g] = v
		}
	}
}

// half16Base returns the finite float16 nearest to x.
func half16Base(x float32) uint16 {
	h := F32ToF16(x)
	if h&0x7fff == 0x7c00 {
		h--
	}
	return h
}

// inverse returns 1/d, and 0 for 0.
func inverse(d float32) float32 {
	if d == 0 {
		return 0
	}
	return 1 / d
}

// quantise writes the codes of numbers for a scale whose inverse is given, and a
// minimum to subtract, counted from lo.
func quantise(q []byte, x []float32, inverse, least, lo, hi float32) {
	q = q[:len(x)]
	for i, v := range x {
		t := float32((v - least) * inverse)
		q[i] = uint8(int32(nearest(t, lo, hi) - lo))
	}
}

var infinity = float32(math.Inf(1))
