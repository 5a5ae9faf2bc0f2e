package grammar

import (
	"encoding/binary"
	"slices"
	"strconv"
	"unicode/utf8"
)

// characters is the automaton of a language over classes of characters: first the
// expressions side by side, then as few states as do the same.
type characters struct {
	compiler *schemaCompiler
	language *language
	sides    []*charGraph
	classes  []characterClass
	rows     [][][]int32      // of a state: where each side is
	index    map[string]int32 // of rows
	next     [][]int32        // of a state and a class: the next state, -1: none
	accepts  []bool           // of a state: a text may end there
}

// characterClass is characters that all parts take alike.
type characterClass struct {
	ranges []Range
	in     []bool // of the sets of characters that parts take
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

// build finds the states of all sides together.
func (a *characters) build() {
	first := make([][]int32, len(a.sides))
	for i, p := range a.sides {
		first[i] = p.close([]int32{p.start})
	}
	a.add(first)
	for at := 0; at < len(a.rows); at++ {
		next := make([]int32, len(a.classes))
		for k := range a.classes {
			next[k] = a.step(a.rows[at], &a.classes[k])
		}
		a.next = append(a.next, next)
		a.accepts = append(a.accepts, a.accepting(a.rows[at]))
	}
}

// step returns the state behind a character of a class.
func (a *characters) step(row [][]int32, class *characterClass) int32 {
	next := make([][]int32, len(a.sides))
	for j, p := range a.sides {
		var to []int32
		for _, q := range row[j] {
			if class.in[p.sets[q]] {
				to = append(to, p.to[q])
			}
		}
		a.compiler.spend(1 + len(row[j]))
		if len(to) > 0 {
			next[j] = p.close(to)
		}
	}
	return a.add(next)
}

// add returns the number of a state, -1 where nothing can be accepted from it.
func (a *characters) add(row [][]int32) int32 {
	var key []byte
	for i, s := range row {
		if len(s) == 0 && i < len(a.language.all) {
			return -1
		}
		key = binary.AppendUvarint(key, uint64(len(s)))
		for _, q := range s {
			key = binary.AppendUvarint(key, uint64(q))
		}
	}
	n, ok := a.index[string(key)]
	if !ok {
		n = int32(len(a.rows))
		a.enough(len(a.rows))
		a.index[string(key)] = n
		a.rows = append(a.rows, row)
	}
	a.compiler.spend(4 + len(key)/4)
	return n
}

// enough fails where there are too many states.
func (a *characters) enough(states int) {
	if states >= maxLanguageStates {
		a.compiler.fail(tooLargeAt(a.compiler.doc.root, "patterns and lengths that together have over 40000 states"))
	}
}

// accepting says whether a text may end in a state.
func (a *characters) accepting(row [][]int32) bool {
	for i, p := range a.sides {
		_, ends := slices.BinarySearch(row[i], p.end)
		if ends == (i >= len(a.language.all)) {
			return false
		}
	}
	return true
}

// minimize joins states that do the same: those that accept and those that do not are
// told apart, then those that lead to states that are, until none are.
func (a *characters) minimize() {
	part := make([]int32, len(a.next))
	for q, accepts := range a.accepts {
		if accepts {
			part[q] = 1
		}
	}
	for parts := 0; ; {
		numbers := map[string]int32{}
		finer := make([]int32, len(part))
		key := make([]byte, 0, 4*(1+len(a.classes)))
		for q, next := range a.next {
			key = binary.LittleEndian.AppendUint32(key[:0], uint32(part[q]))
			for _, to := range next {
				if to >= 0 {
					to = part[to]
				}
				key = binary.LittleEndian.AppendUint32(key, uint32(to))
			}
			n, ok := numbers[string(key)]
			if !ok {
				n = int32(len(numbers))
				numbers[string(key)] = n
			}
			finer[q] = n
			a.compiler.spend(1 + len(key)/16)
		}
		part = finer
		if len(numbers) == parts {
			break
		}
		parts = len(numbers)
	}
	a.join(part)
}

// join makes one state of each part. Parts are numbered as their first states are.
func (a *characters) join(part []int32) {
	var next [][]int32
	var accepts []bool
	for q, n := range part {
		if int(n) < len(next) {
			continue
		}
		row := a.next[q]
		for k, to := range row {
			if to >= 0 {
				row[k] = part[to]
			}
		}
		next, accepts = append(next, row), append(accepts, a.accepts[q])
	}
	a.next, a.accepts = next, accepts
}

// nearest returns how many characters a text needs at least from each state, -1 where
// there is none.
func (a *characters) nearest() []int {
	back := make([][]int32, len(a.next))
	out := make([]int, len(a.next))
	var queue []int32
	for q, next := range a.next {
		out[q] = -1
		if a.accepts[q] {
			out[q] = 0
			queue = append(queue, int32(q))
		}
		for _, to := range next {
			if to >= 0 {
				back[to] = append(back[to], int32(q))
			}
		}
		a.compiler.spend(1 + len(next))
	}
	for len(queue) > 0 {
		q := queue[0]
		queue = queue[1:]
		for _, from := range back[q] {
			if out[from] < 0 {
				out[from] = out[q] + 1
				queue = append(queue, from)
			}
		}
	}
	return out
}

// place is a state and how many characters there were, as far as that counts.
type place struct {
	state int32
	count int
}

// expr writes a rule for each state and count.
func (a *characters) expr() Expr {
	c, l := a.compiler, a.language
	nearest := a.nearest()
	prefix := "l" + strconv.Itoa(len(c.made)) + ":"
	seen := map[place]bool{}
	var rule func(p place) Expr
	rule = func(p place) Expr {
		if l.max == Unbounded {
			p.count = min(p.count, l.min)
		} else if nearest[p.state] < 0 || p.count+nearest[p.state] > l.max {
			return Or()
		}
		if !seen[p] {
			a.enough(len(seen))
			seen[p] = true
		}
		return c.rule(prefix+strconv.Itoa(int(p.state))+":"+strconv.Itoa(p.count), func() Expr {
			c.spend(len(a.classes))
			var ways []Expr
			if a.accepts[p.state] && p.count >= l.min {
				ways = append(ways, Expr{})
			}
			for _, e := range a.edges(p.state) {
				ways = append(ways, row(c.character(e.ranges, l.max != Unbounded || len(a.next) > fewStates), rule(place{e.to, p.count + 1})))
			}
			return Or(distinct(ways)...)
		})
	}
	if len(a.next) == 0 {
		return Or()
	}
	return rule(place{})
}

// characterEdge is characters that lead to a state.
type characterEdge struct {
	ranges []Range
	to     int32
}

// edges returns where a state leads.
func (a *characters) edges(state int32) []characterEdge {
	var out []characterEdge
	where := map[int32]int{}
	for k, to := range a.next[state] {
		if to < 0 {
			continue
		}
		i, ok := where[to]
		if !ok {
			i = len(out)
			where[to] = i
			out = append(out, characterEdge{to: to})
		}
		out[i].ranges = append(out[i].ranges, a.classes[k].ranges...)
		a.compiler.spend(len(a.classes[k].ranges))
	}
	for i := range out {
		out[i].ranges = normalRanges(out[i].ranges)
	}
	return out
}

// inRanges says whether a character is in ranges, which are in order.
func inRanges(ranges []Range, c rune) bool {
	i, found := slices.BinarySearchFunc(ranges, c, func(r Range, c rune) int { return int(r.Hi - c) })
	return found || i < len(ranges) && ranges[i].Lo <= c
}

// character writes one character of ranges; shared, in a rule if it has escapes.
func (c *schemaCompiler) character(ranges []Range, shared bool) Expr {
	c.spend(10 * len(ranges))
	if !shared || len(overlap(ranges, escaped)) == 0 {
		return escapeClass(ranges)
	}
	return c.rule("k"+keyOfRanges(ranges), func() Expr { return escapeClass(ranges) })
}
