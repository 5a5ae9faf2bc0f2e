package ik

// What reads block k of interleaved ones. Weight x of a group of 32 stands in four rows as
//
//	codes of four bits: byte 16(h + 2z) + 4k + i, its low half where y is 0
//	codes of two bits:  byte 16h + 4k + i, bits 2(2y + z) …
//
// with h = x/16, y = x/8%2, z = x/4%2, i = x%4.

// place are the parts of the number of a weight.
func place(x int) (h, y, z, i int) { return x / 16 % 2, x / 8 % 2, x / 4 % 2, x % 4 }

// fours reads 32 codes of four bits in four rows.
func fours(codes []uint8, q []byte, k int) {
	for x := range 32 {
		h, y, z, i := place(x)
		codes[x] = q[16*(h+2*z)+4*k+i] >> (4 * y) & 15
	}
}

// twos reads 32 codes of two bits in four rows.
func twos(codes []uint8, q []byte, k int) {
	for x := range 32 {
		h, y, z, i := place(x)
		codes[x] = q[16*h+4*k+i] >> (2 * (2*y + z)) & 3
	}
}

// eights reads 32 codes of four bits in eight rows: sixteen low halves, then the high ones.
func eights(codes []uint8, q []byte, k int) {
	for x := range 32 {
		codes[x] = q[32*(x%16/4)+4*k+x%4] >> (x / 16 * 4) & 15
	}
}

// scale6 reads scale number at of six bits: four of n bytes, in both halves, and two of
// sixteen.
func scale6(low, high []byte, at int) uint8 {
	return low[at%32]>>(at/32*4)&15 | high[at%16]>>(at/16*2)&3<<4
}

func (b *block) takeD(src []byte, k int) { copy(b.d[:], src[2*k:]) }

func takeQ4_0(b *block, src []byte, k int) {
	b.takeD(src, k)
	eights(b.codes[:], src[16:], k)
}

func takeIQ4_NL(b *block, src []byte, k int) {
	b.takeD(src, k)
	fours(b.codes[:], src[8:], k)
}

func takeMXFP4(b *block, src []byte, k int) {
	b.d[0] = src[k]
	eights(b.codes[:], src[8:], k)
}

func takeQ5_0(b *block, src []byte, k int) {
	b.takeD(src, k)
	fours(b.codes[:], src[24:], k)
	for x := range 32 {
		h, y, z, i := place(x)
		b.codes[x] |= src[8+4*k+i] >> (h + 2*z + 4*y) & 1 << 4
	}
}

func takeQ6_0(b *block, src []byte, k int) {
	b.takeD(src, k)
	fours(b.codes[:], src[40:], k)
	for x := range 32 {
		h, y, z, i := place(x)
		b.codes[x] |= src[8+16*h+4*k+i] >> (2*z + 4*y) & 3 << 4
	}
}

func takeQ8_0(b *block, src []byte, k int) {
	b.takeD(src, k)
	for x := range 32 {
		b.codes[x] = src[16+x/16*128+32*(x%16/4)+4*k+x%4]
	}
}

func takeQ2_K(b *block, src []byte, k int) {
	b.takeD(src, k)
	copy(b.dmin[:], src[2*(k+4):])
	for g := range 16 {
		b.scales[g] = src[16+4*g+k]
	}
	for g := range 8 {
		twos(b.codes[32*g:], src[80+32*g:], k)
	}
}

func takeQ3_K(b *block, src []byte, k int) {
	b.takeD(src, k)
	for g := range 16 {
		b.scales[g] = scale6(src[24:], src[8:], 4*g+k)
	}
	for g := range 8 {
		twos(b.codes[32*g:], src[184+32*g:], k)
	}
	b.thirds(src[56:], k)
}

// thirds reads the third bits of codes.
func (b *block) thirds(q []byte, k int) {
	for x := range 256 {
		h, y, z, i := place(x)
		b.codes[x] |= q[x/32*16+4*k+i] >> (4*h + 2*y + z) & 1 << 2
	}
}

