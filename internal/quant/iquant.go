package quant

import "math/bits"

// GGML's IQ types: blocks of 256 weights (32 in IQ4_NL). The types 1 to 3 code
// four or eight neighbouring weights at once as a point of a grid and, in 2 and
// 3, their signs; where those have seven bits, the eighth makes the number of
// minus signs even. The types 4 code single weights by a table of unequal steps.

// signs8 holds 0xff in byte j for every j whose bit is set: the weights to negate.
var signs8 = func() (t [256]uint64) {
	for b := range t {
		t[b] = spread(uint8(b)) >> 7 * 0xff
	}
	return t
}()

// signs7 is signs8 for codes of seven bits.
var signs7 = func() (t [128]uint64) {
	for b := range t {
		t[b] = signs8[b|bits.OnesCount8(uint8(b))&1<<7]
	}
	return t
}()

// intsIQ2_XXS: d, then for each 32 weights four bytes of grid codes and a word of
// four times seven signs and a scale of four bits.
func intsIQ2_XXS(w []byte, s []float32, src []byte) {
	for i := range len(w) / 256 {
		b, o, si := (*[66]byte)(src[66*i:]), (*[256]byte)(w[256*i:]), (*[8]float32)(s[8*i:])
		d := F16ToF32(le.Uint16(b[:2]))
		for g := range si {
			q, o := (*[8]byte)(b[2+8*g:]), (*[32]byte)(o[32*g:])
			x := le.Uint32(q[4:8])
			si[g] = float32(d*(0.5+float32(x>>28))) * 0.25
			le.PutUint64(o[0:8], negate(iq2xxsGrid[q[0]], signs7[x&127]))
			le.PutUint64(o[8:16], negate(iq2xxsGrid[q[1]], signs7[x>>7&127]))
			le.PutUint64(o[16:24], negate(iq2xxsGrid[q[2]], signs7[x>>14&127]))
			le.PutUint64(o[24:32], negate(iq2xxsGrid[q[3]], signs7[x>>21&127]))
		}
	}
}

// scaleIQ2 returns the scale of IQ2_XS and IQ2_S for a code of four bits.
func scaleIQ2(d float32, code uint8) float32 { return float32(d*(0.5+float32(code))) * 0.25 }

// intsIQ2_XS: d, words of nine bits of grid code and seven signs [32], scales [8]
// (a half for each 16 weights, low first).
func intsIQ2_XS(w []byte, s []float32, src []byte) {
	for i := range len(w) / 256 {
		b, o, si := (*[74]byte)(src[74*i:]), (*[256]byte)(w[256*i:]), (*[16]float32)(s[16*i:])
		d := F16ToF32(le.Uint16(b[:2]))
		for g := range 8 {
			sc := b[66+g]
			si[2*g], si[2*g+1] = scaleIQ2(d, sc&15), scaleIQ2(d, sc>>4)
			q, o := (*[8]byte)(b[2+8*g:]), (*[32]byte)(o[32*g:])
			for l := 0; l < 4; l++ {
				x := le.Uint16(q[2*l : 2*l+2])
				le.PutUint64(o[8*l:8*l+8], negate(iq2xsGrid[x&511], signs7[x>>9]))
			}
		}
	}
}

// intsIQ2_S: d, low eight bits of the grid codes [32], signs [32], high two bits
// [8], scales [8] as in IQ2_XS.
func intsIQ2_S(w []byte, s []float32, src []byte) {
	for i := range len(w) / 256 {
		b, o, si := (*[82]byte)(src[82*i:]), (*[256]byte)(w[256*i:]), (*[16]float32)(s[16*i:])
		d := F16ToF32(le.Uint16(b[:2]))
		for g := range 8 {
			h, sc := uint(b[66+g]), b[74+g]
			si[2*g], si[2*g+1] = scaleIQ2(d, sc&15), scaleIQ2(d, sc>>4)
			q, sign, o := (*[4]byte)(b[2+4*g:]), (*[4]byte)(b[34+4*g:]), (*[32]byte)(o[32*g:])
			for l := range 4 {
				point := iq2sGrid[uint(q[l])|h>>(2*l)&3<<8]
				le.PutUint64(o[8*l:8*l+8], negate(point, signs8[sign[l]]))
			}
		}
	}
}

// intsIQ3_XXS: d, grid codes of four weights each [64], then for each 32 weights
// a word of four times seven signs and a scale of four bits.
func intsIQ3_XXS(w []byte, s []float32, src []byte) {
	for i := range len(w) / 256 {
		b, o, si := (*[98]byte)(src[98*i:]), (*[256]byte)(w[256*i:]), (*[8]float32)(s[8*i:])
		d := F16ToF32(le.Uint16(b[:2]))
		for g := range si {
			q, x, o := (*[8]byte)(b[2+8*g:]), le.Uint32(b[66+4*g:]), (*[32]byte)(o[32*g:])
			si[g] = float32(d*(0.5+float32(x>>28))) * 0.5
			for l := range 4 {
				points := iq3xxsGrid[q[2*l]] | iq3xxsGrid[q[2*l+1]]<<32
				le.PutUint64(o[8*l:8*l+8], negate(points, signs7[x>>(7*l)&127]))
			}
		}
	}
}

