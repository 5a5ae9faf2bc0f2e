package grammar

import "fmt"

// empties tells which expressions match the empty text.
type empties struct {
	known map[*node]bool
	rules map[string]bool
}

// findEmpties finds the rules that match the empty text: from what surely does to what
// does because of that, each expression once.
func findEmpties(r *Rules) *empties {
	f := emptyFinder{waits: map[*node]*emptyWait{}, refs: map[string][]*node{}, bodies: map[*node][]string{}, empty: map[string]bool{}}
	for i, name := range r.names {
		if n := r.bodies[i].n; n == nil {
			f.rule(name)
		} else {
			f.bodies[n] = append(f.bodies[n], name)
			f.visit(n)
		}
	}
	for len(f.found) > 0 {
		n := f.found[len(f.found)-1]
		f.found = f.found[:len(f.found)-1]
		for _, name := range f.bodies[n] {
			f.rule(name)
		}
		for _, p := range f.waits[n].users {
			f.less(p)
		}
	}
	return &empties{known: map[*node]bool{}, rules: f.empty}
}

// emptyFinder is the state of findEmpties.
type emptyFinder struct {
	waits  map[*node]*emptyWait
	refs   map[string][]*node // the Refs of a rule
	bodies map[*node][]string // the rules that an expression is
	empty  map[string]bool
	found  []*node // match the empty text; their users are not told yet
}

// emptyWait is what an expression waits for: so many of its parts have to match the empty text.
type emptyWait struct {
	missing int
	users   []*node
}

// visit notes what n and its parts wait for.
func (f *emptyFinder) visit(n *node) {
	if f.waits[n] != nil {
		return
	}
	w := &emptyWait{missing: 1}
	f.waits[n] = w
	switch n.op {
	case opLiteral, opClass, opSpecial:
		return
	case opRef:
		f.refs[n.text] = append(f.refs[n.text], n)
		return
	case opFree:
		w.missing = 0
	case opSeq, opAnd:
		w.missing = len(n.subs)
	case opRepeat:
		if n.min == 0 {
			w.missing = 0
		}
	case opWithout: // regular, so that it waits for no rule
		if matchesEmpty(n, &empties{known: map[*node]bool{}}) {
			w.missing = 0
		}
	}
	if w.missing == 0 {
		f.found = append(f.found, n)
	}
	if n.op == opWithout {
		return
	}
	for _, s := range n.subs {
		if s == nil {
			f.less(n)
			continue
		}
		f.visit(s)
		f.waits[s].users = append(f.waits[s].users, n)
	}
}

// less notes that one of the parts of n matches the empty text.
func (f *emptyFinder) less(n *node) {
	w := f.waits[n]
	if w.missing--; w.missing == 0 {
		f.found = append(f.found, n)
	}
}

// rule notes that a rule matches the empty text.
func (f *emptyFinder) rule(name string) {
	if f.empty[name] {
		return
	}
	f.empty[name] = true
	for _, n := range f.refs[name] {
		f.less(n)
	}
	delete(f.refs, name)
}

// matchesEmpty says whether n matches the empty text, where it is known of the rules.
func matchesEmpty(n *node, e *empties) bool {
	if n == nil {
		return true
	}
	if is, ok := e.known[n]; ok {
		return is
	}
	is := false
	switch n.op {
	case opFree:
		is = true
	case opSeq, opAnd:
		is = true
		for _, s := range n.subs {
			is = is && matchesEmpty(s, e)
		}
	case opOr:
		for _, s := range n.subs {
			is = is || matchesEmpty(s, e)
		}
	case opRepeat:
		is = n.min == 0 || matchesEmpty(n.subs[0], e)
	case opRef:
		is = e.rules[n.text]
	case opWithout:
		is = matchesEmpty(n.subs[0], e) && !matchesEmpty(n.subs[1], e)
	}
	e.known[n] = is
	return is
}

// matchesEmpty says whether n matches the empty text.
func (b *builder) matchesEmpty(n *node) bool {
	if b.empty == nil {
		b.empty = findEmpties(b.rules)
	}
	return matchesEmpty(n, b.empty)
}

// withoutEmpty returns an expression that matches what n does but for the empty text.
func (b *builder) withoutEmpty(n *node) Expr {
	if n == nil {
		return Or()
	}
	if !b.matchesEmpty(n) {
		return Expr{n}
	}
	if e, ok := b.filled[n]; ok || !b.spend(1+len(n.subs)) {
		return e
	}
	var out Expr
	switch n.op {
	case opSeq:
		out = b.filledSeq(n.subs)
	case opOr:
		alternatives := make([]Expr, len(n.subs))
		for i, s := range n.subs {
			alternatives[i] = b.withoutEmpty(s)
		}
		out = Or(alternatives...)
	case opRepeat:
		out = Repeat(b.withoutEmpty(n.subs[0]), max(1, b.filledMin(n)), n.max)
	case opRef:
		out = b.filledRule(n)
	case opFree:
		b.fail(fmt.Errorf("grammar: a counted repetition of Free: %w", ErrUnsupported))
	case opAnd, opWithout:
		out = Without(Expr{n}, Expr{})
	}
	b.filled[n] = out
	return out
}

// filledMin returns the least number of a repetition whose rounds are not empty.
func (b *builder) filledMin(n *node) int {
	if b.matchesEmpty(n.subs[0]) {
		return 0
	}
	return n.min
}

// filledSeq returns what a sequence matches whose parts may all be empty, but for the
// empty text: one part is the first that is not.
func (b *builder) filledSeq(subs []*node) Expr {
	alternatives := make([]Expr, len(subs))
	for i, s := range subs {
		row := []Expr{b.withoutEmpty(s)}
		for _, later := range subs[i+1:] {
			row = append(row, Expr{later})
		}
		alternatives[i] = Seq(row...)
		if !b.spend(len(row)) {
			return Expr{}
		}
	}
	return Or(alternatives...)
}

// filledRule returns a reference to a rule that matches what another does, but for the
// empty text.
func (b *builder) filledRule(n *node) Expr {
	i, ok := b.rules.index[n.text]
	if !ok {
		return Expr{n} // of which an error tells
	}
	name := n.text + "\x00"
	ref := Ref(name)
	b.filled[n] = ref // for a rule that refers to itself
	if _, ok := b.index[name]; !ok {
		b.index[name] = b.rule(n.text)
		b.queue = append(b.queue, ruleBody{b.index[name], b.withoutEmpty(b.rules.bodies[i].n).n})
	}
	return ref
}
