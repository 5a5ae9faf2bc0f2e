package model

import (
	"bytes"
	"fmt"

	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/tensor"
	"github.com/blitz-r1/blitz/internal/weights"
)

// Matrices whose rows do not stand in a file one behind the other, as the type they have has
// rows: they are gathered while they are packed, a row block at a time.

// gather says how.
type gather struct {
	how string // what of the tensor; part of the digest of a plan
	// rows writes rows r … r+n-1 of the matrix, as its type stores rows; of one that is turned,
	// rows as they are stored.
	//
	//	data: the tensor's bytes from the matrix's first on
	rows func(dst, data []byte, r, n int) error
	made bool // by the source, without data
	// scaled is there instead of F8_E4M3 with scales: it writes row r, and the scale of each
	// 128 of its numbers.
	//
	//	dst [cols]   scales [ceil(cols/128)]
	scaled func(dst []byte, scales []float32, r int)
}

// gathered binds a matrix [rows, cols] of a type that is gathered from a tensor's bytes from
// byte `from` on. It is not trained, and takes no adapter: its rows are others than those of the
// layer that is adapted.
func (b *binder) gathered(dst *Linear, t tensor.Tensor, dtype tensor.DType, rows, cols, from int, g gather) {
	if b.err != nil {
		return
	}
	m, err := weights.New(t.Name, dtype, rows, cols)
	if err != nil {
		b.refuseType(t, err)
		return
	}
	dst.Matrix, dst.Param = m, Param{Tensor: t.Name, Rows: rows, Cols: cols}
	b.plan = append(b.plan, packing{matrix: &dst.Matrix, name: t.Name, from: from, src: weights.Source{Type: dtype, Factor: 1}, gather: &g})
}

// scale writes n rows from row r on and returns their scales.
//
//	dst [n, cols]
func (g *gather) scale(dst []byte, cols, r, n int) *weights.BlockScale {
	s := &weights.BlockScale{Cols: (cols + kernel.ScaleColumns - 1) / kernel.ScaleColumns, Height: 1}
	s.Data = make([]float32, n*s.Cols)
	for i := range n {
		g.scaled(dst[i*cols:][:cols], s.Data[i*s.Cols:][:s.Cols], r+i)
	}
	return s
}

// packGathered is pack for rows that are gathered into buffer, which is returned.
func (p *packing) packGathered(packer *weights.Packer, from int, buffer []byte) ([]byte, error) {
	m := p.matrix
	size := p.src.Type.RowBytes(m.Cols)
	buffer = tensor.Resize(buffer, kernel.RowBlock*size)
	for b := from; b < min(from+packChunk, m.Blocks()); b++ {
		part := *m // one row block of it
		part.Rows = min(kernel.RowBlock, m.Rows-b*kernel.RowBlock)
		part.Data = m.Data[b*m.BlockBytes():][:m.BlockBytes()]
		src := p.src
		src.Data = buffer[:part.Rows*size]
		if p.gather.scaled != nil {
			src.Scales = p.gather.scale(src.Data, m.Cols, b*kernel.RowBlock, part.Rows)
		} else if err := p.gather.rows(src.Data, p.src.Data, b*kernel.RowBlock, part.Rows); err != nil {
			return buffer, err
		}
		if err := weights.Check(&part, src, 0, 1); err != nil {
			return buffer, fmt.Errorf("rows from %d on: %w", b*kernel.RowBlock, err)
		}
		packer.Pack(&part, src, 0, 1)
	}
	return buffer, nil
}

