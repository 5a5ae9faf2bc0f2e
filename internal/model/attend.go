package model

import "github.com/blitz-r1/blitz/internal/kernel"

// Attention is grouped-query attention (Ainslie et al. 2023) of one layer: H query
// heads share HKV heads of keys and values.
type Attention struct {
	Layer  int // whose cache it is
	H, HKV int
	DK, DV int // of a head of keys and of values
	Scale  float32
	Cap    float32
	Window int
	// Latent is set where a cache row is that of multi-head latent attention: DK wide,
	// its first Latent elements c^KV, of which the first DV are the values too.
	Latent int
	TopK   int // rows at later positions see that many, chosen by an indexer; 0: all
	Extra  int // bytes of a page behind keys and values, for what else a layer keeps
}

// pageBytes returns the bytes of a cache page of this layer: the keys of all heads,
// then their values, then what else there is.
func (a *Attention) pageBytes(k kernel.CacheKind) int {
	n := k.KeyBytes(a.DK)
	if a.Latent == 0 {
		n += k.ValueBytes(a.DV)
	}
	return a.HKV*n + a.Extra
}

// Attend stores the rows of k and v in the cache and returns the attention of the
// rows of q over their sequences. v is nil where rows are latent.
//
//	q [T, H*DK]   k [T, HKV*DK]   v [T, HKV*DV] → [T, H*DV]
func (s *Step) Attend(q, k, v *Act, a *Attention) *Act {
	t := &s.attend
	t.begin(s, q, k, v, a)
	t.store()
	t.attend()
	return t.out
}

