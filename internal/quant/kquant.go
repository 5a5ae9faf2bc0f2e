package quant

// GGML's K types: blocks of 256 weights; small integers that scale groups of 16
// or 32 of them, and one or two float16 factors for those integers. A float16
// times a scale of at most eight bits is exact in float32.

// intsQ2_K: scales [16] (low half scale, high half minimum), codes [64], d, dmin.
// Two bits of each of 32 bytes are 32 consecutive weights.
func intsQ2_K(w []byte, s, m []float32, src []byte) {
	for i := range len(w) / 256 {
		b, o := (*[84]byte)(src[84*i:]), (*[256]byte)(w[256*i:])
		si, mi := (*[16]float32)(s[16*i:]), (*[16]float32)(m[16*i:])
		d, dmin := F16ToF32(le.Uint16(b[80:82])), F16ToF32(le.Uint16(b[82:84]))
		for j := range si {
			si[j] = d * float32(b[j]&15)
			mi[j] = dmin * float32(b[j]>>4)
		}
		for half := range 2 {
			q, o := (*[32]byte)(b[16+32*half:]), (*[128]byte)(o[128*half:])
			for l := 0; l < 32; l += 8 {
				x := le.Uint64(q[l : l+8])
				le.PutUint64(o[l:l+8], x&bits2)
				le.PutUint64(o[l+32:l+40], x>>2&bits2)
				le.PutUint64(o[l+64:l+72], x>>4&bits2)
				le.PutUint64(o[l+96:l+104], x>>6&bits2)
			}
		}
	}
}

// intsQ3_K: high bits [32], low two bits [64], scales of six bits [12], d.
// Bit k of the 32 high bytes belongs to the weights 32k..32k+31.
func intsQ3_K(w []byte, s []float32, src []byte) {
	for i := range len(w) / 256 {
		b, o := (*[110]byte)(src[110*i:]), (*[256]byte)(w[256*i:])
		scalesQ3_K((*[16]float32)(s[16*i:]), (*[14]byte)(b[96:]))
		h := (*[32]byte)(b[:32])
		for half := range 2 {
			q, o := (*[32]byte)(b[32+32*half:]), (*[128]byte)(o[128*half:])
			for l := 0; l < 32; l += 8 {
				x, y := le.Uint64(q[l:l+8]), le.Uint64(h[l:l+8])>>(4*half)
				le.PutUint64(o[l:l+8], minus(x&bits2|y&ones<<2, 4))
				le.PutUint64(o[l+32:l+40], minus(x>>2&bits2|y>>1&ones<<2, 4))
				le.PutUint64(o[l+64:l+72], minus(x>>4&bits2|y>>2&ones<<2, 4))
				le.PutUint64(o[l+96:l+104], minus(x>>6&bits2|y>>3&ones<<2, 4))
			}
		}
	}
}

// scalesQ3_K writes d*(sc-32). The low halves of the sixteen scales lie in the
// halves of eight bytes, their high two bits in the pairs of four more.
func scalesQ3_K(s *[16]float32, b *[14]byte) {
	d := F16ToF32(le.Uint16(b[12:14]))
	low, high := le.Uint64(b[:8]), uint64(le.Uint32(b[8:12]))
	high |= high << 30 // bytes 0..3: pair 0, bytes 4..7: pair 1
	x := low&bits4 | high&bits2<<4
	y := low>>4&bits4 | high>>4&bits2<<4
	for j := range 8 {
		s[j] = d * float32(int32(x&63)-32)
		s[j+8] = d * float32(int32(y&63)-32)
		x, y = x>>8, y>>8
	}
}

