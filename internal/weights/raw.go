package weights

import (
	"encoding/binary"
	"math"

	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// FromInts packs integers with given scales, which no file type has to have made.
//
//	w [rows, cols]   s, m [rows, cols/B], m nil without minima; with them w is 0 … 31
//	cols is a multiple of 32; B, the columns of a scale, is 32 or 16
func FromInts(rows, cols int, w []int8, s, m []float32) kernel.Matrix {
	scales := len(s) / rows
	f := kernel.Format{Layout: kernel.Bits8, Scales: kernel.ScalesF32, Block: cols / scales}
	if m != nil {
		f.Layout, f.Scales = kernel.Bits5, kernel.ScalesF32M
	}
	out := kernel.NewMatrix(rows, cols, f, nil)
	out.Data = tensor.Aligned(out.Bytes())
	var tile [kernel.RowBlock * kernel.Group]byte
	for b := range out.Blocks() {
		block := out.Data[b*out.BlockBytes() : (b+1)*out.BlockBytes()]
		lanes := min(kernel.RowBlock, rows-b*kernel.RowBlock)
		for g := range cols / kernel.Group {
			clear(tile[:])
			for r := range lanes {
				for c, v := range w[(b*kernel.RowBlock+r)*cols+g*kernel.Group:][:kernel.Group] {
					tile[c/4*64+4*r+c%4] = f.Stored(v)
				}
			}
			out.PackGroup(block, g, &tile)
		}
		for r := range lanes {
			for i := range scales {
				at, min := (b*kernel.RowBlock+r)*scales+i, float32(0)
				if m != nil {
					min = m[at]
				}
				out.PackScale(block, i, r, s[at], min, 0, 0)
			}
		}
	}
	return out
}

// FromFloats packs w [rows, cols] as float32.
func FromFloats(rows, cols int, w []float32) kernel.Matrix {
	m := kernel.NewFloatMatrix(rows, cols, tensor.F32, nil)
	m.Data = tensor.Aligned(m.Bytes())
	for r := range rows {
		block := m.Data[r/kernel.RowBlock*m.BlockBytes():]
		for k, v := range w[r*cols:][:cols] {
			binary.LittleEndian.PutUint32(block[4*(k*kernel.RowBlock+r%kernel.RowBlock):], math.Float32bits(v))
		}
	}
	return m
}

// FromBlocks packs rows of a stored type.
//
//	src [rows, cols] as the type stores it
func FromBlocks(t tensor.DType, rows, cols int, src []byte) (kernel.Matrix, error) {
	m, err := New("blocks", t, rows, cols)
	if err != nil {
		return m, err
	}
	Pack(&m, Source{Type: t, Data: src, Factor: 1})
	return m, nil
}

// Pack packs a whole matrix into memory of the heap.
func Pack(m *kernel.Matrix, src Source) {
	m.Data = tensor.Aligned(m.Bytes())
	new(Packer).Pack(m, src, 0, m.Blocks())
}
