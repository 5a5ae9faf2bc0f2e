package quant

// GGML's types of one and two bits without a grid: a float16 scale and codes in
// the order of the weights, low bits first.

// intsQ1_0: blocks of 128; a set bit is +1, a clear one -1.
func intsQ1_0(w []byte, s []float32, src []byte) {
	for i := range len(w) / 128 {
		b, o, si := (*[18]byte)(src[18*i:]), (*[128]byte)(w[128*i:]), (*[4]float32)(s[4*i:])
		fill(si[:], F16ToF32(le.Uint16(b[:2])))
		for j, x := range b[2:] {
			le.PutUint64(o[8*j:8*j+8], minus(spread(x)>>6, 1))
		}
	}
}

// intsQ2_0: blocks of 64; the codes 0, 1, 2, 3 are -1, 0, 1, 2.
func intsQ2_0(w []byte, s []float32, src []byte) {
	for i := range len(w) / 64 {
		b, o, si := (*[18]byte)(src[18*i:]), (*[64]byte)(w[64*i:]), (*[2]float32)(s[2*i:])
		fill(si[:], F16ToF32(le.Uint16(b[:2])))
		for j := range 8 {
			x := le.Uint16(b[2+2*j : 4+2*j])
			le.PutUint64(o[8*j:8*j+8], minus(pairs(x), 1))
		}
	}
}
