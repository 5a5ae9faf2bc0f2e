package kvcache

import (
	"fmt"

	"github.com/blitz-r1/blitz/internal/tensor"
)

// page is the memory of 256 positions of a group. It is held by sequences, or in the
// tree, or both; otherwise it is in the free list of its group.
type page struct {
	memory  tensor.Memory
	bytes   []byte
	group   int
	holders int   // sequences
	node    *node // where it is in the tree, or nil

	older, newer *page // in the idle list
}

// shared says whether someone else than one sequence reads the page, so that the
// sequence must not write it.
func (p *page) shared() bool { return p.holders > 1 || p.node != nil }

// idleList is the pages that only the tree has, in the order in which sequences
// gave them up. A sequence gives up its last page first, so a page of the group
// without a window is idle after those that continue it, and they are evicted
// before it.
type idleList struct{ oldest, newest *page }

func (l *idleList) push(p *page) {
	p.older, p.newer = l.newest, nil
	if l.newest != nil {
		l.newest.newer = p
	} else {
		l.oldest = p
	}
	l.newest = p
}

func (l *idleList) remove(p *page) {
	if p.older != nil {
		p.older.newer = p.newer
	} else {
		l.oldest = p.newer
	}
	if p.newer != nil {
		p.newer.older = p.older
	} else {
		l.newest = p.older
	}
	p.older, p.newer = nil, nil
}

// hold adds a sequence to the holders of a page.
func (c *Cache) hold(p *page) {
	p.holders++
	if p.holders > 1 {
		return
	}
	c.held += len(p.bytes)
	c.stats.HeldPages++
	if p.node != nil {
		c.unidle(p)
	}
}

// unidle takes a page from those that only the tree has.
func (c *Cache) unidle(p *page) {
	c.idle.remove(p)
	c.cached -= len(p.bytes)
	c.stats.CachedPages--
	if c.groups[p.group].state {
		c.states -= len(p.bytes)
	}
}

// release takes a sequence from the holders of a page. A page that is in the tree
// stays there.
func (c *Cache) release(p *page) {
	p.holders--
	if p.holders > 0 {
		return
	}
	c.held -= len(p.bytes)
	c.stats.HeldPages--
	if p.node == nil {
		c.groups[p.group].free = append(c.groups[p.group].free, p)
		return
	}
	c.idle.push(p)
	c.cached += len(p.bytes)
	c.stats.CachedPages++
	if c.groups[p.group].state {
		c.states += len(p.bytes)
	}
}

// attach puts a page that a sequence holds into a node of the tree.
func (c *Cache) attach(n *node, p *page) {
	n.pages[p.group], p.node = p, n
}

// detach takes a page out of the tree.
func (c *Cache) detach(p *page) {
	p.node.pages[p.group], p.node = nil, nil
	if p.holders > 0 {
		return
	}
	c.unidle(p)
	c.groups[p.group].free = append(c.groups[p.group].free, p)
}

// take returns a page with one holder. It maps new memory up to the limit, and then
// evicts. The error wraps ErrNoRoom.
func (c *Cache) take(g int) (*page, error) {
	gr := &c.groups[g]
	for {
		if n := len(gr.free); n > 0 {
			p := gr.free[n-1]
			gr.free = gr.free[:n-1]
			c.hold(p)
			return p, nil
		}
		err := ErrNoRoom
		if gr.bytes <= c.limit-c.mapped {
			memory, failed := tensor.Allocate(gr.bytes)
			if failed == nil {
				p := &page{memory: memory, bytes: memory.Bytes(), group: g}
				c.mapped += gr.bytes
				c.hold(p)
				return p, nil
			}
			err = fmt.Errorf("%w: %w", ErrNoRoom, failed)
		}
		if !c.reclaim(g) {
			return nil, err
		}
	}
}

// reclaim makes room for a page of group g: it unmaps a free page of another group,
// or evicts the page that has been idle for longest. It returns false where there is
// nothing left to give up.
func (c *Cache) reclaim(g int) bool { return c.unmapFree(g) || c.evict() }

// unmap gives the memory of a free page of group g back to the system.
func (c *Cache) unmap(g int) {
	gr := &c.groups[g]
	p := gr.free[len(gr.free)-1]
	gr.free[len(gr.free)-1] = nil
	gr.free = gr.free[:len(gr.free)-1]
	c.mapped -= len(p.bytes)
	p.bytes = nil
	p.memory.Free()
}
