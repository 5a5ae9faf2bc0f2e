package kvcache

import (
	"container/list"
	"slices"
)

// node is a page of tokens in the tree. Whole nodes have 256 tokens and may have
// children; partial ones have fewer and are leaves. A partial one makes way for a
// child of the same parent that begins with its tokens and has all pages.
type node struct {
	parent    *node
	tokens    []int32
	children  []*node // in the order of their tokens, so that neighbours have most in common
	pages     []*page // one a group, nil where it is evicted
	sequences int     // sequences whose last whole page this is
	salt      string  // of a root

	known  Sum // where summed
	summed bool
	kept   bool          // somebody keeps it
	listed *list.Element // where nobody does yet
}

func (c *Cache) newNode(parent *node, tokens []int32) *node {
	return &node{parent: parent, tokens: slices.Clone(tokens), pages: make([]*page, len(c.groups))}
}

// root returns the root of a salt's tree, and makes it where there is none.
func (c *Cache) root(salt string) *node {
	n, ok := c.roots[salt]
	if !ok {
		n = c.newNode(nil, nil)
		n.salt = salt
		c.roots[salt] = n
	}
	return n
}

// vanish takes away the root of a tree that is empty and that no sequence stands at.
func (c *Cache) vanish(root *node) {
	if len(root.children) == 0 && root.sequences == 0 && c.roots[root.salt] == root {
		delete(c.roots, root.salt)
	}
}

// search returns where among the children the one with these tokens is, or would be.
func (n *node) search(tokens []int32) (int, bool) {
	return slices.BinarySearchFunc(n.children, tokens, func(child *node, tokens []int32) int {
		return slices.Compare(child.tokens, tokens)
	})
}

// whole says whether all pages of the node are there.
func (n *node) whole() bool { return !slices.Contains(n.pages, nil) }

// up returns the ancestor that many levels above n.
func (n *node) up(levels int) *node {
	for range levels {
		n = n.parent
	}
	return n
}

// nearest returns the child with all pages that has most tokens in common with
// these, and how many; nil where that is none.
func (n *node) nearest(tokens []int32) (best *node, common int) {
	i, _ := n.search(tokens)
	// Away from i, children have less and less in common with tokens.
	for j := i; j < len(n.children); j++ {
		m := commonPrefix(n.children[j].tokens, tokens)
		if m == 0 {
			break
		}
		if n.children[j].whole() {
			best, common = n.children[j], m
			break
		}
	}
	for j := i - 1; j >= 0; j-- {
		m := commonPrefix(n.children[j].tokens, tokens)
		if m <= common {
			break
		}
		if n.children[j].whole() {
			best, common = n.children[j], m
			break
		}
	}
	return best, common
}

// beginning returns the longest child with all pages that tokens begin with, and its
// length; nil where there is none.
func (n *node) beginning(tokens []int32) (best *node, length int) {
	i, found := n.search(tokens)
	if found {
		i++
	}
	// What tokens begin with stands before them, the longest last.
	for i--; i >= 0; i-- {
		child := n.children[i]
		if child.whole() && hasPrefix(tokens, child.tokens) {
			return child, len(child.tokens)
		}
		if commonPrefix(child.tokens, tokens) == 0 {
			break
		}
	}
	return nil, 0
}

// commonPrefix returns how many tokens a and b begin with alike.
func commonPrefix(a, b []int32) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// hasPrefix says whether a begins with b.
func hasPrefix(a, b []int32) bool { return len(a) >= len(b) && slices.Equal(a[:len(b)], b) }

// child returns the child of parent with these tokens, to which the caller attaches
// the pages that it lacks, and makes it where there is none. A partial page that the
// tokens begin with makes way. It returns nil for a partial page that a child with all
// pages begins with.
func (c *Cache) child(parent *node, tokens []int32) *node {
	i, found := parent.search(tokens)
	if !found {
		for _, longer := range parent.children[i:] {
			if !hasPrefix(longer.tokens, tokens) {
				break
			}
			if longer.whole() {
				return nil
			}
		}
		parent.children = slices.Insert(parent.children, i, c.newNode(parent, tokens))
	}
	n := parent.children[i]
	// What lies between the beginning of a page and the page begins alike, so it lacks
	// pages, or the beginning would have made way for it.
	for i--; i >= 0; i-- {
		shorter := parent.children[i]
		if hasPrefix(tokens, shorter.tokens) {
			c.remove(shorter)
			break
		}
		if shorter.whole() {
			break
		}
	}
	return n
}

// prune removes leaves that nothing can be found by: those with a page missing,
// unless a sequence is about to continue them; and the root where nothing is left.
func (c *Cache) prune(n *node) {
	for n.parent != nil && len(n.children) == 0 && n.sequences == 0 && !n.whole() {
		parent := n.parent
		c.remove(n)
		n = parent
	}
	if n.parent == nil {
		c.vanish(n)
	}
}

// remove takes a leaf out of the tree.
func (c *Cache) remove(n *node) {
	c.unlist(n)
	for _, p := range n.pages {
		if p != nil {
			c.detach(p)
		}
	}
	i, _ := n.parent.search(n.tokens)
	n.parent.children = slices.Delete(n.parent.children, i, i+1)
	n.parent = nil
}
