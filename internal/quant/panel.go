package quant

import "math"

// The encoders look at 256 numbers at once: the groups that share a scale lie in
// lanes, so that what is summed over a group is summed lane by lane, in the order of
// its numbers, and the same sums come from any width of registers. Products are
// rounded before they are added, never fused.
//
// What goes over all numbers of a panel has a portable form, which defines it, and a
// routine for amd64 (panel_amd64.go).

// lanes hold a number for each of eight groups.
type lanes [8]float32

// panel holds 256 numbers as groups of n: number i of group g at
// [g/8*8*n + 8*i + g%8].
type panel [256]float32

// flushed is what panels take for zero: no float16 scale reaches down to it, and the
// square of its inverse is still a float32.
const flushed = 0x1p-40

// panelLoad is a panel to be filled with numbers in groups of n.
type panelLoad struct {
	to   *panel
	from *[256]float32
	n    int
}

func (l *panelLoad) loadPortable() {
	for i := 0; i < len(l.from); i += l.n {
		g := i / l.n
		to := l.to[g/8*8*l.n+g%8:]
		for j, x := range l.from[i : i+l.n] {
			if x < flushed && x > -flushed {
				x = 0
			}
			to[8*j] = x
		}
	}
}

// half returns eight groups of n.
func (p *panel) half(h, n int) []float32 { return p[8*n*h:][:8*n] }

// eachPanel calls do for every 256 numbers of a row, with zeros behind its end: x has
// them as they are, p in groups of n, and w the weights of their errors.
func eachPanel(row, importance []float32, n int, do func(at int, x *[256]float32, p, w *panel)) {
	var (
		rest, plain [256]float32
		p, w        panel
	)
	for at := 0; at < len(row); at += 256 {
		end := min(at+256, len(row))
		x := &rest
		if end-at == 256 {
			x = (*[256]float32)(row[at:])
		} else {
			clear(x[copy(x[:], row[at:]):])
		}
		load := panelLoad{&p, x, n}
		load.load()
		weighNumbers(&plain, x, importance, at, end)
		load = panelLoad{&w, &plain, n}
		load.load()
		do(at, x, &p, &w)
	}
}

// weighNumbers writes the weights of the errors of the numbers x, which are at..end of
// a row: importances times sqrt(1 + x²/mean of x²). That great numbers count for more
// costs a little of the plain error, and models are the better for it.
func weighNumbers(w, x *[256]float32, importance []float32, at, end int) {
	if importance == nil {
		weigh(w[:], nil)
	} else {
		weigh(w[:end-at], importance[at:end])
		for i := end - at; i < 256; i++ {
			w[i] = 1
		}
	}
	var squares lanes
	for i := 0; i < 256; i += 8 {
		for g, v := range x[i : i+8] {
			squares[g] += float32(v * v)
		}
	}
	var sum float32
	for _, v := range squares {
		sum += v
	}
	m := magnifier{w: w, x: x}
	if size := sqrt32(sum / float32(end-at)); size > flushed {
		m.perSize = 1 / size
	}
	m.magnify()
}

// magnifier multiplies weights w by sqrt(1 + (x*perSize)²).
type magnifier struct {
	w, x    *[256]float32
	perSize float32
}

func (m *magnifier) magnifyPortable() {
	for i, v := range m.x {
		t := float32(v * m.perSize)
		m.w[i] = float32(m.w[i] * sqrt32(1+float32(t*t)))
	}
}

// sqrt32 returns the float32 nearest to the root of x.
func sqrt32(x float32) float32 { return float32(math.Sqrt(float64(x))) }

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

// extremes are the least and the greatest numbers of eight groups x [n, 8].
type extremes struct {
	x           []float32
	least, most lanes
}

func (e *extremes) findPortable() {
	e.least, e.most = lanes(e.x[:8]), lanes(e.x[:8])
	for i := 8; i < len(e.x); i += 8 {
		for g, v := range e.x[i : i+8] {
			if v < e.least[g] {
				e.least[g] = v
			}
			if v > e.most[g] {
				e.most[g] = v
			}
		}
	}
}

// extremest returns the number of greatest magnitude of each of eight groups, the
// positive one of two equal ones.
func extremest(x []float32) lanes {
	e := extremes{x: x}
	e.find()
	for g, v := range e.least {
		if -v > e.most[g] {
			e.most[g] = v
		}
	}
	return e.most
}

// half16Base returns the finite float16 nearest to x.
func half16Base(x float32) uint16 {
	h := F32ToF16(x)
	if h&0x7fff == 0x7c00 {
		h--
	}
	return h
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

// inverse returns 1/d, and 0 for 0.
func inverse(d float32) float32 {
	if d == 0 {
		return 0
	}
	return 1 / d
}

// quantiser turns 256 numbers into the codes of the integers nearest to
// (x - least) * inverse, counted from lo and at most hi. Each sixteen numbers have
// their own inverse and least.
type quantiser struct {
	x              *[256]float32
	q              [256]byte
	inverse, least [16]float32
	lo, hi         float32
}

// spread sets the inverse and least of group g of n numbers, for a scale.
func (z *quantiser) spread(g, n int, scale, least float32) {
	in := inverse(scale)
	for i := g * n / 16; i < (g+1)*n/16; i++ {
		z.inverse[i], z.least[i] = in, least
	}
}

func (z *quantiser) quantisePortable() {
	for i, v := range z.x {
		t := float32((v - z.least[i/16]) * z.inverse[i/16])
		z.q[i] = uint8(int32(nearest(t, z.lo, z.hi) - z.lo))
	}
}

func (z *quantiser) quantiseIQ4Portable() {
	for i, v := range z.x {
		z.q[i] = codeIQ4(float32((v - z.least[i/16]) * z.inverse[i/16]))
	}
}
