package grammar

import (
	"encoding/binary"
	"slices"
	"strconv"
	"unicode/utf8"
)

// language is a set of strings: those that match all of some expressions and none of
// others, of a length. Its automaton is over characters, not yet escaped.
type language struct {
	all, not []Expr
	min, max int // characters
}

// open says that nothing but the length is asked.
func (l *language) open() bool { return len(l.all)+len(l.not) == 0 }

// normal takes And and Without apart, where they are outermost.
func (l *language) normal() {
	for i := 0; i < len(l.all); {
		n := l.all[i].n
		switch {
		case n == nil || n.op != opAnd && n.op != opWithout:
			i++
			continue
		case n.op == opWithout:
			l.not = append(l.not, Expr{n.subs[1]})
			l.all[i] = Expr{n.subs[0]}
		default:
			l.all = slices.Delete(l.all, i, i+1)
			for _, s := range n.subs {
				l.all = append(l.all, Expr{s})
			}
		}
	}
}

// trim takes away bounds of the length that the expressions have by themselves.
func (l *language) trim() {
	for _, e := range l.all {
		least, most := lengths(e.n)
		if least >= l.min {
			l.min = 0
		}
		if l.max != Unbounded && most != Unbounded && most <= l.max {
			l.max = Unbounded
		}
	}
}

// lengths returns how many characters the texts of an expression have, at least and at
// most. Sums beyond maxCount are maxCount.
func lengths(n *node) (least, most int) {
	if n == nil {
		return 0, 0
	}
	switch n.op {
	case opLiteral:
		size := utf8.RuneCountInString(n.text)
		return size, size
	case opClass:
		return 1, 1
	case opSeq:
		for _, s := range n.subs {
			a, b := lengths(s)
			least, most = min(least+a, maxCount), sum(most, b)
		}
		return least, most
	case opOr:
		least = maxCount
		for _, s := range n.subs {
			a, b := lengths(s)
			least = min(least, a)
			if most = max(most, b); b == Unbounded || most == Unbounded {
				most = Unbounded
				break
			}
		}
		return least, most
	case opRepeat:
		a, b := lengths(n.subs[0])
		if n.max == Unbounded && b != 0 || b == Unbounded {
			return min(a*n.min, maxCount), Unbounded
		}
		return min(a*n.min, maxCount), min(b*max(n.max, 0), maxCount)
	}
	return lengths(n.subs[0]) // opAnd, opWithout
}

// sum adds two bounds from above.
func sum(a, b int) int {
	if a == Unbounded || b == Unbounded {
		return Unbounded
	}
	return min(a+b, maxCount)
}

// simple returns the expression of a language that needs no automaton.
func (l *language) simple() (e Expr, ok bool) {
	bounded := l.min > 0 || l.max != Unbounded
	switch {
	case l.open():
		return Repeat(Any(), l.min, l.max), true
	case len(l.all) == 1 && len(l.not) == 0 && !bounded:
		return l.all[0], l.all[0].n == nil || l.all[0].n.op != opAnd && l.all[0].n.op != opWithout
	}
	return Expr{}, false
}

const (
	maxLanguageParts  = 100_000 // states of one expression
	maxLanguageStates = 40_000  // of all, side by side
	fewStates         = 64      // that may each write their characters out
)

// strings returns the texts of a language as they stand in strings of JSON, without the
// quotes.
func (c *schemaCompiler) strings(l *language) Expr {
	l.normal()
	l.trim()
	if e, ok := l.simple(); ok {
		return c.escaped(e)
	}
	a := &characters{compiler: c, language: l, index: map[string]int{}}
	for _, e := range slices.Concat(l.all, l.not) {
		p := &charGraph{compiler: c}
		start, end := p.state(), p.state()
		p.build(e.n, start, end)
		p.start, p.end = start, end
		a.sides = append(a.sides, p)
	}
	a.split()
	a.add(a.first(), 0)
	for at := 0; at < len(a.states); at++ {
		a.follow(at)
	}
	return a.expr()
}

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

// characters is the automaton of a language: the expressions side by side, and how many
// characters there were.
type characters struct {
	compiler *schemaCompiler
	language *language
	sides    []*charGraph
	classes  []characterClass
	states   []characterState
	index    map[string]int
}

// characterClass is characters that all parts take alike.
type characterClass struct {
	ranges []Range
	in     []bool // of the sets of characters that parts take
}

// characterState is where each side is, and what leads on.
type characterState struct {
	sides [][]int32
	count int
	to    []int     // states, in the order in which they are reached
	by    [][]Range // the characters that lead there
}

