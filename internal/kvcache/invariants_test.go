package kvcache

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// check checks everything that must hold between two operations.
func (w *world) check() {
	holders, tips := w.checkSequences()
	inTree := w.checkTree(tips)
	w.checkPages(holders, inTree)
}

// checkSequences checks lengths, windows and marks of all sequences. It returns how
// many of them hold each page, and stand at each node.
func (w *world) checkSequences() (holders map[*page]int, tips map[*node]int) {
	holders, tips = map[*page]int{}, map[*node]int{}
	for i, x := range w.sequences {
		if !slices.Equal(x.Tokens(), x.tokens) || x.Len() != len(x.tokens) {
			w.t.Fatalf("sequence %d: its %d tokens are not the model's %d", i, x.Len(), len(x.tokens))
		}
		if x.shares() == x.stale || x.shares() && x.root.salt != x.salt {
			w.t.Fatalf("sequence %d of salt %q: in the tree: %v, of salt %q, want %v", i, x.salt, x.shares(), x.root.salt, !x.stale)
		}
		tips[x.tip]++
		for g, pages := range x.pages {
			if len(pages) != splits(x.room) {
				w.t.Fatalf("sequence %d: group %d has %d splits, want %d", i, g, len(pages), splits(x.room))
			}
			for split, p := range pages {
				if want := kept(w.cache.groups[g].window, split, len(x.tokens)); (p != nil) != want {
					w.t.Fatalf("sequence %d of %d: group %d split %d: there: %v, want %v", i, len(x.tokens), g, split, p != nil, want)
				}
				if p == nil {
					continue
				}
				holders[p]++
				if p.group != g {
					w.t.Fatalf("sequence %d: page of group %d in group %d", i, p.group, g)
				}
				if split*PagePositions+PagePositions > len(x.tokens) && x.room > len(x.tokens) && p.shared() {
					w.t.Fatalf("sequence %d: split %d may be written and is shared", i, split)
				}
			}
		}
		w.checkMarks(fmt.Sprintf("sequence %d", i), x.salt, x.tokens, func(layer, split int) []byte { return x.Page(layer, split) })
	}
	return holders, tips
}

// kept says whether a sequence of n positions has the page of split: whether the
// query at position n or a later one looks at a position of it, or will.
func kept(window, split, n int) bool {
	return window == 0 || split*PagePositions+PagePositions > n-window+1
}

// checkMarks checks the marks of those of the tokens' pages that are there; of a page of
// states that of its last position.
func (w *world) checkMarks(who, salt string, tokens []int32, bytes func(layer, split int) []byte) {
	mark := prefixMark(salt, nil)
	for pos, token := range tokens {
		mark = nextMark(mark, token)
		for l := range w.layers {
			page := bytes(l, pos/PagePositions)
			if page == nil || w.layers[l].State && pos+1 < len(tokens) && (pos+1)%PagePositions != 0 {
				continue
			}
			if len(page) != w.layers[l].Bytes || cap(page) != len(page) {
				w.t.Fatalf("%s: layer %d: page of %d bytes, want %d", who, l, len(page), w.layers[l].Bytes)
			}
			if got, want := binary.LittleEndian.Uint64(page[pos%PagePositions*markBytes:]), layerMark(mark, l); got != want {
				w.t.Fatalf("%s: layer %d position %d of %d: got mark %x, want %x", who, l, pos, len(tokens), got, want)
			}
		}
	}
}

