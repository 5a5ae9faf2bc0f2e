package model

import (
	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// indexUnits are the pieces that scoring is cut into: some rows of a segment, which share
// the keys that are read, and of those a run of splits. So one token over a long context
// keeps all threads busy, and so do many.
type indexUnits struct {
	o       *choose
	kernel  kernel.Index
	pages   *layerPages
	list    []indexGroup
	queries []kernel.IndexQuery
	scores  []float32
	rows    []int32 // of the queries
	wave    []indexGroup
	chunk   int // splits of an item
	items   int
}

// indexGroup is rows first … first+n-1 of a step, all of one segment, that score.
type indexGroup struct {
	first, n int
	at       int // of its queries
	item     int // its first item
	splits   int
}

// indexScores is how many scores there is room for at once, but for those of one group:
// 16 MiB, so that they stay in a processor's last cache until they are chosen from.
const indexScores = 4 << 20

// choose computes the choice of all rows that score, as many at once as there is room for.
func (s *Step) choose(o *choose) {
	u := o.units
	u.o, u.pages = o, &s.pages
	u.kernel = kernel.Index{Kind: o.kind, Heads: o.n.N, Dim: o.n.D, Each: kernel.PagePositions / o.ratio}
	s.announce(OpIndex, o)
	if s.tape != nil {
		s.tape.add(taped{o: o, kind: OpIndex})
	}
	all := u.groups(o)
	for len(all) > 0 {
		n := u.fill(all, s.Workers.Threads())
		all = all[n:]
		s.compute(OpIndex, u, u.items)
		s.compute(OpIndex, (*chooseItems)(u), len(u.rows))
	}
}

// groups returns the rows that score, in groups.
func (u *indexUnits) groups(o *choose) []indexGroup {
	u.list = u.list[:0]
	for t := range o.positions {
		if o.seen(t) <= o.n.TopK {
			continue
		}
		if k := len(u.list) - 1; k >= 0 {
			last := &u.list[k]
			if last.first+last.n == t && last.n < kernel.MaxIndexQueries && o.segment[t] == o.segment[last.first] {
				last.n++
				continue
			}
		}
		u.list = append(u.list, indexGroup{first: t, n: 1})
	}
	return u.list
}

// fill makes the queries and items of the first groups, with room for their scores, and
// returns how many groups they are.
func (u *indexUnits) fill(groups []indexGroup, threads int) int {
	n, size, splits := 0, 0, 0
	for i := range groups {
		g := &groups[i]
		room := 0
		for t := g.first; t < g.first+g.n; t++ {
			room += kernel.IndexRoom(u.o.seen(t))
		}
		if n > 0 && size+room > indexScores {
			break
		}
		g.splits = (u.o.seen(g.first+g.n-1)*u.o.ratio-1)/kernel.PagePositions + 1
		n, size, splits = n+1, size+room, splits+g.splits
	}
	u.wave = groups[:n]
	u.scores = tensor.Resize(u.scores, size)
	u.queries, u.rows, u.items = u.queries[:0], u.rows[:0], 0
	u.chunk = max(1, splits/(4*threads))
	at := 0
	for i := range u.wave {
		g := &u.wave[i]
		g.at, g.item = len(u.queries), u.items
		u.items += (g.splits + u.chunk - 1) / u.chunk
		for t := g.first; t < g.first+g.n; t++ {
			seen := u.o.seen(t)
			room := kernel.IndexRoom(seen)
			u.queries = append(u.queries, kernel.IndexQuery{Q: u.o.q.Row(t), W: u.o.w.Row(t), Score: u.scores[at : at+seen : at+room]})
			u.rows = append(u.rows, int32(t))
			at += room
		}
	}
	return n
}

// Do scores a run of splits for one group.
func (u *indexUnits) Do(item int, th *kernel.Thread) {
	i := len(u.wave) - 1
	for u.wave[i].item > item {
		i--
	}
	g := &u.wave[i]
	c0 := (item - g.item) * u.chunk
	pages := u.pages.of(int(u.o.segment[g.first]))
	th.Score(&u.kernel, u.queries[g.at:g.at+g.n], pages, u.o.at, c0, min(c0+u.chunk, g.splits))
}

// chooseItems are rows whose positions are scored.
type chooseItems indexUnits

// Do chooses the positions of one row.
func (c *chooseItems) Do(item int, th *kernel.Thread) {
	o, t := c.o, c.rows[item]
	b := &o.chosen.buffers[t]
	*b = th.Choose((*b)[:0], c.queries[item].Score, o.n.TopK)
	o.chosen.positions[t] = *b
}
