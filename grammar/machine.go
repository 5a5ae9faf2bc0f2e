package grammar

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
)

// machine is what a Grammar has found out for a Vocabulary: configs, where bytes lead
// from them, and the tokens that may come next. It forgets all of it when that takes
// too much memory, and begins anew. Guides keep their own config.
type machine struct {
	g *Grammar
	v *Vocabulary

	size    atomic.Int64 // what used returned last
	mu      sync.Mutex
	stacks  stacks
	configs map[uint64]*config
	list    []*config // by id
	next    []int32   // by id and class of a byte: the next config's id, or one of those below
	pages   map[uint64]*page
	named   map[string]bool // special tokens that are not like all others to the grammar
	bytes   int             // of configs and pages
	era     int64
	work    int // steps that are left of the operation
	limit   int // bytes that the operation may come to
	closure closure
	path    []int32 // of a walk through the trie: the config at each depth
	scratch []uint64
}

// What next holds in place of an id.
const (
	unseen int32 = -1 // nobody has looked yet
	dead   int32 = -2 // nothing matches
	deeper int32 = -3 // that depends on what was left out of the stacks
)

// maxMachines bounds the vocabularies for which a Grammar remembers anything.
const maxMachines = 4

// machine returns the machine for a vocabulary.
func (g *Grammar) machine(v *Vocabulary) *machine {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, m := range g.machines {
		if m.v == v {
			g.machines = append(slices.Delete(g.machines, i, i+1), m)
			return m
		}
	}
	m := &machine{g: g, v: v}
	m.closure = closure{m: m, at: make([]int32, len(g.states))}
	m.named = g.namedOf(v)
	m.forget()
	if len(g.machines) == maxMachines {
		g.machines = slices.Delete(g.machines, 0, 1)
	}
	g.machines = append(g.machines, m)
	return m
}

// forget forgets all that was found out.
func (m *machine) forget() {
	m.stacks = newStacks(&m.work)
	m.configs, m.pages = map[uint64]*config{}, map[uint64]*page{}
	m.list, m.next, m.bytes = nil, nil, 0
	m.era = eras.Add(1)
}

// eras numbers the memories of all machines: a Guide may go from one to another.
var eras atomic.Int64

// begin begins an operation, with the work and the memory that it may take.
func (m *machine) begin() {
	if m.used() > m.g.limits.Memory {
		m.forget()
	}
	m.size.Store(int64(m.used()))
	m.work = m.g.limits.Step
	m.limit = m.used() + m.g.limits.Memory
}

// used returns the bytes that are in use, about.
func (m *machine) used() int { return m.bytes + m.stacks.bytes }

// spent returns an error where the operation took too much.
func (m *machine) spent() error {
	switch {
	case m.work <= 0:
		return fmt.Errorf("grammar: what may come next takes more than %d steps to find: %w", m.g.limits.Step, ErrTooLarge)
	case m.used() > m.limit:
		return fmt.Errorf("grammar: what may come next takes more than %d bytes to find: %w", m.g.limits.Memory, ErrTooLarge)
	}
	return nil
}

// one returns the config of a description.
func (m *machine) one(c config) *config {
	h := uint64(3)
	if c.final {
		h = 5
	}
	for _, it := range c.items {
		h = mix(mix(h, uint64(it.state)), it.stack.hash)
	}
	m.work -= 8 + 2*len(c.items)
	c.hash, c.era = h, m.era
	first := m.configs[h]
	for old := first; old != nil; old = old.chain {
		if old.final == c.final && slices.Equal(old.items, c.items) {
			return old
		}
	}
	c.chain = first
	c.id = int32(len(m.list))
	m.configs[h] = &c
	m.list = append(m.list, &c)
	for range m.g.nc {
		m.next = append(m.next, unseen)
	}
	m.bytes += configBytes + itemBytes*len(c.items) + 4*m.g.nc
	m.work -= m.g.nc / 4
	return &c
}

// adopt returns a config that an earlier memory may have made, as one of this one.
func (m *machine) adopt(c *config) *config {
	if c.era == m.era {
		return c
	}
	out := config{final: c.final, marks: c.marks, depth: c.depth, items: make([]item, len(c.items))}
	done := map[*stack]*stack{}
	for i, it := range c.items {
		out.items[i] = item{it.state, m.stacks.adopt(it.stack, done)}
	}
	return m.one(out)
}

// start returns the config of the empty text.
func (m *machine) start() (*config, error) {
	m.begin()
	m.closure.reset()
	m.closure.add(m.g.start, m.stacks.one(stack{bottom: true}))
	m.closure.run()
	c := m.closure.config()
	return c, m.spent()
}

// step returns the id of the config behind a byte of a class, dead or deeper. Where the
// work is used up it returns dead, and spent tells.
func (m *machine) step(id int32, class uint8) int32 {
	at := int(id)*m.g.nc + int(class)
	if next := m.next[at]; next != unseen {
		return next
	}
	c := &m.closure
	c.reset()
	for _, it := range m.list[id].items {
		s := &m.g.states[it.state]
		m.work -= 1 + int(s.to-s.from)
		for i := s.from; i < s.to; i++ {
			if e := &m.g.edges[i]; e.kind == edgeByte && e.lo <= class && class <= e.hi {
				c.add(e.to, it.stack)
			}
		}
	}
	return m.reached(at)
}

// reached ends a step, whose states are in the closure, and notes at next[at], unless
// that is negative, where it led.
func (m *machine) reached(at int) int32 {
	c := &m.closure
	c.run()
	if m.spent() != nil {
		return dead
	}
	next := dead
	if c.tainted {
		next = deeper
	} else if out := c.config(); len(out.items) > 0 || out.final {
		next = out.id
	}
	if at >= 0 {
		m.next[at] = next
	}
	return next
}

// mark returns the id of the config behind a special token, dead or deeper.
func (m *machine) mark(id int32, name string) int32 {
	c := &m.closure
	c.reset()
	for _, it := range m.list[id].items {
		s := &m.g.states[it.state]
		if !s.marks {
			continue
		}
		m.work -= 1 + int(s.to-s.from)
		for i := s.from; i < s.to; i++ {
			switch e := &m.g.edges[i]; e.kind {
			case edgeSpecial:
				if m.g.names[e.arg] == name {
					c.add(e.to, it.stack)
				}
			case edgeOther:
				if to := m.g.free(it.state, name, &m.work); to >= 0 {
					c.add(to, it.stack)
				}
			}
		}
	}
	return m.reached(-1)
}

// token returns the config behind a token of the text, nil where it does not fit.
func (m *machine) token(c *config, id int32) (*config, error) {
	m.begin()
	at := m.adopt(c).id
	switch m.v.kinds[id] {
	case tokenText:
		for _, b := range m.v.texts[id] {
			if at = m.step(at, m.g.class[b]); at == dead {
				return nil, m.spent()
			}
		}
	case tokenMark:
		if at = m.mark(at, string(m.v.texts[id])); at == dead {
			return nil, m.spent()
		}
	default:
		return nil, nil
	}
	return m.list[at], nil
}
