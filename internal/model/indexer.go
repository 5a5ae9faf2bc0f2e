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

// chooseItems scores positions and chooses the best for each row.
type chooseItems struct {
	step    *Step
	l       *Latent
	q, w, k *Act
	at      int       // of index keys in a page
	chosen  [][]int32 // [T] ascending positions; nil: the row sees all
	buffers [][]int32 // memory of chosen
	store   bool      // the phase: keys are stored, then positions chosen
}

// choosePositions stores the index keys of the rows and chooses, for each row that
// has more than TopK positions, those that it sees.
//
//	x [T, hidden]   cQ [T, q_lora_rank]
func (s *Step) choosePositions(x, cQ *Act, l *Latent, rope *Rope) {
	n, c := l.Indexer, &s.choose
	c.step, c.l = s, l
	c.q = s.Linear(cQ, &n.Q)
	var k *Act
	k, c.w = s.Linear2(x, &n.K, &n.Weights)
	c.k = s.LayerNorm(k, &n.KNorm)
	s.ropeFirst(c.q, n.N, n.rope)
	s.ropeFirst(c.k, 1, n.rope)
	s.scaleRows(c.w, rootOf(n.N), rootOf(n.D))
	c.at = l.Attention.pageBytes(s.Kind) - l.Attention.Extra
	c.chosen = tensor.Resize(c.chosen, x.T)
	for len(c.buffers) < x.T {
		c.buffers = append(c.buffers, nil)
	}
	s.findPages(l.Attention.Layer)
	c.store = true
	s.run(OpIndex, c, x.T)
	c.store = false
	s.run(OpIndex, c, x.T)
}

// rootOf returns n^-0.5.
func rootOf(n int) float32 { return attentionScale(float64(n)) }

// Do stores the index key of one row, or chooses its positions.
func (c *chooseItems) Do(t int, th *kernel.Thread) {
	s := c.step
	pages := s.pages[s.firstPage[s.segment[t]]:]
	pos := int(s.positions[t])
	if c.store {
		keyKind.StoreKey(pages[pos/kernel.PagePositions][c.at:], pos%kernel.PagePositions, c.k.Row(t), 0)
		return
	}
	n := c.l.Indexer
	c.chosen[t] = nil
	if pos+1 <= n.TopK {
		return
	}
	score := th.IndexScores(pos+1, c.q.Row(t), c.w.Row(t), n.D, pages, c.at)
	c.buffers[t] = kernel.TopK(c.buffers[t][:0], score, n.TopK)
	slices.Sort(c.buffers[t])
	c.chosen[t] = c.buffers[t]
}
