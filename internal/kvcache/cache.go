// Package kvcache is the memory of keys and values: pages of 256 positions,
// counted references, a tree that finds what was computed before, and windows.
//
// A Sequence is a list of tokens and the pages of their positions. Several sequences
// share the pages of a common prefix; a shared page is copied before it is written.
// Whole pages are put into a tree of tokens as soon as they are computed, the last,
// partial page when the sequence is freed, and stay there until their memory is
// needed, or there are more than Spare allows. A prefix found in the tree gives the
// same bits as one computed again (CANON section 4), so sharing is never seen in a
// result. It could be seen in how long one takes: each salt has a tree of its own,
// and who has another salt finds nothing in it.
//
// Pages may outlive a cache: it lists those that are to be kept elsewhere (TakeUnkept),
// and takes them back (Restore).
//
// The package knows nothing of numbers: a layer declares the bytes that a page of
// it takes and how far back it looks, and gets those bytes to write. Layers with the
// same window form a group, and a page of a group holds its layers one after the
// other; where all positions of such a page are out of the window, the sequence
// gives it up.
//
// A layer may keep a state instead of something for each position, as recurrent layers
// do. Its page then holds the state behind the last position of the page, or of the
// sequence where that ends within it. So a state is known where a page ends, and where
// a sequence stood when it was freed, and nowhere else: a match, or a cut, ends there.
//
// One goroutine owns a Cache and its sequences.
package kvcache

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
)

// PagePositions is the number of positions of a page: one split of attention
// (CANON section 6).
const PagePositions = 256

var (
	// ErrNoRoom says that the limit, or the machine, has no room for more pages.
	ErrNoRoom = errors.New("no room in the cache")
	// ErrGone says that a page was evicted.
	ErrGone = errors.New("evicted meanwhile")
)

// Layer is what a layer keeps.
type Layer struct {
	Bytes  int // of a page of this layer, a multiple of 64
	Window int // positions that a query looks back on, its own included; 0: all
	// State says that a page is the state behind its last position. It needs no other
	// page than the last one.
	State bool
}

// group is the layers with one window, or those with a state.
type group struct {
	window int
	state  bool
	bytes  int // of a page
	free   []*page
}

// stateShare is the part of the limit that states may take which no sequence holds: each
// page end has one, and the latest are those that are asked for.
const stateShare = 4

// place is where the bytes of a layer are in the pages of its group.
type place struct{ group, from, to int }

// Cache is the pages of all sequences and the tree of what was computed.
type Cache struct {
	limit  int
	spare  int // of it, the most that pages may take that no sequence holds
	groups []group
	places []place          // one a layer
	roots  map[string]*node // one a salt, of those that have pages or sequences
	idle   idleList
	unkept listing

	// Bytes of pages: mapped are all, held those of sequences, cached those that
	// only the tree has, states those of them that are states. The rest is free.
	mapped, held, cached, states int
	stats                        Stats
}

// Stats counts what a cache holds and what it did.
type Stats struct {
	Sequences                  int
	HeldPages, CachedPages     int // in sequences; in the tree only
	HeldBytes, CachedBytes     int
	FreeBytes, LimitBytes      int // mapped and not used; the most that may be mapped
	AskedTokens, MatchedTokens int // that Match was given, and that it found
	CopiedPages, EvictedPages  int // copied to be written; evicted from the tree
	AdoptedTokens              int // whose pages were kept elsewhere, and came back
}

// New returns an empty cache whose pages take at most limit bytes. The error wraps
// ErrNoRoom where that is less than one page of each group.
func New(layers []Layer, limit int) (*Cache, error) {
	if len(layers) == 0 {
		return nil, errors.New("kvcache: no layers")
	}
	c := &Cache{limit: limit, spare: limit, roots: map[string]*node{}}
	total := 0
	for i, l := range layers {
		if l.Bytes <= 0 || l.Bytes%64 != 0 {
			return nil, fmt.Errorf("kvcache: layer %d: page of %d bytes, want a positive multiple of 64", i, l.Bytes)
		}
		if l.Window < 0 {
			return nil, fmt.Errorf("kvcache: layer %d: window %d, want 0 or more", i, l.Window)
		}
		if l.Bytes > math.MaxInt-total {
			return nil, fmt.Errorf("kvcache: %w: limit %d bytes, want more than there can be", ErrNoRoom, limit)
		}
		total += l.Bytes
		i := c.group(l.Window, l.State)
		g := &c.groups[i]
		c.places = append(c.places, place{i, g.bytes, g.bytes + l.Bytes})
		g.bytes += l.Bytes
	}
	if total > limit {
		return nil, fmt.Errorf("kvcache: %w: limit %d bytes, want at least %d: %d positions", ErrNoRoom, limit, total, PagePositions)
	}
	return c, nil
}

