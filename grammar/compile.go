package grammar

import (
	"fmt"
	"sync"
)

// Grammar is a compiled grammar: an automaton over bytes with a stack. It is immutable,
// and what it finds out for a Vocabulary it remembers, within a bound, for all who use
// it. Any goroutine may use it.
type Grammar struct {
	limits Limits
	states []automatonState
	edges  []edge // of all states, one state's behind the other's
	loops  []loop
	names  []string
	others [][]string
	start  int32
	class  [256]uint8 // of a byte: the automaton takes bytes of one class alike
	nc     int        // classes

	mu       sync.Mutex
	machines []*machine // the newest last
	derived  []derived
}

// automatonState is a state: its edges, and what is to be known of it at once.
type automatonState struct {
	from, to int32 // its edges
	final    bool  // it ends a rule
	consumes bool  // it takes bytes or special tokens
	marks    bool  // it takes special tokens
}

// Compile makes a Grammar of the rules that start refers to. l may be nil. The error
// wraps ErrSyntax (a rule that is not there or set twice), ErrUnsupported (left
// recursion), ErrTooLarge or ErrEmpty.
func Compile(rules *Rules, start string, l *Limits) (*Grammar, error) {
	if len(rules.twice) > 0 {
		return nil, fmt.Errorf("grammar: rule %q is set twice: %w", rules.twice[0], ErrSyntax)
	}
	limits := l.withDefaults()
	b := newBuilder(rules, limits)
	first := b.all(start)
	if b.err != nil {
		return nil, b.err
	}
	if err := b.leftRecursion(); err != nil {
		return nil, err
	}
	alive := b.alive()
	if !alive[b.graph.rules[first].start] {
		return nil, fmt.Errorf("grammar: rule %q: %w", start, ErrEmpty)
	}
	return b.finish(first, alive), nil
}

// CompileExpr makes a Grammar of one expression without rules. Errors are those of
// Compile.
func CompileExpr(e Expr, l *Limits) (*Grammar, error) {
	r := &Rules{}
	r.Set("root", e)
	return Compile(r, "root", l)
}

// finish puts the automaton into its last form.
func (b *builder) finish(first int32, alive []bool) *Grammar {
	g := &Grammar{
		limits: b.limits, states: make([]automatonState, len(b.first)), edges: make([]edge, 0, len(b.edges)),
		loops: b.loops, names: b.names, others: b.others, start: b.graph.rules[first].start,
	}
	for i := range g.loops {
		l := &g.loops[i]
		if !alive[l.start] {
			l.max = 0
		}
	}
	for q := range g.states {
		s := &g.states[q]
		s.from = int32(len(g.edges))
		for i := b.first[q]; i >= 0; i = b.next[i] {
			e := b.edges[i]
			dead := !alive[e.to] || e.kind == edgeCall && !alive[b.graph.rules[e.arg].start]
			if !alive[q] || dead {
				continue
			}
			if e.kind == edgeCall {
				e.arg = b.graph.rules[e.arg].start
			}
			g.edges = append(g.edges, e)
			s.consumes = s.consumes || e.consumes()
			s.marks = s.marks || e.kind == edgeSpecial || e.kind == edgeOther
		}
		s.to = int32(len(g.edges))
	}
	for _, r := range b.graph.rules {
		g.states[r.final].final = true
	}
	g.classify()
	return g
}

// classify finds the classes of bytes, and has the edges name classes.
func (g *Grammar) classify() {
	var begins [256]bool
	for i := range g.edges {
		if e := &g.edges[i]; e.kind == edgeByte {
			begins[e.lo] = true
			if e.hi < 255 {
				begins[e.hi+1] = true
			}
		}
	}
	n := 0
	for c := range g.class {
		if c > 0 && begins[c] {
			n++
		}
		g.class[c] = uint8(n)
	}
	g.nc = n + 1
	for i := range g.edges {
		if e := &g.edges[i]; e.kind == edgeByte {
			e.lo, e.hi = g.class[e.lo], g.class[e.hi]
		}
	}
}

// only says whether a state does nothing but end its rule.
func (g *Grammar) only(q int32) bool {
	s := &g.states[q]
	return s.final && s.from == s.to
}
