package model

import (
	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/kvcache"
)

// EntryAttention is DeepSeek-V4's attention of one layer: H query heads share one row a
// position, D wide, which is key and value at once. A query sees the rows of a window and,
// where there is a compressor, entries of what lies before its own position: all of them, or
// those that an indexer chose. The last R numbers of queries, rows and entries turn; since
// values turn with them, what comes out is turned back.
type EntryAttention struct {
	H, D, R, Window int
	Scale           float32
	QA, Q, KV       Linear // W^DQ [q_lora_rank, hidden], W^UQ [H*D, q_lora_rank], [D, hidden]
	QANorm, KVNorm  Norm
	Sinks           []float32 // [H]
	SinkParam       Param
	OA              []Linear // of each group of heads [o_lora_rank, H*D/groups]
	OB              Linear   // [hidden, groups*o_lora_rank]
	Compress        *Compressor
	Index           *EntryIndex
	rope            *Rope
	eps             float32
	// Layers of the cache: of rows, of entries and of the indexer's.
	rows, entries, indexed int
	open                   ring
	// block says that so many rows are guessed at once: all see what the last one does. 0: a row
	// sees none behind it.
	block int
}

// EntryIndex scores entries as the indexer of V3.2 does positions, by entries of its own.
type EntryIndex struct {
	Indexer  // N, D, TopK, Q and Weights of it
	Compress Compressor
}

// width returns the width of a row in the cache: whole groups of quantisation.
func (l *EntryAttention) width() int { return kernel.WholeGroups(l.D) }

// each returns how many entries a page has.
func (l *EntryAttention) each() int { return kernel.PagePositions / l.Compress.Ratio }

// number says which layers of the cache are its own, from one on, and returns the next one.
func (l *EntryAttention) number(next int) int {
	layer := func() int {
		next++
		return next - 1
	}
	l.rows = layer()
	if l.Compress != nil {
		l.entries = layer()
		if l.Index != nil {
			l.indexed = layer()
		}
		l.open.Layer = layer()
	}
	return next
}

// keeps returns what the cache has of the layer, as number numbers it.
func (l *EntryAttention) keeps(kind kernel.CacheKind) []kvcache.Layer {
	list := []kvcache.Layer{{Bytes: kind.RowPageBytes(l.width()), Window: l.Window}}
	if l.Compress == nil {
		return list
	}
	list = append(list, kvcache.Layer{Bytes: kind.RowBytes(l.each(), l.width())})
	if l.Index != nil {
		list = append(list, kvcache.Layer{Bytes: kernel.CacheF32.KeyBytes(l.Index.D) / l.Compress.Ratio})
	}
	return append(list, kvcache.Layer{Bytes: l.open.pageBytes(), State: true})
}

// entryScratch is memory that layers of such attention share.
type entryScratch struct{ blocks []blocks }

// entryRecords are their records.
type entryRecords struct {
	place       placeRows
	main, index makeEntries
	keep        keepOpen
	store       storeEntryRows
	attend      attendEntries
}

// EntryAttention runs the attention on the rows of x.
//
//	x [T, hidden] → [T, hidden]
func (s *Step) EntryAttention(x *Act, l *EntryAttention) *Act {
	qa, kv := s.act(x.T, l.QA.Rows), s.act(x.T, l.D)
	var main, index pooled
	var w *Act // of the indexer's heads
	p := s.products()
	s.multiply(p, qa, x, &l.QA)
	s.multiply(p, kv, x, &l.KV)
	if l.Compress != nil {
		main = s.project(p, x, l.Compress, 0)
	}
	if l.Index != nil {
		index = s.project(p, x, &l.Index.Compress, 2*l.Compress.width())
		w = s.act(x.T, l.Index.N)
		s.multiply(p, w, x, &l.Index.Weights)
	}
	s.runProducts(OpLinear, p)
	cQ := s.Norm(qa, &l.QANorm)
	q := s.turn(s.unit(s.Linear(cQ, &l.Q), l.H, l.width(), l.eps), l.H, l.D-l.R, l.rope)
	k := s.Rope(s.Norm(kv, &l.KVNorm), 1, l.rope)
	var chosen *choice
	if l.Compress != nil {
		s.place(&main, l.Compress)
		s.makeEntries(main, l.Compress, &l.open, l.entries, false, l.width())
		if l.Index == nil {
			s.keepOpen(&l.open, l.Compress, main)
		} else {
			s.place(&index, &l.Index.Compress)
			s.makeEntries(index, &l.Index.Compress, &l.open, l.indexed, true, l.Index.D)
			s.keepOpen(&l.open, l.Compress, main, index)
			chosen = s.chooseEntries(cQ, w, l)
		}
	}
	o := s.unturn(s.attendEntries(q, k, l, chosen), l.H, l.D-l.R, l.rope)
	u := s.act(x.T, l.OB.Cols)
	s.HeadLinear(u, o, l.OA[0].Cols, l.OA)
	return s.Linear(u, &l.OB)
}

