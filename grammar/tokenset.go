package grammar

import "slices"

// pageWords are the words of a page.
const pageWords = 32

// page is a part of a set of tokens. Pages that are equal are one value.
type page struct {
	words [pageWords]uint64
	chain *page // another one of the same hash
}

const pageBytes = 8*pageWords + 24

// tokenSet is a set of tokens: a bit for each, in pages; nil is one without any.
type tokenSet struct{ pages []*page }

// narrow clears the bits of mask that are not in the set. It says whether there were any.
func (s *tokenSet) narrow(mask []uint64) bool {
	gone := uint64(0)
	for _, p := range s.pages {
		part := mask[:min(pageWords, len(mask))]
		mask = mask[len(part):]
		if p == nil {
			for i, w := range part {
				gone |= w
				part[i] = 0
			}
			continue
		}
		for i, w := range part {
			gone |= w &^ p.words[i]
			part[i] = w & p.words[i]
		}
	}
	for i, w := range mask {
		gone |= w
		mask[i] = 0
	}
	return gone != 0
}

// set returns the tokens of words.
func (m *machine) set(words []uint64) *tokenSet {
	s := &tokenSet{}
	for len(words) > 0 {
		part := words[:min(pageWords, len(words))]
		words = words[len(part):]
		s.pages = append(s.pages, m.page(part))
	}
	m.bytes += 24 + 8*len(s.pages)
	return s
}

// page returns the page of words, nil where none of them has a bit.
func (m *machine) page(words []uint64) *page {
	h, any := uint64(7), uint64(0)
	for _, w := range words {
		h, any = mix(h, w), any|w
	}
	if any == 0 {
		return nil
	}
	p := &page{chain: m.pages[h]}
	copy(p.words[:], words)
	for old := p.chain; old != nil; old = old.chain {
		if slices.Equal(old.words[:], p.words[:]) {
			return old
		}
	}
	m.pages[h] = p
	m.bytes += pageBytes
	return p
}
