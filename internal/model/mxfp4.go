package model

import (
	"math"

	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/quant"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// MXFP4 of checkpoints: codes of four bits and a power of two for 32 of them (OCP
// Microscaling 1.0, §5.3). A checkpoint's weights are float weights (CANON section 4), and
// these fit others exactly: E4M3 with a power of two for 128 numbers, as long as the powers
// of those are no more than e4m3Octaves apart, bfloat16 else.

// mxfp4Block is how many numbers share a power.
const mxfp4Block = 32

// What E4M3 holds of e2m1 * 2^d: -8 <= d <= 6, from 0.5 * 2^-8, its smallest number, to 6 *
// 2^6.
const (
	e4m3Top     = 6
	e4m3Octaves = 14
)

// e2m1 are the numbers of the codes.
var e2m1 = [16]float32{0, .5, 1, 1.5, 2, 3, 4, 6, 0, -.5, -1, -1.5, -2, -3, -4, -6}

// e4m3Codes are e2m1 * 2^(e4m3Top - i) as E4M3, by i and code.
var e4m3Codes = func() (t [e4m3Octaves + 1][16]byte) {
	of := map[float32]byte{}
	for b := range 0x7f { // the rest are negative ones
		of[quant.F8E4M3ToF32(byte(b))] = byte(b)
	}
	for i := range t {
		for code := range 8 {
			b := of[e2m1[code]*float32(math.Ldexp(1, e4m3Top-i))]
			t[i][code], t[i][code+8] = b, b|0x80
		}
		t[i][8] = 0
	}
	return t
}()

// packedRow is a row of MXFP4: codes, two a byte, the first in the low half, and the powers
// plus 127.
//
//	codes [cols/2]   exponents [cols/32]
type packedRow struct{ codes, exponents []byte }

// used reports whether a block has other numbers than 0.
func (r *packedRow) used(block int) bool {
	for _, b := range r.codes[block*mxfp4Block/2:][:mxfp4Block/2] {
		if b&0x77 != 0 {
			return true
		}
	}
	return false
}

// top returns the greatest exponent of the blocks first … end-1 that hold other numbers than
// 0, and the smallest; 0 and 0 where none does.
func (r *packedRow) span(first, end int) (top, low int) {
	for b := first; b < end; b++ {
		if e := int(r.exponents[b]); r.used(b) {
			if top == 0 && low == 0 {
				top, low = e, e
			}
			top, low = max(top, e), min(low, e)
		}
	}
	return top, low
}

// scaleBlocks is how many blocks share a scale of E4M3.
const scaleBlocks = kernel.ScaleColumns / mxfp4Block

// fits says whether the row is one of E4M3.
func (r *packedRow) fits() bool {
	for first := 0; first < len(r.exponents); first += scaleBlocks {
		end := min(first+scaleBlocks, len(r.exponents))
		low, top := r.exponents[first], r.exponents[first]
		for _, e := range r.exponents[first+1 : end] {
			low, top = min(low, e), max(top, e)
		}
		if top-low <= e4m3Octaves {
			continue
		}
		if t, l := r.span(first, end); t-l > e4m3Octaves {
			return false
		}
	}
	return true
}

// code returns the code of number i of a block.
func (r *packedRow) code(block, i int) byte {
	return r.codes[(block*mxfp4Block+i)/2] >> (4 * (i % 2)) & 15
}

// e4m3 writes the row as E4M3, with the scales of 128 numbers each.
//
//	dst [cols]   scales [ceil(cols/128)]
func (r *packedRow) e4m3(dst []byte, scales []float32) {
	for s := range scales {
		first, end := s*scaleBlocks, min((s+1)*scaleBlocks, len(r.exponents))
		top, _ := r.span(first, end)
		scales[s] = float32(math.Ldexp(1, top-127-e4m3Top))
		for b := first; b < end; b++ {
			out := dst[b*mxfp4Block:][:mxfp4Block]
			if !r.used(b) {
				clear(out)
				continue
			}
			codes := &e4m3Codes[top-int(r.exponents[b])]
			for i := range out {
				out[i] = codes[r.code(b, i)]
			}
		}
	}
}

// bf16 writes the row as bfloat16. dst [2*cols]
func (r *packedRow) bf16(dst []byte) {
	for b, e := range r.exponents {
		power := float32(math.Ldexp(1, int(e)-127))
		for i := range mxfp4Block {
			v := quant.F32ToBF16(e2m1[r.code(b, i)] * power)
			at := 2 * (b*mxfp4Block + i)
			dst[at], dst[at+1] = byte(v), byte(v>>8)
		}
	}
}

// packedTensor is what a checkpoint has of many rows.
type packedTensor struct {
	codes, exponents []byte // [rows, cols/2] and [rows, cols/32]
	cols             int
}

func (p *packedTensor) row(r int) packedRow {
	n := p.cols / mxfp4Block
	return packedRow{p.codes[r*n*mxfp4Block/2:][:n*mxfp4Block/2], p.exponents[r*n:][:n]}
}

// form returns the type that the tensor's rows fit.
func (p *packedTensor) form() tensor.DType {
	for r := range len(p.exponents) / (p.cols / mxfp4Block) {
		if row := p.row(r); !row.fits() {
			return tensor.BF16
		}
	}
	return tensor.F8E4M3
}
