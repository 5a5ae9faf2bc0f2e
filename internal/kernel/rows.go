package kernel

import (
	"encoding/binary"
	"unsafe"

	"github.com/blitz-r1/blitz/internal/quant"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// Where an indexer chooses what attention sees, a page has whole rows of latent
// attention one behind the other, so that a chosen one is a few lines of memory. Sixteen
// rows, of positions in a row or of chosen ones, become a row block of keys (cache.go)
// when they are read; the heads share it.
//
// A row is its elements, of a quantised cache integers 128 above, padded to whole groups,
// and behind them a float16 scale a group; it starts at a multiple of 64 bytes.

// rowBytes returns the distance of rows of that many elements.
func (k CacheKind) rowBytes(dim int) int {
	if k == CacheQ8 {
		whole := WholeGroups(dim)
		return roundUp(whole+2*whole/Group, 64)
	}
	return roundUp(dim*k.float().BlockBytes(), 64)
}

// RowBytes returns the bytes of so many whole rows of that many elements.
func (k CacheKind) RowBytes(n, dim int) int { return n * k.rowBytes(dim) }

// RowPageBytes returns the bytes of a page of whole rows of that many elements.
func (k CacheKind) RowPageBytes(dim int) int { return PagePositions * k.rowBytes(dim) }

// StoreRow stores a row at position slot of a page of whole rows; see StoreKey.
//
//	row [dim], dim = len(row); page RowPageBytes(dim)
func (k CacheKind) StoreRow(page []byte, slot int, row []float32, latent int) {
	size := k.rowBytes(len(row))
	dst := page[slot*size:][:size]
	if k != CacheQ8 {
		for d, v := range row {
			k.put(dst, d, v)
		}
		return
	}
	var q [valueGroup]int8
	scales := dst[WholeGroups(len(row)):]
	for d := 0; d < len(row); {
		n := keyGroup(d, latent, len(row))
		scale := quant.F32ToF16(quantiseGroup(q[:n], row[d:d+n]))
		whole := WholeGroups(n)
		clear(q[n:whole])
		for i, w := range q[:whole] {
			dst[d+i] = uint8(w) ^ 0x80
		}
		for g := d / Group; g < (d+whole)/Group; g++ {
			binary.LittleEndian.PutUint16(scales[2*g:], scale)
		}
		d += n
	}
}

// sixteen are where sixteen rows begin.
type sixteen [RowBlock]unsafe.Pointer

// rowScratch is what turning rows needs.
type rowScratch struct {
	rows  sixteen
	pairs []byte // [n][16] dwords
}

// gatherBlock makes a row block of keys, block b of m, of the rows that s.rows points at.
func (s *rowScratch) gatherBlock(k CacheKind, m *Matrix, b int) {
	block := m.block(b)
	switch {
	case k == CacheQ8:
		s.turnRows(block, 0, m.Cols/4)
		s.turnWords(block[m.reg.d:], m.Cols, m.Cols/Group)
	case k == CacheF32:
		s.turnRows(block, 0, m.Cols)
	default:
		s.turnWords(block, 0, m.Cols)
	}
}

// turnRows writes n dwords of each row, from byte at on, as [n][16].
func (s *rowScratch) turnRows(dst []byte, at, n int) {
	done := 0
	if impl != Portable {
		done = turnRowsAsm(dst, &s.rows, at, n)
	}
	for lane, row := range s.rows {
		src := unsafe.Slice((*byte)(row), at+4*n)[at:]
		for i := done; i < n; i++ {
			binary.LittleEndian.PutUint32(dst[4*(i*RowBlock+lane):], binary.LittleEndian.Uint32(src[4*i:]))
		}
	}
}

// copyLines copies sixteen numbers from each of n rows, ld apart: dst [n][16] gets
// x[t*ld:][:16].
func copyLines(dst, x []float32, ld, n int) {
	if n <= 0 {
		return
	}
	dst, x = dst[:n*RowBlock], x[:(n-1)*ld+RowBlock]
	if impl != Portable {
		copyLinesAsm(dst, x, ld, n)
		return
	}
	for t := range n {
		copy(dst[t*RowBlock:][:RowBlock], x[t*ld:])
	}
}

// turnWords is turnRows of n words of 16 bits. Rows hold an even number of them.
func (s *rowScratch) turnWords(dst []byte, at, n int) {
	s.pairs = tensor.Resize(s.pairs, (n+1)/2*4*RowBlock)
	s.turnRows(s.pairs, at, (n+1)/2)
	if impl != Portable {
		splitPairsAsm(dst, s.pairs, n)
		return
	}
	for i := range n {
		src := s.pairs[i/2*4*RowBlock+i%2*2:]
		for lane := range RowBlock {
			copy(dst[2*(i*RowBlock+lane):][:2], src[4*lane:])
		}
	}
}
