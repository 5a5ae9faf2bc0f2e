package model

import "github.com/blitz-r1/blitz/internal/kernel"

// DeltaNet is the mixer of Gated DeltaNet (Yang et al. 2025) as Qwen3-Next has it: NV heads
// of values share NK heads of queries and keys; a short convolution over q, k and v; a
// state for each head of values, which forgets by α and is corrected by β.
type DeltaNet struct {
	NK, NV, DK, DV int
	Taps           int       // of the convolution
	Conv           []float32 // [Taps, 2 NK DK + NV DV], the last meets the newest input
	A, DTBias      []float32 // [NV] exp(A_log), dt_bias
	ConvParam      Param
	AParam         Param
	DTParam        Param
	Norm           Norm  // [DV]
	places         []int // [NV] where each head stands in what is read, among the heads; nil: in order
	state          State
}

// unitEps is the epsilon of the L2 norm of queries and keys, which no configuration tells.
const unitEps = 1e-6

// width returns how many numbers the convolution goes over.
func (d *DeltaNet) width() int { return 2*d.NK*d.DK + d.NV*d.DV }

// sizes returns what the layer keeps of a sequence.
func (d *DeltaNet) sizes() StateSizes {
	return StateSizes{State: d.NV * d.DK * d.DV, Inputs: d.Taps - 1, Input: d.width(), Gates: 2 * d.NV}
}

// place returns where head h stands in what is read.
func (d *DeltaNet) place(h int) int {
	if d.places == nil {
		return h
	}
	return d.places[h]
}

// DeltaNet takes the rows into the states of their sequences and returns what is read of
// them.
//
//	x [T, 2 NK DK + NV DV] queries, keys and values   b, a [T, NV] → [T, NV*DV]
func (s *Step) DeltaNet(x, b, a *Act, d *DeltaNet) *Act {
	list, rows := s.carry(&d.state)
	o := record(s, &s.records.delta.rule)
	*o = deltaRule{
		d: d, x: x, b: b, a: a, list: list,
		mixed: s.act(rows, d.width()), gates: s.act(rows, 2*d.NV), out: s.act(x.T, d.NV*d.DV),
	}
	in := record(s, &s.records.delta.in)
	*in = deltaIn{o}
	s.eachRow(OpRows, in, rows, 4*d.width())
	s.run(OpAttention, o, len(list)*(d.NV+1))
	return o.out
}

// deltaRecords are the records of recurrent layers.
type deltaRecords struct {
	rule   deltaRule
	in     deltaIn
	gate   sigmoidGateRows
	halves halfRows
}

// deltaRule is the recurrence: for each segment an item a head, and one that writes what
// is kept beside the state.
type deltaRule struct {
	d            *DeltaNet
	x, b, a      *Act
	list         []carried
	mixed, gates *Act // [rows taken in, …]: behind the convolution; α and β of each head
	out          *Act
}

func (o *deltaRule) Operands() Operands {
	return Operands{In: []*Act{o.mixed, o.gates}, Out: []*Act{o.out}}
}

// deltaIn makes what the recurrence takes in of each row.
type deltaIn struct{ *deltaRule }

func (o *deltaIn) Operands() Operands {
	return Operands{
		In: []*Act{o.x, o.b, o.a}, Out: []*Act{o.mixed, o.gates}, Weights: []*Param{&o.d.ConvParam, &o.d.AParam, &o.d.DTParam},
	}
}

// row makes row i of those that are taken in: the convolution, queries and keys of length
// one, α and β.
func (o *deltaIn) row(i int, _ *kernel.Thread) {
	d := o.d
	c := o.segment(i)
	pos := c.pos - c.noted + i - c.first
	y := o.mixed.Row(i)
	clear(y)
	for j := range d.Taps {
		if in := c.inputAt(pos-d.Taps+1+j, o.x); in != nil {
			kernel.MulAdd(y, in, d.Conv[j*d.width():][:d.width()])
		}
	}
	kernel.SiluAll(y, y)
	scale := attentionScale(float64(d.DK))
	for h := range d.NK {
		q, k := y[h*d.DK:][:d.DK], y[(d.NK+h)*d.DK:][:d.DK]
		kernel.Unit(q, q, unitEps)
		kernel.Scale(q, q, scale)
		kernel.Unit(k, k, unitEps)
	}
	g := o.gates.Row(i)
	if pos < c.pos {
		_, noted := c.from.note(i - c.first)
		copy(g, noted)
		return
	}
	t := c.row + pos - c.pos
	alpha, beta := g[:d.NV], g[d.NV:]
	for h, a := range o.a.Row(t) {
		alpha[h] = -d.A[h] * kernel.Softplus(a+d.DTBias[h])
	}
	kernel.ExpAll(alpha, alpha)
	kernel.SigmoidAll(beta, o.b.Row(t))
}

// segment returns the segment of row i of those that are taken in.
func (o *deltaRule) segment(i int) *carried {
	lo, hi := 0, len(o.list)
	for hi-lo > 1 {
		if mid := (lo + hi) / 2; o.list[mid].first <= i {
			lo = mid
		} else {
			hi = mid
		}
	}
	return &o.list[lo]
}

// Do does a head of a segment, or writes what its pages keep beside the state.
func (o *deltaRule) Do(item int, th *kernel.Thread) {
	c, h := &o.list[item/(o.d.NV+1)], item%(o.d.NV+1)
	if h == o.d.NV {
		z := &o.d.state.Sizes
		c.write(o.x, o.gates, th.Out(z.Inputs*z.Input))
		return
	}
	o.head(c, h, th)
}

// head takes all rows of a segment into the state of head h.
func (o *deltaRule) head(c *carried, h int, th *kernel.Thread) {
	d := o.d
	n, key := d.DK*d.DV, h/(d.NV/d.NK)
	tmp := th.Out(n + d.DV)
	state, tmp := tmp[:n], tmp[n:]
	if from := c.from.part(h*n, n); from != nil {
		copy(state, from)
	} else {
		clear(state)
	}
	ends := c.to
	for i := range c.rows() + 1 {
		pos := c.pos - c.noted + i
		for len(ends) > 0 && ends[0].base == pos {
			copy(ends[0].page.numbers(h*n, n), state)
			ends = ends[1:]
		}
		if i == c.rows() {
			return
		}
		y, g := o.mixed.Row(c.first+i), o.gates.Row(c.first+i)
		q, k := y[key*d.DK:][:d.DK], y[(d.NK+key)*d.DK:][:d.DK]
		v := y[2*d.NK*d.DK+h*d.DV:][:d.DV]
		var out []float32
		if pos >= c.pos {
			out = o.out.Row(c.row + pos - c.pos)[d.place(h)*d.DV:][:d.DV]
		}
		kernel.DeltaRule(out, state, q, k, v, tmp, g[h], g[d.NV+h])
	}
}

// work returns the states that are read and written, and what is multiplied.
func (o *deltaRule) work() (w Work) {
	n := int64(o.d.state.Sizes.State)
	for i := range o.list {
		c := &o.list[i]
		w.ReadBytes += 4 * n * int64(1+len(c.to))
		w.FloatMACs += 3 * n * int64(c.rows())
	}
	return w
}
