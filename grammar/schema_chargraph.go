package grammar

import "slices"

// charGraph is an automaton of one expression: its states are run all at once.
type charGraph struct {
	compiler   *schemaCompiler
	empty      [][]int32 // where a state leads without a character
	ranges     [][]Range // what it takes, each of them
	to         []int32   // and where that leads
	sets       []int32   // the number of what it takes
	start, end int32
	mark       []bool
}

func (p *charGraph) state() int32 {
	p.compiler.spend(2)
	if len(p.empty) > maxLanguageParts {
		p.compiler.fail(tooLargeAt(p.compiler.doc.root, "a pattern of over 100000 parts"))
	}
	p.empty, p.ranges, p.to = append(p.empty, nil), append(p.ranges, nil), append(p.to, 0)
	p.mark = append(p.mark, false)
	return int32(len(p.empty) - 1)
}

func (p *charGraph) link(from, to int32) { p.empty[from] = append(p.empty[from], to) }

// build puts an expression between two states.
func (p *charGraph) build(n *node, from, to int32) {
	if n == nil {
		p.link(from, to)
		return
	}
	switch n.op {
	case opLiteral:
		for _, c := range n.text {
			next := p.state()
			p.take([]Range{{c, c}}, &from, next)
		}
		p.link(from, to)
	case opClass:
		p.take(n.ranges, &from, p.state())
		p.link(from, to)
	case opSeq:
		for _, s := range n.subs {
			next := p.state()
			p.build(s, from, next)
			from = next
		}
		p.link(from, to)
	case opOr:
		for _, s := range n.subs {
			p.build(s, from, to)
		}
	case opRepeat:
		p.repeat(n, from, to)
	default:
		p.compiler.fail(unsupportedAt(p.compiler.doc.root, "look-ahead within a pattern that is negated"))
	}
}

// take adds a state that takes a character, and goes behind it.
func (p *charGraph) take(ranges []Range, from *int32, next int32) {
	s := p.state()
	p.ranges[s], p.to[s] = ranges, next
	p.link(*from, s)
	*from = next
}

// repeat writes a repetition out.
func (p *charGraph) repeat(n *node, from, to int32) {
	for range n.min {
		next := p.state()
		p.build(n.subs[0], from, next)
		from = next
	}
	if n.max == Unbounded {
		loop := p.state()
		p.link(from, loop)
		p.build(n.subs[0], loop, loop)
		p.link(loop, to)
		return
	}
	p.link(from, to)
	for range n.max - n.min {
		next := p.state()
		p.build(n.subs[0], from, next)
		from = next
		p.link(from, to)
	}
}

// close returns the states that take something or are the end, of those that are
// reached from some without a character.
func (p *charGraph) close(from []int32) []int32 {
	var out, seen []int32
	queue := slices.Clone(from)
	for len(queue) > 0 {
		q := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		if p.compiler.spend(1); p.mark[q] {
			continue
		}
		p.mark[q] = true
		seen = append(seen, q)
		queue = append(queue, p.empty[q]...)
		if p.ranges[q] != nil || q == p.end {
			out = append(out, q)
		}
	}
	for _, q := range seen {
		p.mark[q] = false
	}
	slices.Sort(out)
	return out
}
