package kvcache

import (
	"fmt"
	"slices"
)

// Reserve makes room for n more positions, so that Page gives bytes to write for
// them. The page of the next position is copied where it is shared. Pages that only
// the tree has are evicted where that is needed. The error wraps ErrNoRoom; the
// sequence is as it was then, and so is the tree unless it was the machine that had no
// more memory.
func (s *Sequence) Reserve(n int) error {
	if n < 0 {
		return fmt.Errorf("kvcache: reserve %d positions, want 0 or more", n)
	}
	if n <= s.room-len(s.tokens) {
		return nil
	}
	c := s.cache
	defer c.trim()
	end := add(len(s.tokens), n)
	want, spared := s.cost(splits(end))
	there := c.limit - c.held
	if want-spared > there {
		return fmt.Errorf("kvcache: %d positions behind %d: %w: want %d bytes, %d of %d are left", n, len(s.tokens), ErrNoRoom, want-spared, there, c.limit)
	}
	if want > there {
		s.takeOver()
	}
	if err := s.extend(splits(end)); err != nil {
		return fmt.Errorf("kvcache: %d positions behind %d: %w", n, len(s.tokens), err)
	}
	s.tokens = slices.Grow(s.tokens, s.splits()*PagePositions-len(s.tokens))
	s.room = end
	return nil
}

// cost returns the bytes of the pages that are needed to write up to split end, and
// how many of them can be spared by writing to pages that only the tree shares,
// instead of copies.
func (s *Sequence) cost(end int) (want, spared int) {
	for g := range s.pages {
		bytes := s.cache.groups[g].bytes
		want = add(want, multiply(end-len(s.pages[g]), bytes))
		if p := s.written(g); p != nil && p.shared() {
			want = add(want, bytes)
			if p.holders == 1 {
				spared += bytes
			}
		}
	}
	return want, spared
}

// written returns the page of group g that holds both positions of the sequence and
// the next one; nil where the next one begins a page.
func (s *Sequence) written(g int) *page {
	if len(s.tokens)%PagePositions == 0 {
		return nil
	}
	return s.pages[g][len(s.tokens)/PagePositions]
}

// takeOver takes the page to be written out of the tree where only the tree shares
// it.
func (s *Sequence) takeOver() {
	for g := range s.pages {
		if p := s.written(g); p != nil && p.holders == 1 && p.node != nil {
			n := p.node
			s.cache.detach(p)
			s.cache.prune(n)
		}
	}
}

// extend takes pages up to split end and copies what is shared of the page to be
// written. With an error the sequence is as it was.
func (s *Sequence) extend(end int) error {
	before := s.splits()
	for g := range s.pages {
		for len(s.pages[g]) < end {
			p, err := s.cache.take(g)
			if err != nil {
				s.cut(before)
				return err
			}
			s.pages[g] = append(s.pages[g], p)
		}
	}
	for g := range s.pages {
		old := s.written(g)
		if old == nil || !old.shared() {
			continue
		}
		p, err := s.cache.take(g)
		if err != nil {
			s.cut(before)
			return err
		}
		copy(p.bytes, old.bytes)
		s.pages[g][len(s.tokens)/PagePositions] = p
		s.cache.release(old)
		s.cache.stats.CopiedPages++
	}
	return nil
}

// Need returns the bytes that the sequence lacks to grow to that many positions, by at
// most step at a time; math.MaxInt where it would be greater.
func (s *Sequence) Need(positions, step int) int {
	end := splits(positions)
	sum := 0
	for g := range s.pages {
		bytes := s.cache.groups[g].bytes
		most := s.cache.groups[g].most(positions, step) // that it has at once
		n := min(end-len(s.pages[g]), most-(len(s.pages[g])-s.first[g]))
		sum = add(sum, multiply(max(n, 0), bytes))
		if p := s.written(g); p != nil && p.shared() && positions > len(s.tokens) {
			sum = add(sum, bytes)
		}
	}
	return sum
}

// Room returns the bytes of pages that no sequence holds.
func (c *Cache) Room() int { return c.limit - c.held }
