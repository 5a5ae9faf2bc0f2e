package quant

import "sync"

// The types IQ2 have levels 1, 3.125 and 5.375, in multiples of a quarter of their
// smallest scale: points of eight weights, and signs apart.

var iq2Levels = []float32{1, 3.125, 5.375}

func newIQ2(grid []uint64, size, group int, even bool) *iqFormat {
	return &iqFormat{
		book: newCodebook(grid, iq2Values, iq2Levels), size: size, group: group, codes: 16,
		signs: true, even: even, ternary: newTernary(iq2Levels, 0),
	}
}

var (
	formatIQ2_XXS = sync.OnceValue(func() *iqFormat { return newIQ2(iq2xxsGrid[:], 66, 32, true) })
	formatIQ2_XS  = sync.OnceValue(func() *iqFormat { return newIQ2(iq2xsGrid[:], 74, 16, true) })
	formatIQ2_S   = sync.OnceValue(func() *iqFormat { return newIQ2(iq2sGrid[:], 82, 16, false) })
)

func writeIQ2_XXS(dst []byte, row, importance []float32) {
	encodeIQ(dst, row, importance, formatIQ2_XXS(), func(dst []byte, d uint16, b *iqBlock) {
		le.PutUint16(dst, d)
		for g := range 8 {
			q := dst[2+8*g : 10+8*g]
			for k, id := range b.fits[g].ids[:4] {
				q[k] = byte(id)
			}
			le.PutUint32(q[4:], signs7x4(b.minus[4*g:])|uint32(b.code[g])<<28)
		}
	})
}

// signs7x4 packs the signs of 32 weights, of which the eighth of eight is not stored.
func signs7x4(minus []uint8) uint32 {
	return uint32(minus[0]&127) | uint32(minus[1]&127)<<7 | uint32(minus[2]&127)<<14 | uint32(minus[3]&127)<<21
}

func writeIQ2_XS(dst []byte, row, importance []float32) {
	encodeIQ(dst, row, importance, formatIQ2_XS(), func(dst []byte, d uint16, b *iqBlock) {
		le.PutUint16(dst, d)
		for k, minus := range b.minus {
			le.PutUint16(dst[2+2*k:], b.fits[k/2].ids[k&1]|uint16(minus&127)<<9)
		}
		pairCodes(dst[66:74], b)
	})
}

// pairCodes packs scales of four bits, the first of two low.
func pairCodes(dst []byte, b *iqBlock) {
	for g := range dst {
		dst[g] = byte(b.code[2*g] | b.code[2*g+1]<<4)
	}
}

func writeIQ2_S(dst []byte, row, importance []float32) {
	encodeIQ(dst, row, importance, formatIQ2_S(), func(dst []byte, d uint16, b *iqBlock) {
		le.PutUint16(dst, d)
		copy(dst[34:66], b.minus[:])
		for k := range 32 {
			id := b.fits[k/2].ids[k&1]
			dst[2+k] = byte(id)
			dst[66+k/4] |= byte(id >> 8 << (2 * (k & 3)))
		}
		pairCodes(dst[74:82], b)
	})
}
