package tokenizer

import (
	"cmp"
	"fmt"
	"slices"
)

// A trie finds the keys that a text begins with. Nodes lie in one slice, the
// children of a node side by side in ascending order of their bytes.
type trie struct {
	nodes []trieNode
	root  [256]int32 // child of the root for each byte; 0: none
}

type trieNode struct {
	label byte
	count uint8 // children, less one if leaf is false
	inner bool  // has children
	value int32 // of the key that ends here; -1: none
	first int32 // first child
}

// A trieKey is a key and what it stands for.
type trieKey struct {
	text  string
	value int32
}

// maxTrieText is the most text of all keys, in bytes: each may become a node. The
// largest published vocabularies have 10 MiB.
const maxTrieText = 16 << 20

// newTrie builds a trie. Empty keys are left out; of equal keys the last in
// keys stays.
func newTrie(keys []trieKey) (*trie, error) {
	size := 0
	for _, k := range keys {
		if size += len(k.text); size > maxTrieText {
			return nil, fmt.Errorf("%w: tokens of more than %d bytes together", ErrUnsupported, maxTrieText)
		}
	}
	slices.SortStableFunc(keys, func(a, b trieKey) int { return cmp.Compare(a.text, b.text) })
	t := &trie{nodes: make([]trieNode, 1, countNodes(keys)+1)}
	t.nodes[0].value = -1
	// A range of keys shares its first depth bytes, the path of a node.
	type path struct{ from, to, depth, node int32 }
	level, next := []path{{0, int32(len(keys)), 0, 0}}, []path(nil)
	for i := 0; i < len(level) || len(next) > 0; i++ {
		if i == len(level) {
			level, next, i = next, level[:0], 0
		}
		p := level[i]
		for p.from < p.to && len(keys[p.from].text) == int(p.depth) {
			if p.depth > 0 {
				t.nodes[p.node].value = keys[p.from].value
			}
			p.from++
		}
		if p.from == p.to {
			continue
		}
		first := int32(len(t.nodes))
		for from := p.from; from < p.to; {
			b := keys[from].text[p.depth]
			to := from + 1
			for to < p.to && keys[to].text[p.depth] == b {
				to++
			}
			next = append(next, path{from, to, p.depth + 1, int32(len(t.nodes))})
			t.nodes = append(t.nodes, trieNode{label: b, value: -1})
			from = to
		}
		n := &t.nodes[p.node]
		n.first, n.inner, n.count = first, true, uint8(int32(len(t.nodes))-first-1)
	}
	if root := t.nodes[0]; root.inner {
		for i := root.first; i <= root.first+int32(root.count); i++ {
			t.root[t.nodes[i].label] = i
		}
	}
	return t, nil
}

// countNodes returns how many nodes sorted keys become, the root not counted: of each,
// what it does not begin with as the one before does.
func countNodes(keys []trieKey) (n int) {
	before := ""
	for _, k := range keys {
		same := 0
		for same < min(len(before), len(k.text)) && before[same] == k.text[same] {
			same++
		}
		n, before = n+len(k.text)-same, k.text
	}
	return n
}

// child returns the child of node for byte b, or 0.
func (t *trie) child(node int32, b byte) int32 {
	n := &t.nodes[node]
	if !n.inner {
		return 0
	}
	lo, hi := n.first, n.first+int32(n.count)+1
	for hi-lo > 8 {
		mid := int32(uint32(lo+hi) >> 1)
		if t.nodes[mid].label <= b {
			lo = mid
		} else {
			hi = mid
		}
	}
	for ; lo < hi; lo++ {
		if l := t.nodes[lo].label; l == b {
			return lo
		} else if l > b {
			break
		}
	}
	return 0
}

// longest returns the value and length of the longest key that text begins
// with; the length is 0 if there is none.
func (t *trie) longest(text string) (value int32, n int) {
	if text == "" {
		return 0, 0
	}
	for node, i := t.root[text[0]], 1; node != 0; i++ {
		if v := t.nodes[node].value; v >= 0 {
			value, n = v, i
		}
		if i == len(text) {
			break
		}
		node = t.child(node, text[i])
	}
	return value, n
}
