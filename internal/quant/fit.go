package quant

import "math"

// fit is the points that stand for some weights x of importance w, and what they make
// of them: at scale a the sum of w*(x-a*q)² is that of w*x² less gain(a).
type fit struct {
	ids  [8]uint16
	down uint8 // a bit for each eight weights: the points are shifted down, not up
	xq   float32
	qq   float32 // sums of w*x*q and of w*q*q
}

func (f *fit) gain(a float32) float32 {
	return float32(a*float32(2*f.xq)) - float32(float32(a*a)*f.qq)
}

// best returns the scale whose gain is greatest, and that gain. Both are 0 if it would
// be negative.
func (f *fit) best() (scale, gain float32) {
	if f.xq <= 0 || f.qq <= 0 {
		return 0, 0
	}
	scale = f.xq / f.qq
	return scale, float32(scale * f.xq)
}

// fitSums are the sums of a fit in eight lanes: weight i is in lane i modulo 8.
type fitSums struct{ xq, qq [8]float32 }

func (s *fitSums) total() (xq, qq float32) { return sum8(&s.xq), sum8(&s.qq) }

// sum8 adds as registers of eight lanes do.
func sum8(x *[8]float32) float32 {
	return ((x[0] + x[4]) + (x[2] + x[6])) + ((x[1] + x[5]) + (x[3] + x[7]))
}

// ternary is the three levels of a grid with its shift, which is not counted in the
// levels of points. What the second and the third cost more than the first, for a
// weight x of importance w at scale 1, is q*w - x*(w*x) with these factors.
type ternary struct {
	shift          float32
	q1, x1, q2, x2 float32
}

// newTernary says how levels are when shift is added to each.
func newTernary(levels []float32, shift float32) *ternary {
	a, b, c := levels[0]+shift, levels[1]+shift, levels[2]+shift
	return &ternary{shift, b*b - a*a, 2 * (b - a), c*c - a*a, 2 * (c - a)}
}

// octal has the same for eight levels, four times each: for the slots of four axes.
type octal struct{ q, x [32]float32 }

func newOctal(levels []float32) *octal {
	var o octal
	for i := range o.q {
		q := levels[i/4]
		o.q[i], o.x[i] = q*q-levels[0]*levels[0], 2*(q-levels[0])
	}
	return &o
}

// fit3 finds the nearest points of three levels to groups of eight weights at scale a.
// It adds their sums to s, one for all or one for each eight weights.
//
//	w, wx [n]: importances, and weights times these; n is a multiple of 8, 64 at most
func (c *codebook) fit3(ids *[8]uint16, s []fitSums, w, wx []float32, a float32, t *ternary) {
	if hasFitRoutines() {
		c.fit3Fast(ids, s, w, wx, a, t)
	} else {
		c.fit3Portable(ids, s, w, wx, a, t)
	}
}

func (c *codebook) fit3Portable(ids *[8]uint16, s []fitSums, w, wx []float32, a float32, t *ternary) {
	aa := float32(a * a)
	for k := range len(w) / 8 {
		w, wx := (*[8]float32)(w[8*k:]), (*[8]float32)(wx[8*k:])
		var p [32]float32
		cell, step := 0, 1
		for i := range w {
			w, x := float32(aa*w[i]), float32(a*wx[i])
			c1 := float32(w*t.q1) - float32(x*t.x1)
			c2 := float32(w*t.q2) - float32(x*t.x2)
			level := negative(c1) * (1 + negative(c2-c1))
			cost := [4]float32{0, c1, c2}
			least := cost[level&3]
			p[i], p[8+i], p[16+i] = -least, c1-least, c2-least
			cell += level * step
			step *= 3
		}
		id := c.nearest(cell, &p)
		ids[k] = id
		s := &s[min(k, len(s)-1)]
		for i, q := range &c.points[id] {
			q += t.shift
			s.xq[i] += float32(wx[i] * q)
			s.qq[i] += float32(w[i] * float32(q*q))
		}
	}
}

// negative returns 1 for numbers below zero.
func negative(x float32) int { return int(math.Float32bits(x) >> 31) }

// fit8 finds the nearest points of eight levels to groups of four weights at scale a,
// and adds their sums to s.
//
//	w, wx [n]: importances, and weights times these; n is a multiple of 8, 32 at most
func (c *codebook) fit8(ids *[8]uint16, s *fitSums, w, wx []float32, a float32, o *octal) {
	if hasFitRoutines() {
		c.fit8Fast(ids, s, w, wx, a, o)
	} else {
		c.fit8Portable(ids, s, w, wx, a, o)
	}
}

func (c *codebook) fit8Portable(ids *[8]uint16, s *fitSums, w, wx []float32, a float32, o *octal) {
	aa := float32(a * a)
	for k := range len(w) / 4 {
		w, wx := (*[4]float32)(w[4*k:]), (*[4]float32)(wx[4*k:])
		var p [32]float32
		cell := 0
		for i := range w {
			w, x := float32(aa*w[i]), float32(a*wx[i])
			level, least := 0, float32(0)
			for l := range 8 {
				cost := float32(w*o.q[4*l]) - float32(x*o.x[4*l])
				p[4*l+i] = cost
				if cost < least {
					level, least = l, cost
				}
			}
			for l := range 8 {
				p[4*l+i] -= least
			}
			cell |= level << (3 * i)
		}
		id := c.nearest(cell, &p)
		ids[k] = id
		xq, qq := (*[4]float32)(s.xq[k&1*4:]), (*[4]float32)(s.qq[k&1*4:])
		for i, q := range (*[4]float32)(c.points[id][:4]) {
			xq[i] += float32(wx[i] * q)
			qq[i] += float32(w[i] * float32(q*q))
		}
	}
}
