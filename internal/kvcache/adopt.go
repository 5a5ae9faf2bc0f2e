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

// Adopt appends the tokens of a page, or those that it begins with, whose keys and values
// were computed before and kept: groups is the bytes of each group, as Page had them. The
// sequence must end with a whole page, or be empty. The error wraps ErrNoRoom; the
// sequence is as it was then.
func (s *Sequence) Adopt(tokens []int32, groups [][]byte) error {
	if len(tokens) == 0 || len(tokens) > PagePositions || len(s.tokens)%PagePositions != 0 {
		return fmt.Errorf("kvcache: adopt %d positions behind %d, want at most a page behind whole ones", len(tokens), len(s.tokens))
	}
	for g := range s.pages {
		if len(groups) != len(s.pages) || len(groups[g]) != s.cache.groups[g].bytes {
			return fmt.Errorf("kvcache: adopt a page of another cache: %d groups, want %d of their bytes", len(groups), len(s.pages))
		}
	}
	if err := s.Reserve(len(tokens)); err != nil {
		return err
	}
	split := len(s.tokens) / PagePositions
	for g := range s.pages {
		copy(s.pages[g][split].bytes, groups[g])
	}
	s.Append(tokens)
	s.cache.stats.AdoptedTokens += len(tokens)
	if s.shares() && len(tokens) == PagePositions {
		s.tip.kept = true
		s.cache.unlist(s.tip)
	}
	return nil
}

// Tip returns the sum of the whole pages that the sequence begins with, and how many
// they are.
func (s *Sequence) Tip() (sum Sum, pages int) {
	return s.tip.sum(), len(s.tokens) / PagePositions
}

// WholePages returns how many pages that tokens begin with are there, as Match would
// find them, and no part of another.
func (c *Cache) WholePages(salt string, tokens []int32) int {
	root, ok := c.roots[salt]
	if !ok {
		return 0
	}
	path := root.descend(tokens)
	for {
		n := c.missing(path, len(path)*PagePositions)
		if n == len(path) {
			return n
		}
		path = path[:n]
	}
}

// Restore puts pages that were kept behind those that tokens begin with, as Adopt does,
// for Match to find: they are those that tokens end with. No sequence holds them
// afterwards, so that they make way when room is needed. It returns how many it put there.
// The error wraps ErrNoRoom, or ErrGone where a page before them is not there any more.
func (c *Cache) Restore(salt string, tokens []int32, pages ...[][]byte) (n int, err error) {
	at := splits(len(tokens)) - len(pages)
	if at < 0 {
		return 0, fmt.Errorf("kvcache: restore %d pages of %d positions", len(pages), len(tokens))
	}
	if c.WholePages(salt, tokens[:at*PagePositions]) < at {
		return 0, fmt.Errorf("kvcache: restore page %d: %w", at, ErrGone)
	}
	s := c.sequence(c.root(salt))
	defer s.Free()
	if at > 0 {
		s.begin(s.root.descend(tokens[:at*PagePositions]), nil, tokens[:at*PagePositions])
	}
	for i, groups := range pages {
		if err := s.Adopt(tokens[(at+i)*PagePositions:min((at+i+1)*PagePositions, len(tokens))], groups); err != nil {
			return i, err
		}
	}
	return len(pages), nil
}
