package model

import (
	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// Indexer is the lightning indexer of DeepSeek-V3.2 (report §2.1): it scores all
// earlier positions with a few small heads and lets attention see the best ones
// alone. Dimensions: N = index_n_heads, D = index_head_dim.
type Indexer struct {
	N, D, TopK int
	Q          Linear // [N*D, q_lora_rank]
	K          Linear // [D, hidden]
	KNorm      LayerNorm
	Weights    Linear // [N, hidden]
	rope       *Rope  // rotates halves, where the attention itself rotates pairs; pairs in GLM-5
}

// choice has the positions that the rows of a step see, where an indexer chose them.
type choice struct {
	positions [][]int32 // [T] ascending; nil: the row sees all
	buffers   [][]int32 // memory of positions
}

// reset makes room for T rows that see all.
func (c *choice) reset(T int) {
	c.positions = tensor.Resize(c.positions, T)
	clear(c.positions)
	for len(c.buffers) < T {
		c.buffers = append(c.buffers, nil)
	}
}

// choosePositions stores the index keys of the rows and chooses, for each row that
// has more than TopK positions, those that it sees. Where no row has, nothing is scored.
//
//	x [T, hidden]   cQ [T, q_lora_rank]   DeepSeek-V3.2, eq. 1
func (s *Step) choosePositions(x, cQ *Act, l *Latent) *choice {
	n := l.Indexer
	c := record(s, &s.choice)
	c.reset(x.T)
	scored := false
	for _, pos := range s.positions {
		scored = scored || int(pos) >= n.TopK
	}
	var k, w *Act
	if scored {
		k, w = s.Linear2(x, &n.K, &n.Weights)
	} else {
		k = s.Linear(x, &n.K)
	}
	k = s.ropeFirst(s.LayerNorm(k, &n.KNorm), 1, n.rope)
	s.findPages(l.Attention.Layer)
	at := l.Attention.indexAt(s.Kind)
	s.eachRow(OpIndex, filled(s, &s.records.storeIndex, storeIndexRows{s, k, at}), x.T, storeCost*k.D)
	if !scored {
		return c
	}
	q := s.ropeFirst(s.Linear(cQ, &n.Q), n.N, n.rope)
	w = s.scale(w, rootOf(n.N), rootOf(n.D))
	s.choose(filled(s, &s.records.choose, choose{
		q: q, w: w, n: n, at: at, chosen: c, kind: s.Kind, ratio: 1, positions: s.positions, segment: s.segment, units: &s.index,
	}))
	return c
}

// rootOf returns n^-0.5.
func rootOf(n int) float32 { return attentionScale(float64(n)) }

// storeIndexRows writes index keys to the cache.
type storeIndexRows struct {
	s  *Step
	k  *Act
	at int // of index keys in a page
}

func (o *storeIndexRows) Operands() Operands { return Operands{In: []*Act{o.k}} }

func (o *storeIndexRows) row(t int, _ *kernel.Thread) {
	page, slot := o.s.slot(t)
	o.s.Kind.StoreKey(page[o.at:], slot, o.k.Row(t), 0)
}

// choose scores positions and chooses the best for each row. How it is cut into units is
// no part of it.
type choose struct {
	q, w      *Act
	n         *Indexer
	at        int // of index keys in a page
	chosen    *choice
	kind      kernel.CacheKind
	ratio     int     // positions of an entry that is scored; 1: positions are
	positions []int32 // [T]
	segment   []int32 // [T]
	units     *indexUnits
}

// seen returns how many positions, or entries, row t sees.
func (o *choose) seen(t int) int { return (int(o.positions[t]) + 1) / o.ratio }

func (o *choose) Operands() Operands { return Operands{In: []*Act{o.q, o.w}} }

// work returns the index keys that are read, once for the rows of a unit, and what is
// multiplied.
func (o *choose) work() (w Work) {
	for _, u := range o.units.groups(o) {
		for t := u.first; t < u.first+u.n; t++ {
			macs := int64(o.seen(t)) * int64(o.n.N*o.n.D)
			if o.kind == kernel.CacheQ8 {
				w.IntMACs += macs
			} else {
				w.FloatMACs += macs
			}
		}
		w.ReadBytes += int64(o.kind.KeyBytes(o.n.D)) * int64(o.seen(u.first+u.n-1)) / kernel.PagePositions
	}
	return w
}
