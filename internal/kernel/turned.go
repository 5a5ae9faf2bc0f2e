package kernel

import (
	"unsafe"

	"github.com/blitz-r1/blitz/internal/tensor"
)

// The products of a backward pass are those of the forward, with their operands laid out
// anew: of y = W x the gradients are dx = W^T dy and dW = dy x^T (CANON section 4). So each
// implementation has them, at its speed and with the same bits.

// BackScratch is the memory that one thread's backward needs. The zero value is ready.
type BackScratch struct {
	turned []byte
	tile   [Group * RowBlock]float32 // decoded weights: [columns][16 rows]
	rows   rowScratch
	out    []float32
	form   F32 // of FloatRows
	attend attendBack
}

// Out returns room for n numbers, which may be anything.
func (s *BackScratch) Out(n int) []float32 {
	s.out = tensor.Resize(s.out, n)
	return s.out
}

// FloatsOf returns the numbers of memory that holds float32 and starts at a multiple of 4.
func FloatsOf(b []byte) []float32 {
	if len(b) < 4 {
		return nil
	}
	return unsafe.Slice((*float32)(unsafe.Pointer(&b[0])), len(b)/4)
}

// BytesOf returns the memory of float32 numbers.
func BytesOf(x []float32) []byte {
	if len(x) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&x[0])), 4*len(x))
}

// Floats returns the numbers of a float32 matrix as they lie packed: row blocks of
// [Cols][16].
func (m *Matrix) Floats() []float32 { return FloatsOf(m.Data) }

// SetColumns sets columns k … k+n-1 of a float32 matrix: column k+t to x[t*ld:][:Rows]. What
// SetTile is to F32.
func (m *Matrix) SetColumns(k int, x []float32, ld, n int) {
	data := m.Floats()
	r := 0
	for ; r+RowBlock <= m.Rows; r += RowBlock { // all of a row block: its memory is one run
		copyLines(data[r*m.Cols+k*RowBlock:], x[r:], ld, n)
	}
	for t := 0; r < m.Rows && t < n; t++ {
		copy(data[r*m.Cols+(k+t)*RowBlock:], x[t*ld+r:][:m.Rows-r])
	}
}

// SetRows sets all rows of a float32 matrix: row r to x[r*ld:][:Cols].
func (m *Matrix) SetRows(x []float32, ld int, s *BackScratch) {
	for b := range m.Blocks() {
		for i := range s.rows.rows {
			r := min(b*RowBlock+i, m.Rows-1) // what stands behind the last row is never used
			s.rows.rows[i] = ptr(x[r*ld:][:m.Cols])
		}
		s.rows.turnRows(m.block(b), 0, m.Cols)
	}
}

// Block returns row block b of a float matrix as a matrix.
func (m *Matrix) Block(b int) Matrix {
	one := *m
	one.Rows, one.Data, one.Bias = min(RowBlock, m.Rows-b*RowBlock), m.block(b), nil
	return one
}

// Part returns row blocks b0 … b1-1 of a float matrix without bias as a matrix.
func (m *Matrix) Part(b0, b1 int) Matrix {
	part := *m
	part.Rows, part.Data = min((b1-b0)*RowBlock, m.Rows-b0*RowBlock), m.Data[b0*m.reg.size:b1*m.reg.size]
	return part
}

// FloatRows is FloatProduct of rows as they lie, which it lays out by the way.
//
//	y [T, ldy]   x [T, ldx], of which a row has Cols
func FloatRows(y []float32, ldy int, x []float32, ldx, T int, m *Matrix, th *Thread) {
	f := &th.BackScratch.form
	f.Reset(T, m.Cols)
	for i := range f.Tiles() {
		f.SetTile(i, x, ldx, &th.BackScratch)
	}
	FloatProduct(y, ldy, f, m, 0, m.Blocks(), &th.Scratch)
}

// Turned returns the columns of m from c0 on, so many groups of them or as many as there
// are, as the rows of a float32 matrix in the scratch: what dy is multiplied with for the
// gradient of those elements of x. Quantised weights are decoded as Row does. c0 is a
// multiple of Group.
//
//	→ [min(groups*Group, Cols-c0), Rows]
func (s *BackScratch) Turned(m *Matrix, c0, groups int) Matrix {
	t := NewFloatMatrix(min(groups*Group, m.Cols-c0), m.Rows, tensor.F32, nil)
	if len(s.turned) < t.Bytes() {
		s.turned = tensor.Aligned(t.Bytes())
	}
	t.Data = s.turned[:t.Bytes()]
	for at := 0; at < t.Rows; at += Group {
		for b := range m.Blocks() {
			s.turnGroup(&t, m, b, c0, at)
		}
	}
	return t
}

// turnGroup is Turned of a group of row block b: columns c0+at … are rows at … of t.
func (s *BackScratch) turnGroup(t, m *Matrix, b, c0, at int) {
	n, rows := min(Group, t.Rows-at), min(RowBlock, m.Rows-b*RowBlock)
	tile := s.decode(m, b, c0+at, n)
	for c := 0; c < n; c += RowBlock {
		for i := range s.rows.rows {
			s.rows.rows[i] = ptr(tile[min(c+i, n-1)*RowBlock:]) // what stands behind the last one is never used
		}
		dst := t.block((at + c) / RowBlock)[4*RowBlock*b*RowBlock:]
		s.rows.turnRows(dst[:4*RowBlock*rows], 0, rows)
	}
}

// decode returns columns c0 … c0+n-1 of row block b, [n][16].
func (s *BackScratch) decode(m *Matrix, b, c0, n int) []float32 {
	block := m.block(b)
	switch {
	case m.Float == tensor.F32:
		return FloatsOf(block)[c0*RowBlock : (c0+n)*RowBlock]
	case m.IsFloat():
		for c := range n {
			for lane := range RowBlock {
				s.tile[c*RowBlock+lane] = m.floatAt(block, c0+c, lane)
			}
		}
		return s.tile[:n*RowBlock]
	}
	var group [tileBytes]byte
	m.Format.unpackGroup(&group, block[c0/Group*m.Format.Layout.GroupBytes():])
	w := m.Format.integers(&group)
	var scale, min [RowBlock]float32
	for at := 0; at < Group; at += m.Format.Block {
		for lane := range RowBlock {
			scale[lane], min[lane] = m.scaleAt(block, (c0+at)/m.Format.Block, lane)
		}
		for c := at; c < at+m.Format.Block; c++ {
			step, dst := w[c/4*64+c%4:], s.tile[c*RowBlock:][:RowBlock]
			for lane := range dst {
				dst[lane] = float32(scale[lane]*float32(step[4*lane])) - min[lane]
			}
		}
	}
	return s.tile[:n*RowBlock]
}