// checkTree checks order and contents of all trees and returns their pages.
func (w *world) checkTree(tips map[*node]int) map[*page]bool {
	inTree := map[*page]bool{}
	c := w.cache
	salt := ""
	var walk func(n *node, prefix []int32, path []*node)
	walk = func(n *node, prefix []int32, path []*node) {
		if n.sequences != tips[n] {
			w.t.Fatalf("node at %d: %d sequences, want %d", len(prefix), n.sequences, tips[n])
		}
		if n.parent != nil {
			w.checkNode(n)
			prefix = append(slices.Clone(prefix), n.tokens...)
			path = append(slices.Clone(path), n)
			w.checkMarks(fmt.Sprintf("node at %d", len(prefix)), salt, prefix, func(layer, split int) []byte {
				at := c.places[layer]
				if p := path[split].pages[at.group]; p != nil {
					return p.bytes[at.from:at.to:at.to]
				}
				return nil
			})
		}
		for g, p := range n.pages {
			if p == nil {
				continue
			}
			if p.node != n || p.group != g || inTree[p] {
				w.t.Fatalf("node at %d: page of group %d: of this node: %v, group %d, seen before: %v", len(prefix), g, p.node == n, p.group, inTree[p])
			}
			inTree[p] = true
		}
		for i, child := range n.children {
			if child.parent != n {
				w.t.Fatalf("child %d of node at %d has another parent", i, len(prefix))
			}
			for j, other := range n.children[:i] {
				if slices.Compare(other.tokens, child.tokens) >= 0 || child.whole() && hasPrefix(child.tokens, other.tokens) {
					w.t.Fatalf("children %d and %d of node at %d: out of order, or one the beginning of the other", j, i, len(prefix))
				}
			}
			walk(child, prefix, path)
		}
	}
	listed := 0
	for s, root := range c.roots {
		if root.salt != s || root.parent != nil || len(root.children)+root.sequences == 0 {
			w.t.Fatalf("root of salt %q: says %q, has %d children and %d sequences", s, root.salt, len(root.children), root.sequences)
		}
		salt = s
		walk(root, nil, nil)
		listed += w.checkListed(root)
	}
	if c.unkept.nodes.Len() != listed {
		w.t.Fatalf("%d pages are listed, %d of them in a tree", c.unkept.nodes.Len(), listed)
	}
	return inTree
}

// checkListed checks that what nobody keeps yet is listed, and returns how many nodes
// are. After Drop nothing is.
func (w *world) checkListed(n *node) (count int) {
	for _, child := range n.children {
		count += w.checkListed(child)
		first := n.parent == nil && !slices.ContainsFunc(child.children, func(n *node) bool { return len(n.tokens) == PagePositions })
		if len(child.tokens) == PagePositions && child.whole() && !first && !child.kept && child.listed == nil && w.cache.unkept.on {
			w.t.Fatalf("a whole page is neither kept nor listed")
		}
		if child.listed == nil {
			continue
		}
		count++
		if child.kept || len(child.tokens) != PagePositions || child.listed.Value.(*node) != child {
			w.t.Fatalf("a page of %d tokens is listed, kept: %v", len(child.tokens), child.kept)
		}
	}
	return count
}

func (w *world) checkNode(n *node) {
	if len(n.tokens) == 0 || len(n.tokens) > PagePositions {
		w.t.Fatalf("node of %d tokens", len(n.tokens))
	}
	if len(n.tokens) < PagePositions && len(n.children)+n.sequences > 0 {
		w.t.Fatalf("partial node of %d tokens: %d children, %d sequences", len(n.tokens), len(n.children), n.sequences)
	}
	if len(n.children) == 0 && n.sequences == 0 && !n.whole() {
		w.t.Fatalf("leaf of %d tokens that nothing can be found by", len(n.tokens))
	}
}

