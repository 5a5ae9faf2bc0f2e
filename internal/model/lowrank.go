package model

import "github.com/blitz-r1/blitz/internal/kernel"

// What an adapter adds to a product: y = W x + s B (A x). Products with A and B are float
// products like any other (CANON section 4), whatever W is; they run together for all
// matrices that read the same rows. Each row has the adapter of its segment. What B gives is
// added where W x stands already, and is never there for all rows at once.

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
	parts map[lowPart]*Act
	downs map[lowDown]*Act
	inner []lowInner // products with A, each once
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
	pair *lowRank
	y    *Act // [rows, out]: W x, then with what the adapter adds
	u    *Act // A x [rows, r]
	v    *Act // B (A x) [rows, out], without numbers: its gradient alone is ever whole
	// How it is cut: rows and row blocks of an item, pieces of a run of rows, first item.
	rows, blocks, across, first int
}

// adapted notes what adapters add to a product.
//
//	x [T, in]   y [T, out]   owners [T], none: no row has an adapter
func (s *Step) adapted(y, x *Act, w *Linear, owners []*Adapter) {
	l := &s.low
	for from, to := 0, 0; from < len(owners); from = to {
		a := owners[from]
		for to = from + 1; to < len(owners) && owners[to] == a; to++ {
		}
		if a == nil || a.pairs[w] == nil {
			continue
		}
		pair := a.pairs[w]
		l.runs = append(l.runs, lowRun{pair: pair, y: s.lowRows(y, from, to), u: s.inner(pair.down, s.lowRows(x, from, to))})
	}
}

