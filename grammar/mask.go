package grammar

// allowed returns the tokens that may come next. Only the innermost open rules are
// looked at first: tokens that end many of them are rare, so that what is found holds
// wherever these are the innermost ones.
func (m *machine) allowed(c *config) (*tokenSet, error) {
	if c.era == m.era && c.mask != nil {
		return c.mask, nil
	}
	m.begin()
	c = m.adopt(c)
	for frames := int32(m.g.limits.near); c.mask == nil; frames *= 2 {
		near := m.near(c, frames)
		if near.mask == nil && !near.needs {
			near.mask, near.needs = m.walk(near)
		}
		if err := m.spent(); err != nil {
			near.mask, near.needs = nil, false
			return nil, err
		}
		c.mask = near.mask
	}
	return c.mask, nil
}

// near returns a config with the innermost frames of c only, and counts that are as
// good as its own.
func (m *machine) near(c *config, frames int32) *config {
	least := func(f frame) int32 {
		if f.ref >= 0 {
			return 0
		}
		return m.g.loops[^f.ref].least(f.count, m.v.long)
	}
	out := config{final: c.final, marks: c.marks, items: make([]item, len(c.items))}
	for i, it := range c.items {
		out.items[i] = item{it.state, m.stacks.top(it.stack, frames, least)}
		out.depth = max(out.depth, out.items[i].stack.depth)
	}
	return m.one(out)
}

// walk finds the tokens that may come next, all at once: it goes through the trie and
// leaves out what a beginning that does not fit begins. needs says that a token comes
// to what was left out of the stacks.
func (m *machine) walk(c *config) (set *tokenSet, needs bool) {
	v := m.v
	if m.path == nil {
		m.path, m.scratch = make([]int32, v.long+1), make([]uint64, (v.size+63)/64)
	}
	clear(m.scratch)
	path, nc := m.path, m.g.nc
	path[0] = c.id
	for at := 0; at < len(v.trie); {
		n := &v.trie[at]
		class := m.g.class[n.c]
		next := m.next[int(path[n.depth])*nc+int(class)]
		if next == unseen {
			next = m.step(path[n.depth], class)
		}
		if next < 0 {
			if next == deeper || m.spent() != nil {
				return nil, true
			}
			at = int(n.skip)
			continue
		}
		path[n.depth+1] = next
		for id := n.id; id >= 0; id = v.same[id] {
			m.scratch[id>>6] |= 1 << (id & 63)
		}
		at++
	}
	if c.marks && m.walkMarks(c) {
		return nil, true
	}
	if c.final {
		for _, id := range v.ends {
			m.scratch[id>>6] |= 1 << (id & 63)
		}
	}
	return m.set(m.scratch), false
}

// walkMarks adds the special tokens that may come next. All that the grammar does not
// name are as good as each other.
func (m *machine) walkMarks(c *config) (needs bool) {
	other := unseen
	for _, id := range m.v.marks {
		name, next := string(m.v.texts[id]), other
		named := m.named[name]
		if named || other == unseen {
			if next = m.mark(c.id, name); !named {
				other = next
			}
		}
		switch {
		case next == deeper:
			return true
		case next >= 0:
			m.scratch[id>>6] |= 1 << (id & 63)
		}
	}
	return false
}
