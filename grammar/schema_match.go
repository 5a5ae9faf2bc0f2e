package grammar

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// matcher says whether a text matches a regular expression: where a part that begins at
// some places of the text can end.
type matcher struct {
	text  string
	spend func(steps int) // is told the work
}

// textMatches says whether all of a text matches an expression without Ref, Special, Free.
func textMatches(e Expr, text string, spend func(int)) bool {
	m := &matcher{text, spend}
	ends := m.ends(e.n, []int{0})
	return len(ends) > 0 && ends[len(ends)-1] == len(text)
}

// ends returns the places, in order, where a part can end that begins at any of from.
func (m *matcher) ends(n *node, from []int) []int {
	if m.spend(1 + len(from)); n == nil || len(from) == 0 {
		return from
	}
	switch n.op {
	case opLiteral, opClass:
		var out []int
		for _, at := range from {
			if l := m.step(n, at); l > 0 {
				out = append(out, at+l)
			}
		}
		return sorted(out)
	case opSeq:
		for _, s := range n.subs {
			from = m.ends(s, from)
		}
		return from
	case opOr:
		var out []int
		for _, s := range n.subs {
			out = append(out, m.ends(s, from)...)
		}
		return sorted(out)
	case opRepeat:
		return m.repeat(n, from)
	}
	var out []int // opAnd, opWithout
	for i := range from {
		ends := m.ends(n.subs[0], from[i:i+1])
		for _, s := range n.subs[1:] {
			other := m.ends(s, from[i:i+1])
			ends = slices.DeleteFunc(slices.Clone(ends), func(e int) bool {
				_, in := slices.BinarySearch(other, e)
				return in != (n.op == opAnd)
			})
		}
		out = append(out, ends...)
	}
	return sorted(out)
}

// step returns the length of a literal or a class at a place, 0 where it is not.
func (m *matcher) step(n *node, at int) int {
	if n.op == opLiteral {
		if strings.HasPrefix(m.text[at:], n.text) {
			return len(n.text)
		}
		return 0
	}
	c, size := utf8.DecodeRuneInString(m.text[at:])
	if size > 0 && inRanges(n.ranges, c) {
		return size
	}
	return 0
}

// repeat goes on until no new places come.
func (m *matcher) repeat(n *node, from []int) []int {
	var out []int
	for i := 0; n.max == Unbounded || i <= n.max; i++ {
		if i >= n.min {
			before := len(out)
			if out = sorted(append(out, from...)); len(out) == before {
				break
			}
		}
		next := m.ends(n.subs[0], from)
		if len(next) == 0 || i < n.min && slices.Equal(next, from) {
			from = next
			if len(next) > 0 { // the empty text, however often
				out = sorted(append(out, from...))
			}
			break
		}
		from = next
	}
	return out
}

// sorted puts places in order, each once.
func sorted(places []int) []int {
	slices.Sort(places)
	return slices.Compact(places)
}