// chooseEntries chooses, for each row that sees more than TopK entries, those that attention
// sees.
//
//	cQ [T, q_lora_rank]   w [T, N]
func (s *Step) chooseEntries(cQ, w *Act, l *EntryAttention) *choice {
	n, ratio := &l.Index.Indexer, l.Compress.Ratio
	c := record(s, &s.choice)
	c.reset(cQ.T)
	o := choose{n: n, chosen: c, kind: kernel.CacheF32, ratio: ratio, positions: s.positions, segment: s.segment, units: &s.index}
	scored := false
	for t := range s.positions {
		scored = scored || o.seen(t) > n.TopK
	}
	if !scored {
		return c
	}
	q := s.Linear(cQ, &n.Q)
	o.q = s.turn(q, n.N, n.D-n.rope.Dim, n.rope)
	o.w = s.scale(w, rootOf(n.N), rootOf(n.D))
	s.findPages(l.indexed)
	s.choose(filled(s, &s.records.choose, o))
	return c
}

// attendEntries stores the rows of k and returns the attention of the rows of q.
//
//	q [T, H*width]   k [T, D] → [T, H*D]
func (s *Step) attendEntries(q, k *Act, l *EntryAttention, chosen *choice) *Act {
	o := record(s, &s.records.entries.attend)
	entries := o.entries // memory
	*o = attendEntries{
		s: s, l: l, q: q, k: k, out: s.act(q.T, l.H*l.D), chosen: chosen, entries: entries, positions: s.positions, segment: s.segment,
		kernel: kernel.Attention{
			Kind: s.Kind, KeyDim: l.width(), ValueDim: l.D, Scale: l.Scale, Latent: true, Window: l.Window, Rows: true,
		},
	}
	if l.Compress != nil {
		s.lookUp(&o.entries, l.entries)
	}
	s.storeRow(k, l)
	o.size = kernel.MaxQueries
	if q.T < s.Workers.Threads() { // so that threads share the heads of few tokens
		o.size = unitQueries
	}
	s.run(OpAttention, o, q.T*o.units())
	return o.out
}

// storeRow stores the rows of k.
//
//	k [T, D]
func (s *Step) storeRow(k *Act, l *EntryAttention) {
	s.findPages(l.rows)
	s.eachRow(OpStore, filled(s, &s.records.entries.store, storeEntryRows{s, l, k}), k.T, storeCost*k.D)
}

// storeEntryRows writes rows to the cache.
type storeEntryRows struct {
	s *Step
	l *EntryAttention
	k *Act
}

func (o *storeEntryRows) Operands() Operands { return Operands{In: []*Act{o.k}} }

func (o *storeEntryRows) row(t int, th *kernel.Thread) {
	width := o.l.width()
	row := th.Out(width)
	clear(row[copy(row, o.k.Row(t)):])
	page, slot := o.s.slot(t)
	o.s.Kind.StoreRow(page, slot, row, width)
}

// attendEntries is the attention of one layer: an item is some heads of a row.
type attendEntries struct {
	s         *Step
	l         *EntryAttention
	q, k, out *Act
	chosen    *choice // entries that rows see; nil: all of them
	entries   layerPages
	positions []int32 // [T]
	segment   []int32 // [T]
	kernel    kernel.Attention
	size      int // heads of an item
}

func (o *attendEntries) Operands() Operands {
	return Operands{In: []*Act{o.q, o.k}, Out: []*Act{o.out}, Weights: []*Param{&o.l.SinkParam}}
}

// units returns how many items a row is.
func (o *attendEntries) units() int { return (o.l.H + o.size - 1) / o.size }

// visible returns how many entries a row sees, and which; nil: the first ones.
func (o *attendEntries) visible(t int) (n int, chosen []int32) {
	if o.l.Compress == nil {
		return 0, nil
	}
	if o.chosen != nil {
		if chosen = o.chosen.positions[t]; chosen != nil {
			return len(chosen), chosen
		}
	}
	return (int(o.positions[t]) + 1) / o.l.Compress.Ratio, nil
}

// Do attends with some heads of a row.
func (o *attendEntries) Do(item int, th *kernel.Thread) {
	l := o.l
	t, first := item/o.units(), item%o.units()*o.size
	heads := min(o.size, l.H-first)
	queries := th.Queries(heads)
	width, pos := l.width(), int(o.positions[t])
	if l.block > 0 {
		g := &o.s.batch.Segments[o.segment[t]]
		pos = g.Pos + len(g.Tokens) - 1
	}
	for i := range queries {
		h := first + i
		queries[i] = kernel.Query{
			Q: o.q.Row(t)[h*width:][:width], Out: o.out.Row(t)[h*l.D:][:l.D], Pos: pos, Sink: l.Sinks[h],
		}
	}
	n, chosen := o.visible(t)
	segment := int(o.segment[t])
	entries := kernel.Pages{Chosen: chosen}
	if n > 0 {
		entries.Splits, entries.Each = o.entries.of(segment), l.each()
	}
	o.kernel.AttendEntries(queries, kernel.Pages{Splits: o.s.pages.of(segment)}, entries, n, &th.AttendScratch)
}

// work returns the cache that rows read, and what is multiplied.
func (o *attendEntries) work() (w Work) {
	row := int64(o.s.Kind.RowBytes(1, o.l.width()))
	for t := range o.positions {
		n, _ := o.visible(t)
		seen := int64(n + min(int(o.positions[t])+1, o.l.Window))
		macs := seen * int64(o.l.H*2*o.l.D)
		if o.s.Kind == kernel.CacheQ8 {
			w.IntMACs += macs
		} else {
			w.FloatMACs += macs
		}
		w.ReadBytes += row * seen
	}
	return w
}
