package engine

import (
	"context"
	"time"

	"github.com/blitz-r1/blitz/internal/kvcache"
)

// sequence is one growing list of tokens that runs.
type sequence struct {
	ctx    context.Context
	owner  Owner
	work   work
	tokens []int32 // that it begins with
	from   int     // the first position of tokens whose row is wanted
	most   int     // positions that it may come to take
	hidden bool    // rows are last hidden states, not logits

	private bool // shares no pages
	drafts  func(pos int, logits []float32) error
	piece   int // the most tokens of a step; 0: any
	single  int // the last so many of tokens go one at a time

	engine  *Engine
	cache   *kvcache.Sequence // nil: it waits, or is over
	claim   int               // bytes of cache that it may come to take
	fetched bool              // nothing of it is read from a shelf any more
	sums    []kvcache.Sum     // of its pages, until then
	pending []int32           // tokens that are not in the cache yet
	wanted  int               // of pending, the last whose rows are wanted
	decodes bool              // the prompt was read
}

// work is what comes of a sequence's rows. The engine's goroutine calls it.
type work interface {
	// begin is called before the first step. It may put tokens behind those that are
	// pending.
	begin(s *sequence) error
	// computed is told, after a step, how many positions there are, and what share of
	// the step's time it took; and within it, behind each layer, how many that is worth.
	computed(positions int, took time.Duration)
	// row takes what is behind the token at a position: the logits [V], or the last
	// hidden state [D], valid during the call. The rows come in order. It may end the
	// sequence, or give it tokens to go on with.
	row(s *sequence, pos int, x []float32) error
	// end is told why the sequence is over, after the step in which it ended.
	end(f Finish)
}

// begin starts a sequence in the cache.
func (s *sequence) begin() error {
	e := s.engine
	if s.private {
		s.cache = e.cache.Private()
	} else {
		s.cache = e.cache.Match(s.owner.Tenant, s.tokens[:min(s.from+1, len(s.tokens))])
		e.keeper.touch(s.cache)
	}
	s.pending = s.tokens[s.cache.Len():]
	s.wanted = max(0, len(s.tokens)-s.from)
	return s.work.begin(s)
}

// next returns how many of the pending tokens the next step takes, at most so many.
func (s *sequence) next(most int) int {
	n := min(len(s.pending), most)
	if s.piece > 0 {
		n = min(n, s.piece)
	}
	if s.single > 0 {
		n = min(n, max(1, len(s.pending)-s.single))
	}
	return n
}

// finish ends the sequence; the pages it used stay to be found.
func (s *sequence) finish(f Finish) {
	if s.cache != nil {
		s.cache.Free()
		s.cache = nil
		s.engine.room += s.claim
	}
	if s.engine.stepping {
		s.engine.ended = append(s.engine.ended, ended{s.work, f})
		return
	}
	s.work.end(f)
}

// ended is a sequence that ended during a step, of which all is told when the step is
// over.
type ended struct {
	work   work
	finish Finish
}

// fail ends the sequence with an error.
func (s *sequence) fail(err error) { s.finish(Finish{Reason: FinishError, Err: err}) }
