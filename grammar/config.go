package grammar

import "slices"

// config is where in the grammar a text may be: states of the automaton, each with the
// stacks under which it is reached. Only states that take something are kept. Configs
// that are equal are one value. It is not changed once it is made, but for mask and needs.
type config struct {
	items []item // in order of their states
	final bool   // the text may end here
	marks bool   // special tokens may come
	depth int32  // frames of the longest stack
	id    int32  // among the configs of its machine
	era   int64  // of the machine's memory in which id and stacks count
	hash  uint64
	chain *config

	mask  *tokenSet // what may come next, once that was found
	needs bool      // that cannot be said without what was left out of the stacks
}

// item is a state, and the stacks under which it is reached.
type item struct {
	state int32
	stack *stack
}

// Sizes in memory, about.
const (
	configBytes = 160
	itemBytes   = 16
)

// closure gathers the states that are reached without taking anything.
type closure struct {
	m       *machine
	items   []item
	at      []int32 // of a state: its index in items, if that has it
	queue   []item
	final   bool
	tainted bool // it goes on in what was left out of the stacks
}

func (c *closure) reset() {
	c.items, c.queue, c.final, c.tainted = c.items[:0], c.queue[:0], false, false
}

// add reaches a state under some stacks.
func (c *closure) add(state int32, s *stack) {
	if i := c.at[state]; int(i) < len(c.items) && c.items[i].state == state {
		both := c.m.stacks.union(c.items[i].stack, s)
		if both == c.items[i].stack {
			return
		}
		c.items[i].stack = both
	} else {
		c.at[state] = int32(len(c.items))
		c.items = append(c.items, item{state, s})
	}
	c.queue = append(c.queue, item{state, s})
}

// run follows all edges that take nothing. It stops where the
// operation has taken too much.
func (c *closure) run() {
	g := c.m.g
	for len(c.queue) > 0 && c.m.work > 0 && c.m.used() <= c.m.limit {
		it := c.queue[len(c.queue)-1]
		c.queue = c.queue[:len(c.queue)-1]
		s := &g.states[it.state]
		c.m.work -= 2 + int(s.to-s.from)
		if s.final {
			c.pop(it.stack)
		}
		for i := s.from; i < s.to; i++ {
			switch e := &g.edges[i]; e.kind {
			case edgeEmpty:
				c.add(e.to, it.stack)
			case edgeCall:
				if g.only(e.to) { // the caller's end is the callee's
					c.add(e.arg, it.stack)
				} else if it.stack.depth < int32(g.limits.Depth) {
					c.add(e.arg, c.m.stacks.push(e.to, 0, it.stack))
				}
			case edgeLoop:
				c.round(e.arg, 0, it.stack)
			}
		}
	}
}

// pop goes on behind the rules that end.
func (c *closure) pop(s *stack) {
	c.final = c.final || s.bottom
	c.tainted = c.tainted || s.unknown
	for _, f := range s.frames {
		if f.ref >= 0 {
			c.add(f.ref, f.below)
		} else {
			c.round(^f.ref, f.count+1, f.below)
		}
	}
}

// round goes on with a loop behind so many rounds.
func (c *closure) round(n, count int32, s *stack) {
	l := &c.m.g.loops[n]
	if l.max < 0 {
		count = min(count, l.min)
	}
	if count >= l.min {
		c.add(l.to, s)
	}
	if (l.max < 0 || count < l.max) && s.depth < int32(c.m.g.limits.Depth) {
		c.add(l.start, c.m.stacks.push(^n, count, s))
	}
}

// least returns the smallest count of a frame that is as good as count for so many
// bytes: they end so few rounds that they meet neither bound, or the same one.
func (l *loop) least(count int32, bytes int) int32 {
	rounds := int32(bytes)/l.step + 1
	switch {
	case l.max >= 0 && l.max-count <= rounds:
		return count
	case count >= l.min:
		return l.min
	case l.min-count > rounds:
		return 0
	}
	return count
}

// config returns the config of what was gathered.
func (c *closure) config() *config {
	g := c.m.g
	out := config{final: c.final}
	for _, it := range c.items {
		if s := &g.states[it.state]; s.consumes {
			out.items = append(out.items, it)
			out.marks = out.marks || s.marks
			out.depth = max(out.depth, it.stack.depth)
		}
	}
	slices.SortFunc(out.items, func(a, b item) int { return int(a.state - b.state) })
	return c.m.one(out)
}