// takeScalesK reads scales and minima of Q4_K and Q5_K.
func (b *block) takeScalesK(src []byte, k int) {
	b.takeD(src, k)
	copy(b.dmin[:], src[2*(k+4):])
	for g := range 8 {
		at := 4*g + k
		low, high := src[32+at], src[16+at%16]>>(at/16*4)
		b.scales[g], b.mins[g] = low&15|high&3<<4, low>>4|high>>2&3<<4
	}
}

func takeQ4_K(b *block, src []byte, k int) {
	b.takeScalesK(src, k)
	for g := range 8 {
		fours(b.codes[32*g:], src[64+64*g:], k)
	}
}

func takeQ5_K(b *block, src []byte, k int) {
	b.takeScalesK(src, k)
	for g := range 8 {
		fours(b.codes[32*g:], src[192+64*g:], k)
	}
	for x := range 256 {
		h, y, z, i := place(x)
		b.codes[x] |= src[64+x/32*16+4*k+i] >> (4*h + 2*z + y) & 1 << 4
	}
}

func takeQ6_K(b *block, src []byte, k int) {
	b.takeD(src, k)
	for g := range 16 {
		b.scales[g] = src[8+4*g+k]
	}
	for g := range 8 {
		fours(b.codes[32*g:], src[328+64*g:], k)
	}
	for x := range 256 {
		h, y, z, i := place(x)
		b.codes[x] |= src[72+x/32*32+16*h+4*k+i] >> (4*z + 2*y) & 3 << 4
	}
}

func takeIQ4_XS(b *block, src []byte, k int) {
	b.takeD(src, k)
	for g := range 8 {
		b.scales[g] = scale6(src[32:], src[16:], 8*g+k)
	}
	for x := range 256 {
		b.codes[x] = src[64+x/32*128+x%32/8*32+4*k+x%4] >> (x / 4 % 2 * 4) & 15
	}
}

// takeTables reads which groups of sixteen have the second table: bits of a byte for those of
// even numbers, and of another.
func (b *block) takeTables(extra []byte, k int) {
	b.tables = 0
	for g := range 8 {
		b.tables |= uint16(extra[k]>>g&1)<<(2*g) | uint16(extra[k+4]>>g&1)<<(2*g+1)
	}
}

func takeIQ2_K(b *block, src []byte, k int) {
	b.takeD(src, k)
	b.takeTables(src[8:], k)
	for g := range 16 {
		at := 4*g + k
		b.scales[g] = src[16+at%32] >> (at / 32 * 4) & 15
	}
	for g := range 8 {
		twos(b.codes[32*g:], src[48+32*g:], k)
	}
}

func takeIQ3_K(b *block, src []byte, k int) {
	b.takeD(src, k)
	b.takeTables(src[8:], k)
	b.signs = 0
	for g := range 16 {
		at := 4*g + k
		b.scales[g] = src[24+at%32] >> (at / 32 * 4) & 15
		b.signs |= uint16(src[16+at%8]>>(at/8)&1) << g
	}
	for g := range 8 {
		twos(b.codes[32*g:], src[56+32*g:], k)
	}
	b.thirds(src[312:], k)
}

func takeIQ4_K(b *block, src []byte, k int) {
	b.takeD(src, k)
	b.takeTables(src[8:], k)
	for g := range 16 {
		b.scales[g] = scale6(src[32:], src[16:], 4*g+k)
	}
	for g := range 8 {
		fours(b.codes[32*g:], src[64+64*g:], k)
	}
}

func takeIQ5_K(b *block, src []byte, k int) {
	takeIQ4_K(b, src, k)
	b.fifths(src[576:], k)
}

// fifths reads the fifth bits of codes of IQ5_K and IQ5_KS.
func (b *block) fifths(q []byte, k int) {
	for x := range 256 {
		h, y, z, i := place(x)
		b.codes[x] |= q[x/32*16+4*k+i] >> (4*z + 2*h + y) & 1 << 4
	}
}

func takeIQ4_KS(b *block, src []byte, k int) {
	for g := range 8 {
		b.scales[g] = src[4*g+k]
		fours(b.codes[32*g:], src[32+64*g:], k)
	}
}

func takeIQ5_KS(b *block, src []byte, k int) {
	takeIQ4_KS(b, src, k)
	b.fifths(src[544:], k)
}
