package grammar

import (
	"encoding/binary"
	"slices"
)

// regular builds And and Without: the automata of both sides run side by side.
func (b *builder) regular(n *node, from, to int32) {
	d := &sideBySide{work: &b.work}
	for _, s := range n.subs {
		side, err := newSubset(s, b)
		if err != nil {
			b.fail(err)
			return
		}
		d.sides = append(d.sides, side)
	}
	d.without = n.op == opWithout
	d.index = map[string]int32{}
	states := []int32{b.state(b.owner[from])}
	b.connect(from, edge{kind: edgeEmpty, to: states[0]})
	d.add(d.start())
	for at := 0; at < len(d.states); at++ {
		if d.accepts(d.states[at]) {
			b.connect(states[at], edge{kind: edgeEmpty, to: to})
		}
		for lo := 0; lo < 256; {
			next, hi := d.step(d.states[at], byte(lo)), d.same(byte(lo))
			for len(states) < len(d.states) {
				states = append(states, b.state(b.owner[from]))
			}
			if next >= 0 {
				b.connect(states[at], edge{kind: edgeByte, lo: byte(lo), hi: hi, to: states[next]})
			}
			lo = int(hi) + 1
			if !b.spend(1) {
				return
			}
		}
	}
}

// subset is an automaton whose states are run all at once.
type subset struct {
	g     *graph
	start int32
	final int32
	split [256]bool // bytes at which a range of bytes begins
	mark  []int32
	round int32
}

// newSubset builds a regular expression by itself.
func newSubset(n *node, b *builder) (*subset, error) {
	inner := newBuilder(b.rules, b.limits)
	inner.work, inner.flat = b.work, true
	r := inner.rule("")
	s := &subset{start: inner.graph.rules[r].start, final: inner.graph.rules[r].final}
	inner.node(n, s.start, s.final)
	b.work = inner.work
	if inner.err != nil {
		return nil, inner.err
	}
	s.g = &inner.graph
	s.mark = make([]int32, len(s.g.first))
	for _, e := range s.g.edges {
		if e.kind == edgeByte {
			s.split[e.lo] = true
			if e.hi < 255 {
				s.split[e.hi+1] = true
			}
		}
	}
	return s, nil
}

// close returns the states that are reached from some without taking anything, in
// order.
func (s *subset) close(states []int32, work *int) []int32 {
	s.round++
	var out, queue []int32
	add := func(q int32) {
		if s.mark[q] != s.round {
			s.mark[q] = s.round
			out, queue = append(out, q), append(queue, q)
		}
	}
	for _, q := range states {
		add(q)
	}
	for len(queue) > 0 {
		q := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		s.g.each(q, func(e *edge) {
			*work--
			if e.kind == edgeEmpty {
				add(e.to)
			}
		})
	}
	slices.Sort(out)
	return out
}

// sideBySide is several automata side by side, whose states are found as they are
// reached.
type sideBySide struct {
	sides   []*subset
	without bool // all of the first but what the others take
	states  [][][]int32
	index   map[string]int32
	work    *int
}

func (d *sideBySide) start() [][]int32 {
	row := make([][]int32, len(d.sides))
	for i, s := range d.sides {
		row[i] = s.close([]int32{s.start}, d.work)
	}
	return row
}

// add returns the number of a state, -1 where nothing can be accepted from it.
func (d *sideBySide) add(row [][]int32) int32 {
	var key []byte
	for i, states := range row {
		if len(states) == 0 && (i == 0 || !d.without) {
			return -1
		}
		key = binary.AppendUvarint(key, uint64(len(states)))
		for _, q := range states {
			key = binary.AppendUvarint(key, uint64(q))
		}
	}
	*d.work -= len(key)
	n, ok := d.index[string(key)]
	if !ok {
		n = int32(len(d.states))
		d.states = append(d.states, row)
		d.index[string(key)] = n
	}
	return n
}

// same returns the last byte of the range that lo begins, all of whose bytes lead to the same state.
func (d *sideBySide) same(lo byte) byte {
	for hi := int(lo) + 1; hi < 256; hi++ {
		if slices.ContainsFunc(d.sides, func(s *subset) bool { return s.split[hi] }) {
			return byte(hi - 1)
		}
	}
	return 255
}

// step returns the state behind a byte, -1 where there is none.
func (d *sideBySide) step(row [][]int32, c byte) int32 {
	next := make([][]int32, len(row))
	for i, s := range d.sides {
		var to []int32
		for _, q := range row[i] {
			s.g.each(q, func(e *edge) {
				*d.work--
				if e.kind == edgeByte && e.lo <= c && c <= e.hi {
					to = append(to, e.to)
				}
			})
		}
		if len(to) > 0 {
			next[i] = s.close(to, d.work)
		}
	}
	return d.add(next)
}

// accepts says whether the text may end in a state.
func (d *sideBySide) accepts(row [][]int32) bool {
	for i, s := range d.sides {
		_, ends := slices.BinarySearch(row[i], s.final)
		if ends == (d.without && i > 0) {
			return false
		}
	}
	return true
}
