package engine

import "cmp"

// tenant is one of those who share the machine. Each of the two kinds of requests,
// those that somebody waits for and those of batches, is shared by itself.
type tenant struct {
	name      string
	read      [2]int // tokens of prompts computed for it, since the count was level with the others'
	sequences [2]int
	running   [2]int // of them
}

// kind returns the index of the counts of a tenant.
func (o *Owner) kind() int {
	if o.Batch {
		return 1
	}
	return 0
}

// join makes a sequence one of its tenant's.
func (e *Engine) join(s *sequence) {
	e.number++
	s.number, s.asked, s.lacked = e.number, e.now(), -1
	t := e.tenants[s.owner.Tenant]
	if t == nil {
		t = &tenant{name: s.owner.Tenant}
		e.tenants[t.name] = t
	}
	s.tenant = t
	e.lift(s)
	t.sequences[s.owner.kind()]++
}

// lift makes the tenant of a sequence that is about to be read level with the one that
// was served last, unless others of its sequences are read already: it has saved up
// nothing meanwhile.
func (e *Engine) lift(s *sequence) {
	kind := s.owner.kind()
	for _, x := range e.running {
		if x.tenant == s.tenant && x.owner == s.owner && x.reads() {
			return
		}
	}
	s.tenant.read[kind] = max(s.tenant.read[kind], e.level[kind])
}

// leave takes a sequence that is over from its tenant. What a tenant had more than others
// is remembered as long as they are there.
func (e *Engine) leave(s *sequence) {
	if s.tenant == nil {
		return
	}
	kind := s.owner.kind()
	s.tenant.sequences[kind]--
	s.tenant = nil
	alone := true
	for _, t := range e.tenants {
		alone = alone && t.sequences[kind] == 0
	}
	if alone {
		e.level[kind] = 0
	}
	for name, t := range e.tenants {
		if t.sequences[kind] == 0 && (alone || t.read[kind] <= e.level[kind]) {
			t.read[kind] = 0
		}
		if t.sequences == [2]int{} && t.read == [2]int{} {
			delete(e.tenants, name)
		}
	}
}

// reader returns the sequence of a kind that is to be read next: of the tenant for which
// least was read, the one that is read soonest. Those that the step has already, and
// those that wait for another, are none. nil: there is none.
func (e *Engine) reader(kind int) *sequence {
	var best *sequence
	for _, s := range e.running {
		if s.owner.kind() != kind || s.share > 0 || !s.reads() {
			continue
		}
		if best == nil || e.readBefore(s, best) {
			best = s
		}
	}
	return best
}

func (e *Engine) readBefore(a, b *sequence) bool {
	if c := cmp.Compare(a.tenant.read[a.owner.kind()], b.tenant.read[b.owner.kind()]); c != 0 && a.tenant != b.tenant {
		return c < 0
	}
	return e.sooner(a, b)
}

// sooner says whether a is to be read before b of the same tenant: the one with less
// left to read, but what waits grows shorter as time goes by, so that a long prompt is
// not passed for ever. What another sequence waits for counts for both.
func (e *Engine) sooner(a, b *sequence) bool {
	now := e.now()
	left := func(s *sequence) float64 {
		n := len(s.pending)
		switch {
		case s.cache == nil:
			n = len(s.tokens)
		case s.due > s.cache.Len():
			n = min(n, s.due-s.cache.Len())
		}
		return float64(n)*e.pace.last - float64(now.Sub(s.asked))/ageing
	}
	if x, y := left(a), left(b); x != y {
		return x < y
	}
	return a.number < b.number
}

// ageing is how much longer a sequence has to have waited to count as shorter by one
// unit of the time that it takes to be read.
const ageing = 8
