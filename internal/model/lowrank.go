package model

import "github.com/blitz-r1/blitz/internal/kernel"

// What an adapter adds to a product: y = W x + s B (A x). Products with A and B are float
// products like any other (CANON section 4), whatever W is; they run together for all
// matrices that read the same rows. Each row has the adapter of its segment.

// lowRank is what an adapter adds to one matrix.
type lowRank struct {
	down  *Linear // A [r, in]; matrices that are parts of one module share it
	up    *Linear // B [out, r]
	scale float32
	// halves is the width of heads whose rows a GGUF file has in pairs where up has them
	// in halves; 0: both have the same order.
	halves int
}

// lowRanks are what adapters add to the products that are about to run.
type lowRanks struct {
	runs  []lowRun
	sums  []lowSum
	parts map[lowPart]*Act
	downs map[lowDown]*Act

	unprepared []*Act
	inner      []lowInner // products with A, each once
}

// lowPart names rows of an activation, lowDown a product with A.
type (
	lowPart struct {
		x        *Act
		from, to int
	}
	lowDown struct {
		down *Linear
		x    *Act
	}
	lowInner struct {
		u, x *Act
		down *Linear
	}
)

// lowRun is a run of rows that have the same adapter.
type lowRun struct {
	from, to int
	pair     *lowRank
	u, v     *Act // A x [rows, r], B (A x) [rows, out]
}

// lowSum is a product that adapters add to: y = base + s v in the rows of its runs.
type lowSum struct {
	y, base   *Act
	runs      int // how many
	first     int // place of the first
	chunk     int // rows of an item
	firstItem int
}

// adapted returns where a product is to be written: y, or what adapters add to.
//
//	x [T, in]   y [T, out]   owners [T], none: no row has an adapter
func (s *Step) adapted(y, x *Act, w *Linear, owners []*Adapter) *Act {
	l := &s.low
	base := y
	for from, to := 0, 0; from < len(owners); from = to {
		a := owners[from]
		for to = from + 1; to < len(owners) && owners[to] == a; to++ {
		}
		if a == nil || a.pairs[w] == nil {
			continue
		}
		if base == y {
			base = s.act(x.T, w.Rows)
			l.sums = append(l.sums, lowSum{y: y, base: base, first: len(l.runs)})
		}
		l.sums[len(l.sums)-1].runs++
		pair := a.pairs[w]
		l.runs = append(l.runs, lowRun{from: from, to: to, pair: pair, u: s.inner(pair.down, s.lowRows(x, from, to))})
	}
	return base
}

// lowRows returns rows of x as float products read them, the same for all that ask.
func (s *Step) lowRows(x *Act, from, to int) *Act {
	l := &s.low
	key := lowPart{x, from, to}
	part := l.parts[key]
	if part == nil {
		if part = x; from > 0 || to < x.T || !x.prepared(true) {
			part = x.rows(s, from, to)
			s.makeForm(part, true)
			l.unprepared = append(l.unprepared, part)
		}
		if l.parts == nil {
			l.parts = map[lowPart]*Act{}
		}
		l.parts[key] = part
	}
	return part
}

// inner returns where A x will be.
func (s *Step) inner(down *Linear, x *Act) *Act {
	l := &s.low
	key := lowDown{down, x}
	u := l.downs[key]
	if u == nil {
		u = s.act(x.T, down.Rows)
		if l.downs == nil {
			l.downs = map[lowDown]*Act{}
		}
		l.downs[key] = u
		l.inner = append(l.inner, lowInner{u, x, down})
	}
	return u
}

