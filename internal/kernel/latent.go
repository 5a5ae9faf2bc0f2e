package kernel

import "github.com/blitz-r1/blitz/internal/tensor"

// Multi-head latent attention keeps one row a position that all heads share (CANON
// section 6): c^KV, of which keys and values are made, then the roped part of the
// key. Values are the first elements of the row, stored once; a page of them is made
// from the page of keys when it is read, and shared by all heads.

// latentTile is 16 positions × 16 elements of a quantised page.
const latentTile = RowBlock * RowBlock

// latentValues writes the page of values that the first ValueDim elements of a page
// of keys are, for the positions lo … hi-1 and what shares row blocks with them.
func (a *Attention) latentValues(value []byte, k *Matrix, lo, hi int, s *rowScratch) {
	v := a.Kind.values(value, a.ValueDim)
	b0, b1 := lo/RowBlock, (hi+RowBlock-1)/RowBlock
	if a.Kind != CacheQ8 {
		for b := b0; b < b1; b++ {
			s.latentFloats(&v, k, b, a.ValueDim)
		}
		return
	}
	tiles := v.Blocks()
	scales := value[v.Bytes():]
	for b := b0; b < b1; b++ {
		src := k.block(b)
		dst := value[b*latentTile:]
		if impl == Portable {
			for i := range tiles {
				turnTile(dst[i*v.reg.size:], src[i*latentTile:])
			}
		} else {
			turnTilesAsm(dst, src, v.reg.size, tiles)
		}
		for d := 0; d < a.ValueDim; d += valueGroup {
			from := src[k.reg.d+2*RowBlock*(d/Group):]
			copy(scales[2*(d/valueGroup*PagePositions+b*RowBlock):], from[:2*RowBlock])
		}
	}
}

// turnTile turns 16 positions × 16 elements, [4][16 positions][4 elements], into
// [4][16 elements][4 positions].
func turnTile(dst, src []byte) {
	for s := range 4 {
		for p := range RowBlock {
			for e := range 4 {
				dst[64*(p/4)+4*(4*s+e)+p%4] = src[64*s+4*p+e]
			}
		}
	}
}

// latentFloats is latentValues for row block b of a float cache: [elements][16
// positions] becomes [elements/16][positions][16 elements], where elements are rows that
// are turned. Keys are as wide as whole blocks of values.
func (s *rowScratch) latentFloats(v, k *Matrix, b, dim int) {
	src := k.block(b)
	size := k.Float.BlockBytes() * RowBlock
	for d := 0; d < dim; d += RowBlock {
		for i := range s.rows {
			s.rows[i] = ptr(src[(d+i)*size:])
		}
		dst := v.block(d / RowBlock)[b*RowBlock*size:]
		if k.Float == tensor.F32 {
			s.turnRows(dst, 0, RowBlock)
		} else {
			s.turnWords(dst, 0, RowBlock)
		}
	}
}
