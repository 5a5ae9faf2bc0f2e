package kvcache

import "container/list"

// A cache whose pages outlive it lists each whole page of all groups that comes to be
// in a tree, once. Whoever keeps them takes them from the list; what is evicted before
// that is lost. A page that begins a prefix is listed with the next one: alone it is
// computed again about as fast as it is read.

// Page is a page of all groups.
type Page struct {
	Sum, Parent Sum      // of the prefix that it ends, and of the one before
	Split       int      // how many pages come before it
	Groups      [][]byte // the bytes of each group
}

// listing is the whole pages that nobody keeps yet.
type listing struct {
	on    bool
	nodes list.List // of *node
}

// Keep makes the cache list its whole pages, of those computed from here on.
func (c *Cache) Keep() { c.unkept.on = true }

// Unkept says whether there are listed pages.
func (c *Cache) Unkept() bool { return c.unkept.nodes.Len() > 0 }

// TakeUnkept returns the page that has been listed for longest, and counts it as kept.
// Its bytes are valid until the cache or a sequence is changed. It returns false where
// there is none.
func (c *Cache) TakeUnkept() (Page, bool) {
	for c.Unkept() {
		n := c.unkept.nodes.Front().Value.(*node)
		c.unlist(n)
		if !n.whole() { // a window's page was evicted
			continue
		}
		n.kept = true
		return n.page(), true
	}
	return Page{}, false
}

// page returns the node as a page of all groups, all of which are there.
func (n *node) page() Page {
	w := Page{Sum: n.sum(), Parent: n.parent.sum()}
	for at := n.parent; at.parent != nil; at = at.parent {
		w.Split++
	}
	for _, p := range n.pages {
		w.Groups = append(w.Groups, p.bytes)
	}
	return w
}

// Tail returns the page that the first n positions of the sequence end within, or with,
// for Restore to put those positions back: what comes behind them in it is of no
// meaning. It returns false where a window has passed it, where no state is known at n,
// and for a sequence that shares nothing.
func (s *Sequence) Tail(n int) (Page, bool) {
	if n < 1 || n > len(s.tokens) || !s.shares() || n < len(s.tokens) && s.cache.KeepsStates() {
		return Page{}, false
	}
	split := (n - 1) / PagePositions
	var groups [][]byte
	for g := range s.pages {
		if s.pages[g][split] == nil {
			return Page{}, false
		}
		groups = append(groups, s.pages[g][split].bytes)
	}
	parent := s.tip.up(len(s.tokens)/PagePositions - split).sum()
	return Page{Sum: parent.Next(s.tokens[split*PagePositions : n]), Parent: parent, Split: split, Groups: groups}, true
}

// Tail is that of a sequence of those tokens, as far as they are in the tree.
func (c *Cache) Tail(salt string, tokens []int32) (Page, bool) {
	root, ok := c.roots[salt]
	if !ok || len(tokens)%PagePositions == 0 {
		return Page{}, false
	}
	path, last, n := c.find(root, tokens)
	if n < len(tokens) {
		return Page{}, false
	}
	at := root
	if len(path) > 0 {
		at = path[len(path)-1]
	}
	p := Page{Parent: at.sum(), Split: len(path)}
	p.Sum = p.Parent.Next(tokens[len(path)*PagePositions:])
	for _, b := range last.pages {
		p.Groups = append(p.Groups, b.bytes)
	}
	return p, true
}

// sum returns the sum of the prefix that a node of whole pages ends.
func (n *node) sum() Sum {
	var path []*node // up to one whose sum is known
	for at := n; !at.summed; at = at.parent {
		path = append(path, at)
		if at.parent == nil {
			break
		}
	}
	for i := len(path) - 1; i >= 0; i-- {
		at := path[i]
		if at.parent == nil {
			at.known = Origin(at.salt)
		} else {
			at.known = at.parent.known.Next(at.tokens)
		}
		at.summed = true
	}
	return n.known
}

// list lists a node of whole pages, and before it those that it continues and that were
// not listed. One that begins a prefix waits for the next.
func (c *Cache) list(n *node) {
	if !c.unkept.on || n.parent.parent == nil && len(n.children) == 0 {
		return
	}
	var path []*node
	for at := n; at.parent != nil && !at.kept && at.listed == nil; at = at.parent {
		path = append(path, at)
	}
	for i := len(path) - 1; i >= 0; i-- {
		path[i].listed = c.unkept.nodes.PushBack(path[i])
	}
}

// unlist takes a node from the list.
func (c *Cache) unlist(n *node) {
	if n.listed != nil {
		c.unkept.nodes.Remove(n.listed)
		n.listed = nil
	}
}
