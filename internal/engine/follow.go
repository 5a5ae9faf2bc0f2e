package engine

import "github.com/blitz-r1/blitz/internal/kvcache"

// A sequence whose tokens another one of its tenant is about to compute waits for it,
// and takes its pages then: several answers to one prompt, or questions about one
// document that come together, read it once.

// worthWaiting is how many tokens a sequence waits for at least, unless they are all
// that it lacks.
const worthWaiting = 64

// followLeaders lets go the sequences whose leaders came far enough, and tells the
// others' leaders how far they are waited for.
func (e *Engine) followLeaders() {
	for _, s := range e.running {
		s.due = 0
	}
	for _, s := range e.waiting {
		l := s.leader
		if l == nil {
			continue
		}
		if l.cache == nil || l.cache.Len() >= s.common {
			s.leader = nil
			continue
		}
		if l.due == 0 || s.common < l.due {
			l.due = s.common
		}
	}
}

// find returns what the cache has of a sequence's tokens: in its tree, or in the pages of
// one that runs. It returns nil where the sequence is to wait for another, its leader.
func (e *Engine) find(s *sequence) *kvcache.Sequence {
	found := s.match()
	if s.private {
		return found
	}
	l, common := e.longestBeginning(s)
	if common <= found.Len() {
		return found
	}
	if l.cache.Len() >= common { // its last page is in no tree yet
		fork := l.cache.Fork()
		if fork.Truncate(common) > found.Len() {
			found, fork = fork, found
		}
		fork.Free()
		return found
	}
	if common-found.Len() < worthWaiting && common < len(s.prefix()) {
		return found
	}
	found.Free()
	s.leader, s.common = l, common
	if l.due == 0 || common < l.due {
		l.due = common
	}
	return nil
}

// longestBeginning returns the running sequence that has most tokens in common with s
// from the beginning, and how many; among them it has, or is about to compute them.
// One that is less urgent is waited for by none.
func (e *Engine) longestBeginning(s *sequence) (best *sequence, common int) {
	prefix := s.prefix()
	for _, l := range e.running {
		if l.private || !l.owner.shares(&s.owner) || l.owner.Batch && !s.owner.Batch {
			continue
		}
		tokens := l.tokens
		if n := l.cache.Len(); n > len(tokens) {
			tokens = l.cache.Tokens()
		}
		n := 0
		for n < min(len(tokens), len(prefix)) && tokens[n] == prefix[n] {
			n++
		}
		if e.cache.KeepsStates() && n != l.cache.Len() {
			n -= n % kvcache.PagePositions // where a state is known
		}
		if n > common {
			best, common = l, n
		}
	}
	return best, common
}
