package quant

// The trellis types of ik_llama.cpp (see ik.go): a code is the state of a generator of random
// numbers, which gives a few weights, each the sum of four numbers of six bits less 126.
// After QTIP (Tseng et al. 2024). Here each block of 256 begins with its row's factor, as
// float32.

// trellisStart is added to codes.
const trellisStart = 4096

// trellis writes the weights that a state gives.
func trellis(o []byte, state uint32) {
	for k := range o {
		state *= 0xcbac1fed
		x := state & 0x3f3f3f3f
		o[k] = byte(x) + byte(x>>8) + byte(x>>16) + byte(x>>24) - 126
	}
}

// intsIQ1_KT: d, scales [8] (a code of ik4Points, and above it the top bits of four states),
// states: eight bits [32], four more [16].
func intsIQ1_KT(w []byte, s []float32, src []byte) {
	for i := range len(w) / 256 {
		b, o := src[60*i:][:60], w[256*i:][:256]
		d := ikScale(b)
		for g := range 8 {
			s[8*i+g] = d * float32(ik4Points[b[4+g]&15])
			for k := range 4 {
				state := uint32(b[12+4*g+k]) | uint32(b[44+g%4*4+k])>>(g/4*4)&15<<8 | uint32(b[4+g])>>(4+k)&1<<12
				trellis(o[32*g+8*k:][:8], state+trellisStart)
			}
		}
	}
}

// intsIQ2_KT: d, scales of four bits [4], codes of ik4Points, states of sixteen bits [32].
func intsIQ2_KT(w []byte, s []float32, src []byte) {
	for i := range len(w) / 256 {
		b, o := src[72*i:][:72], w[256*i:][:256]
		d := ikScale(b)
		for g := range 8 {
			s[8*i+g] = d * float32(ik4Points[b[4+g%4]>>(g/4*4)&15])
			for k := range 4 {
				trellis(o[32*g+8*k:][:8], uint32(le.Uint16(b[8+8*g+2*k:]))+trellisStart)
			}
		}
	}
}

// intsIQ3_KT: d, scales of four bits [4], states of sixteen bits [32], signs [32]: bit g of
// a byte belongs to group g. The weights are without signs before.
func intsIQ3_KT(w []byte, s []float32, src []byte) {
	for i := range len(w) / 256 {
		b, o := src[104*i:][:104], w[256*i:][:256]
		d := ikScale(b)
		for g := range 8 {
			s[8*i+g] = d * float32(b[4+g%4]>>(g/4*4)&15)
			for k := range 4 {
				trellis(o[32*g+8*k:][:8], uint32(le.Uint16(b[8+8*g+2*k:]))+trellisStart)
			}
			for j := range 32 {
				v := &o[32*g+j]
				if minus := b[72+j]>>g&1 == 1; (int8(*v) < 0) != minus {
					*v = -*v
				}
			}
		}
	}
}

// intsIQ4_KT: d, words of 32 bits [8] (a scale with the choice between two starts in bit 0,
// then three top bits of eight states), states: eight bits [64], four more [32].
func intsIQ4_KT(w []byte, s []float32, src []byte) {
	for i := range len(w) / 256 {
		b, o := src[132*i:][:132], w[256*i:][:256]
		d := ikScale(b)
		for g := range 8 {
			word := le.Uint32(b[4+4*g:])
			s[8*i+g] = d * float32(int(word>>1&127)-64)
			start := trellisStart + word&1<<15
			for k := range 8 {
				at := 8*g + k
				state := uint32(b[36+at]) | uint32(b[100+at%32])>>(at/32*4)&15<<8 | word>>(8+3*k)&7<<12
				trellis(o[32*g+4*k:][:4], state+start)
			}
		}
	}
}