// split finds the classes of characters.
func (a *characters) split() {
	var sets [][]Range
	numbers := map[string]int32{}
	begins := []rune{0}
	for _, p := range a.sides {
		p.sets = make([]int32, len(p.ranges))
		for q, ranges := range p.ranges {
			key := keyOfRanges(ranges)
			n, ok := numbers[key]
			if !ok {
				n = int32(len(sets))
				numbers[key], sets = n, append(sets, ranges)
				for _, r := range ranges {
					begins = append(begins, r.Lo, r.Hi+1)
				}
			}
			p.sets[q] = n
			a.compiler.spend(1 + len(key)/4)
		}
	}
	slices.Sort(begins)
	begins = slices.Compact(begins)
	index := map[string]int{}
	for i, lo := range begins {
		hi := rune(utf8.MaxRune)
		if i+1 < len(begins) {
			hi = begins[i+1] - 1
		}
		if lo > hi {
			continue
		}
		a.compiler.spend(len(sets))
		in := make([]bool, len(sets))
		key := make([]byte, len(sets))
		for j, ranges := range sets {
			if in[j] = inRanges(ranges, lo); in[j] {
				key[j] = 1
			}
		}
		k, ok := index[string(key)]
		if !ok {
			k = len(a.classes)
			index[string(key)] = k
			a.classes = append(a.classes, characterClass{in: in})
		}
		a.classes[k].ranges = append(a.classes[k].ranges, Range{lo, hi})
	}
}

// keyOfRanges names ranges.
func keyOfRanges(ranges []Range) string {
	key := make([]byte, 0, 4*len(ranges))
	for _, r := range ranges {
		key = binary.AppendUvarint(binary.AppendUvarint(key, uint64(r.Lo)), uint64(r.Hi))
	}
	return string(key)
}

func (a *characters) first() [][]int32 {
	out := make([][]int32, len(a.sides))
	for i, p := range a.sides {
		out[i] = p.close([]int32{p.start})
	}
	return out
}

// add returns the number of a state, -1 where nothing can be accepted from it.
func (a *characters) add(sides [][]int32, count int) int {
	l := a.language
	switch {
	case l.max != Unbounded && count > l.max:
		return -1
	case l.max == Unbounded:
		count = min(count, l.min)
	}
	var key []byte
	for i, s := range sides {
		if len(s) == 0 && i < len(l.all) {
			return -1
		}
		key = binary.AppendUvarint(key, uint64(len(s)))
		for _, q := range s {
			key = binary.AppendUvarint(key, uint64(q))
		}
	}
	key = binary.AppendUvarint(key, uint64(count))
	n, ok := a.index[string(key)]
	if !ok {
		if n = len(a.states); n >= maxLanguageStates {
			a.compiler.fail(tooLargeAt(a.compiler.doc.root, "patterns and lengths that together have over 40000 states"))
		}
		a.index[string(key)] = n
		a.states = append(a.states, characterState{sides: sides, count: count})
	}
	a.compiler.spend(4 + len(key)/4)
	return n
}

// follow finds where a state leads.
func (a *characters) follow(at int) {
	s := a.states[at]
	where := map[int]int{}
	for _, class := range a.classes {
		next := make([][]int32, len(a.sides))
		for j, p := range a.sides {
			var to []int32
			for _, q := range s.sides[j] {
				if class.in[p.sets[q]] {
					to = append(to, p.to[q])
				}
			}
			a.compiler.spend(len(s.sides[j]))
			if len(to) > 0 {
				next[j] = p.close(to)
			}
		}
		n := a.add(next, s.count+1)
		if n < 0 {
			continue
		}
		k, ok := where[n]
		if !ok {
			k = len(s.to)
			where[n] = k
			s.to, s.by = append(s.to, n), append(s.by, nil)
		}
		s.by[k] = append(s.by[k], class.ranges...)
	}
	a.states[at] = s
}

// inRanges says whether a character is in ranges, which are in order.
func inRanges(ranges []Range, c rune) bool {
	i, found := slices.BinarySearchFunc(ranges, c, func(r Range, c rune) int { return int(r.Hi - c) })
	return found || i < len(ranges) && ranges[i].Lo <= c
}

// accepts says whether a text may end in a state.
func (a *characters) accepts(s *characterState) bool {
	for i, p := range a.sides {
		_, ends := slices.BinarySearch(s.sides[i], p.end)
		if ends == (i >= len(a.language.all)) {
			return false
		}
	}
	return s.count >= a.language.min
}

// expr writes a rule for each state.
func (a *characters) expr() Expr {
	c := a.compiler
	prefix := "l" + strconv.Itoa(len(c.made)) + ":"
	if len(a.states) == 0 {
		return Or()
	}
	refs := make([]Expr, len(a.states))
	for i := range a.states {
		s := &a.states[i]
		refs[i] = c.rule(prefix+strconv.Itoa(i), func() Expr {
			var ways []Expr
			if a.accepts(s) {
				ways = append(ways, Expr{})
			}
			for k, to := range s.to {
				ways = append(ways, row(c.character(normalRanges(s.by[k]), len(a.states) > fewStates), refs[to]))
			}
			return Or(ways...)
		})
	}
	return refs[0]
}

// character writes one character of ranges; shared, in a rule if it is large.
func (c *schemaCompiler) character(ranges []Range, shared bool) Expr {
	c.spend(10 * len(ranges))
	plain := true
	for _, r := range ranges {
		plain = plain && r.Hi < 0x7F
	}
	if !shared || plain {
		return escapeClass(ranges)
	}
	return c.rule("k"+keyOfRanges(ranges), func() Expr { return escapeClass(ranges) })
}
