package kernel

import (
	"encoding/binary"

	"github.com/blitz-r1/blitz/internal/tensor"
)

// AttendChosen is Attend over a sparse set: positions are ranks in chosen, which is
// ascending; every query sees all of it (CANON section 6).
func (a *Attention) AttendChosen(queries []Query, pages Pages, chosen []int32, s *AttendScratch) {
	gathered := s.gather(a, pages, chosen)
	sparse := *a
	sparse.Window = 0
	for i := range queries {
		queries[i].Pos = len(chosen) - 1
	}
	sparse.Attend(queries, gathered, s)
}

// gather copies the chosen rows into pages of their own, in the order of ranks.
func (s *AttendScratch) gather(a *Attention, pages Pages, chosen []int32) Pages {
	to := Pages{Value: a.Kind.KeyBytes(a.KeyDim)}
	size := to.Value
	if !a.Latent {
		size += a.Kind.ValueBytes(a.ValueDim)
	}
	if len(s.gathered) > 0 && len(s.gathered[0]) < size {
		s.gathered = s.gathered[:0]
	}
	for len(s.gathered)*PagePositions < len(chosen) {
		s.gathered = append(s.gathered, tensor.Aligned(size))
	}
	to.Splits = s.gathered
	for rank, pos := range chosen {
		src, dst := pages.Splits[pos/PagePositions], to.Splits[rank/PagePositions]
		from, at := int(pos)%PagePositions, rank%PagePositions
		a.Kind.copyKey(dst[to.Key:], src[pages.Key:], a.KeyDim, at, from)
		if !a.Latent {
			a.Kind.copyValue(dst[to.Value:], src[pages.Value:], a.ValueDim, at, from)
		}
	}
	return to
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
