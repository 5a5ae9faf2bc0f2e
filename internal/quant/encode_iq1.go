package quant

import "sync"

// The types IQ1 have levels -1, 0 and 1, all shifted by 1/8 up or down: points of eight
// weights with their signs. IQ1_S shifts 32 weights alike, IQ1_M eight.

var (
	iq1Levels = []float32{-1, 0, 1}
	iq1Up     = newTernary(iq1Levels, 0.125)
	iq1Down   = newTernary(iq1Levels, -0.125)

	iq1Book = sync.OnceValue(func() *codebook { return newCodebook(iq1Grid[:], iq1Values, iq1Levels) })
)

var (
	formatIQ1_S = sync.OnceValue(func() *iqFormat {
		return &iqFormat{book: iq1Book(), size: 50, group: 32, codes: 8, ternary: iq1Up, shiftedDown: iq1Down}
	})
	formatIQ1_M = sync.OnceValue(func() *iqFormat {
		return &iqFormat{book: iq1Book(), size: 56, group: 16, codes: 8, ternary: iq1Up, shiftedDown: iq1Down, apart: true}
	})
)

func writeIQ1_S(dst []byte, row, importance []float32) {
	encodeIQ(dst, row, importance, formatIQ1_S(), func(dst []byte, d uint16, b *iqBlock) {
		le.PutUint16(dst, d)
		for g := range 8 {
			f := &b.fits[g]
			x := uint16(b.code[g])<<12 | uint16(f.down)<<15
			for k, id := range f.ids[:4] {
				dst[2+4*g+k] = byte(id)
				x |= id >> 8 << (3 * k)
			}
			le.PutUint16(dst[34+2*g:], x)
		}
	})
}

func writeIQ1_M(dst []byte, row, importance []float32) {
	encodeIQ(dst, row, importance, formatIQ1_M(), func(dst []byte, d uint16, b *iqBlock) {
		x := uint64(d)
		scales := x&0x000f<<12 | x&0x00f0<<24 | x&0x0f00<<36 | x&0xf000<<48 // as scaleIQ1_M
		for g := range 16 {
			f := &b.fits[g]
			dst[2*g], dst[2*g+1] = byte(f.ids[0]), byte(f.ids[1])
			dst[32+g] = byte(f.ids[0]>>8) | f.down&1<<3 | byte(f.ids[1]>>8)<<4 | f.down>>1<<7
			scales |= uint64(b.code[g]) << (16*(g/4) + 3*(g&3))
		}
		le.PutUint64(dst[48:], scales)
	})
}
