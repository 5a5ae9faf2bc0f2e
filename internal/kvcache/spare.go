package kvcache

// Spare bounds what pages that no sequence holds may take: those of the tree, and free ones.
// Pages beyond that go back to the system as soon as they are given up. Without it they
// may take all that sequences do not need.
func (c *Cache) Spare(most int) {
	c.spare = most
	c.Trim(most)
}

// Trim gives pages that no sequence holds back to the system until they take at most so many
// bytes: free ones, then those that were idle for longest, which are found no more.
func (c *Cache) Trim(most int) {
	for c.mapped-c.held > most {
		if !c.unmapFree(-1) && !c.evict() {
			return
		}
	}
}

// trim keeps the bounds of Spare and of states, at the end of what gives pages up.
func (c *Cache) trim() {
	for c.states > c.limit/stateShare {
		p := c.idle.oldest
		for !c.groups[p.group].state {
			p = p.newer
		}
		c.forget(p)
	}
	c.Trim(c.spare)
}

// unmapFree gives the memory of a free page back to the system, of any group but one. It
// returns false where there is none.
func (c *Cache) unmapFree(but int) bool {
	for g := range c.groups {
		if g != but && len(c.groups[g].free) > 0 {
			c.unmap(g)
			return true
		}
	}
	return false
}

// evict takes the page that has been idle for longest out of the tree, and with it what
// cannot be found without it. It returns false where none is idle.
func (c *Cache) evict() bool {
	p := c.idle.oldest
	if p == nil {
		return false
	}
	c.forget(p)
	return true
}

// forget takes an idle page out of the tree, and with it what cannot be found without it.
func (c *Cache) forget(p *page) {
	n, before := p.node, c.stats.CachedPages
	c.detach(p)
	c.prune(n)
	c.stats.EvictedPages += before - c.stats.CachedPages
}