// group returns the index of the group with that window, and makes it where there
// is none. A window of 1, which looks at no earlier position, is kept as one of 2: then
// every group has the last page of a sequence, and a prefix is found by all groups or
// by none. A state is looked at as such a window is: it is in the page of the position
// before.
func (c *Cache) group(window int, state bool) int {
	if window == 1 || state {
		window = 2
	}
	for i := range c.groups {
		if c.groups[i].window == window && c.groups[i].state == state {
			return i
		}
	}
	c.groups = append(c.groups, group{window: window, state: state})
	return len(c.groups) - 1
}

// KeepsStates says whether there are layers that keep a state.
func (c *Cache) KeepsStates() bool {
	for i := range c.groups {
		if c.groups[i].state {
			return true
		}
	}
	return false
}

// first returns the first split that a query at position pos looks at, which is the
// first that a sequence of pos positions keeps: the page of [256p, 256p+256) is out
// of the window of this and every later query where 256p+256 <= pos-window+1.
func (g *group) first(pos int) int {
	if g.window == 0 {
		return 0
	}
	return max(0, pos-g.window+1) / PagePositions
}

// splits returns the number of pages of that many positions.
func splits(positions int) int {
	n := positions / PagePositions
	if positions%PagePositions != 0 {
		n++
	}
	return n
}

// Bytes returns the most that a sequence takes on its way to that many positions,
// where it grows by at most step positions at a time. Sequences whose Bytes add up to
// the limit or less never see ErrNoRoom. The result is math.MaxInt where it would be
// greater.
func (c *Cache) Bytes(positions, step int) int {
	sum := 0
	for i := range c.groups {
		g := &c.groups[i]
		sum = add(sum, multiply(g.most(positions, step), g.bytes))
	}
	return sum
}

// most returns the most pages that a sequence has at once on its way to that many
// positions, by at most step at a time. A step reads and writes window-1+step positions
// in a row. They touch the most pages where the first of them is the last of its page.
func (g *group) most(positions, step int) int {
	n := splits(positions)
	if g.window > 0 {
		n = min(n, 1+splits(add(g.window-1, max(step, 1)-1)))
	}
	return n
}

// add returns a + b, at most math.MaxInt. Neither is negative.
func add(a, b int) int {
	if a > math.MaxInt-b {
		return math.MaxInt
	}
	return a + b
}

// multiply returns a * b, at most math.MaxInt. Neither is negative.
func multiply(a, b int) int {
	if b > 0 && a > math.MaxInt/b {
		return math.MaxInt
	}
	return a * b
}

// Stats returns the counts.
func (c *Cache) Stats() Stats {
	s := c.stats
	s.HeldBytes, s.CachedBytes = c.held, c.cached
	s.FreeBytes, s.LimitBytes = c.mapped-c.held-c.cached, c.limit
	return s
}

// Drop forgets all that was computed: nothing of before is found again, as it must be
// where the weights are exchanged. Living sequences keep what they hold, and what
// they compute from it is not found either. The memory that no sequence holds goes
// back to the system. Pages are listed no more.
func (c *Cache) Drop() {
	nodes := slices.Collect(maps.Values(c.roots))
	for len(nodes) > 0 {
		n := nodes[len(nodes)-1]
		nodes = append(nodes[:len(nodes)-1], n.children...)
		for _, p := range n.pages {
			if p != nil {
				c.detach(p)
			}
		}
	}
	clear(c.roots)
	c.unkept = listing{}
	for g := range c.groups {
		for len(c.groups[g].free) > 0 {
			c.unmap(g)
		}
	}
}
