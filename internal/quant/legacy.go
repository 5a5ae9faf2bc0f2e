package quant

// GGML's first types: blocks of 32 weights with a float16 scale and, in the
// kinds _1, a float16 minimum that is added. Four-bit codes lie in 16 bytes, the
// low halves are weights 0..15 and the high halves 16..31; a fifth bit of each
// lies in a word of its own.

func intsQ4_0(w []byte, s []float32, src []byte) {
	for i := range s {
		b, o := (*[18]byte)(src[18*i:]), (*[32]byte)(w[32*i:])
		s[i] = F16ToF32(le.Uint16(b[:2]))
		x, y := le.Uint64(b[2:10]), le.Uint64(b[10:18])
		le.PutUint64(o[0:8], minus(x&bits4, 8))
		le.PutUint64(o[8:16], minus(y&bits4, 8))
		le.PutUint64(o[16:24], minus(x>>4&bits4, 8))
		le.PutUint64(o[24:32], minus(y>>4&bits4, 8))
	}
}

func intsQ4_1(w []byte, s, m []float32, src []byte) {
	m = m[:len(s)]
	for i := range s {
		b, o := (*[20]byte)(src[20*i:]), (*[32]byte)(w[32*i:])
		s[i] = F16ToF32(le.Uint16(b[:2]))
		m[i] = -F16ToF32(le.Uint16(b[2:4]))
		x, y := le.Uint64(b[4:12]), le.Uint64(b[12:20])
		le.PutUint64(o[0:8], x&bits4)
		le.PutUint64(o[8:16], y&bits4)
		le.PutUint64(o[16:24], x>>4&bits4)
		le.PutUint64(o[24:32], y>>4&bits4)
	}
}

func intsQ5_0(w []byte, s []float32, src []byte) {
	for i := range s {
		b, o := (*[22]byte)(src[22*i:]), (*[32]byte)(w[32*i:])
		s[i] = F16ToF32(le.Uint16(b[:2]))
		x, y := le.Uint64(b[6:14]), le.Uint64(b[14:22])
		le.PutUint64(o[0:8], minus(x&bits4|spread(b[2])>>3, 16))
		le.PutUint64(o[8:16], minus(y&bits4|spread(b[3])>>3, 16))
		le.PutUint64(o[16:24], minus(x>>4&bits4|spread(b[4])>>3, 16))
		le.PutUint64(o[24:32], minus(y>>4&bits4|spread(b[5])>>3, 16))
	}
}

func intsQ5_1(w []byte, s, m []float32, src []byte) {
	m = m[:len(s)]
	for i := range s {
		b, o := (*[24]byte)(src[24*i:]), (*[32]byte)(w[32*i:])
		s[i] = F16ToF32(le.Uint16(b[:2]))
		m[i] = -F16ToF32(le.Uint16(b[2:4]))
		x, y := le.Uint64(b[8:16]), le.Uint64(b[16:24])
		le.PutUint64(o[0:8], x&bits4|spread(b[4])>>3)
		le.PutUint64(o[8:16], y&bits4|spread(b[5])>>3)
		le.PutUint64(o[16:24], x>>4&bits4|spread(b[6])>>3)
		le.PutUint64(o[24:32], y>>4&bits4|spread(b[7])>>3)
	}
}

func intsQ8_0(w []byte, s []float32, src []byte) {
	for i := range s {
		b, o := (*[34]byte)(src[34*i:]), (*[32]byte)(w[32*i:])
		s[i] = F16ToF32(le.Uint16(b[:2]))
		*o = [32]byte(b[2:])
	}
}
