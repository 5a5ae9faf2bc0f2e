package ik

import (
	"encoding/binary"

	"github.com/blitz-r1/blitz/gguf"
	"github.com/blitz-r1/blitz/internal/tensor"
)

var le = binary.LittleEndian

// Form is how files store a tensor otherwise than its type's blocks, row behind row.
type Form struct {
	Type tensor.DType // of what Write writes
	rows int          // that are interleaved
	meta int          // bytes of a row before its blocks: its factor, a float16 or float32
	size int          // bytes of a block, of one row
	// take reads block k of an interleaved one, put writes it; nil: bytes stay as they are.
	take func(b *block, src []byte, k int)
	put  func(dst []byte, b *block)
}

// FormOf returns the form of a type of GGUF files, and false where its blocks are those of
// the tensor type of the same name, or there is none.
func FormOf(t gguf.Type) (Form, bool) {
	f, ok := forms[t.String()]
	return f, ok
}

// DType returns the tensor type that a type of GGUF files is read as, and the form that it is
// written from, nil where its bytes are that type's. It is false for types that no weights
// have.
func DType(t gguf.Type) (d tensor.DType, f *Form, ok bool) {
	if found, is := FormOf(t); is {
		form := found // what is pointed at is allocated, which most types need not
		return form.Type, &form, true
	}
	d, ok = tensor.ParseDType(t.String())
	return d, nil, ok
}

// bytes returns the bytes of n stored rows of cols.
func (f *Form) bytes(cols, n int) int { return n * (f.meta + cols/f.Type.Block()*f.size) }

// Write writes rows first … first+n-1 of a tensor as its type stores them.
//
//	dst [n rows]   data: the tensor's bytes from its first row on
func (f *Form) Write(dst, data []byte, cols, first, n int) {
	row := f.Type.RowBytes(cols)
	for r := first; r < first+n; r++ {
		group := data[r/f.rows*f.bytes(cols, f.rows):][:f.bytes(cols, f.rows)]
		f.writeRow(dst[(r-first)*row:][:row], group, r%f.rows)
	}
}

// writeRow writes row k of a group of interleaved ones.
func (f *Form) writeRow(dst, group []byte, k int) {
	scales, blocks := group[:f.rows*f.meta], group[f.rows*f.meta:]
	size, stored := f.Type.BlockBytes(), f.rows*f.size
	var b block
	for i := 0; len(blocks) > 0; i++ {
		out := dst[i*size:][:size]
		if f.meta > 0 && f.Type != tensor.IQ1_S {
			putFactor(out, scales[k*f.meta:][:f.meta])
			out = out[4:]
		}
		if f.take == nil {
			copy(out, blocks[:stored])
		} else {
			clear(out)
			b.factor = scales
			f.take(&b, blocks[:stored], k)
			f.put(out, &b)
		}
		blocks = blocks[stored:]
	}
}

// block is a block of one row: its codes, and what scales them.
type block struct {
	d, dmin [2]byte
	factor  []byte // of the rows that are interleaved, before their blocks
	codes   [256]uint8
	scales  [16]uint8 // as they are stored, of 16 or 32 weights
	mins    [16]uint8
	tables  uint16
	signs   uint16    // of scales
	raw     [110]byte // of a type with codes of points: all of it
}

// putFactor writes the factor of a row as float32.
func putFactor(dst, factor []byte) {
	if len(factor) == 4 {
		copy(dst, factor)
		return
	}
	le.PutUint32(dst, widen(le.Uint16(factor)))
}
