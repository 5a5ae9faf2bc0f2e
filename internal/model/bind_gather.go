package model

import (
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
	// float says that the matrix is multiplied as float even where its type is MXFP4.
	float bool
}

// gathered binds a matrix [rows, cols] of a type that is gathered from a tensor's bytes from byte
// `from` on. It is not trained, and takes no adapter: its rows are others than those of the
// layer that is adapted.
func (b *binder) gathered(dst *Linear, t tensor.Tensor, dtype tensor.DType, rows, cols, from int, g gather) {
	if b.err != nil {
		return
	}
	form := weights.New
	if g.float {
		form = weights.NewFloat
	}
	m, err := form(t.Name, dtype, rows, cols)
	if err != nil {
		b.refuseType(t, err)
		return
	}
	dst.Matrix, dst.Param = m, Param{Tensor: t.Name, Rows: rows, Cols: cols}
	b.plan = append(b.plan, packing{matrix: &dst.Matrix, name: t.Name, from: from, src: weights.Source{Type: dtype, Factor: 1}, gather: &g})
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
		if err := p.gather.rows(src.Data, p.src.Data, b*kernel.RowBlock, part.Rows); err != nil {
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
	for e := range list {
		g := packed.gather(fmt.Sprintf("rows %d of %d of MXFP4, expert %d", from, every, e), func(r int) int { return e*all + r*every + from })
		b.gathered(&list[e], blocks, tensor.MXFP4, rows, cols, 0, g)
	}
}
