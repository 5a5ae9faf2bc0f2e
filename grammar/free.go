package grammar

import (
	"slices"
	"strings"
)

// free builds text in which none of the stops occurs: a state for each beginning of a
// stop that the text may end in (Aho and Corasick 1975).
func (b *builder) free(stops []string, from, to int32) {
	if b.flat {
		return
	}
	t := newStopTrie(stops)
	states := make([]int32, len(t.nodes))
	for i := range states {
		if states[i] = b.state(b.owner[from]); !b.spend(1) {
			return
		}
	}
	b.connect(from, edge{kind: edgeEmpty, to: states[0]})
	b.others = append(b.others, stops)
	for i := range t.nodes {
		if t.nodes[i].stop {
			continue
		}
		if !b.spend(64) {
			return
		}
		b.connect(states[i], edge{kind: edgeEmpty, to: to})
		b.connect(states[i], edge{kind: edgeOther, arg: int32(len(b.others) - 1), to: states[0]})
		for lo := 0; lo < 256; {
			next, hi := t.nodes[i].next[lo], lo
			for hi < 255 && t.nodes[i].next[hi+1] == next {
				hi++
			}
			if !t.nodes[next].stop {
				b.connect(states[i], edge{kind: edgeByte, lo: byte(lo), hi: byte(hi), to: states[next]})
			}
			lo = hi + 1
		}
	}
}

// stopTrie finds texts in a text.
type stopTrie struct{ nodes []stopNode }

// stopNode is a beginning of a text.
type stopNode struct {
	next [256]int32 // by the next byte
	fail int32      // the longest other beginning that this one ends in
	stop bool       // it ends in a whole text
}

func newStopTrie(stops []string) *stopTrie {
	t := &stopTrie{nodes: make([]stopNode, 1)}
	for _, s := range stops {
		at := int32(0)
		for i := range len(s) {
			if t.nodes[at].next[s[i]] == 0 {
				t.nodes = append(t.nodes, stopNode{})
				t.nodes[at].next[s[i]] = int32(len(t.nodes) - 1)
			}
			at = t.nodes[at].next[s[i]]
		}
		t.nodes[at].stop = true
	}
	queue := []int32{0}
	for len(queue) > 0 {
		n := &t.nodes[queue[0]]
		root := queue[0] == 0
		queue = queue[1:]
		n.stop = n.stop || t.nodes[n.fail].stop
		for c := range n.next {
			behind := t.nodes[n.fail].next[c]
			child := n.next[c]
			switch {
			case child == 0 && !root:
				n.next[c] = behind
			case child != 0:
				if !root {
					t.nodes[child].fail = behind
				}
				queue = append(queue, child)
			}
		}
	}
	return t
}

// free returns the state of free text behind a special token, which counts as its text;
// -1 where a stop is complete with it.
func (g *Grammar) free(state int32, text string, work *int) int32 {
	for i := range len(text) {
		class, next := g.class[text[i]], int32(-1)
		s := &g.states[state]
		*work -= int(s.to - s.from)
		for j := s.from; j < s.to; j++ {
			if e := &g.edges[j]; e.kind == edgeByte && e.lo <= class && class <= e.hi {
				next = e.to
			}
		}
		if next < 0 {
			return -1
		}
		state = next
	}
	return state
}

// namedOf returns the special tokens of a vocabulary that the grammar names, or that a
// stop may begin, end or go on in. To free text, all others are alike.
func (g *Grammar) namedOf(v *Vocabulary) map[string]bool {
	named := map[string]bool{}
	for _, id := range v.marks {
		text := string(v.texts[id])
		named[text] = slices.Contains(g.names, text) || slices.ContainsFunc(g.others, func(stops []string) bool {
			return slices.ContainsFunc(stops, func(stop string) bool { return touch(stop, text) })
		})
	}
	return named
}

// touch says whether a text may have a part in where a stop begins, ends or goes on.
func touch(stop, text string) bool {
	if strings.Contains(stop, text) || strings.Contains(text, stop) {
		return true
	}
	for n := 1; n < min(len(stop), len(text)); n++ {
		if strings.HasPrefix(stop, text[len(text)-n:]) || strings.HasSuffix(stop, text[:n]) {
			return true
		}
	}
	return false
}