// interleavedExperts binds E matrices [rows, cols] with their biases, whose rows are every
// so many of those of a checkpoint's tensor of all experts.
func (b *binder) interleavedExperts(role string, layer, E, rows, cols, every, from int) []Linear {
	list := make([]Linear, E)
	name := b.name(role, layer, "")
	if b.options.Masters {
		b.fail(wrongTensor(b.src, name, "holds all experts", "a model whose kind is trained"))
		return list
	}
	if _, isPacked := b.src.find(name + "_blocks"); isPacked {
		b.packedExperts(list, name, rows, cols, every, from)
	} else if t, ok := b.find(name, E, cols, rows*every); ok {
		for e := range list {
			b.gathered(&list[e], t, t.DType, rows, cols, e*cols*rows*every*t.DType.RowBytes(1), gather{
				how: fmt.Sprintf("columns %d of %d", from, every),
				rows: func(dst, data []byte, r, n int) error {
					gatherColumns(dst, data, t.DType.RowBytes(1), cols, rows*every, r*every+from, every, n)
					return nil
				},
			})
		}
	}
	b.expertBiases(list, name+"_bias", E, rows, every, from)
	return list
}

// gatherColumns writes n columns of a stored matrix [k, width] as rows, from column c on and
// every so many.
//
//	dst [n, k]   data [k, width] of elements of size bytes
func gatherColumns(dst, data []byte, size, k, width, c, every, n int) {
	for i := range k {
		at := (i*width + c) * size
		for r := range n {
			copy(dst[(r*k+i)*size:][:size], data[at:])
			at += every * size
		}
	}
}

// packedExperts binds matrices of MXFP4 whose codes and powers stand in a tensor each:
// NAME_blocks [E, all rows, cols/32, 16], NAME_scales [E, all rows, cols/32].
func (b *binder) packedExperts(list []Linear, name string, rows, cols, every, from int) {
	E, all, n := len(list), rows*every, cols/mxfp4Block
	blocks, ok := b.find(name+"_blocks", E, all, n, 16)
	scales, okS := b.find(name+"_scales", E, all, n)
	if !ok || !okS {
		return
	}
	if role, is := b.called[name]; is {
		b.called[blocks.Name] = role
	}
	switch {
	case blocks.DType != tensor.U8 || scales.DType != tensor.U8:
		b.fail(wrongTensor(b.src, blocks.Name, fmt.Sprintf("types %s and %s of its scales", blocks.DType, scales.DType), "U8"))
		return
	case cols%mxfp4Block != 0:
		b.fail(wrongTensor(b.src, blocks.Name, fmt.Sprintf("rows of %d", cols), "whole blocks of 32"))
		return
	}
	packed, ok := b.packedTensor(blocks, scales, cols)
	if !ok {
		return
	}
	form := packed.form()
	for e := range list {
		g := gather{how: fmt.Sprintf("rows %d of %d of MXFP4, expert %d", from, every, e)}
		row := func(r int) packedRow { return packed.row(e*all + r*every + from) }
		if form == tensor.F8E4M3 {
			g.scaled = func(dst []byte, scales []float32, r int) { x := row(r); x.e4m3(dst, scales) }
		} else {
			g.rows = func(dst, _ []byte, r, count int) error {
				for i := range count {
					x := row(r + i)
					x.bf16(dst[2*i*cols:][:2*cols])
				}
				return nil
			}
		}
		b.gathered(&list[e], blocks, form, rows, cols, 0, g)
	}
}

// packedTensor returns the codes and powers of a tensor of MXFP4, all of them numbers.
func (b *binder) packedTensor(blocks, scales tensor.Tensor, cols int) (*packedTensor, bool) {
	codes, err := b.src.data(blocks.Name)
	if err != nil {
		b.fail(fmt.Errorf("model: %w", err))
		return nil, false
	}
	exponents, err := b.src.data(scales.Name)
	if err != nil {
		b.fail(fmt.Errorf("model: %w", err))
		return nil, false
	}
	if i := bytes.IndexByte(exponents, 0xff); i >= 0 {
		b.fail(wrongTensor(b.src, scales.Name, fmt.Sprintf("element %d is no number", i), "powers of two"))
		return nil, false
	}
	return &packedTensor{codes, exponents, cols}, true
}
