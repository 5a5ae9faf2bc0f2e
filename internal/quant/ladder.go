package quant

// ladder is the scales that are tried without a grid, in parts of the one with which
// the greatest weight is the greatest level.
var ladder = [8]float32{1.1, 0.98, 0.87, 0.77, 0.68, 0.6, 0.52, 0.44}

// climb returns the scale that fits best to levels without a grid, of those to which
// the steps of the ladder lead; 0 for weights that are all zero or negative.
//
//	x, w, wx [n]: weights, their importances, the product of both
func (c *codebook) climb(x, w, wx []float32) float32 {
	top := greatest(x) / c.levels[len(c.levels)-1]
	if top == 0 {
		return 0
	}
	var inverse [8]float32
	for i, part := range ladder {
		inverse[i] = 1 / float32(top*part)
	}
	var s fitSums // a lane for each step of the ladder
	switch {
	case c.axes == 4 && hasFitRoutines():
		c.climb8Fast(&s, x, w, wx, &inverse)
	case c.axes == 4:
		c.climb8Portable(&s, x, w, wx, &inverse)
	case hasFitRoutines():
		c.climb3Fast(&s, x, w, wx, &inverse)
	default:
		c.climb3Portable(&s, x, w, wx, &inverse)
	}
	scale, most := float32(0), float32(0)
	for i := range ladder {
		f := fit{xq: s.xq[i], qq: s.qq[i]}
		if a, gain := f.best(); gain > most {
			scale, most = a, gain
		}
	}
	return scale
}

// climb3Portable takes for each weight the nearest of three levels.
func (c *codebook) climb3Portable(s *fitSums, x, w, wx []float32, inverse *[8]float32) {
	q := (*[3]float32)(c.levels)
	b1, b2 := (q[0]+q[1])*0.5, (q[1]+q[2])*0.5
	for j, x := range x {
		for i, y := range inverse {
			y = float32(y * x)
			v := q[negative(b1-y)+negative(b2-y)]
			s.xq[i] += float32(wx[j] * v)
			s.qq[i] += float32(w[j] * float32(v*v))
		}
	}
}

// climb8Portable takes for each weight one of eight levels, the nearest of 1, 3 to 15.
func (c *codebook) climb8Portable(s *fitSums, x, w, wx []float32, inverse *[8]float32) {
	q := (*[8]float32)(c.levels)
	for j, x := range x {
		for i, y := range inverse {
			v := q[min(max(int32(float32(float32(y*x)*0.5)), 0), 7)]
			s.xq[i] += float32(wx[j] * v)
			s.qq[i] += float32(w[j] * float32(v*v))
		}
	}
}
