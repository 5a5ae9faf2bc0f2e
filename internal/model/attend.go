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
	// Both says that rows see what comes behind them in their sequence too, Window positions
	// to either side: a segment is a whole sequence. Its pages are those of Layer until the
	// next layer writes over them: nothing is kept.
	Both bool
	// Sinks has a logit for each head that takes a share of the softmax and gives no value
	// (Xiao et al. 2023; gpt-oss). nil: none.
	Sinks     []float32 // [H]
	SinkParam Param
	// Latent is set where a cache row is that of multi-head latent attention: DK wide,
	// its first Latent elements c^KV, of which the first DV are the values too.
	Latent int
	// Rows at later positions see TopK positions, chosen by an indexer whose keys are
	// IndexDim wide; 0: all. Latent rows then lie whole in their page.
	TopK, IndexDim int
}

// wholeRows says whether a cache page has whole rows.
func (a *Attention) wholeRows() bool { return a.Latent > 0 && a.TopK > 0 }

// pageBytes returns the bytes of a cache page of this layer: the keys of all heads,
// then their values, then the keys of an indexer.
func (a *Attention) pageBytes(k kernel.CacheKind) int {
	n := a.indexAt(k)
	if a.IndexDim > 0 {
		n += k.KeyBytes(a.IndexDim)
	}
	return n
}

// indexAt returns where the keys of an indexer begin in a page.
func (a *Attention) indexAt(k kernel.CacheKind) int {
	if a.wholeRows() {
		return k.RowPageBytes(a.DK)
	}
	n := k.KeyBytes(a.DK)
	if a.Latent == 0 {
		n += k.ValueBytes(a.DV)
	}
	return a.HKV * n
}

// offsets returns where the keys and values of a head begin in a page.
func (a *Attention) offsets(kind kernel.CacheKind, head int) (key, value int) {
	k, v := kind.KeyBytes(a.DK), kind.ValueBytes(a.DV)
	return head * k, a.HKV*k + head*v
}

// Attend stores the rows of k and v in the cache and returns the attention of the
// rows of q over their sequences: softmax(q k^T * Scale) v. v is nil where rows are
// latent.
//
//	q [T, H*DK]   k [T, HKV*DK]   v [T, HKV*DV] → [T, H*DV]   Ainslie et al. 2023, §2
func (s *Step) Attend(q, k, v *Act, a *Attention) *Act { return s.attendTo(q, k, v, a, nil) }

// AttendBorrowed is Attend to what another layer, a.Layer, stored of this step's rows and
// those before them.
func (s *Step) AttendBorrowed(q *Act, a *Attention) *Act {
	s.findPages(a.Layer)
	out := s.act(q.T, a.H*a.DV)
	s.attend(filled(s, &s.records.attend, attend{q: q, out: out, a: a, positions: s.positions, segment: s.segment, units: &s.units}))
	return out
}

// attendTo is Attend to the positions that an indexer chose; nil: to all.
func (s *Step) attendTo(q, k, v *Act, a *Attention, chosen *choice) *Act {
	s.findPages(a.Layer)
	s.eachRow(OpStore, filled(s, &s.records.store, storeRows{s, k, v, a}), k.T, storeCost*k.D)
	out := s.act(q.T, a.H*a.DV)
	s.attend(filled(s, &s.records.attend, attend{
		q: q, k: k, v: v, out: out, a: a, chosen: chosen, positions: s.positions, segment: s.segment, units: &s.units,
	}))
	return out
}

// storeCost is how many numbers a stored one counts for: it is rounded and moved.
const storeCost = 8

// storeRows writes keys and values to the cache.
type storeRows struct {
	s    *Step
	k, v *Act
	a    *Attention
}

func (o *storeRows) Operands() Operands {
	if o.v == nil {
		return Operands{In: []*Act{o.k}}
	}
	return Operands{In: []*Act{o.k, o.v}}
}

func (o *storeRows) row(t int, _ *kernel.Thread) {
	page, slot := o.s.slot(t)
	var v []float32
	if o.v != nil {
		v = o.v.Row(t)
	}
	o.a.store(o.s.Kind, page, slot, o.k.Row(t), v)
}

// store writes the keys and values of one position.
//
//	k [HKV*DK]   v [HKV*DV], unused where rows are latent
func (a *Attention) store(kind kernel.CacheKind, page []byte, slot int, k, v []float32) {
	if a.wholeRows() {
		kind.StoreRow(page, slot, k[:a.DK], a.Latent)
		return
	}
	for h := range a.HKV {
		key, value := a.offsets(kind, h)
		kind.StoreKey(page[key:], slot, k[h*a.DK:(h+1)*a.DK], a.Latent)
		if a.Latent == 0 {
			kind.StoreValue(page[value:], slot, v[h*a.DV:(h+1)*a.DV])
		}
	}
}

