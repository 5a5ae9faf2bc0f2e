package model

import "github.com/blitz-r1/blitz/internal/kernel"

// layerPages are the cache pages of one layer, for all segments of a batch.
type layerPages struct {
	all   [][]byte // of the first segment, then of the next
	first []int    // of each segment in all
}

// findPages looks up the cache pages of a layer.
func (s *Step) findPages(layer int) { s.lookUp(&s.pages, layer) }

// lookUp looks up the cache pages of a layer.
func (s *Step) lookUp(p *layerPages, layer int) {
	p.all, p.first = p.all[:0], p.first[:0]
	for i := range s.batch.Segments {
		g := &s.batch.Segments[i]
		p.first = append(p.first, len(p.all))
		for c := range (g.Pos+len(g.Tokens)-1)/kernel.PagePositions + 1 {
			p.all = append(p.all, g.Seq.Page(layer, c))
		}
	}
}

// of returns the pages of a segment, from its position 0 on.
func (p *layerPages) of(segment int) [][]byte { return p.all[p.first[segment]:] }

// slot returns where the layer keeps row t of the step: the page and the place in it.
func (s *Step) slot(t int) (page []byte, slot int) {
	pos := int(s.positions[t])
	return s.pages.of(int(s.segment[t]))[pos/kernel.PagePositions], pos % kernel.PagePositions
}
