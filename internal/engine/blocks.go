package engine

import (
	"time"

	"github.com/blitz-r1/blitz/internal/kvcache"
	"github.com/blitz-r1/blitz/internal/model"
)

// blockNetwork is a network whose draft layers guess several tokens at once.
type blockNetwork interface {
	BlockSize() int
	DraftBlock(s *model.Step, seq *kvcache.Sequence, pos, limit int, anchor int32) (*model.Block, error)
}

// blockGuesser has the model's own draft layers guess a block of tokens behind the one that
// was drawn (DSpark, of V4's releases of July 2026). They read what the model's steps kept in
// the cache.
type blockGuesser struct {
	found
	engine *Engine
	net    blockNetwork
}

func (g *blockGuesser) forget(*sequence) {}

func (g *blockGuesser) spent() time.Duration { return 0 }

func (g *blockGuesser) look(*sequence) int { return sureties - 1 }

func (g *blockGuesser) guess(all []*sequence, most []int) [][]int32 {
	step := &g.engine.step
	ids := g.clear(len(all))
	for i, s := range all {
		n := g.net.BlockSize()
		// A block takes no positions that the sequence may never come to: their pages are
		// promised to others.
		if s.cache.Len()+n > s.most || s.cache.Reserve(n) != nil {
			continue
		}
		mark := step.Mark()
		if b, err := g.net.DraftBlock(step, s.cache, s.cache.Len(), s.reach(), s.pending[0]); err == nil && step.Err() == nil {
			ids[i] = append(ids[i], b.Tokens[:min(most[i], len(b.Tokens))]...)
		}
		step.Release(mark)
	}
	return ids
}
