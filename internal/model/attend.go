package model

import "github.com/blitz-r1/blitz/internal/kernel"

// Attention is grouped-query attention (Ainslie et al. 2023) of one layer: H query
// heads share HKV heads of keys and values.
type Attention struct {
	Layer  int // whose cache it is
	H, HKV int
	D      int // of a head
	Scale  float32
	Cap    float32
	Window int
}

// pageBytes returns the bytes of a cache page of this layer: the keys of all
// heads, then their values.
func (a *Attention) pageBytes(k kernel.CacheKind) int {
	return a.HKV * (k.KeyBytes(a.D) + k.ValueBytes(a.D))
}

// Attend stores the rows of k and v in the cache and returns the attention of the
// rows of q over their sequences.
//
//	q [T, H*D]   k, v [T, HKV*D] → [T, H*D]
func (s *Step) Attend(q, k, v *Act, a *Attention) *Act {
	t := &s.attend
	t.step, t.layer = s, a
	t.kernel = kernel.Attention{Kind: s.Kind, KeyDim: a.D, ValueDim: a.D, Scale: a.Scale, Cap: a.Cap, Window: a.Window}
	t.q, t.k, t.v, t.out = q, k, v, s.act(q.T, q.D)
	s.findPages(a.Layer)
	t.store()
	t.attend()
	return t.out
}

// findPages looks up the cache pages of a layer for all segments.
func (s *Step) findPages(layer int) {
	s.pages, s.firstPage = s.pages[:0], s.firstPage[:0]
	for i := range s.batch.Segments {
		g := &s.batch.Segments[i]
		s.firstPage = append(s.firstPage, len(s.pages))
		for c := range (g.Pos+len(g.Tokens)-1)/kernel.PagePositions + 1 {
			s.pages = append(s.pages, g.Seq.Page(layer, c))
		}
	}
}

// attendTask stores keys and values, then attends.
type attendTask struct {
	step         *Step
	layer        *Attention
	kernel       kernel.Attention
	q, k, v, out *Act
	phase        attendPhase
	run          int // rows an item stores
	units        []attendUnit
	queries      [][kernel.MaxQueries]kernel.Query
	parts        []float32
}

type attendPhase uint8

const (
	phaseStore   attendPhase = iota
	phaseAttend              // a unit an item
	phaseSplits              // a unit's splits, several items
	phaseCombine             // what the items of a unit computed
)

// attendUnit is a run of queries of one segment that share a key-value head: rows
// first … first+n-1 of its tokens × heads of the group.
type attendUnit struct {
	segment, head, first, n int
	c0, c1                  int // splits
	item, chunk             int // first item and splits of an item, in phaseSplits
	part                    int // where its parts begin
}

func (t *attendTask) store() {
	t.phase, t.run = phaseStore, max(1, rowRun/(8*t.k.D))
	t.step.Workers.Run(t, (t.k.T+t.run-1)/t.run)
}

// splitMinimum is how many splits a unit must have for its splits to be shared out.
const splitMinimum = 4

// attend runs all units. Where they are fewer than the threads can share evenly,
// the splits of a long context are shared out instead.
func (t *attendTask) attend() {
	t.makeUnits()
	longest := 0
	for i := range t.units {
		longest = max(longest, t.units[i].c1-t.units[i].c0)
	}
	threads := t.step.Workers.Threads()
	if threads == 1 || len(t.units) >= 4*threads || longest < splitMinimum {
		t.phase = phaseAttend
		t.step.Workers.Run(t, len(t.units))
		return
	}
	items, size := 0, 0
	for i := range t.units {
		u := &t.units[i]
		u.chunk = max(2, (u.c1-u.c0+4*threads-1)/(4*threads))
		u.item, u.part = items, size
		items += (u.c1 - u.c0 + u.chunk - 1) / u.chunk
		size += (u.c1 - u.c0) * t.kernel.PartSize(u.n)
	}
	if cap(t.parts) < size {
		t.parts = make([]float32, size)
	}
	t.parts = t.parts[:size]
	t.phase = phaseSplits
	t.step.Workers.Run(t, items)
	t.phase = phaseCombine
	t.step.Workers.Run(t, len(t.units))
}

