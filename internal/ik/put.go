package ik

// What writes the blocks of GGML's types, and of ik_llama.cpp's; package quant says what lies
// where. The memory is zero.

// halves writes 32 codes of four bits, the first sixteen in low halves.
func halves(dst []byte, codes []uint8) {
	for j := range 16 {
		dst[j] = codes[j]&15 | codes[16+j]&15<<4
	}
}

func putQ4_0(dst []byte, b *block) {
	copy(dst, b.d[:])
	halves(dst[2:], b.codes[:])
}

func putMXFP4(dst []byte, b *block) {
	dst[0] = b.d[0]
	halves(dst[1:], b.codes[:])
}

func putQ5_0(dst []byte, b *block) {
	copy(dst, b.d[:])
	var high uint32
	for x := range 32 {
		high |= uint32(b.codes[x]>>4) << x
	}
	le.PutUint32(dst[2:], high)
	halves(dst[6:], b.codes[:])
}

func putQ6_0(dst []byte, b *block) {
	copy(dst, b.d[:])
	halves(dst[10:], b.codes[:])
	for j := range 16 {
		dst[2+j%8] |= (b.codes[j]>>4 | b.codes[16+j]>>4<<2) << (j / 8 * 4)
	}
}

func putQ8_0(dst []byte, b *block) {
	copy(dst, b.d[:])
	copy(dst[2:], b.codes[:32])
}

// putTwos writes the low two bits of 256 codes: those of 32 neighbours in a pair of bits of
// 32 bytes.
func putTwos(dst []byte, b *block) {
	for x, c := range b.codes {
		dst[x/128*32+x%32] |= c & 3 << (x / 32 % 4 * 2)
	}
}

// putPlane writes a bit of 256 codes: those of 32 neighbours in a bit of 32 bytes.
func putPlane(dst []byte, b *block, bit int) {
	for x, c := range b.codes {
		dst[x%32] |= c >> bit & 1 << (x / 32)
	}
}

// putFours writes the low four bits of 256 codes: of 64 neighbours the first 32 in low halves.
func putFours(dst []byte, b *block) {
	for x, c := range b.codes {
		dst[x/64*32+x%32] |= c & 15 << (x / 32 % 2 * 4)
	}
}

func putQ2_K(dst []byte, b *block) {
	copy(dst, b.scales[:])
	putTwos(dst[16:], b)
	copy(dst[80:], b.d[:])
	copy(dst[82:], b.dmin[:])
}

func putQ3_K(dst []byte, b *block) {
	putPlane(dst, b, 2)
	putTwos(dst[32:], b)
	for g, s := range b.scales {
		dst[96+g%8] |= s & 15 << (g / 8 * 4)
		dst[104+g%4] |= s >> 4 << (g / 4 * 2)
	}
	copy(dst[108:], b.d[:])
}

// putScalesK writes scales and minima of six bits.
func putScalesK(dst []byte, b *block) {
	copy(dst, b.d[:])
	copy(dst[2:], b.dmin[:])
	s := dst[4:16]
	for g := range 4 {
		s[g] = b.scales[g] | b.scales[g+4]>>4<<6
		s[g+4] = b.mins[g] | b.mins[g+4]>>4<<6
		s[g+8] = b.scales[g+4]&15 | b.mins[g+4]&15<<4
	}
}

func putQ4_K(dst []byte, b *block) {
	putScalesK(dst, b)
	putFours(dst[16:], b)
}

func putQ5_K(dst []byte, b *block) {
	putScalesK(dst, b)
	putPlane(dst[16:], b, 4)
	putFours(dst[48:], b)
}

func putQ6_K(dst []byte, b *block) {
	for x, c := range b.codes {
		half, quarter, l := x/128, x/32%4, x%32
		dst[64*half+quarter%2*32+l] |= c & 15 << (quarter / 2 * 4)
		dst[128+32*half+l] |= c >> 4 << (2 * quarter)
	}
	copy(dst[192:], b.scales[:])
	copy(dst[208:], b.d[:])
}

func putIQ4_XS(dst []byte, b *block) {
	copy(dst, b.d[:])
	for g, s := range b.scales[:8] {
		dst[2+g/4] |= s >> 4 << (g % 4 * 2)
		dst[4+g/2] |= s & 15 << (g % 2 * 4)
	}
	for g := range 8 {
		halves(dst[8+16*g:], b.codes[32*g:])
	}
}

// putNibbles writes the low halves of sixteen scales.
func putNibbles(dst []byte, b *block) {
	for g, s := range b.scales {
		dst[g/2] |= s & 15 << (g % 2 * 4)
	}
}

func (b *block) putHead(dst []byte) {
	copy(dst, b.d[:])
	le.PutUint16(dst[2:], b.tables)
}

func putIQ2_K(dst []byte, b *block) {
	b.putHead(dst)
	putNibbles(dst[4:], b)
	putTwos(dst[12:], b)
}

func putIQ3_K(dst []byte, b *block) {
	b.putHead(dst)
	le.PutUint16(dst[4:], b.signs)
	putNibbles(dst[6:], b)
	putTwos(dst[14:], b)
	putPlane(dst[78:], b, 2)
}

// putScales16 writes sixteen scales of six bits: the upper two [4], the lower four [8].
func putScales16(dst []byte, b *block) {
	for g, s := range b.scales {
		dst[g/4] |= s >> 4 << (g % 4 * 2)
	}
	putNibbles(dst[4:], b)
}

func putIQ4_K(dst []byte, b *block) {
	b.putHead(dst)
	putScales16(dst[4:], b)
	for g := range 8 {
		halves(dst[16+16*g:], b.codes[32*g:])
	}
}

func putIQ5_K(dst []byte, b *block) {
	b.putHead(dst)
	putScales16(dst[4:], b)
	putFours(dst[16:], b)
	putPlane(dst[144:], b, 4)
}

func putIQ4_KS(dst []byte, b *block) {
	copy(dst, b.scales[:8])
	for g := range 8 {
		halves(dst[8+16*g:], b.codes[32*g:])
	}
}

func putIQ5_KS(dst []byte, b *block) {
	copy(dst, b.scales[:8])
	putFours(dst[8:], b)
	putPlane(dst[136:], b, 4)
}
