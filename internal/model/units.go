package model

import (
	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// attendUnits are the pieces that attention of one layer is cut into. As items of an
// operation, each is a unit; splitItems and combineItems share out a unit's splits.
type attendUnits struct {
	kernel  kernel.Attention
	a       *Attention
	pages   *layerPages
	batch   *Batch
	list    []attendUnit
	queries []kernel.Query
	parts   []float32 // what the items of splitItems computed
}

// attendUnit is a run of queries of one segment that share a key-value head: rows
// first … first+n-1 of its tokens × heads of the group.
type attendUnit struct {
	segment, head, first, n int
	at                      int     // of its queries
	chosen                  []int32 // positions that its queries see; nil: all
	c0, c1                  int     // splits
	item, chunk             int     // first item and splits of an item, in splitItems
	part                    int     // where its parts begin
}

// The queries of a unit. Units of latent rows are larger, since the values of a page
// are made once for all of them.
const (
	unitQueries   = 16
	latentQueries = kernel.MaxQueries
)

// splitMinimum is how many splits a unit must have for its splits to be shared out.
const splitMinimum = 4

// cut cuts the queries of o into units.
func (u *attendUnits) cut(s *Step, o *attend) {
	a := o.a
	u.kernel = kernel.Attention{
		Kind: s.Kind, KeyDim: a.DK, ValueDim: a.DV, Scale: a.Scale, Cap: a.Cap, Window: a.Window, Latent: a.Latent > 0, Rows: a.wholeRows(),
	}
	u.a, u.pages, u.batch = a, &s.pages, s.batch
	if a.Both {
		u.kernel.Window = 0 // queries say what they see
	}
	u.list, u.queries = u.list[:0], u.queries[:0]
	row := 0
	for i := range s.batch.Segments {
		g := &s.batch.Segments[i]
		dense := len(g.Tokens)
		if o.chosen != nil { // later rows see chosen positions, each its own
			dense = min(dense, max(0, a.TopK-g.Pos))
		}
		u.addRows(o, i, row, dense, nil)
		for r := row + dense; r < row+len(g.Tokens); r++ {
			u.addRows(o, i, r, 1, o.chosen.positions[r])
		}
		row += len(g.Tokens)
	}
}

// addRows adds the units of some rows of a segment, from row on.
func (u *attendUnits) addRows(o *attend, segment, row, n int, chosen []int32) {
	size := unitQueries
	if o.a.Latent > 0 {
		size = latentQueries
	}
	n *= o.a.H / o.a.HKV
	for head := range o.a.HKV {
		for first := 0; first < n; first += size {
			u.add(o, row, attendUnit{segment: segment, head: head, first: first, n: min(size, n-first), chosen: chosen})
		}
	}
}

// add adds a unit and its queries; row is the first row of its segment.
func (u *attendUnits) add(o *attend, row int, x attendUnit) {
	a := o.a
	group := a.H / a.HKV
	x.at = len(u.queries)
	for i := range x.n {
		r := row + (x.first+i)/group
		h := x.head*group + (x.first+i)%group
		pos := int(o.positions[r])
		from := 0
		switch {
		case x.chosen != nil: // positions are ranks
			pos = len(x.chosen) - 1
		case a.Both:
			from, pos = a.around(pos, len(u.batch.Segments[x.segment].Tokens))
		}
		sink := kernel.NoSink
		if a.Sinks != nil {
			sink = a.Sinks[h]
		}
		u.queries = append(u.queries, kernel.Query{
			Q: o.q.Row(r)[h*a.DK:][:a.DK], Out: o.out.Row(r)[h*a.DV:][:a.DV], Pos: pos, From: from, Sink: sink,
		})
	}
	x.c0, x.c1 = u.kernel.Splits(u.queries[x.at:])
	u.list = append(u.list, x)
}

// around returns the first and the last position that a row of a sequence of n sees, which
// sees to both sides.
func (a *Attention) around(pos, n int) (first, last int) {
	if a.Window == 0 {
		return 0, n - 1
	}
	return max(0, pos-a.Window+1), min(n-1, pos+a.Window-1)
}

// of returns the queries of a unit.
func (u *attendUnits) of(x *attendUnit) []kernel.Query { return u.queries[x.at : x.at+x.n] }

// pagesOf returns where the keys and values that a unit reads are.
func (u *attendUnits) pagesOf(x *attendUnit) kernel.Pages {
	key, value := u.a.offsets(u.kernel.Kind, x.head)
	return kernel.Pages{Splits: u.pages.of(x.segment), Key: key, Value: value, Chosen: x.chosen}
}

// longest returns the most splits of a unit.
func (u *attendUnits) longest() (n int) {
	for i := range u.list {
		n = max(n, u.list[i].c1-u.list[i].c0)
	}
	return n
}

// seen returns how many positions the queries of a unit see, all together.
func (u *attendUnits) seen(x *attendUnit) (n int64) {
	for _, q := range u.of(x) {
		see := q.Pos + 1 - q.From
		if u.kernel.Window > 0 {
			see = min(see, u.kernel.Window)
		}
		n += int64(see)
	}
	return n
}

// Do attends with one unit.
func (u *attendUnits) Do(item int, th *kernel.Thread) {
	x := &u.list[item]
	u.kernel.Attend(u.of(x), u.pagesOf(x), &th.AttendScratch)
}

// cutSplits cuts the splits of all units into the items of splitItems, with room for
// what they compute, and returns how many there are.
func (u *attendUnits) cutSplits(threads int) int {
	items, size := 0, 0
	for i := range u.list {
		x := &u.list[i]
		x.chunk = max(2, (x.c1-x.c0+4*threads-1)/(4*threads))
		x.item, x.part = items, size
		items += (x.c1 - x.c0 + x.chunk - 1) / x.chunk
		size += (x.c1 - x.c0) * u.kernel.PartSize(x.n)
	}
	u.parts = tensor.Resize(u.parts, size)
	return items
}

// splitItems are runs of the splits of a unit.
type splitItems attendUnits

// Do attends to one run of splits.
func (s *splitItems) Do(item int, th *kernel.Thread) {
	u := (*attendUnits)(s)
	i := len(u.list) - 1
	for u.list[i].item > item {
		i--
	}
	x := &u.list[i]
	c0 := x.c0 + (item-x.item)*x.chunk
	parts := u.parts[x.part+(c0-x.c0)*u.kernel.PartSize(x.n):]
	u.kernel.AttendSplits(u.of(x), u.pagesOf(x), c0, min(c0+x.chunk, x.c1), parts, &th.AttendScratch)
}

// combineItems are units whose splits were attended to.
type combineItems attendUnits

// Do combines the splits of one unit.
func (c *combineItems) Do(item int, th *kernel.Thread) {
	u := (*attendUnits)(c)
	x := &u.list[item]
	parts := u.parts[x.part : x.part+(x.c1-x.c0)*u.kernel.PartSize(x.n)]
	u.kernel.CombineSplits(u.of(x), x.c0, parts, &th.AttendScratch)
}
