package grammar

import (
	"slices"
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
	maxLanguageStates = 40_000  // of all, side by side, and of those with a count
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
	a := &characters{compiler: c, language: l, index: map[string]int32{}}
	for _, e := range slices.Concat(l.all, l.not) {
		p := &charGraph{compiler: c}
		start, end := p.state(), p.state()
		p.build(e.n, start, end)
		p.start, p.end = start, end
		a.sides = append(a.sides, p)
	}
	a.split()
	a.build()
	a.minimize()
	return a.expr()
}