// checkPages checks that each page is counted rightly and is in one place, that none
// is lost, and that the limit holds.
func (w *world) checkPages(holders map[*page]int, inTree map[*page]bool) {
	c := w.cache
	for p := range inTree {
		if _, ok := holders[p]; !ok {
			holders[p] = 0
		}
	}
	var want Stats
	for p, n := range holders {
		if p.holders != n || (p.node != nil) != inTree[p] {
			w.t.Fatalf("page of group %d: %d holders, in the tree: %v, want %d, %v", p.group, p.holders, p.node != nil, n, inTree[p])
		}
		if n > 0 {
			want.HeldPages++
			want.HeldBytes += len(p.bytes)
		} else {
			want.CachedPages++
			want.CachedBytes += len(p.bytes)
		}
	}
	for g := range c.groups {
		for _, p := range c.groups[g].free {
			if _, used := holders[p]; used || p.holders != 0 || p.node != nil || p.group != g || len(p.bytes) != c.groups[g].bytes {
				w.t.Fatalf("free page of group %d: in use: %v, %d holders, group %d, %d bytes", g, used, p.holders, p.group, len(p.bytes))
			}
			holders[p] = 0
			want.FreeBytes += len(p.bytes)
		}
	}
	w.checkIdle(want.CachedPages)
	got := c.Stats()
	if got.HeldPages != want.HeldPages || got.HeldBytes != want.HeldBytes || got.CachedPages != want.CachedPages ||
		got.CachedBytes != want.CachedBytes || got.FreeBytes != want.FreeBytes || got.Sequences != len(w.sequences) {
		w.t.Fatalf("stats: got %+v, want %+v and %d sequences", got, want, len(w.sequences))
	}
	if all := want.HeldBytes + want.CachedBytes + want.FreeBytes; all != c.mapped || all > c.limit {
		w.t.Fatalf("pages of %d bytes, %d mapped, limit %d", all, c.mapped, c.limit)
	}
	states := 0
	for p, n := range holders {
		if n == 0 && p.node != nil && c.groups[p.group].state {
			states += len(p.bytes)
		}
	}
	if states != c.states || states > c.limit/stateShare {
		w.t.Fatalf("states that only the tree has take %d bytes, it says %d, want at most %d", states, c.states, c.limit/stateShare)
	}
	if unheld := want.CachedBytes + want.FreeBytes; unheld > c.spare {
		w.t.Fatalf("pages that nobody holds take %d bytes, want at most %d", unheld, c.spare)
	}
}

// checkIdle checks that the idle list is the pages that only the tree has, those of
// the group without a window after all that continue them.
func (w *world) checkIdle(want int) {
	idle, nodes := w.idle()
	if len(idle) != want {
		w.t.Fatalf("%d pages are idle, want %d", len(idle), want)
	}
	gone := map[*node]bool{}
	for i, p := range idle {
		if p.holders != 0 || p.node == nil {
			w.t.Fatalf("idle page %d: %d holders, in the tree: %v", i, p.holders, p.node != nil)
		}
		if w.cache.groups[p.group].window != 0 {
			continue
		}
		for _, child := range nodes[i].children {
			if child.pages[p.group] != nil && !gone[child] {
				w.t.Fatalf("idle page %d would be evicted before one that continues it", i)
			}
		}
		gone[nodes[i]] = true
	}
}

// idle returns the idle pages, oldest first, and their nodes.
func (w *world) idle() (pages []*page, nodes []*node) {
	var before *page
	for p := w.cache.idle.oldest; p != nil; p = p.newer {
		if p.older != before {
			w.t.Fatalf("idle list: page %d has a wrong link", len(pages))
		}
		pages, nodes, before = append(pages, p), append(nodes, p.node), p
	}
	if w.cache.idle.newest != before {
		w.t.Fatalf("idle list: the newest is not the last")
	}
	return pages, nodes
}

// checkEvicted checks that of the pages that were idle the oldest were evicted, and
// with them only what could not be found any more. States have a bound of their own.
func (w *world) checkEvicted(idle []*page, nodes []*node) {
	survived := false
	for i, p := range idle {
		if p.node != nodes[i] {
			if survived && nodes[i].parent != nil && !w.cache.groups[p.group].state {
				w.t.Fatalf("idle page %d of %d was evicted before an older one", i, len(idle))
			}
			continue
		}
		survived = true
	}
}

