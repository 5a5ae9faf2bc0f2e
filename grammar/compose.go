package grammar

import "fmt"

// Behind returns the grammar of texts that begin with what an expression without
// references matches, and go on with what g does. l may be nil for the limits of g; then
// the same Expr gives the same Grammar again, with what that has found out.
func Behind(before Expr, g *Grammar, l *Limits) (*Grammar, error) {
	return g.derive(derived{before: before.n}, l, func(limits Limits) (*Grammar, error) {
		return behind(before, g, limits)
	})
}

// Either returns the grammar of texts that a or b matches. l may be nil for the limits of
// a; then the same b gives the same Grammar again, with what that has found out.
func Either(a, b *Grammar, l *Limits) (*Grammar, error) {
	return a.derive(derived{other: b}, l, func(limits Limits) (*Grammar, error) {
		return either(a, b, limits)
	})
}

// maxDerived bounds the grammars that one remembers to be a part of.
const maxDerived = 8

// derived is a grammar that was made of another one and of an expression before it, or
// a second one.
type derived struct {
	before *node
	other  *Grammar
	g      *Grammar
}

// derive returns the grammar that was derived so before, or derives it.
func (g *Grammar) derive(d derived, l *Limits, make func(Limits) (*Grammar, error)) (*Grammar, error) {
	if l != nil {
		return make(l.withDefaults())
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, old := range g.derived {
		if old.before == d.before && old.other == d.other {
			copy(g.derived[i:], g.derived[i+1:])
			g.derived[len(g.derived)-1] = old
			return old.g, nil
		}
	}
	out, err := make(g.limits)
	if err != nil {
		return nil, err
	}
	if d.g = out; len(g.derived) == maxDerived {
		g.derived = append(g.derived[:0:0], g.derived[1:]...)
	}
	g.derived = append(g.derived, d)
	return out, nil
}

func behind(before Expr, g *Grammar, limits Limits) (*Grammar, error) {
	b := newBuilder(&Rules{}, limits)
	r := b.rule("")
	b.node(before.n, b.graph.rules[r].start, b.graph.rules[r].final)
	if b.err != nil {
		return nil, b.err
	}
	out := b.finish(r, b.alive())
	start, err := out.join(g)
	if err != nil {
		return nil, err
	}
	final := b.graph.rules[r].final
	out.states[final] = automatonState{from: int32(len(out.edges)), to: int32(len(out.edges)) + 1}
	out.edges = append(out.edges, edge{kind: edgeEmpty, to: start})
	out.classify()
	return out, nil
}

func either(a, b *Grammar, limits Limits) (*Grammar, error) {
	out := &Grammar{limits: limits, states: make([]automatonState, 1)}
	var starts [2]int32
	for i, g := range []*Grammar{a, b} {
		var err error
		if starts[i], err = out.join(g); err != nil {
			return nil, err
		}
	}
	n := int32(len(out.edges))
	out.states[0] = automatonState{from: n, to: n + 2}
	out.edges = append(out.edges, edge{kind: edgeEmpty, to: starts[0]}, edge{kind: edgeEmpty, to: starts[1]})
	out.classify()
	return out, nil
}

// join adds the automaton of another grammar, whose edges name bytes afterwards. It
// returns where that starts.
func (g *Grammar) join(other *Grammar) (start int32, err error) {
	if len(g.states)+len(other.states) > g.limits.States {
		return 0, fmt.Errorf("grammar: the automaton takes more than %d states: %w", g.limits.States, ErrTooLarge)
	}
	g.unclassify()
	states, edges, loops := int32(len(g.states)), int32(len(g.edges)), int32(len(g.loops))
	names, others := int32(len(g.names)), int32(len(g.others))
	for _, s := range other.states {
		s.from += edges
		s.to += edges
		g.states = append(g.states, s)
	}
	lo, hi := other.classBytes()
	for _, e := range other.edges {
		switch e.to += states; e.kind {
		case edgeByte:
			e.lo, e.hi = lo[e.lo], hi[e.hi]
		case edgeCall:
			e.arg += states
		case edgeLoop:
			e.arg += loops
		case edgeSpecial:
			e.arg += names
		case edgeOther:
			e.arg += others
		}
		g.edges = append(g.edges, e)
	}
	for _, l := range other.loops {
		l.start += states
		l.to += states
		g.loops = append(g.loops, l)
	}
	g.names = append(g.names, other.names...)
	g.others = append(g.others, other.others...)
	return other.start + states, nil
}

// classBytes returns the first and the last byte of each class.
func (g *Grammar) classBytes() (lo, hi [256]byte) {
	for c := 255; c >= 0; c-- {
		lo[g.class[c]] = byte(c)
	}
	for c := range 256 {
		hi[g.class[c]] = byte(c)
	}
	return lo, hi
}

// unclassify has the edges name bytes again, if they name classes.
func (g *Grammar) unclassify() {
	if g.nc == 0 {
		return
	}
	lo, hi := g.classBytes()
	for i := range g.edges {
		if e := &g.edges[i]; e.kind == edgeByte {
			e.lo, e.hi = lo[e.lo], hi[e.hi]
		}
	}
	g.nc = 0
}
