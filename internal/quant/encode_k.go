package quant

// Where the codes and scales of the K types lie is told in kquant.go.

// putPairs writes two bits of each of 256 codes.
func putPairs(b []byte, q *[256]byte) {
	for half := range 2 {
		b, q := (*[32]byte)(b[32*half:]), (*[128]byte)(q[128*half:])
		for j := range b {
			b[j] = q[j]&3 | q[j+32]&3<<2 | q[j+64]&3<<4 | q[j+96]&3<<6
		}
	}
}

// putNibbles writes four bits of each of 256 codes: those of 32 numbers are low
// halves, of the next 32 high halves.
func putNibbles(b []byte, q *[256]byte) {
	for i := range 4 {
		b, q := (*[32]byte)(b[32*i:]), (*[64]byte)(q[64*i:])
		for j := range b {
			b[j] = q[j]&15 | q[j+32]&15<<4
		}
	}
}

// putBits writes bit k of 256 codes: those of 32 numbers are the lowest bits of 32
// bytes, and so on.
func putBits(b []byte, q *[256]byte, k int) {
	b = b[:32]
	for j := range b {
		x := byte(0)
		for i := range 8 {
			x |= q[32*i+j] >> k & 1 << i
		}
		b[j] = x
	}
}

func writeQ2_K(dst []byte, row, importance []float32) {
	eachRangeBlock(row, importance, 16, 3, 15, func(at int, s *rangeBlock, q *[256]byte) {
		b := dst[at/256*84:][:84]
		for g := range 16 {
			b[g] = s.scale[g] | s.least[g]<<4
		}
		putPairs(b[16:80], q)
		le.PutUint16(b[80:], s.scaleHalf)
		le.PutUint16(b[82:], s.leastHalf)
	})
}

func writeQ4_K(dst []byte, row, importance []float32) {
	eachRangeBlock(row, importance, 32, 15, 63, func(at int, s *rangeBlock, q *[256]byte) {
		b := dst[at/256*144:][:144]
		s.put(b)
		putNibbles(b[16:], q)
	})
}

func writeQ5_K(dst []byte, row, importance []float32) {
	eachRangeBlock(row, importance, 32, 31, 63, func(at int, s *rangeBlock, q *[256]byte) {
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
		b[g] = s.scale[g] | s.scale[g+4]>>4<<6
		b[g+4] = s.least[g] | s.least[g+4]>>4<<6
		b[g+8] = s.scale[g+4]&15 | s.least[g+4]<<4
	}
}

var scalesQ3 = scaleRange{top: 31, tops: []float32{24, 21}, window: [2]float32{-8, 1}}

func writeQ3_K(dst []byte, row, importance []float32) {
	eachScaleBlock(row, importance, 16, &levelsQ3, &scalesQ3, func(at int, s *scaleBlock, q *[256]byte) {
		b := dst[at/256*110:][:110]
		putBits(b[:32], q, 2)
		putPairs(b[32:96], q)
		for g := range 12 {
			b[96+g] = 0
		}
		for g, x := range s.scale {
			x := uint8(x + 32)
			b[96+g&7] |= x & 15 << (g >> 3 * 4)
			b[104+g&3] |= x >> 4 << (g >> 2 * 2)
		}
		le.PutUint16(b[108:], s.half)
	})
}

var scalesQ6 = scaleRange{top: 127, tops: []float32{123, 122}, window: [2]float32{-4, 2}}

func writeQ6_K(dst []byte, row, importance []float32) {
	eachScaleBlock(row, importance, 16, &levelsQ6, &scalesQ6, func(at int, s *scaleBlock, q *[256]byte) {
		b := dst[at/256*210:][:210]
		for half := range 2 {
			low, high, q := (*[64]byte)(b[64*half:]), (*[32]byte)(b[128+32*half:]), (*[128]byte)(q[128*half:])
			for j := range low {
				low[j] = q[j]&15 | q[j+64]<<4
			}
			for j := range high {
				high[j] = q[j]>>4 | q[j+32]>>4<<2 | q[j+64]>>4<<4 | q[j+96]>>4<<6
			}
		}
		for g, x := range s.scale {
			b[192+g] = uint8(x)
		}
		le.PutUint16(b[208:], s.half)
	})
}
