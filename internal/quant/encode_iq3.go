package quant

import "sync"

// The types IQ3 have eight levels, in multiples of their smallest scale: points of four
// weights, and signs apart.

var (
	iq3xxsLevels = []float32{1, 3, 5, 7, 9, 11, 13, 15.5}
	iq3sLevels   = []float32{1, 3, 5, 7, 9, 11, 13, 15}
)

func newIQ3(grid []uint64, values []uint8, levels []float32, size int, even bool) *iqFormat {
	return &iqFormat{
		book: newCodebook(grid, values, levels), size: size, group: 32, codes: 16,
		signs: true, even: even, octal: newOctal(levels),
	}
}

var (
	formatIQ3_XXS = sync.OnceValue(func() *iqFormat { return newIQ3(iq3xxsGrid[:], iq3xxsValues, iq3xxsLevels, 98, true) })
	formatIQ3_S   = sync.OnceValue(func() *iqFormat { return newIQ3(iq3sGrid[:], iq3sValues, iq3sLevels, 110, false) })
)

func writeIQ3_XXS(dst []byte, row, importance []float32) {
	encodeIQ(dst, row, importance, formatIQ3_XXS(), func(dst []byte, d uint16, b *iqBlock) {
		le.PutUint16(dst, d)
		for g := range 8 {
			for k, id := range b.fits[g].ids {
				dst[2+8*g+k] = byte(id)
			}
			le.PutUint32(dst[66+4*g:], signs7x4(b.minus[4*g:])|uint32(b.code[g])<<28)
		}
	})
}

func writeIQ3_S(dst []byte, row, importance []float32) {
	encodeIQ(dst, row, importance, formatIQ3_S(), func(dst []byte, d uint16, b *iqBlock) {
		le.PutUint16(dst, d)
		copy(dst[74:106], b.minus[:])
		for g := range 8 {
			for k, id := range b.fits[g].ids {
				dst[2+8*g+k] = byte(id)
				dst[66+g] |= byte(id >> 8 << k)
			}
		}
		pairCodes(dst[106:110], b)
	})
}
