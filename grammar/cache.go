package grammar

import "sync"

// Cache keeps grammars that were used last, with what they have found out, so that a
// request which asks for the same one again finds it warm. Any goroutine may use it.
type Cache struct {
	mu    sync.Mutex
	bytes int
	list  []cached // the last used last
}

// cached is a grammar in a Cache.
type cached struct {
	key string
	g   *Grammar
}

// maxCached bounds the grammars of a Cache.
const maxCached = 64

// NewCache returns a cache that forgets those used longest ago where all together take
// more than so many bytes, about.
func NewCache(bytes int) *Cache { return &Cache{bytes: bytes} }

// Get returns the grammar with a key, which compile makes where there is none yet. What
// compile fails with is not kept.
func (c *Cache) Get(key string, compile func() (*Grammar, error)) (*Grammar, error) {
	if g := c.find(key); g != nil {
		return g, nil
	}
	g, err := compile()
	if err != nil {
		return nil, err
	}
	if first := c.find(key); first != nil { // of somebody else at the same time
		return first, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list = append(c.list, cached{key, g})
	total := 0
	for i := len(c.list) - 1; i >= 0; i-- {
		total += len(c.list[i].key) + c.list[i].g.Memory()
		if total > c.bytes && i < len(c.list)-1 || len(c.list)-i > maxCached {
			c.list = append(c.list[:0:0], c.list[i+1:]...)
			break
		}
	}
	return g, nil
}

// find returns the grammar with a key, which becomes the last used, or nil.
func (c *Cache) find(key string) *Grammar {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, e := range c.list {
		if e.key == key {
			copy(c.list[i:], c.list[i+1:])
			c.list[len(c.list)-1] = e
			return e.g
		}
	}
	return nil
}

// Memory returns about how many bytes the grammar takes, with what it has found out.
func (g *Grammar) Memory() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := 16 * (len(g.states) + len(g.edges))
	for _, d := range g.derived {
		n += d.g.Memory()
	}
	for _, m := range g.machines {
		n += 4*len(g.states) + int(m.size.Load())
	}
	return n
}
