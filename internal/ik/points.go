package ik

// The types whose codes are points: their interleaved blocks are turned into GGML's as they
// are read.

func putRaw(dst []byte, b *block) { copy(dst, b.raw[:len(dst)]) }

// takeSigned reads what the R4 forms have beside the codes of IQ2_XXS and IQ3_XXS: four times
// seven bits above a bit of the scale. Signs are those bits xor the ones above them, of which
// GGML's block has the first seven.
func takeSigned(word uint32) uint32 {
	out := uint32(0)
	for m := range 4 {
		v := word >> (8 * m) & 255
		out |= v & 1 << (28 + m)
		v &^= 1
		out |= (v ^ v>>1) & 127 << (7 * m)
	}
	return out
}

func takeIQ2_XXS(b *block, src []byte, k int) {
	copy(b.raw[:2], src[2*k:])
	for g := range 8 {
		copy(b.raw[2+8*g:][:4], src[136+16*g+4*k:])
		le.PutUint32(b.raw[6+8*g:], takeSigned(le.Uint32(src[8+16*g+4*k:])))
	}
}

func takeIQ3_XXS(b *block, src []byte, k int) {
	copy(b.raw[:2], src[2*k:])
	for g := range 8 {
		copy(b.raw[2+8*g:][:8], src[136+32*g+8*k:])
		le.PutUint32(b.raw[66+4*g:], takeSigned(le.Uint32(src[8+16*g+4*k:])))
	}
}

func takeIQ2_XS(b *block, src []byte, k int) {
	copy(b.raw[:2], src[2*k:])
	for g := range 8 {
		for m := range 4 {
			x := le.Uint16(src[8+2*(16*g+4*k+m):])
			signs := x >> 9
			signs = (signs ^ signs<<1) & 127
			le.PutUint16(b.raw[2+8*g+2*m:], x&511|signs<<9)
		}
		b.raw[66+g] = src[264+4*g+k]
	}
}

func takeIQ2_S(b *block, src []byte, k int) {
	copy(b.raw[:2], src[2*k:])
	for g := range 8 {
		copy(b.raw[2+4*g:][:4], src[8+16*g+4*k:])
		b.raw[66+g] = src[136+4*g+k]
		copy(b.raw[34+4*g:][:4], src[168+16*g+4*k:])
		b.raw[74+g] = src[296+4*g+k]
	}
}

func takeIQ3_S(b *block, src []byte, k int) {
	clear(b.raw[:])
	copy(b.raw[:2], src[2*k:])
	for g := range 8 {
		for m := range 8 {
			b.raw[2+8*g+m] = src[8+32*g+k+8*(m%4)+4*(m/4)]
		}
		b.raw[66+g] = src[264+4*g+k]
		for j := range 4 {
			signs := src[296+16*g+4*k+j] // bit m: of the weight 4m + j
			for m := range 8 {
				b.raw[74+4*g+m/2] |= signs >> m & 1 << (m%2*4 + j)
			}
		}
		at := 4*g + k
		b.raw[106+g/2] |= src[424+at%16] >> (at / 16 * 4) & 15 << (g % 2 * 4)
	}
}

func takeIQ1_S(b *block, src []byte, k int) {
	copy(b.raw[:2], b.factor[2*k:])
	for g := range 8 {
		part := src[24*g:]
		for m := range 4 {
			b.raw[2+4*g+m] = part[4*m+k]
		}
		copy(b.raw[34+2*g:][:2], part[16+2*k:])
	}
}
