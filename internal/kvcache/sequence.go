package kvcache

import (
	"fmt"
	"slices"
)

// Sequence is a list of tokens whose keys and values are in the cache.
type Sequence struct {
	cache  *Cache
	root   *node // of the tree that the sequence belongs to; none of the cache's after Drop, and of a private one
	tip    *node // of the last whole page
	tokens []int32
	pages  [][]*page // [group][split], nil where the window has passed
	first  []int     // [group] the first split that is held
	room   int       // positions that may be written up to
	spoilt bool      // the last page may hold a state of positions that were not appended
}

// Sequence returns an empty sequence of the salt "".
func (c *Cache) Sequence() *Sequence { return c.sequence(c.root("")) }

// sequence returns an empty sequence of a tree.
func (c *Cache) sequence(root *node) *Sequence {
	c.stats.Sequences++
	root.sequences++
	return &Sequence{
		cache: c, root: root, tip: root,
		pages: make([][]*page, len(c.groups)),
		first: make([]int, len(c.groups)),
	}
}

// Private returns an empty sequence that stands apart: what it computes is not found
// by others, and it takes no pages of theirs.
func (c *Cache) Private() *Sequence { return c.sequence(c.newNode(nil, nil)) }

// shares says whether others find what the sequence computes.
func (s *Sequence) shares() bool { return s.cache.roots[s.root.salt] == s.root }

// Len returns the number of positions.
func (s *Sequence) Len() int { return len(s.tokens) }

// Tokens returns the tokens. They are the sequence's own: read only, and valid until
// it changes.
func (s *Sequence) Tokens() []int32 { return s.tokens }

// Page returns the bytes of a layer for the positions from 256*split on; nil where
// they are out of the layer's window. Positions from Len on, up to those that were
// reserved, may be written; all others only be read. The bytes are valid until the
// sequence is changed by another method. Page itself changes nothing and may be called
// by several goroutines at once.
func (s *Sequence) Page(layer, split int) []byte {
	at := &s.cache.places[layer]
	p := s.pages[at.group][split]
	if p == nil {
		return nil
	}
	return p.bytes[at.from:at.to:at.to]
}

// Spoil says that what was written behind the last Append is nothing to go on from: a
// state may be that of positions which will not be appended. The sequence is only good to
// be freed then, and its last page is found by nobody, unless it was whole before.
func (s *Sequence) Spoil() { s.spoilt = true }

// Append says that the keys and values of the next positions were written and are
// those of these tokens. The positions must have been reserved; what was written
// behind them, as by speculation, may be written over. Pages that became whole are
// found by Match from then on; where the tree has the same page already, that one takes
// the place of the sequence's own.
func (s *Sequence) Append(tokens []int32) {
	if len(tokens) > s.room-len(s.tokens) {
		panic(fmt.Sprintf("kvcache: append %d tokens at position %d: reserved up to %d", len(tokens), len(s.tokens), s.room))
	}
	for len(tokens) > 0 {
		n := min(len(tokens), PagePositions-len(s.tokens)%PagePositions)
		s.tokens = append(s.tokens, tokens[:n]...)
		tokens = tokens[n:]
		if len(s.tokens)%PagePositions == 0 && s.shares() {
			n := s.publish()
			s.stand(n)
			s.cache.list(n)
		}
	}
	s.expire()
	s.cache.trim()
}

// publish puts the last page into the tree and returns its node; nil where it is a
// partial one and the tree has a longer one that begins so.
func (s *Sequence) publish() *node {
	split := (len(s.tokens) - 1) / PagePositions
	n := s.cache.child(s.tip, s.tokens[split*PagePositions:])
	if n == nil {
		return nil
	}
	for g := range s.pages {
		switch own, there := s.pages[g][split], n.pages[g]; {
		case there == nil:
			s.cache.attach(n, own)
		case there != own:
			s.cache.hold(there)
			s.cache.release(own)
			s.pages[g][split] = there
		}
	}
	return n
}

// stand makes n the node of the last whole page.
func (s *Sequence) stand(n *node) {
	old := s.tip
	n.sequences++
	old.sequences--
	s.tip = n
	s.cache.prune(old)
}

