package engine

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/blitz-r1/blitz/internal/kvcache"
)

// passing is how long a sequence that there is no room for lets smaller ones begin
// before it.
const passing = 2 * time.Second

// mostPassed is how many are passed at once.
const mostPassed = 8

// admit begins what has waited, as long as there is room for what each will soon take.
func (e *Engine) admit() {
	if len(e.waiting) == 0 {
		return
	}
	e.followLeaders()
	promised := e.promised()
	for passed := 0; passed < mostPassed; {
		s := e.first()
		if s == nil || !e.hasPlace(s) {
			break
		}
		if e.tryBegin(s, &promised) {
			continue
		}
		if s.begun || e.now().Sub(s.asked) > passing {
			break
		}
		s.passed = true
		passed++
	}
	for _, s := range e.waiting {
		s.passed, s.held = false, false
	}
}

// tryBegin begins a sequence, or lets it wait for pages that another computes, or that are
// fetched, unless there is no room for it.
func (e *Engine) tryBegin(s *sequence, promised *int) bool {
	if e.hopeless(s, *promised) {
		return false
	}
	if e.keeper.fetching(s) {
		s.held = true
		return true
	}
	found := e.find(s)
	if found == nil {
		return true
	}
	if !e.makeRoom(s, found.Need(s.soon(), e.options.Chunk), promised) {
		found.Free()
		s.lacked = max(0, e.cache.Room()-*promised)
		return false
	}
	if len(e.running) == e.options.Sequences {
		e.preempt(e.running[len(e.running)-1])
		*promised = e.promised()
	}
	if e.begin(s, found); s.cache != nil {
		*promised += s.cache.Need(s.soon(), e.options.Chunk)
	}
	return true
}

// first returns the waiting sequence that is to begin next: one that somebody waits for
// before one of a batch; of the tenant that has fewest running, and for which least was
// read; one that has begun before one that has not; and what is read soonest.
func (e *Engine) first() *sequence {
	var best *sequence
	passed := [2]bool{}
	for _, s := range e.waiting {
		if s.passed {
			passed[s.owner.kind()] = true
			continue
		}
		if s.leader == nil && !s.held && !e.holds(s) && (best == nil || e.beginsBefore(s, best)) {
			best = s
		}
	}
	if best != nil && best.owner.Batch && passed[0] {
		return nil // it does not take the room that one waits for which is not
	}
	return best
}

func (e *Engine) beginsBefore(a, b *sequence) bool {
	kind := a.owner.kind()
	if other := b.owner.kind(); kind != other {
		return kind < other
	}
	if a.tenant != b.tenant {
		if c := cmp.Or(cmp.Compare(a.tenant.running[kind], b.tenant.running[kind]), cmp.Compare(a.tenant.read[kind], b.tenant.read[kind])); c != 0 {
			return c < 0
		}
	}
	if a.begun != b.begun {
		return a.begun
	}
	if a.begun {
		return a.number < b.number
	}
	return e.sooner(a, b)
}

// soon returns up to which position the sequence needs pages in the near future: to have
// its tokens read, and a page more; or half a page, where it is drawn from, since it may
// end.
func (s *sequence) soon() int {
	if s.cache != nil && !s.reads() {
		return min(s.most, s.cache.Len()+len(s.pending)+kvcache.PagePositions/2)
	}
	return min(s.most, len(s.tokens)+kvcache.PagePositions)
}

// promised returns the bytes of pages that running sequences will soon take.
func (e *Engine) promised() int {
	sum := 0
	for _, s := range e.running {
		sum += s.cache.Need(s.soon(), e.options.Chunk)
	}
	return sum
}

// hasPlace says whether one more sequence may run: one of a batch makes place for one that
// somebody waits for.
func (e *Engine) hasPlace(s *sequence) bool {
	n := len(e.running)
	return n < e.options.Sequences || !s.owner.Batch && e.running[n-1].owner.Batch
}

// makeRoom sees to it that the cache has room for a sequence's need, and what others
// were promised. A sequence that would run alone needs none: it has all there is. Those
// of a batch make room for one that somebody waits for.
func (e *Engine) makeRoom(s *sequence, need int, promised *int) bool {
	fits := func() bool { return len(e.running) == 0 || need <= e.cache.Room()-*promised }
	if fits() {
		return true
	}
	if s.owner.Batch || need > e.yielded(*promised) {
		return false
	}
	for !fits() {
		last := e.running[len(e.running)-1]
		if !last.owner.Batch {
			return false
		}
		e.preempt(last)
		*promised = e.promised()
	}
	return true
}

// yielded returns the room that there would be, at most, if all of batches gave theirs.
func (e *Engine) yielded(promised int) int {
	room := e.cache.Room() - promised
	for i := len(e.running) - 1; i >= 0 && e.running[i].owner.Batch; i-- {
		if i == 0 {
			return math.MaxInt // nothing else would run
		}
		s := e.running[i]
		room += e.cache.Bytes(s.cache.Len(), e.options.Chunk) + s.cache.Need(s.soon(), e.options.Chunk)
	}
	return room
}

// hopeless says whether there is no more room than when there was too little for the
// sequence, so that it need not be looked for in the cache again.
func (e *Engine) hopeless(s *sequence, promised int) bool {
	if len(e.running) == 0 || s.lacked < 0 || e.cache.Room()-promised > s.lacked {
		return false
	}
	return s.owner.Batch || !e.running[len(e.running)-1].owner.Batch
}

// begin starts or resumes a sequence with what was found of it in the cache.
func (e *Engine) begin(s *sequence, found *kvcache.Sequence) {
	e.waiting = slices.DeleteFunc(e.waiting, func(x *sequence) bool { return x == s })
	s.cache, s.lacked = found, -1
	if !s.private {
		e.keeper.touch(found)
	}
	s.tenant.running[s.owner.kind()]++
	e.lift(s)
	e.counts.MatchedTokens += uint64(found.Len())
	err := s.start()
	switch {
	case s.cache == nil: // it is over
	case err != nil:
		s.fail(err)
	case len(s.pending) == 0:
		s.finish(Finish{Reason: FinishDone})
	default:
		at, _ := slices.BinarySearchFunc(e.running, s, urgent)
		e.running = slices.Insert(e.running, at, s)
	}
}
