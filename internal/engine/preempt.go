package engine

import (
	"fmt"
	"slices"
)

// urgent orders running sequences: those that somebody waits for before those of
// batches, older before newer.
func urgent(a, b *sequence) int {
	if a.owner.Batch != b.owner.Batch {
		return a.owner.kind() - b.owner.kind()
	}
	if a.number < b.number {
		return -1
	}
	return 1
}

// reserve makes sure that the cache has the pages of all shares, of the most urgent
// sequence first. Where there is no room, the least urgent one gives its pages back. So
// the most urgent sequence goes on always, and a sequence that has all pages to itself
// and needs more ends.
func (e *Engine) reserve() {
	for i := 0; i < len(e.running); i++ { // which grows shorter
		s := e.running[i]
		for s.share > 0 {
			err := s.cache.Reserve(s.share)
			if err == nil {
				break
			}
			if len(s.guesses) > 0 {
				s.unsuppose()
				continue
			}
			last := e.running[len(e.running)-1]
			switch {
			case last != s:
				e.preempt(last)
			case s.share > 1 && s.reads() && !s.isWhole():
				s.give(s.share / 2)
			case i > 0:
				e.preempt(s)
			default:
				s.full(err)
			}
		}
	}
}

// preempt takes the pages of a running sequence. It waits until there is room for it
// again.
func (e *Engine) preempt(s *sequence) {
	s.give(s.share)
	s.suspend()
	s.tenant.running[s.owner.kind()]--
	e.running = slices.DeleteFunc(e.running, func(x *sequence) bool { return x == s })
	e.waiting = append(e.waiting, s)
	e.counts.Preemptions++
}

// give takes back some of the sequence's share of a step.
func (s *sequence) give(n int) {
	s.share -= n
	if s.reads() {
		s.tenant.read[s.owner.kind()] -= n
	}
}

// full ends a sequence that has all pages there are, or all that the system has memory
// for.
func (s *sequence) full(err error) {
	s.share = 0
	if s.drew {
		s.finish(Finish{Reason: FinishContext})
		return
	}
	s.fail(fmt.Errorf("engine: %w: %w", err, ErrNoRoom))
}
