package kvcache

// Match returns a sequence of the longest prefix of tokens whose pages are there,
// computed by sequences of the same salt; "" is one, too. At least the last token is
// left out, for it must be computed to have its logits; Len says how many positions the
// sequence has.
//
// With windows a prefix counts only where the pages that its next position looks back
// on are all there, so a shorter one may do where a longer one does not. With states it
// ends where a page does, or where a sequence that was freed did.
func (c *Cache) Match(salt string, tokens []int32) *Sequence {
	s := c.sequence(c.root(salt))
	c.stats.AskedTokens += len(tokens)
	if len(tokens) == 0 {
		return s
	}
	path, last, n := c.find(s.root, tokens[:len(tokens)-1])
	s.begin(path, last, tokens[:n])
	c.stats.MatchedTokens += n
	return s
}

// Positions returns the length of the longest prefix of tokens whose pages are there.
func (c *Cache) Positions(salt string, tokens []int32) int {
	root, ok := c.roots[salt]
	if !ok {
		return 0
	}
	_, _, n := c.find(root, tokens)
	return n
}

// find returns the longest prefix of tokens whose pages are there: the nodes of its whole
// pages, the one within which it ends, where it does, and its length.
func (c *Cache) find(root *node, tokens []int32) (path []*node, last *node, n int) {
	path = root.descend(tokens)
	for {
		// The longest prefix through path ends within a child of its last node.
		at := root
		if len(path) > 0 {
			at = path[len(path)-1]
		}
		rest := tokens[len(path)*PagePositions:]
		if rest = rest[:min(len(rest), PagePositions)]; c.KeepsStates() {
			last, n = at.beginning(rest)
		} else {
			last, n = at.nearest(rest)
		}
		n += len(path) * PagePositions
		missing := c.missing(path, n)
		if missing == len(path) {
			return path, last, n
		}
		// Every prefix that goes through that page and is not longer than n looks at it.
		path = path[:missing]
	}
}

// descend returns the nodes of the whole pages that tokens begins with, from a root on.
func (n *node) descend(tokens []int32) []*node {
	var path []*node
	at := n
	for ; len(tokens) >= PagePositions; tokens = tokens[PagePositions:] {
		i, found := at.search(tokens[:PagePositions])
		if !found {
			break
		}
		at = at.children[i]
		path = append(path, at)
	}
	return path
}

// missing returns the first split of path that a query at position n looks at in a
// group whose page is not there; len(path) where all are.
func (c *Cache) missing(path []*node, n int) int {
	end := len(path)
	for g := range c.groups {
		for split := c.groups[g].first(n); split < end; split++ {
			if path[split].pages[g] == nil {
				end = split
			}
		}
	}
	return end
}

// begin makes the empty sequence s one of these tokens, whose whole pages are those
// of path and whose partial page, if any, is that of last.
func (s *Sequence) begin(path []*node, last *node, tokens []int32) {
	if len(tokens)%PagePositions != 0 {
		path = append(path, last)
	}
	for g := range s.pages {
		s.first[g] = s.cache.groups[g].first(len(tokens))
		s.pages[g] = make([]*page, len(path))
		for split := s.first[g]; split < len(path); split++ {
			p := path[split].pages[g]
			s.cache.hold(p)
			s.pages[g][split] = p
		}
	}
	s.tokens = append(s.tokens, tokens...)
	s.room = len(tokens)
	if whole := len(tokens) / PagePositions; whole > 0 {
		s.stand(path[whole-1])
	}
}