// attend is the attention of one layer. How it is cut into units is no part of it.
type attend struct {
	q, k, v, out *Act // no k: borrowed keys and values
	a            *Attention
	chosen       *choice // what rows see; nil: all
	positions    []int32 // [T]
	segment      []int32 // [T]
	units        *attendUnits
}

func (o *attend) Operands() Operands {
	in := []*Act{o.q}
	for _, x := range []*Act{o.k, o.v} {
		if x != nil {
			in = append(in, x)
		}
	}
	x := Operands{In: in, Out: []*Act{o.out}}
	if o.a.Sinks != nil {
		x.Weights = []*Param{&o.a.SinkParam}
	}
	return x
}

// attend computes attention. Where units are fewer than the threads can share evenly,
// the splits of a long context are shared out instead.
func (s *Step) attend(o *attend) {
	u := &s.units
	u.cut(s, o)
	s.announce(OpAttention, o)
	if s.tape != nil {
		s.tape.add(taped{o: o, kind: OpAttention})
	}
	threads := s.Workers.Threads()
	if threads == 1 || len(u.list) >= 4*threads || u.longest() < splitMinimum {
		s.compute(OpAttention, u, len(u.list))
		return
	}
	s.compute(OpAttention, (*splitItems)(u), u.cutSplits(threads))
	s.compute(OpAttention, (*combineItems)(u), len(u.list))
}

// work returns the cache that the units read, each head of a segment once, and what
// is multiplied.
func (o *attend) work() (w Work) {
	kind := o.units.kernel.Kind
	segment, head := -1, -1
	for i := range o.units.list {
		u := &o.units.list[i]
		seen := o.units.seen(u)
		macs := seen * int64(o.a.DK+o.a.DV)
		if kind == kernel.CacheQ8 {
			w.IntMACs += macs
		} else {
			w.FloatMACs += macs
		}
		if u.chosen == nil && u.segment == segment && u.head == head {
			continue // its pages are in a processor's cache
		}
		segment, head = u.segment, u.head
		bytes := int64(kind.KeyBytes(o.a.DK))
		if o.a.Latent == 0 {
			bytes += int64(kind.ValueBytes(o.a.DV))
		}
		w.ReadBytes += bytes * (seen / int64(u.n)) / kernel.PagePositions
	}
	return w
}

// backward computes the gradients of queries, and of keys and values for each query head
// apart; those of a group are added up afterwards.
func (o *attend) backward(t *Tape) {
	dy := t.have(o.out)
	if dy == nil {
		return
	}
	a := o.a
	starts := t.at.batch.starts()
	dq, T := t.Grad(o.q), o.q.T
	dk := &Act{T: T, D: a.H * a.DK, X: t.room(T * a.H * a.DK)}
	dv := &Act{T: T, D: a.H * a.DV}
	if o.v != nil {
		dv.X = t.room(T * a.H * a.DV)
	}
	t.run((len(starts)-1)*a.H, func(i int, th *kernel.Thread) {
		first, h := starts[i/a.H], i%a.H
		n := starts[i/a.H+1] - first
		group := h / (a.H / a.HKV)
		x := kernel.AttentionBackward{
			N: n, KeyDim: a.DK, ValueDim: a.DV, Scale: a.Scale, Cap: a.Cap, Window: a.Window,
			Q: o.q.from(first, h*a.DK), K: o.k.from(first, group*a.DK), Out: o.out.from(first, h*a.DV),
			DOut: dy.from(first, h*a.DV), DQ: dq.from(first, h*a.DK), DK: dk.from(first, h*a.DK), Shared: o.v == nil,
		}
		if x.V = x.K; o.v != nil {
			x.V, x.DV = o.v.from(first, group*a.DV), dv.from(first, h*a.DV)
		}
		x.Backward(th)
	})
	t.sumHeads(t.Grad(o.k), dk, a)
	t.give(dk.X)
	if o.v != nil {
		t.sumHeads(t.Grad(o.v), dv, a)
		t.give(dv.X)
	}
}

// sumHeads adds the heads of each group of x to d.
//
//	d [T, HKV*D]   x [T, H*D]
func (t *Tape) sumHeads(d, x *Act, a *Attention) {
	D := x.D / a.H
	t.eachRow(d.T, x.D, func(r int, _ *kernel.Thread) {
		for h := range a.H {
			row := d.Row(r)[h/(a.H/a.HKV)*D:][:D]
			kernel.Add(row, row, x.Row(r)[h*D:][:D])
		}
	})
}

// from returns the rows of a from row first and column c on.
func (a *Act) from(first, c int) kernel.Rows {
	ld := a.D + a.gap
	return kernel.Rows{X: a.X[first*ld+c:], LD: ld}
}

// starts returns the first row of each segment, and the number of rows.
func (b *Batch) starts() []int {
	list := []int{0}
	for i := range b.Segments {
		list = append(list, list[i]+len(b.Segments[i].Tokens))
	}
	return list
}
