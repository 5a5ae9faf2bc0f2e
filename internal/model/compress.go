package model

import "github.com/blitz-r1/blitz/internal/kernel"

// Compressor makes an entry of each Ratio positions (DeepSeek-V4 report, compressed sparse
// and heavily compressed attention): a softmax over them for each dimension, of which gates
// decide; then a norm, and rope at the first of them. Where it overlaps, an entry is made of
// the positions of the block before too, from numbers of their own.
type Compressor struct {
	Ratio, D int
	Overlaps bool
	KV, Gate Linear    // [width, hidden]
	APE      []float32 // [Ratio, width], added to gates by the place in a block
	APEParam Param
	Norm     Norm // [D]
	rope     *Rope
}

// width returns how many numbers a position brings, and as many gates: D for each series.
func (c *Compressor) width() int {
	if c.Overlaps {
		return 2 * c.D
	}
	return c.D
}

// What an open block needs of a sequence is a ring of its last positions, which is kept as
// the state of a recurrent layer is (state.go): a page of the cache has it as it is behind
// the page's last position. Each position has a place of its own by its number, and there are
// MostGuessed places more than an open block needs. So positions that were guessed, and did
// not come, are written over before anything is made of them, and have taken nobody's place
// that is still needed.

// ring is what a layer keeps of the last positions.
type ring struct {
	Layer int // whose cache it is
	Width int // numbers of a position
	Slots int
}

// slots returns how many positions a ring has for a compressor: those of the block before,
// where it overlaps, and of the open one.
func (c *Compressor) slots() int {
	n := c.Ratio + MostGuessed
	if c.Overlaps {
		n += c.Ratio
	}
	return n
}

func (r *ring) pageBytes() int { return (4*r.Width*r.Slots + 63) / 64 * 64 }

// at returns what a page has of a position.
func (r *ring) at(page []byte, pos int) []float32 {
	return kernel.FloatsOf(page)[pos%r.Slots*r.Width:][:r.Width:r.Width]
}

// blocks is a segment of a step as a compressor sees it.
type blocks struct {
	segment int
	pos, n  int // its positions
	limit   int // of them; see Segment
	row     int // of the segment in the step
	from    []byte
	first   int // entries of segments before, that the step makes
}

// entriesUntil returns how many entries are whole before a position.
func (c *Compressor) entriesUntil(pos int) int { return pos / c.Ratio }

// pooled are numbers and gates of the step's rows for one compressor.
//
//	v, gate [T, width]   at: of v in a ring, gates stand behind them
type pooled struct {
	v, gate *Act
	at      int
}

// project adds the products that a compressor needs.
func (s *Step) project(p *products, x *Act, c *Compressor, at int) pooled {
	in := pooled{s.act(x.T, c.width()), s.act(x.T, c.width()), at}
	s.multiply(p, in.v, x, &c.KV)
	s.multiply(p, in.gate, x, &c.Gate)
	return in
}

// place adds to gates what their place in a block says.
func (s *Step) place(in *pooled, c *Compressor) {
	gate := s.result(in.gate)
	s.eachRow(OpRows, filled(s, &s.records.entries.place, placeRows{in.gate, gate, c, s.positions}), gate.T, gate.D)
	in.gate = gate
}

type placeRows struct {
	x, y      *Act
	c         *Compressor
	positions []int32
}

func (o *placeRows) Operands() Operands {
	return Operands{In: []*Act{o.x}, Out: []*Act{o.y}, Weights: []*Param{&o.c.APEParam}}
}

func (o *placeRows) row(t int, _ *kernel.Thread) {
	y := o.y.Row(t)
	kernel.Add(y, o.x.Row(t), o.c.APE[int(o.positions[t])%o.c.Ratio*len(y):][:len(y)])
}

// openBlocks finds the rings of a layer for all segments, and returns how many entries the
// step makes. The list is the step's own.
func (s *Step) openBlocks(r *ring, c *Compressor) (list []blocks, entries int) {
	list = s.entries.blocks[:0]
	if s.recorded() { // records keep it
		list = nil
	}
	row := 0
	for i := range s.batch.Segments {
		g := &s.batch.Segments[i]
		b := blocks{segment: i, pos: g.Pos, n: len(g.Tokens), limit: min(g.Limit, maxContext), row: row, first: entries}
		if g.Pos > 0 {
			b.from = g.Seq.Page(r.Layer, (g.Pos-1)/kernel.PagePositions)
		}
		list = append(list, b)
		row += b.n
		entries += c.entriesUntil(b.pos+b.n) - c.entriesUntil(b.pos)
	}
	s.entries.blocks = list
	return list, entries
}

