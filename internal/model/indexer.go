package model

import (
	"slices"

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
	rope       *Rope  // rotates halves, where the attention itself rotates pairs
}

// keyKind is how index keys are cached: always float32.
const keyKind = kernel.CacheF32

// choice has the positions that the rows of a step see, where an indexer chose them.
type choice struct {
	positions [][]int32 // [T] ascending; nil: the row sees all
	buffers   [][]int32 // memory of positions
}

// choosePositions stores the index keys of the rows and chooses, for each row that
// has more than TopK positions, those that it sees.
//
//	x [T, hidden]   cQ [T, q_lora_rank]   DeepSeek-V3.2, eq. 1
func (s *Step) choosePositions(x, cQ *Act, l *Latent) *choice {
	n := l.Indexer
	q := s.Linear(cQ, &n.Q)
	k, w := s.Linear2(x, &n.K, &n.Weights)
	k = s.LayerNorm(k, &n.KNorm)
	q, k = s.ropeFirst(q, n.N, n.rope), s.ropeFirst(k, 1, n.rope)
	w = s.scale(w, rootOf(n.N), rootOf(n.D))
	s.findPages(l.Attention.Layer)
	at := l.Attention.pageBytes(s.Kind) - l.Attention.Extra
	s.eachRow(OpIndex, filled(s, &s.records.storeIndex, storeIndexRows{s, k, at}), x.T, storeCost*k.D)
	c := record(s, &s.choice)
	c.positions = tensor.Resize(c.positions, x.T)
	for len(c.buffers) < x.T {
		c.buffers = append(c.buffers, nil)
	}
	s.eachRow(OpIndex, filled(s, &s.records.choose, chooseRows{s, q, w, n, at, c}), x.T, rowRun) // each an item
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
	keyKind.StoreKey(page[o.at:], slot, o.k.Row(t), 0)
}

// chooseRows scores positions and chooses the best for each row.
type chooseRows struct {
	s      *Step
	q, w   *Act
	n      *Indexer
	at     int // of index keys in a page
	chosen *choice
}

func (o *chooseRows) Operands() Operands { return Operands{In: []*Act{o.q, o.w}} }

func (o *chooseRows) row(t int, th *kernel.Thread) {
	c, n, seen := o.chosen, o.n, int(o.s.positions[t])+1
	c.positions[t] = nil
	if seen <= n.TopK {
		return
	}
	score := th.IndexScores(seen, o.q.Row(t), o.w.Row(t), n.D, o.s.pages.of(int(o.s.segment[t])), o.at)
	c.buffers[t] = kernel.TopK(c.buffers[t][:0], score, n.TopK)
	slices.Sort(c.buffers[t])
	c.positions[t] = c.buffers[t]
}
