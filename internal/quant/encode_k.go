package quant

// Where the codes and scales of the K types lie is told in kquant.go.

// putPairs writes two bits of each of 256 codes.
func putPairs(b []byte, q *[256]byte) {
	for half := range 2 {
		b, q := (*[32]byte)(b[32*half:]), (*[128]byte)(q[128*half:])
		for j := 0; j < 32; j += 8 {
			x := le.Uint64(q[j:])&bits2 | le.Uint64(q[j+32:])&bits2<<2 | le.Uint64(q[j+64:])&bits2<<4 | le.Uint64(q[j+96:])&bits2<<6
			le.PutUint64(b[j:], x)
		}
	}
}

// putNibbles writes four bits of each of 256 codes: those of 32 numbers are low
// halves, of the next 32 high halves.
func putNibbles(b []byte, q *[256]byte) {
	for i := range 4 {
		b, q := (*[32]byte)(b[32*i:]), (*[64]byte)(q[64*i:])
		for j := 0; j < 32; j += 8 {
			le.PutUint64(b[j:], le.Uint64(q[j:])&bits4|le.Uint64(q[j+32:])&bits4<<4)
		}
	}
}

// putBits writes bit k of 256 codes: those of 32 numbers are the lowest bits of 32
// bytes, and so on.
func putBits(b []byte, q *[256]byte, k int) {
	for j := 0; j < 32; j += 8 {
		x := uint64(0)
		for i := range 8 {
			x |= le.Uint64(q[32*i+j:]) >> k & ones << i
		}
		le.PutUint64(b[j:], x)
	}
}

func writeQ2_K(dst []byte, row, importance []float32) {
	rangeBlocks(row, importance, 16, 3, 15, func(at int, s *rangeBlock, q *[256]byte) {
		b := dst[at/256*84:][:84]
		for g := range 16 {
			b[g] = uint8(s.scale[g/8][g%8]) | uint8(s.least[g/8][g%8])<<4
		}
		putPairs(b[16:80], q)
		le.PutUint16(b[80:], s.scaleHalf)
		le.PutUint16(b[82:], s.leastHalf)
	})
}

func writeQ4_K(dst []byte, row, importance []float32) {
	rangeBlocks(row, importance, 32, 15, 63, func(at int, s *rangeBlock, q *[256]byte) {
		b := dst[at/256*144:][:144]
		s.put(b)
		putNibbles(b[16:], q)
	})
}

func writeQ5_K(dst []byte, row, importance []float32) {
	rangeBlocks(row, importance, 32, 31, 63, func(at int, s *rangeBlock, q *[256]byte) {
		b := dst[at/256*176:][:176]
		s.put(b)
		putBits(b[16:48], q, 4)
		putNibbles(b[48:], q)
	})
}

// put writes the factors and the integers of six bits of Q4_K and Q5_K.
func (s *rangeBlock) put(b []byte) {
	le.PutUint16(b, s.scaleHalf)
	le.PutUint16(b[2:], s.leastHalf)
	b = b[4:16]
	for g := range 4 {
		scale, least := uint8(s.scale[0][g+4]), uint8(s.least[0][g+4])
		b[g] = uint8(s.scale[0][g]) | scale>>4<<6
		b[g+4] = uint8(s.least[0][g]) | least>>4<<6
		b[g+8] = scale&15 | least<<4
	}
}

var scalesQ3 = scaleRange{top: 31, tops: []float32{24, 21}, window: [2]float32{-8, 1}}

func writeQ3_K(dst []byte, row, importance []float32) {
	scaleBlocks(row, importance, 16, &levelsQ3, &scalesQ3, func(at int, s *scaleBlock, q *[256]byte) {
		b := dst[at/256*110:][:110]
		putBits(b[:32], q, 2)
		putPairs(b[32:96], q)
		for g := range 12 {
			b[96+g] = 0
		}
		for g := range 16 {
			x := uint8(int32(s.scale[g/8][g%8]) + 32)
			b[96+g&7] |= x & 15 << (g >> 3 * 4)
			b[104+g&3] |= x >> 4 << (g >> 2 * 2)
		}
		le.PutUint16(b[108:], s.half)
	})
}

// Importances make it worth while to cut great numbers.
var (
	scalesQ6         = scaleRange{top: 127, tops: []float32{123, 122}, window: [2]float32{-3, 2}}
	scalesQ6Weighted = scaleRange{top: 127, tops: []float32{123, 122}, window: [2]float32{-6, 2}}
)

func writeQ6_K(dst []byte, row, importance []float32) {
	r := &scalesQ6
	if importance != nil {
		r = &scalesQ6Weighted
	}
	scaleBlocks(row, importance, 16, &levelsQ6, r, func(at int, s *scaleBlock, q *[256]byte) {
		b := dst[at/256*210:][:210]
		for half := range 2 {
			low, high, q := (*[64]byte)(b[64*half:]), (*[32]byte)(b[128+32*half:]), (*[128]byte)(q[128*half:])
			for j := 0; j < 64; j += 8 {
				le.PutUint64(low[j:], le.Uint64(q[j:])&bits4|le.Uint64(q[j+64:])&bits4<<4)
			}
			for j := 0; j < 32; j += 8 {
				x := le.Uint64(q[j:])>>4&bits2 | le.Uint64(q[j+32:])>>4&bits2<<2
				le.PutUint64(high[j:], x|le.Uint64(q[j+64:])>>4&bits2<<4|le.Uint64(q[j+96:])>>4&bits2<<6)
			}
		}
		for g := range 16 {
			b[192+g] = uint8(int8(s.scale[g/8][g%8]))
		}
		le.PutUint16(b[208:], s.half)
	})
}
