package grammar

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"unicode/utf8"
)

// reference matches texts by the plain meaning of expressions: the ends that a part of
// the text may have, for each of its begins.
type reference struct {
	rules *Rules
	text  string
	memo  map[refKey][]int
	open  map[refKey]bool
}

type refKey struct {
	n  *node
	at int
}

// referenceMatches says whether an expression matches a whole text.
func referenceMatches(r *Rules, e Expr, text string) bool {
	m := &reference{r, text, map[refKey][]int{}, map[refKey]bool{}}
	return slices.Contains(m.ends(e.n, 0), len(text))
}

func (m *reference) ends(n *node, at int) []int {
	if n == nil {
		return []int{at}
	}
	key := refKey{n, at}
	if ends, ok := m.memo[key]; ok {
		return ends
	}
	if m.open[key] {
		panic("left recursion in the reference")
	}
	m.open[key] = true
	ends := m.find(n, at)
	slices.Sort(ends)
	ends = slices.Compact(ends)
	m.open[key] = false
	m.memo[key] = ends
	return ends
}

func (m *reference) find(n *node, at int) (ends []int) {
	rest := m.text[at:]
	switch n.op {
	case opLiteral, opSpecial:
		if strings.HasPrefix(rest, n.text) {
			return []int{at + len(n.text)}
		}
	case opClass:
		r, size := utf8.DecodeRuneInString(rest)
		if size > 0 && (r != utf8.RuneError || size > 1) && slices.ContainsFunc(n.ranges, func(g Range) bool { return g.Lo <= r && r <= g.Hi }) {
			return []int{at + size}
		}
	case opSeq:
		ends = []int{at}
		for _, s := range n.subs {
			var next []int
			for _, e := range ends {
				next = append(next, m.ends(s, e)...)
			}
			slices.Sort(next)
			ends = slices.Compact(next)
		}
	case opOr:
		for _, s := range n.subs {
			ends = append(ends, m.ends(s, at)...)
		}
	case opRepeat:
		round := []int{at}
		for i := 0; (n.max == Unbounded || i <= n.max) && i <= n.min+len(m.text)+1; i++ {
			if i >= n.min {
				ends = append(ends, round...)
			}
			var next []int
			for _, e := range round {
				next = append(next, m.ends(n.subs[0], e)...)
			}
			slices.Sort(next)
			round = slices.Compact(next)
		}
	case opRef:
		return slices.Clone(m.ends(m.rules.bodies[m.rules.index[n.text]].n, at))
	case opFree:
		for end := at; end <= len(m.text); end++ {
			if slices.ContainsFunc(n.texts, func(s string) bool { return strings.Contains(m.text[at:end], s) }) {
				break
			}
			ends = append(ends, end)
		}
	case opAnd:
		ends = slices.Clone(m.ends(n.subs[0], at))
		for _, s := range n.subs[1:] {
			other := m.ends(s, at)
			ends = slices.DeleteFunc(ends, func(e int) bool { return !slices.Contains(other, e) })
		}
	case opWithout:
		other := m.ends(n.subs[1], at)
		return slices.DeleteFunc(slices.Clone(m.ends(n.subs[0], at)), func(e int) bool { return slices.Contains(other, e) })
	}
	return ends
}

// randomExpr returns an expression over the letters a, b and é. Those with refs refer
// to rules r0 and r1, only behind a letter, so that no rule begins with itself.
func randomExpr(rng *rand.Rand, depth int, refs bool) Expr {
	kinds := 9
	if depth <= 0 {
		kinds = 3
	}
	sub := func() Expr { return randomExpr(rng, depth-1, refs) }
	switch rng.IntN(kinds) {
	case 0:
		return Literal([]string{"a", "b", "ab", "é", "aé", ""}[rng.IntN(6)])
	case 1:
		return []Expr{Class(Range{'a', 'b'}), Class(Range{'b', 'é'}), NotClass(Range{'b', 'b'}), Class(Range{'é', '€'})}[rng.IntN(4)]
	case 2:
		if refs {
			return Seq(Literal("a"), Ref(fmt.Sprint("r", rng.IntN(2))))
		}
		return Literal("b")
	case 3, 4:
		return Seq(sub(), sub())
	case 5:
		return Or(sub(), sub())
	case 6:
		low := rng.IntN(3)
		return Repeat(sub(), low, []int{Unbounded, low, low + 1, low + 3}[rng.IntN(4)])
	case 7:
		return Repeat(sub(), 0, 1)
	}
	if refs {
		return sub()
	}
	if rng.IntN(2) == 0 {
		return And(sub(), sub())
	}
	return Without(sub(), sub())
}

// alphabet is what the texts of random grammars are made of.
var alphabet = []string{"a", "b", "é", "€", "\xc3"}

// tinyVocabulary returns a vocabulary of short texts over the alphabet, whole characters or
// not, with an end token as the last. Two tokens have one text.
func tinyVocabulary() (*Vocabulary, [][]byte) {
	var tokens [][]byte
	for _, t := range strings.Fields("a b ab ba aa bb aab abab é aé éb \xc3 \xa9 \xa9b a\xc3 € \xe2 \x82 \xac \x82\xac bbbbb aaaaaaa abé ab éé") {
		tokens = append(tokens, []byte(t))
	}
	tokens = append(tokens, []byte("<end>"))
	v, err := NewVocabulary(tokens, nil, []int32{int32(len(tokens) - 1)})
	if err != nil {
		panic(err)
	}
	return v, tokens
}
