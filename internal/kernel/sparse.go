package kernel

import (
	"encoding/binary"

	"github.com/blitz-r1/blitz/internal/tensor"
)

// AttendChosen is Attend over a sparse set: positions are ranks in chosen, which is
// ascending and not empty; every query sees all of it (CANON section 6).
func (a *Attention) AttendChosen(queries []Query, pages Pages, chosen []int32, s *AttendScratch) {
	sparse := *a
	sparse.Window, pages.Chosen = 0, chosen
	for i := range queries {
		queries[i].Pos = len(chosen) - 1
	}
	sparse.Attend(queries, pages, s)
}

// rowPage makes a page of keys of the whole rows of positions lo … hi-1 of split c, and of
// what shares row blocks with them.
func (s *AttendScratch) rowPage(a *Attention, pages *Pages, c, lo, hi int) []byte {
	page := s.gatherPage(a.Kind.KeyBytes(a.KeyDim))
	m := a.Kind.keys(page, a.KeyDim)
	size := a.Kind.rowBytes(a.KeyDim)
	each := pages.Each
	if each == 0 {
		each = PagePositions
	}
	for b := lo / RowBlock; b*RowBlock < hi; b++ {
		for lane := range RowBlock {
			rank := c*PagePositions + min(b*RowBlock+lane, hi-1) // behind the last one stands it again, which nobody sees
			pos := rank
			if pages.Chosen != nil {
				pos = int(pages.Chosen[rank])
			}
			s.rows.rows[lane] = ptr(pages.Splits[pos/each][pages.Key+pos%each*size:][:size])
		}
		s.rows.gatherBlock(a.Kind, &m, b)
	}
	return page
}

// chosenPage copies the first hi rows of keys and values of split c of a sparse set.
func (s *AttendScratch) chosenPage(a *Attention, pages *Pages, c, hi int) (key, value []byte) {
	at := a.Kind.KeyBytes(a.KeyDim)
	size := at
	if !a.Latent {
		size += a.Kind.ValueBytes(a.ValueDim)
	}
	page := s.gatherPage(size)
	for to, pos := range pages.Chosen[c*PagePositions:][:hi] {
		src, from := pages.Splits[pos/PagePositions], int(pos)%PagePositions
		a.Kind.copyKey(page, src[pages.Key:], a.KeyDim, to, from)
		if !a.Latent {
			a.Kind.copyValue(page[at:], src[pages.Value:], a.ValueDim, to, from)
		}
	}
	return page, page[at:]
}

// gatherPage returns room for a page.
func (s *AttendScratch) gatherPage(n int) []byte {
	if len(s.gathered) < n {
		s.gathered = tensor.Aligned(n)
	}
	return s.gathered[:n]
}

// copyKey copies the key at position from of a page to position to of another.
func (k CacheKind) copyKey(dst, src []byte, dim, to, from int) {
	m := k.keys(nil, dim)
	dst, src = dst[to/RowBlock*m.reg.size:], src[from/RowBlock*m.reg.size:]
	to, from = to%RowBlock, from%RowBlock
	if k != CacheQ8 {
		size := m.Float.BlockBytes()
		for d := range dim {
			copy(dst[size*(d*RowBlock+to):][:size], src[size*(d*RowBlock+from):])
		}
		return
	}
	for d := 0; d < m.Cols; d += 4 {
		at := d * RowBlock
		binary.LittleEndian.PutUint32(dst[at+4*to:], binary.LittleEndian.Uint32(src[at+4*from:]))
	}
	for g := range m.Cols / Group {
		at := m.reg.d + 2*RowBlock*g
		binary.LittleEndian.PutUint16(dst[at+2*to:], binary.LittleEndian.Uint16(src[at+2*from:]))
	}
}

// copyValue copies the value at position from of a page to position to of another.
func (k CacheKind) copyValue(dst, src []byte, dim, to, from int) {
	m := k.values(nil, dim)
	if k != CacheQ8 {
		size := m.Float.BlockBytes() * RowBlock
		for b := range m.Blocks() {
			copy(dst[b*m.reg.size+to*size:][:size], src[b*m.reg.size+from*size:])
		}
		return
	}
	at := func(pos int) int { return pos/Group*tileBytes + pos%Group/4*64 + pos%4 }
	for b := range m.Blocks() {
		d, s := dst[b*m.reg.size+at(to):], src[b*m.reg.size+at(from):]
		for lane := range RowBlock {
			d[4*lane] = s[4*lane]
		}
	}
	for g := 0; g < dim; g += valueGroup {
		off := m.Bytes() + 2*g/valueGroup*PagePositions
		copy(dst[off+2*to:][:2], src[off+2*from:])
	}
}
