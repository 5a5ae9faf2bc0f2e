package grammar

import "slices"

// stack is a set of stacks: what rules are open, and where each goes on. Sets that are
// equal are one value (see stacks), so that they are compared by their address. It is
// not changed once it is made.
type stack struct {
	frames  []frame // the tops, in order
	bottom  bool    // one of the stacks is empty
	unknown bool    // what is here was left out
	depth   int32   // frames of the longest stack
	hash    uint64
	chain   *stack // another one of the same hash
}

// frame is the top of some stacks, and what is below it.
type frame struct {
	ref   int32 // the state in which to go on; of a loop: its number, complemented
	count int32 // rounds of the loop so far
	below *stack
}

// compare puts frames in order; those that are equal have one below.
func (f frame) compare(g frame) int {
	if f.ref != g.ref {
		return int(f.ref) - int(g.ref)
	}
	return int(f.count) - int(g.count)
}

// Sizes in memory, about.
const (
	stackBytes = 96
	frameBytes = 16
	pairBytes  = 64
)

// stacks are all stacks in use, each once.
type stacks struct {
	all    map[uint64]*stack
	unions map[[2]*stack]*stack
	cuts   map[cut]*stack
	bytes  int
	work   *int
}

// cut is a stack of which so many frames are left.
type cut struct {
	s      *stack
	frames int32
}

func newStacks(work *int) stacks {
	return stacks{all: map[uint64]*stack{}, unions: map[[2]*stack]*stack{}, cuts: map[cut]*stack{}, work: work}
}

// mix adds a number to a hash.
func mix(h, x uint64) uint64 {
	h = (h ^ x) * 0x9E3779B97F4A7C15
	return h ^ h>>29
}

// one returns the stack of a description, which it may keep.
func (t *stacks) one(s stack) *stack {
	h := uint64(1)
	if s.bottom {
		h = 2
	}
	if s.unknown {
		h += 4
	}
	s.depth = 0
	for _, f := range s.frames {
		h = mix(mix(mix(h, uint64(uint32(f.ref))), uint64(uint32(f.count))), f.below.hash)
		s.depth = max(s.depth, f.below.depth+1)
	}
	s.hash = h
	*t.work -= 1 + len(s.frames)
	first := t.all[h]
	for old := first; old != nil; old = old.chain {
		if old.bottom == s.bottom && old.unknown == s.unknown && slices.Equal(old.frames, s.frames) {
			return old
		}
	}
	s.chain = first
	t.bytes += stackBytes + frameBytes*len(s.frames)
	t.all[h] = &s
	return &s
}

// push returns a frame on top of a stack.
func (t *stacks) push(ref, count int32, below *stack) *stack {
	return t.one(stack{frames: []frame{{ref, count, below}}})
}

// union returns the stacks of both sets.
func (t *stacks) union(a, b *stack) *stack {
	if a == b {
		return a
	}
	key := [2]*stack{a, b}
	if u, ok := t.unions[key]; ok {
		return u
	}
	u := stack{bottom: a.bottom || b.bottom, unknown: a.unknown || b.unknown, frames: make([]frame, 0, len(a.frames)+len(b.frames))}
	x, y := a.frames, b.frames
	for len(x) > 0 && len(y) > 0 {
		switch n := x[0].compare(y[0]); {
		case n < 0:
			u.frames, x = append(u.frames, x[0]), x[1:]
		case n > 0:
			u.frames, y = append(u.frames, y[0]), y[1:]
		default:
			both := x[0]
			if *t.work > 0 { // else nobody wants it any more
				both.below = t.union(x[0].below, y[0].below)
			}
			u.frames, x, y = append(u.frames, both), x[1:], y[1:]
		}
	}
	u.frames = append(append(u.frames, x...), y...)
	out := t.one(u)
	t.unions[key] = out
	t.bytes += pairBytes
	return out
}

// top returns the stacks with their top frames only, so many of them, and counts as
// small as they may be (see loop.least); what is below is unknown.
func (t *stacks) top(s *stack, frames int32, least func(f frame) int32) *stack {
	if len(s.frames) == 0 {
		return s
	}
	key := cut{s, min(frames, s.depth)}
	if out, ok := t.cuts[key]; ok {
		return out
	}
	var out *stack
	if frames == 0 {
		out = t.one(stack{unknown: true})
	} else {
		out = t.one(stack{bottom: s.bottom, unknown: s.unknown})
		for _, f := range s.frames {
			if *t.work < 0 {
				break
			}
			out = t.union(out, t.push(f.ref, least(f), t.top(f.below, frames-1, least)))
		}
	}
	t.cuts[key] = out
	t.bytes += pairBytes
	return out
}

// adopt returns a stack of other stacks as one of these.
func (t *stacks) adopt(s *stack, done map[*stack]*stack) *stack {
	if out, ok := done[s]; ok {
		return out
	}
	frames := make([]frame, len(s.frames))
	for i, f := range s.frames {
		frames[i] = frame{f.ref, f.count, t.adopt(f.below, done)}
	}
	out := t.one(stack{frames: frames, bottom: s.bottom, unknown: s.unknown})
	done[s] = out
	return out
}