// expire gives up the pages that are out of their window.
func (s *Sequence) expire() {
	for g := range s.pages {
		first := s.cache.groups[g].first(len(s.tokens))
		for ; s.first[g] < first; s.first[g]++ {
			s.drop(g, s.first[g])
		}
	}
}

// drop gives up a page.
func (s *Sequence) drop(g, split int) {
	if p := s.pages[g][split]; p != nil {
		s.pages[g][split] = nil
		s.cache.release(p)
	}
}

// cut gives up the pages of split n and later ones, the last first.
func (s *Sequence) cut(n int) {
	for split := s.splits() - 1; split >= n; split-- {
		for g := range s.pages {
			if split < len(s.pages[g]) {
				s.drop(g, split)
				s.pages[g] = s.pages[g][:split]
			}
		}
	}
}

// splits returns the number of splits that any group has pages of.
func (s *Sequence) splits() int {
	n := 0
	for _, pages := range s.pages {
		n = max(n, len(pages))
	}
	return n
}

// Fork returns a sequence of the same tokens that shares all pages. What s had
// reserved has to be reserved again, since its last page is shared.
func (s *Sequence) Fork() *Sequence {
	f := &Sequence{
		cache: s.cache, root: s.root, tip: s.tip,
		tokens: slices.Clone(s.tokens),
		pages:  make([][]*page, len(s.pages)),
		first:  slices.Clone(s.first),
		room:   len(s.tokens),
	}
	s.cut(splits(len(s.tokens)))
	s.room = len(s.tokens)
	for g, pages := range s.pages {
		f.pages[g] = slices.Clone(pages)
		for _, p := range pages {
			if p != nil {
				s.cache.hold(p)
			}
		}
	}
	s.tip.sequences++
	s.cache.stats.Sequences++
	s.cache.trim()
	return f
}

// Truncate goes back to n positions, or to fewer where windows have passed the pages
// that position n looks back on and the tree has them no more, or where no state is known
// at n; it returns how many are left. The pages behind are given up, and so is what was reserved. n is from 0 to Len.
func (s *Sequence) Truncate(n int) int {
	if n < 0 || n > len(s.tokens) {
		panic(fmt.Sprintf("kvcache: truncate to %d positions: there are %d", n, len(s.tokens)))
	}
	if n < len(s.tokens) && s.cache.KeepsStates() {
		n -= n % PagePositions
	}
	for missing := s.missing(n); missing < splits(n); missing = s.missing(n) {
		n = missing * PagePositions
	}
	s.cut(splits(n))
	for g := range s.pages {
		first := s.cache.groups[g].first(n)
		for split := len(s.pages[g]) - 1; split >= first; split-- {
			if s.pages[g][split] == nil {
				p := s.inTree(g, split)
				s.cache.hold(p)
				s.pages[g][split] = p
			}
		}
		s.first[g] = first
	}
	if s.shares() {
		s.stand(s.tip.up(len(s.tokens)/PagePositions - n/PagePositions))
	}
	s.tokens = s.tokens[:n]
	s.room = n
	s.cache.trim()
	return n
}

// missing returns the first split that a query at position n looks at in a group
// whose page is neither held nor in the tree; splits(n) where all are.
func (s *Sequence) missing(n int) int {
	end := splits(n)
	for g := range s.pages {
		for split := s.cache.groups[g].first(n); split < end; split++ {
			if s.pages[g][split] == nil && s.inTree(g, split) == nil {
				end = split
			}
		}
	}
	return end
}

// inTree returns the page of a split whose window has passed, so of a whole page, that
// the tree has; nil where it was evicted or the tree has been dropped.
func (s *Sequence) inTree(g, split int) *page {
	if !s.shares() {
		return nil
	}
	return s.tip.up(len(s.tokens)/PagePositions - 1 - split).pages[g]
}

// Free gives up all pages. What was computed is found by Match until it is evicted.
// The sequence is not used afterwards.
func (s *Sequence) Free() {
	if s.cache == nil {
		return
	}
	c := s.cache
	if s.shares() && !s.spoilt && len(s.tokens)%PagePositions != 0 {
		s.publish()
	}
	s.cut(0)
	s.tip.sequences-- // it has all pages or a child, so it can stay, unless it is the root
	c.vanish(s.root)
	c.stats.Sequences--
	*s = Sequence{}
	c.trim()
}