// lowRows returns rows of x, the same activation for all that ask.
func (s *Step) lowRows(x *Act, from, to int) *Act {
	if from == 0 && to == x.T {
		return x
	}
	l := &s.low
	key := lowPart{x, from, to}
	part := l.parts[key]
	if part == nil {
		part = x.rows(s, from, to)
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
	downs := record(s, &s.records.lowDowns)
	downs.list, downs.items = downs.list[:0], 0
	for _, i := range l.inner {
		downs.add(i.u, i.x, i.down, &i.down.Matrix)
	}
	downs.cut()
	s.run(kind, downs, downs.items)
	ups := record(s, &s.records.lowUps)
	ups.list, ups.runs, ups.items = ups.list[:0], append(ups.runs[:0], l.runs...), 0
	for i := range ups.runs {
		r := &ups.runs[i]
		r.v = s.acts.next()
		*r.v = Act{T: r.y.T, D: r.y.D}
		ups.add(r.v, r.u, r.pair.up, &r.pair.up.Matrix)
	}
	ups.cut()
	s.run(kind, ups, ups.items)
	clear(l.parts)
	clear(l.downs)
	clear(l.runs) // adapters are let go
	if !s.recorded() {
		clear(ups.runs)
	}
	l.runs, l.inner = l.runs[:0], l.inner[:0]
}

// lowRowRun is how many rows an item of products of low rank has at most: a multiple of
// kernel.Tile.
const lowRowRun = 4 * kernel.Tile

// lowDowns are products with A, of rows as they lie.
//
//	x [T, in] → u [T, r]
type lowDowns struct{ products }

// cut cuts the products into items.
func (o *lowDowns) cut() {
	for i := range o.list {
		o.list[i].first = o.items
		o.items += (o.list[i].x.T + lowRowRun - 1) / lowRowRun
	}
}

// Do does some rows of one product.
func (o *lowDowns) Do(item int, th *kernel.Thread) {
	i := len(o.list) - 1
	for o.list[i].first > item {
		i--
	}
	p := &o.list[i]
	from := (item - p.first) * lowRowRun
	to := min(from+lowRowRun, p.x.T)
	p.x.multiply(p.y.X[from*(p.y.D+p.y.gap):], p.y.D+p.y.gap, from, to, p.m, th)
}

// multiply multiplies rows from … to-1 with a float matrix, as they are prepared or as they
// lie; from is a multiple of kernel.Tile.
//
//	y [to-from, ldy]
func (a *Act) multiply(y []float32, ldy, from, to int, m *kernel.Matrix, th *kernel.Thread) {
	if a.f32 != nil {
		f := a.f32.Part(from, to)
		kernel.FloatProduct(y, ldy, &f, m, 0, m.Blocks(), &th.Scratch)
		return
	}
	ld := a.D + a.gap
	kernel.FloatRows(y, ldy, a.X[from*ld:], ld, to-from, m, th)
}

// lowUps adds products of low rank to those that adapters add to: y = fma(s, B u, y).
//
//	u [rows of a run, r]   y [those rows, out]
type lowUps struct {
	products // of each run, v = B u
	runs     []lowRun
}

// lowBlocks is how many row blocks an item has at most.
const lowBlocks = 64

// cut cuts the runs into items. Where rows of heads have another order they stay whole.
func (o *lowUps) cut() {
	for i := range o.runs {
		r := &o.runs[i]
		r.rows, r.blocks, r.first = lowRowRun/2, lowBlocks, o.items
		if r.pair.halves != 0 {
			r.rows, r.blocks = kernel.Tile, r.pair.up.Blocks()
		}
		r.across = (r.pair.up.Blocks() + r.blocks - 1) / r.blocks
		o.items += (r.y.T + r.rows - 1) / r.rows * r.across
	}
}

func (o *lowUps) Operands() (x Operands) {
	x = o.products.Operands()
	x.Out = nil
	for i := range o.runs {
		x.Out = append(x.Out, o.runs[i].y)
	}
	return x
}

// Do adds some rows and columns of one run.
func (o *lowUps) Do(item int, th *kernel.Thread) {
	i := len(o.runs) - 1
	for o.runs[i].first > item {
		i--
	}
	r := &o.runs[i]
	item -= r.first
	from, b0 := item/r.across*r.rows, item%r.across*r.blocks
	to := min(from+r.rows, r.y.T)
	m := r.pair.up.Part(b0, min(b0+r.blocks, r.pair.up.Blocks()))
	v := th.Out((to - from) * m.Rows)
	r.u.multiply(v, m.Rows, from, to, &m, th)
	for t := from; t < to; t++ {
		r.pair.addTo(r.y.Row(t)[b0*kernel.RowBlock:][:m.Rows], v[(t-from)*m.Rows:][:m.Rows])
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

// backward adds the gradients of u and B. That of y goes on as it is to what y was before:
// to the product that wrote it. That of v is made for some rows at a time, those over which
// gradients of weights are products at once.
func (o *lowUps) backward(t *Tape) {
	for i := range o.runs {
		r := &o.runs[i]
		dy := t.have(r.y)
		if dy == nil {
			continue
		}
		part := o.list[i]
		for from := 0; from < dy.T; from += weightRows {
			n := min(weightRows, dy.T-from)
			if n < dy.T {
				part.x = &Act{T: n, D: r.u.D, of: r.u, offset: from * r.u.D, X: r.u.X[from*r.u.D:][:n*r.u.D]}
			}
			part.y = &Act{T: n, D: dy.D}
			dv, _ := t.fresh(part.y)
			t.eachRow(n, dv.D, func(k int, _ *kernel.Thread) { r.pair.scaled(dv.Row(k), dy.Row(from+k)) })
			one := products{list: []product{part}}
			one.backward(t)
			t.letGo(part.y)
		}
	}
}

// scaled writes s dy.
//
//	dv, dy [out]
func (p *lowRank) scaled(dv, dy []float32) {
	if p.halves == 0 {
		kernel.Scale(dv, dy, p.scale)
		return
	}
	for at := 0; at < len(dy); at += p.halves {
		for i := range p.halves {
			dv[at+half(i, p.halves)] = dy[at+i] * p.scale
		}
	}
}

// half returns which row of a head of so many rows in halves is row i of one in pairs.
func half(i, rows int) int { return i%2*(rows/2) + i/2 }