// begin prepares attention of a layer.
func (t *attendItems) begin(s *Step, q, k, v *Act, a *Attention) {
	t.step, t.layer = s, a
	t.kernel = kernel.Attention{
		Kind: s.Kind, KeyDim: a.DK, ValueDim: a.DV, Scale: a.Scale, Cap: a.Cap, Window: a.Window, Latent: a.Latent > 0,
	}
	t.q, t.k, t.v, t.out = q, k, v, s.act(q.T, a.H*a.DV)
	s.findPages(a.Layer)
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

// attendItems stores keys and values, then attends.
type attendItems struct {
	step         *Step
	layer        *Attention
	kernel       kernel.Attention
	q, k, v, out *Act
	phase        attendPhase
	run          int // rows an item stores
	units        []attendUnit
	queries      []kernel.Query
	parts        []float32
	sparse       bool // some units see chosen positions alone
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
	at                      int     // of its queries
	chosen                  []int32 // positions that its queries see; nil: all
	c0, c1                  int     // splits
	item, chunk             int     // first item and splits of an item, in phaseSplits
	part                    int     // where its parts begin
}

func (t *attendItems) store() {
	t.phase, t.run = phaseStore, max(1, rowRun/(8*t.k.D))
	t.step.run(OpStore, t, (t.k.T+t.run-1)/t.run)
}

// splitMinimum is how many splits a unit must have for its splits to be shared out.
const splitMinimum = 4

// attend runs all units. Where they are fewer than the threads can share evenly,
// the splits of a long context are shared out instead.
func (t *attendItems) attend() {
	t.makeUnits()
	if t.step.Meter != nil {
		t.countAttention()
	}
	longest := 0
	for i := range t.units {
		longest = max(longest, t.units[i].c1-t.units[i].c0)
	}
	threads := t.step.Workers.Threads()
	if threads == 1 || t.sparse || len(t.units) >= 4*threads || longest < splitMinimum {
		t.phase = phaseAttend
		t.step.run(OpAttention, t, len(t.units))
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
	t.step.run(OpAttention, t, items)
	t.phase = phaseCombine
	t.step.run(OpAttention, t, len(t.units))
}

// The queries of a unit. Units of latent rows are larger, since the values of a page
// are made once for all of them.
const (
	unitQueries   = 16
	latentQueries = kernel.MaxQueries
)

// makeUnits cuts the queries into units.
func (t *attendItems) makeUnits() {
	t.units, t.queries, t.sparse = t.units[:0], t.queries[:0], false
	row := 0
	for i := range t.step.batch.Segments {
		g := &t.step.batch.Segments[i]
		dense := len(g.Tokens)
		if t.layer.TopK > 0 { // later rows see chosen positions, each its own
			dense = min(dense, max(0, t.layer.TopK-g.Pos))
		}
		t.addUnits(i, row, dense, nil)
		for r := row + dense; r < row+len(g.Tokens); r++ {
			t.sparse = true
			t.addUnits(i, r, 1, t.step.choose.chosen[r])
		}
		row += len(g.Tokens)
	}
}

// addUnits adds the units of some tokens of a segment, from row on.
func (t *attendItems) addUnits(segment, row, tokens int, chosen []int32) {
	a, size := t.layer, unitQueries
	if a.Latent > 0 {
		size = latentQueries
	}
	rows := tokens * (a.H / a.HKV)
	for head := range a.HKV {
		for first := 0; first < rows; first += size {
			t.addUnit(attendUnit{segment: segment, head: head, first: first, n: min(size, rows-first), chosen: chosen}, row)
		}
	}
}

// addUnit adds a unit and its queries; row is the first row of its segment.
func (t *attendItems) addUnit(u attendUnit, row int) {
	a := t.layer
	group := a.H / a.HKV
	u.at = len(t.queries)
	for i := range u.n {
		r := row + (u.first+i)/group
		h := u.head*group + (u.first+i)%group
		t.queries = append(t.queries, kernel.Query{
			Q: t.q.Row(r)[h*a.DK:][:a.DK], Out: t.out.Row(r)[h*a.DV:][:a.DV], Pos: int(t.step.positions[r]), Sink: kernel.NoSink,
		})
	}
	u.c0, u.c1 = t.kernel.Splits(t.queries[u.at:])
	t.units = append(t.units, u)
}

// of returns the queries of a unit.
func (t *attendItems) of(u *attendUnit) []kernel.Query { return t.queries[u.at : u.at+u.n] }

// Do does one item of the phase.
func (t *attendItems) Do(item int, th *kernel.Thread) {
	switch t.phase {
	case phaseStore:
		for r := item * t.run; r < min((item+1)*t.run, t.k.T); r++ {
			t.storeRow(r)
		}
	case phaseAttend:
		u := &t.units[item]
		if u.chosen != nil {
			t.kernel.AttendChosen(t.of(u), t.pages(u), u.chosen, &th.AttendScratch)
		} else {
			t.kernel.Attend(t.of(u), t.pages(u), &th.AttendScratch)
		}
	case phaseSplits:
		i := len(t.units) - 1
		for t.units[i].item > item {
			i--
		}
		u := &t.units[i]
		c0 := u.c0 + (item-u.item)*u.chunk
		parts := t.parts[u.part+(c0-u.c0)*t.kernel.PartSize(u.n):]
		t.kernel.AttendSplits(t.of(u), t.pages(u), c0, min(c0+u.chunk, u.c1), parts, &th.AttendScratch)
	case phaseCombine:
		u := &t.units[item]
		parts := t.parts[u.part : u.part+(u.c1-u.c0)*t.kernel.PartSize(u.n)]
		t.kernel.CombineSplits(t.of(u), u.c0, parts, &th.AttendScratch)
	}
}

// storeRow stores keys and values of one row.
func (t *attendItems) storeRow(r int) {
	pos, slot := int(t.step.positions[r])/kernel.PagePositions, int(t.step.positions[r])%kernel.PagePositions
	page := t.step.pages[t.step.firstPage[t.step.segment[r]]+pos]
	a := t.layer
	for h := range a.HKV {
		key, value := t.offsets(h)
		t.step.Kind.StoreKey(page[key:], slot, t.k.Row(r)[h*a.DK:(h+1)*a.DK], a.Latent)
		if a.Latent == 0 {
			t.step.Kind.StoreValue(page[value:], slot, t.v.Row(r)[h*a.DV:(h+1)*a.DV])
		}
	}
}

// offsets returns where the keys and values of a head begin in a page.
func (t *attendItems) offsets(head int) (key, value int) {
	k, v := t.step.Kind.KeyBytes(t.layer.DK), t.step.Kind.ValueBytes(t.layer.DV)
	return head * k, t.layer.HKV*k + head*v
}

func (t *attendItems) pages(u *attendUnit) kernel.Pages {
	key, value := t.offsets(u.head)
	return kernel.Pages{Splits: t.step.pages[t.step.firstPage[u.segment]:], Key: key, Value: value}
}
