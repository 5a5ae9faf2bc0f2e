package kvcache

import "container/list"

// A cache whose pages outlive it lists each whole page of all groups that comes to be
// in a tree, once. Whoever keeps them takes them from the list; what is evicted before
// that is lost. A page that begins a prefix is listed with the next one: alone it is
// computed again about as fast as it is read.

// Whole is a page of all groups.
type Whole struct {
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
func (c *Cache) TakeUnkept() (Whole, bool) {
	for c.Unkept() {
		n := c.unkept.nodes.Front().Value.(*node)
		c.unlist(n)
		if !n.whole() { // a window's page was evicted
			continue
		}
		n.kept = true
		return n.page(), true
	}
	return Whole{}, false
}

// page returns the node as a page of all groups, all of which are there.
func (n *node) page() Whole {
	w := Whole{Sum: n.sum(), Parent: n.parent.sum()}
	for at := n.parent; at.parent != nil; at = at.parent {
		w.Split++
	}
	for _, p := range n.pages {
		w.Groups = append(w.Groups, p.bytes)
	}
	return w
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
