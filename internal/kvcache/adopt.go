package kvcache

import "fmt"

// GroupBytes returns the bytes of a page of each group. Layers are as they are in New:
// the same ones give the same groups.
func (c *Cache) GroupBytes() []int {
	sizes := make([]int, len(c.groups))
	for g := range c.groups {
		sizes[g] = c.groups[g].bytes
	}
	return sizes
}

// Adopt appends a page of tokens whose keys and values were computed before and kept:
// groups is the bytes of each group, as Whole had them. The sequence must end with a
// whole page, or be empty. The error wraps ErrNoRoom; the sequence is as it was then.
func (s *Sequence) Adopt(tokens []int32, groups [][]byte) error {
	if len(tokens) != PagePositions || len(s.tokens)%PagePositions != 0 {
		return fmt.Errorf("kvcache: adopt %d positions behind %d, want a whole page behind whole ones", len(tokens), len(s.tokens))
	}
	for g := range s.pages {
		if len(groups) != len(s.pages) || len(groups[g]) != s.cache.groups[g].bytes {
			return fmt.Errorf("kvcache: adopt a page of another cache: %d groups, want %d of their bytes", len(groups), len(s.pages))
		}
	}
	if err := s.Reserve(PagePositions); err != nil {
		return err
	}
	split := len(s.tokens) / PagePositions
	for g := range s.pages {
		copy(s.pages[g][split].bytes, groups[g])
	}
	s.Append(tokens)
	if s.shares() {
		s.tip.kept = true
		s.cache.unlist(s.tip)
		s.cache.stats.AdoptedPages++
	}
	return nil
}

// Tip returns the sum of the whole pages that the sequence begins with, and how many
// they are.
func (s *Sequence) Tip() (sum Sum, pages int) {
	return s.tip.sum(), len(s.tokens) / PagePositions
}