// fits says whether there is room to reserve n positions for x: for the new pages,
// and for a copy of the page to be written where another sequence has it too.
func (w *world) fits(x *twin, n int) bool {
	if len(x.tokens)+n <= x.room {
		return true
	}
	held := map[*page]bool{}
	bytes := 0
	for _, other := range w.sequences {
		for _, pages := range other.pages {
			for _, p := range pages {
				if p != nil && !held[p] {
					held[p] = true
					bytes += len(p.bytes)
				}
			}
		}
	}
	for g := range w.cache.groups {
		size := w.cache.groups[g].bytes
		for split := len(x.tokens) / PagePositions; split*PagePositions < len(x.tokens)+n; split++ {
			if split >= len(x.pages[g]) || x.pages[g][split].holders > 1 {
				bytes += size
			}
		}
	}
	return bytes <= w.cache.limit
}

// longestMatch returns the positions that Match should find, by trying all prefixes
// through all nodes.
func (w *world) longestMatch(salt string, tokens []int32) int {
	longest := 0
	var walk func(n *node, path []*node)
	walk = func(n *node, path []*node) {
		at := len(path) * PagePositions
		for _, child := range n.children {
			path := append(slices.Clone(path), child)
			i := 0
			for ; i < len(child.tokens) && at+i < len(tokens)-1 && child.tokens[i] == tokens[at+i]; i++ {
				if w.cache.KeepsStates() && i+1 < len(child.tokens) {
					continue
				}
				if at+i+1 > longest && w.usable(at+i+1, func(g, split int) bool { return path[split].pages[g] != nil }) {
					longest = at + i + 1
				}
			}
			if i == PagePositions {
				walk(child, path)
			}
		}
	}
	if root := w.cache.roots[salt]; root != nil {
		walk(root, nil)
	}
	return longest
}

// longestWhole returns the whole pages that WholePages should find, by trying each.
func (w *world) longestWhole(salt string, tokens []int32) int {
	longest := 0
	at, ok := w.cache.roots[salt]
	for path := []*node(nil); ok && len(tokens) >= PagePositions; tokens = tokens[PagePositions:] {
		var i int
		if i, ok = at.search(tokens[:PagePositions]); !ok {
			break
		}
		at = at.children[i]
		path = append(path, at)
		if w.usable(len(path)*PagePositions, func(g, split int) bool { return path[split].pages[g] != nil }) {
			longest = len(path)
		}
	}
	return longest
}

// longestKept returns the positions that Truncate should leave of n.
func (w *world) longestKept(x *twin, n int) int {
	path := make([]*node, len(x.tokens)/PagePositions)
	if !x.stale {
		for i, at := len(path)-1, x.tip; i >= 0; i, at = i-1, at.parent {
			path[i] = at
		}
	}
	for ; n > 0; n-- {
		if w.cache.KeepsStates() && n < len(x.tokens) && n%PagePositions != 0 {
			continue
		}
		if w.usable(n, func(g, split int) bool {
			return x.pages[g][split] != nil || split < len(path) && path[split] != nil && path[split].pages[g] != nil
		}) {
			break
		}
	}
	return n
}

// usable says whether the pages that a sequence of n positions keeps are there.
func (w *world) usable(n int, there func(g, split int) bool) bool {
	for g := range w.cache.groups {
		for split := 0; split*PagePositions < n; split++ {
			if kept(w.cache.groups[g].window, split, n) && !there(g, split) {
				return false
			}
		}
	}
	return true
}

// snapshot returns what an operation that fails must leave as it was.
func (w *world) snapshot() []any {
	s := []any{w.cache.Stats(), w.cache.mapped}
	for _, x := range w.sequences {
		s = append(s, x.tip, len(x.tokens), x.room)
		for _, pages := range x.pages {
			for _, p := range pages {
				s = append(s, p)
			}
		}
	}
	for p := w.cache.idle.oldest; p != nil; p = p.newer {
		s = append(s, p, p.node)
	}
	return s
}