// makeUnits cuts the queries into units.
func (t *attendTask) makeUnits() {
	t.units = t.units[:0]
	a := t.layer
	row := 0
	for i := range t.step.batch.Segments {
		tokens := len(t.step.batch.Segments[i].Tokens)
		rows := tokens * (a.H / a.HKV)
		for head := range a.HKV {
			for first := 0; first < rows; first += kernel.MaxQueries {
				t.units = append(t.units, attendUnit{segment: i, head: head, first: first, n: min(kernel.MaxQueries, rows-first)})
				t.fillQueries(len(t.units)-1, row)
			}
		}
		row += tokens
	}
}

// fillQueries sets the queries of a unit; row is the first row of its segment.
func (t *attendTask) fillQueries(unit, row int) {
	if unit == len(t.queries) {
		t.queries = append(t.queries, [kernel.MaxQueries]kernel.Query{})
	}
	u, a := &t.units[unit], t.layer
	group := a.H / a.HKV
	queries := t.queries[unit][:u.n]
	for i := range queries {
		r := row + (u.first+i)/group
		at := (u.head*group + (u.first+i)%group) * a.D
		queries[i] = kernel.Query{
			Q: t.q.Row(r)[at : at+a.D], Out: t.out.Row(r)[at : at+a.D], Pos: int(t.step.positions[r]), Sink: kernel.NoSink,
		}
	}
	u.c0, u.c1 = t.kernel.Splits(queries)
}

// Do does one item of the phase.
func (t *attendTask) Do(item int, th *kernel.Thread) {
	switch t.phase {
	case phaseStore:
		for r := item * t.run; r < min((item+1)*t.run, t.k.T); r++ {
			t.storeRow(r)
		}
	case phaseAttend:
		u := &t.units[item]
		t.kernel.Attend(t.queries[item][:u.n], t.pages(u), &th.AttendScratch)
	case phaseSplits:
		i := len(t.units) - 1
		for t.units[i].item > item {
			i--
		}
		u := &t.units[i]
		c0 := u.c0 + (item-u.item)*u.chunk
		parts := t.parts[u.part+(c0-u.c0)*t.kernel.PartSize(u.n):]
		t.kernel.AttendSplits(t.queries[i][:u.n], t.pages(u), c0, min(c0+u.chunk, u.c1), parts, &th.AttendScratch)
	case phaseCombine:
		u := &t.units[item]
		parts := t.parts[u.part : u.part+(u.c1-u.c0)*t.kernel.PartSize(u.n)]
		t.kernel.CombineSplits(t.queries[item][:u.n], u.c0, parts, &th.AttendScratch)
	}
}

// storeRow stores keys and values of one row.
func (t *attendTask) storeRow(r int) {
	pos, slot := int(t.step.positions[r])/kernel.PagePositions, int(t.step.positions[r])%kernel.PagePositions
	page := t.step.pages[t.step.firstPage[t.step.segment[r]]+pos]
	D := t.layer.D
	for h := range t.layer.HKV {
		key, value := t.offsets(h)
		t.step.Kind.StoreKey(page[key:], slot, t.k.Row(r)[h*D:(h+1)*D], 0)
		t.step.Kind.StoreValue(page[value:], slot, t.v.Row(r)[h*D:(h+1)*D])
	}
}

// offsets returns where the keys and values of a head begin in a page.
func (t *attendTask) offsets(head int) (key, value int) {
	k, v := t.step.Kind.KeyBytes(t.layer.D), t.step.Kind.ValueBytes(t.layer.D)
	return head * k, t.layer.HKV*k + head*v
}

func (t *attendTask) pages(u *attendUnit) kernel.Pages {
	key, value := t.offsets(u.head)
	return kernel.Pages{Splits: t.step.pages[t.step.firstPage[u.segment]:], Key: key, Value: value}
}