// intsIQ3_S: d, low eight bits of the grid codes of four weights each [64], the
// ninth bits [8], signs [32], scales [4] (a half for each 32 weights, low first).
func intsIQ3_S(w []byte, s []float32, src []byte) {
	for i := range len(w) / 256 {
		b, o, si := (*[110]byte)(src[110*i:]), (*[256]byte)(w[256*i:]), (*[8]float32)(s[8*i:])
		d := F16ToF32(le.Uint16(b[:2]))
		for g := range si {
			sc := b[106+g/2] >> (4 * (g & 1)) & 15
			si[g] = d * (1 + 2*float32(sc))
			q, sign, o := (*[8]byte)(b[2+8*g:]), (*[4]byte)(b[74+4*g:]), (*[32]byte)(o[32*g:])
			h := uint(b[66+g])
			for l := range 4 {
				low := iq3sGrid[uint(q[2*l])|h>>(2*l)&1<<8]
				high := iq3sGrid[uint(q[2*l+1])|h>>(2*l+1)&1<<8]
				le.PutUint64(o[8*l:8*l+8], negate(low|high<<32, signs8[sign[l]]))
			}
		}
	}
}

// pointIQ1 returns eight times the grid point, plus 1 in every coordinate, or
// minus 1 where minus is 1.
func pointIQ1(code uint, minus uint64) uint64 {
	return (iq1Grid[code&2047] + ones - minus*(2*ones)) ^ tops
}

// intsIQ1_S: d, low eight bits of the grid codes [32], then for each 32 weights a
// word of four times three high bits, a scale of three bits and the sign of the
// shift by 1/8.
func intsIQ1_S(w []byte, s []float32, src []byte) {
	for i := range len(w) / 256 {
		b, o, si := (*[50]byte)(src[50*i:]), (*[256]byte)(w[256*i:]), (*[8]float32)(s[8*i:])
		d := F16ToF32(le.Uint16(b[:2]))
		for g := range si {
			q, x, o := (*[4]byte)(b[2+4*g:]), uint(le.Uint16(b[34+2*g:])), (*[32]byte)(o[32*g:])
			si[g] = float32(d*float32(2*(x>>12&7)+1)) * 0.125
			for l := range 4 {
				le.PutUint64(o[8*l:8*l+8], pointIQ1(uint(q[l])|x>>(3*l)&7<<8, uint64(x>>15)))
			}
		}
	}
}

// intsIQ1_M: low eight bits of the grid codes [32], then for each eight weights
// half a byte of three high bits and the sign of the shift [16], then four words
// of four scales of three bits [8], whose top halves together are d.
func intsIQ1_M(w []byte, s []float32, src []byte) {
	for i := range len(w) / 256 {
		b, o, si := (*[56]byte)(src[56*i:]), (*[256]byte)(w[256*i:]), (*[16]float32)(s[16*i:])
		sc := le.Uint64(b[48:56])
		d := F16ToF32(scaleIQ1_M(sc))
		for g := range si {
			q, h, o := (*[2]byte)(b[2*g:]), uint(b[32+g]), (*[16]byte)(o[16*g:])
			code := sc >> (16*(g/4) + 3*(g&3)) & 7
			si[g] = float32(d*float32(2*code+1)) * 0.125
			le.PutUint64(o[0:8], pointIQ1(uint(q[0])|h&7<<8, uint64(h>>3&1)))
			le.PutUint64(o[8:16], pointIQ1(uint(q[1])|h>>4&7<<8, uint64(h>>7)))
		}
	}
}

// scaleIQ1_M puts the float16 factor of a block together from its four words.
func scaleIQ1_M(sc uint64) uint16 {
	return uint16(sc>>12&0x000f | sc>>24&0x00f0 | sc>>36&0x0f00 | sc>>48&0xf000)
}

var iq4Codes = newCodes([16]int8{-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113})

// intsIQ4_NL: d, codes [16] as in Q4_0.
func intsIQ4_NL(w []byte, s []float32, src []byte) {
	for i := range s {
		b, o := (*[18]byte)(src[18*i:]), (*[32]byte)(w[32*i:])
		s[i] = F16ToF32(le.Uint16(b[:2]))
		iq4Codes.look32(o, (*[16]byte)(b[2:]))
	}
}

// intsIQ4_XS: d, high two bits of eight scales in a word, their low halves [4],
// codes [128]; 16 bytes of codes are 32 weights as in Q4_0.
func intsIQ4_XS(w []byte, s []float32, src []byte) {
	for i := range len(w) / 256 {
		b, o, si := (*[136]byte)(src[136*i:]), (*[256]byte)(w[256*i:]), (*[8]float32)(s[8*i:])
		d := F16ToF32(le.Uint16(b[:2]))
		high, low := int32(le.Uint16(b[2:4])), le.Uint32(b[4:8])
		for g := range si {
			sc := int32(low&15) | high&3<<4
			si[g] = d * float32(sc-32)
			low, high = low>>4, high>>2
			iq4Codes.look32((*[32]byte)(o[32*g:]), (*[16]byte)(b[8+16*g:]))
		}
	}
}
