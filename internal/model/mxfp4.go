package model

import (
	"bytes"
	"fmt"

	"github.com/blitz-r1/blitz/internal/quant"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// MXFP4 of checkpoints: codes of four bits and a power of two for 32 of them (OCP
// Microscaling 1.0, §5.3). A checkpoint's weights are float weights (CANON section 4), and
// these stay as they are.

// mxfp4Block is how many numbers share a power.
const mxfp4Block = 32

// packedTensor is what a checkpoint has of many rows: codes, two a byte, the first in the low
// half, and the powers plus 127.
type packedTensor struct {
	codes, exponents []byte // [rows, cols/2] and [rows, cols/32]
	cols             int
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

// row writes row r as blocks of MXFP4. Where all numbers are 0 their power is left out, which
// may be any.
//
//	dst [cols/32, 17]
func (p *packedTensor) row(dst []byte, r int) {
	n, size := p.cols/mxfp4Block, tensor.MXFP4.BlockBytes()
	for i := range n {
		codes := p.codes[(r*n+i)*mxfp4Block/2:][:mxfp4Block/2]
		exponent := p.exponents[r*n+i]
		if isZero(codes) {
			exponent = 0
		}
		quant.PutMXFP4(dst[i*size:], exponent, codes)
	}
}

// isZero says whether codes are of no other numbers than 0.
func isZero(codes []byte) bool {
	for _, b := range codes {
		if b&0x77 != 0 {
			return false
		}
	}
	return true
}

// gather returns how rows of a matrix are gathered, row r of which is row at(r) of the tensor.
func (p *packedTensor) gather(how string, at func(r int) int) gather {
	return gather{how: how, float: true, rows: func(dst, _ []byte, r, n int) error {
		for i := range n {
			p.row(dst[i*tensor.MXFP4.RowBytes(p.cols):], at(r+i))
		}
		return nil
	}}
}