// scalesQ4_K writes s = d*sc and m = dmin*mn of Q4_K and Q5_K, whose blocks
// begin with d, dmin and eight scales and eight minima of six bits in twelve
// bytes: four scales, four minima, and four bytes with the low halves of the
// others, whose high two bits are on top of the first eight.
func scalesQ4_K(s, m *[8]float32, b *[16]byte) {
	d, dmin := F16ToF32(le.Uint16(b[0:2])), F16ToF32(le.Uint16(b[2:4]))
	x, y, z := le.Uint32(b[4:8]), le.Uint32(b[8:12]), le.Uint32(b[12:16])
	sc := uint64(x&0x3f3f3f3f) | uint64(z&0x0f0f0f0f|x>>2&0x30303030)<<32
	mn := uint64(y&0x3f3f3f3f) | uint64(z>>4&0x0f0f0f0f|y>>2&0x30303030)<<32
	for j := range s {
		s[j] = d * float32(int32(sc&63))
		m[j] = dmin * float32(int32(mn&63))
		sc, mn = sc>>8, mn>>8
	}
}

// intsQ4_K: d, dmin, scales [12], codes [128]. The low halves of 32 bytes are 32
// weights, the high halves the next 32.
func intsQ4_K(w []byte, s, m []float32, src []byte) {
	for i := range len(w) / 256 {
		b, o := (*[144]byte)(src[144*i:]), (*[256]byte)(w[256*i:])
		scalesQ4_K((*[8]float32)(s[8*i:]), (*[8]float32)(m[8*i:]), (*[16]byte)(b[:]))
		for g := range 4 {
			q, o := (*[32]byte)(b[16+32*g:]), (*[64]byte)(o[64*g:])
			for l := 0; l < 32; l += 8 {
				x := le.Uint64(q[l : l+8])
				le.PutUint64(o[l:l+8], x&bits4)
				le.PutUint64(o[l+32:l+40], x>>4&bits4)
			}
		}
	}
}

// intsQ5_K: d, dmin, scales [12], high bits [32], low four bits [128]. Bit k of
// the 32 high bytes belongs to the weights 32k..32k+31.
func intsQ5_K(w []byte, s, m []float32, src []byte) {
	for i := range len(w) / 256 {
		b, o := (*[176]byte)(src[176*i:]), (*[256]byte)(w[256*i:])
		scalesQ4_K((*[8]float32)(s[8*i:]), (*[8]float32)(m[8*i:]), (*[16]byte)(b[:]))
		h := (*[32]byte)(b[16:])
		for g := range 4 {
			q, o := (*[32]byte)(b[48+32*g:]), (*[64]byte)(o[64*g:])
			for l := 0; l < 32; l += 8 {
				x, y := le.Uint64(q[l:l+8]), le.Uint64(h[l:l+8])>>(2*g)
				le.PutUint64(o[l:l+8], x&bits4|y&ones<<4)
				le.PutUint64(o[l+32:l+40], x>>4&bits4|y>>1&ones<<4)
			}
		}
	}
}

// intsQ6_K: low four bits [128], high two bits [64], signed scales [16], d. In a
// half of 128 weights the low halves of 64 bytes are 64 weights, the high halves
// the other 64; pair k of the 32 high bytes belongs to the weights 32k..32k+31.
func intsQ6_K(w []byte, s []float32, src []byte) {
	for i := range len(w) / 256 {
		b, o := (*[210]byte)(src[210*i:]), (*[256]byte)(w[256*i:])
		si := (*[16]float32)(s[16*i:])
		d := F16ToF32(le.Uint16(b[208:210]))
		for j := range si {
			si[j] = d * float32(int8(b[192+j]))
		}
		for half := range 2 {
			q, h := (*[64]byte)(b[64*half:]), (*[32]byte)(b[128+32*half:])
			o := (*[128]byte)(o[128*half:])
			for l := 0; l < 32; l += 8 {
				x, y, z := le.Uint64(q[l:l+8]), le.Uint64(q[l+32:l+40]), le.Uint64(h[l:l+8])
				le.PutUint64(o[l:l+8], minus(x&bits4|z&bits2<<4, 32))
				le.PutUint64(o[l+32:l+40], minus(y&bits4|z>>2&bits2<<4, 32))
				le.PutUint64(o[l+64:l+72], minus(x>>4&bits4|z>>4&bits2<<4, 32))
				le.PutUint64(o[l+96:l+104], minus(y>>4&bits4|z>>6&bits2<<4, 32))
			}
		}
	}
}