// addLowRanks adds what adapters add to the products that ran.
func (s *Step) addLowRanks(kind Op) {
	l := &s.low
	if len(l.runs) == 0 {
		return
	}
	s.prepareAll(l.unprepared)
	p := s.products()
	for _, i := range l.inner {
		p.add(i.u, i.x, i.down, &i.down.Matrix)
	}
	s.computeProducts(kind, p)
	l.unprepared = l.unprepared[:0]
	for _, i := range l.inner {
		s.makeForm(i.u, true)
		l.unprepared = append(l.unprepared, i.u)
	}
	s.prepareAll(l.unprepared)
	p = s.products()
	for i := range l.runs {
		r := &l.runs[i]
		r.v = s.act(r.u.T, r.pair.up.Rows)
		p.add(r.v, r.u, r.pair.up, &r.pair.up.Matrix)
	}
	s.computeProducts(kind, p)
	o := record(s, &s.records.lowSums)
	o.sums, o.runs, o.items = append(o.sums[:0], l.sums...), append(o.runs[:0], l.runs...), 0
	for i := range o.sums {
		x := &o.sums[i]
		x.chunk, x.firstItem = max(1, rowRun/max(x.y.D, 1)), o.items
		o.items += (x.y.T + x.chunk - 1) / x.chunk
	}
	s.run(kind, o, o.items)
	clear(l.parts)
	clear(l.downs)
	clear(l.runs) // adapters are let go
	if !s.recorded() {
		clear(o.runs)
	}
	l.runs, l.sums, l.unprepared, l.inner = l.runs[:0], l.sums[:0], l.unprepared[:0], l.inner[:0]
}

// prepareAll brings activations, whose forms have room, into the form of float products.
func (s *Step) prepareAll(acts []*Act) {
	if len(acts) == 0 {
		return
	}
	o := s.preparation(true)
	o.acts = append(o.acts, acts...)
	if len(acts) == 1 {
		s.eachTile(OpRows, o, acts[0].T, acts[0].D)
		return
	}
	s.run(OpRows, o, len(acts))
}

// lowSums adds products of low rank to those that adapters add to: y = fma(s, v, base),
// and y = base in rows without an adapter.
//
//	base, y [T, out]   v [rows of a run, out]
type lowSums struct {
	sums  []lowSum
	runs  []lowRun
	items int
}

func (o *lowSums) Operands() (x Operands) {
	for i := range o.sums {
		x.In, x.Out = append(x.In, o.sums[i].base), append(x.Out, o.sums[i].y)
	}
	for i := range o.runs {
		x.In = append(x.In, o.runs[i].v)
	}
	return x
}

// Do adds in some rows of one product.
func (o *lowSums) Do(item int, _ *kernel.Thread) {
	i := len(o.sums) - 1
	for o.sums[i].firstItem > item {
		i--
	}
	x := &o.sums[i]
	runs := o.runs[x.first : x.first+x.runs]
	first := (item - x.firstItem) * x.chunk
	for t := first; t < min(first+x.chunk, x.y.T); t++ {
		y := x.y.Row(t)
		copy(y, x.base.Row(t))
		for len(runs) > 0 && t >= runs[0].to {
			runs = runs[1:]
		}
		if len(runs) > 0 && t >= runs[0].from {
			runs[0].pair.addTo(y, runs[0].v.Row(t-runs[0].from))
		}
	}
}

// addTo adds s v to a row.
//
//	y, v [out]
func (p *lowRank) addTo(y, v []float32) {
	if p.halves == 0 {
		kernel.AddScaled(y, v, p.scale)
		return
	}
	for at := 0; at < len(y); at += p.halves {
		for i := range p.halves {
			y[at+i] = kernel.FMA(p.scale, v[at+half(i, p.halves)], y[at+i])
		}
	}
}

// backward adds dy to the gradient of base, and s dy to that of v.
func (o *lowSums) backward(t *Tape) {
	for i := range o.sums {
		x := &o.sums[i]
		dy := t.have(x.y)
		if dy == nil {
			continue
		}
		dbase := t.Grad(x.base)
		t.eachRow(dy.T, dy.D, func(r int, _ *kernel.Thread) { kernel.Add(dbase.Row(r), dbase.Row(r), dy.Row(r)) })
		for k := range o.runs[x.first : x.first+x.runs] {
			run := &o.runs[x.first+k]
			dv := t.Grad(run.v)
			t.eachRow(dv.T, dv.D, func(r int, _ *kernel.Thread) { run.pair.addBack(dv.Row(r), dy.Row(run.from+r)) })
		}
	}
}

// addBack adds s dy to a row.
//
//	dv, dy [out]
func (p *lowRank) addBack(dv, dy []float32) {
	if p.halves == 0 {
		kernel.AddScaled(dv, dy, p.scale)
		return
	}
	for at := 0; at < len(dy); at += p.halves {
		for i := range p.halves {
			k := at + half(i, p.halves)
			dv[k] = kernel.FMA(p.scale, dy[at+i], dv[k])
		}
	}
}

// half returns which row of a head of so many rows in halves is row i of one in pairs.
func half(i, rows int) int { return i%2*(rows/2) + i/2 }