// inputs returns numbers and gates of a position, of one series of a compressor.
func (b *blocks) inputs(r *ring, in *pooled, pos, series, D int) (v, gate []float32) {
	if pos >= b.pos {
		t := b.row + pos - b.pos
		return in.v.Row(t)[series*D:][:D], in.gate.Row(t)[series*D:][:D]
	}
	slot := r.at(b.from, pos)[in.at:]
	width := in.v.D
	return slot[series*D:][:D], slot[width+series*D:][:D]
}

// makeEntries makes the entries of a step and stores them: an item each.
type makeEntries struct {
	s    *Step
	c    *Compressor
	r    *ring
	in   pooled
	list []blocks
	// pages are where they go; index says that they are keys of an indexer, in float32.
	pages layerPages
	index bool
	width int // of a row that attention reads, which may be wider than an entry
}

func (o *makeEntries) Operands() Operands {
	return Operands{In: []*Act{o.in.v, o.in.gate}, Weights: []*Param{&o.c.Norm.Param}}
}

// entries makes the entries of a compressor for a layer of the cache.
func (s *Step) makeEntries(in pooled, c *Compressor, r *ring, layer int, index bool, width int) {
	list, n := s.openBlocks(r, c)
	if n == 0 {
		return
	}
	own := &s.records.entries.main
	if index {
		own = &s.records.entries.index
	}
	o := record(s, own)
	pages := o.pages
	*o = makeEntries{s: s, c: c, r: r, in: in, list: list, pages: pages, index: index, width: width}
	s.lookUp(&o.pages, layer)
	s.run(OpStore, o, n)
}

// maxSeries is how many rows of an entry stand on the stack.
const maxSeries = 128

// Do makes one entry.
func (o *makeEntries) Do(item int, th *kernel.Thread) {
	b := len(o.list) - 1
	for o.list[b].first > item {
		b--
	}
	g := &o.list[b]
	c, D := o.c, o.c.D
	entry := c.entriesUntil(g.pos) + item - g.first
	var vs, gates [maxSeries][]float32
	n := 0
	add := func(pos, series int) {
		vs[n], gates[n] = g.inputs(o.r, &o.in, pos, series, D)
		n++
	}
	last := 0
	if c.Overlaps {
		for i := 0; entry > 0 && i < c.Ratio; i++ {
			add((entry-1)*c.Ratio+i, 0)
		}
		last = 1
	}
	for i := range c.Ratio {
		add(entry*c.Ratio+i, last)
	}
	tmp := th.Out(o.width + 3*D)
	e, tmp := tmp[:o.width], tmp[o.width:]
	kernel.Pool(e[:D], gates[:n], vs[:n], tmp)
	kernel.RMSNorm(e[:D], e[:D], c.Norm.W, c.Norm.Eps)
	mul, cross := c.rope.of(g.limit).turns(entry * c.Ratio)
	c.rope.rotate(e[D-c.rope.Dim:D], mul, cross)
	clear(e[D:])
	each := kernel.PagePositions / c.Ratio
	page := o.pages.of(g.segment)[entry/each]
	if o.index {
		kernel.CacheF32.StoreKey(page, entry%each, e, 0)
	} else {
		o.s.Kind.StoreRow(page, entry%each, e, o.width)
	}
}

// keepOpen writes the rings of a layer: an item a segment. It runs when entries are made,
// which read what is written over.
type keepOpen struct {
	r    *ring
	s    *Step
	list []blocks
	in   []pooled
}

func (o *keepOpen) Operands() (x Operands) {
	for i := range o.in {
		x.In = append(x.In, o.in[i].v, o.in[i].gate)
	}
	return x
}

// Do writes the ring of each page that a segment reaches into.
func (o *keepOpen) Do(item int, _ *kernel.Thread) {
	b, r := &o.list[item], o.r
	seq := o.s.batch.Segments[b.segment].Seq
	end := b.pos + b.n
	for split := (end - 1) / kernel.PagePositions; split >= b.pos/kernel.PagePositions; split-- { // the first may be the page that is read
		page := seq.Page(r.Layer, split)
		to := min(end, (split+1)*kernel.PagePositions)
		same := b.pos > 0 && split == (b.pos-1)/kernel.PagePositions
		for pos := max(0, to-r.Slots); pos < to; pos++ {
			switch dst := r.at(page, pos); {
			case pos >= b.pos:
				t := b.row + pos - b.pos
				for i := range o.in {
					in := &o.in[i]
					copy(dst[in.at:], in.v.Row(t))
					copy(dst[in.at+in.v.D:], in.gate.Row(t))
				}
			case !same:
				copy(dst, r.at(b.from, pos))
			}
		}
	}
}

// keepOpen writes what open blocks of later steps need.
func (s *Step) keepOpen(r *ring, c *Compressor, in ...pooled) {
	list, _ := s.openBlocks(r, c)
	o := record(s, &s.records.entries.keep)
	kept := o.in[:0]
	if s.recorded() {
		kept = nil
	}
	*o = keepOpen{r: r, s: s, list: list, in: append(kept, in...)}
	s.run(OpStore, o, len(list))
}
