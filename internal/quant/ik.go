package quant

import (
	"math"

	"github.com/blitz-r1/blitz/internal/tensor"
)

// The types of ik_llama.cpp (github.com/ikawrakow/ik_llama.cpp, commit 8337e4c of 15 August
// 2026: the blocks of ggml-common.h, and what the dequantize_row functions of
// iqk_quantize.cpp make of them). Blocks have 256 weights, whose integers stand in one of two
// tables a group: the second one is the first, moved up. Types whose files have one scale a
// row have it, as float32, before each block here.

// The tables of points, the second behind the first.
var (
	ik2Points = [8]int8{-31, -13, 1, 17, -26, -8, 6, 22}
	ik3Points = [16]int8{-63, -40, -23, -10, 1, 13, 28, 47, -59, -36, -19, -6, 5, 17, 32, 51}
	ik4Points = [32]int8{
		-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113,
		-123, -100, -79, -61, -45, -31, -18, -6, 5, 17, 29, 42, 57, 73, 93, 117,
	}
	ik5Points = [64]int8{
		-126, -114, -103, -92, -83, -74, -65, -57, -50, -43, -36, -30, -24, -18, -12, -6,
		-1, 5, 11, 17, 23, 29, 36, 43, 51, 59, 68, 77, 87, 97, 109, 121,
		-124, -112, -101, -90, -81, -72, -63, -55, -48, -41, -34, -28, -22, -16, -10, -4,
		1, 7, 13, 19, 25, 31, 38, 45, 53, 61, 70, 79, 89, 99, 111, 123,
	}
	// ikPairs are the points of two weights of IQ2_KL, the first one in the low byte.
	ikPairs = [32]uint16{
		0xe9c1, 0x0dc1, 0xc1d8, 0xf6d8, 0x0dd8, 0x2fd8, 0xd8e9, 0xe9e9, 0x01e9, 0x0de9, 0x1ce9, 0xc1f6, 0x01f6, 0x0df6, 0x2ff6, 0xe901,
		0xf601, 0x0101, 0x0d01, 0x1c01, 0xd80d, 0xe90d, 0xf60d, 0x010d, 0x0d0d, 0xc11c, 0xe91c, 0x011c, 0x1c1c, 0x2f1c, 0xe92f, 0x0d2f,
	}
)

// bit returns bit n of a word.
func bit[T uint8 | uint16](x T, n int) int { return int(x>>n) & 1 }

// nibble returns half n of bytes, low halves first.
func nibble(b []byte, n int) int { return int(b[n/2]>>(4*(n%2))) & 15 }

// intsIQ2_K: d, tables [16 bits], scales of four bits [8], codes of two bits [64].
func intsIQ2_K(w []byte, s []float32, src []byte) {
	for i := range len(w) / 256 {
		b, o := src[76*i:][:76], w[256*i:][:256]
		d, tables := F16ToF32(le.Uint16(b)), le.Uint16(b[2:])
		for g := range 16 {
			s[16*i+g] = d * float32(nibble(b[4:], g)-8)
			points, q := ik2Points[4*bit(tables, g):], b[12+g/8*32+g%2*16:]
			for j := range 16 {
				o[16*g+j] = byte(points[q[j]>>(g/2%4*2)&3])
			}
		}
	}
}

// intsIQ2_KS: d as float32, tables and the fifth bits of scales [8 bits each], scales [4],
// codes of two bits [64].
func intsIQ2_KS(w []byte, s []float32, src []byte) {
	for i := range len(w) / 256 {
		b, o := src[74*i:][:74], w[256*i:][:256]
		d, extra := ikScale(b), le.Uint16(b[4:])
		for g := range 8 {
			s[8*i+g] = d * float32(nibble(b[6:], g)|bit(extra, 8+g)<<4-16)
			points, q := ik2Points[4*bit(extra, g):], b[10+g/4*32:]
			for j := range 32 {
				o[32*g+j] = byte(points[q[j]>>(g%4*2)&3])
			}
		}
	}
}

// intsIQ2_KL: d as float32, high bits of scales [16 bits], low ones [4], codes of pairs: four
// bits [64], the fifth ones [16].
func intsIQ2_KL(w []byte, s []float32, src []byte) {
	for i := range len(w) / 256 {
		b, o := src[90*i:][:90], w[256*i:][:256]
		d, high := ikScale(b), int(le.Uint16(b[4:]))
		for g := range 8 {
			s[8*i+g] = d * float32(int(b[6+g%4]>>(g/4*4))&15|high>>(2*g)&3<<4-32)
			q := b[10+g/2*16:]
			for j := range 16 {
				pair := ikPairs[int(q[j]>>(g%2*4))&15|bit(b[74+j], g)<<4]
				o[32*g+2*j], o[32*g+2*j+1] = byte(pair), byte(pair>>8)
			}
		}
	}
}

// intsIQ3_K: d, tables and signs of scales [16 bits each], scales [8], codes: two bits [64],
// the third ones [32].
func intsIQ3_K(w []byte, s []float32, src []byte) {
	for i := range len(w) / 256 {
		b, o := src[110*i:][:110], w[256*i:][:256]
		d, tables, signs := F16ToF32(le.Uint16(b)), le.Uint16(b[2:]), le.Uint16(b[4:])
		for g := range 16 {
			s[16*i+g] = d * float32((2*nibble(b[6:], g)+1)*(1-2*bit(signs, g)))
			points, q, high := ik3Points[8*bit(tables, g):], b[14+g/8*32+g%2*16:], b[78+g%2*16:]
			for j := range 16 {
				o[16*g+j] = byte(points[int(q[j]>>(g/2%4*2))&3|bit(high[j], g/2)<<2])
			}
		}
	}
}

// intsIQ3_KS: d as float32, the fifth bits of scales and tables [8 bits each], scales [4],
// codes: two bits [64], the third ones [32].
func intsIQ3_KS(w []byte, s []float32, src []byte) {
	for i := range len(w) / 256 {
		b, o := src[106*i:][:106], w[256*i:][:256]
		d, extra := ikScale(b), le.Uint16(b[4:])
		for g := range 8 {
			s[8*i+g] = d * float32(int(b[6+g%4]>>(g/4*4))&15|bit(extra, g)<<4-16)
			points, q := ik3Points[8*bit(extra, 8+g):], b[10+g/4*32:]
			for j := range 32 {
				o[32*g+j] = byte(points[int(q[j]>>(g%4*2))&3|bit(b[74+j], g)<<2])
			}
		}
	}
}

// ikScale16 returns scale g of sixteen: four bits [8], and two more [4].
func ikScale16(low, high []byte, g int) int {
	return nibble(low, g) | int(high[g/4]>>(g%4*2))&3<<4 - 32
}

// intsIQ4_K: d, tables [16 bits], scales: two bits [4], four bits [8], codes [128].
func intsIQ4_K(w []byte, s []float32, src []byte) {
	for i := range len(w) / 256 {
		b, o := src[144*i:][:144], w[256*i:][:256]
		d, tables := F16ToF32(le.Uint16(b)), le.Uint16(b[2:])
		for g := range 16 {
			s[16*i+g] = d * float32(ikScale16(b[8:], b[4:], g))
			points, q := ik4Points[16*bit(tables, g):], b[16+g/2*16:]
			for j := range 16 {
				o[16*g+j] = byte(points[q[j]>>(g%2*4)&15])
			}
		}
	}
}

// intsIQ4_KS: d as float32, scales with the table in bit 0 [8], codes [128].
func intsIQ4_KS(w []byte, s []float32, src []byte) {
	for i := range len(w) / 256 {
		b, o := src[140*i:][:140], w[256*i:][:256]
		d := ikScale(b)
		for g := range 8 {
			s[8*i+g] = d * float32(int(b[4+g]&254)-127)
			ikFours(o[32*g:], b[12+16*g:], ik4Points[16*bit(b[4+g], 0):])
		}
	}
}

// ikFours writes the points of 32 codes, the first sixteen in low halves.
func ikFours(o, q []byte, points []int8) {
	for j := range 16 {
		o[j], o[16+j] = byte(points[q[j]&15]), byte(points[q[j]>>4])
	}
}

// intsIQ4_KSS: d as float32, words of sixteen bits [64]: bit 0 of eight of them are a scale
// with its table, the others the codes, each bit xor the one above it.
func intsIQ4_KSS(w []byte, s []float32, src []byte) {
	var q [16]byte
	for i := range len(w) / 256 {
		b, o := src[132*i:][:132], w[256*i:][:256]
		d := ikScale(b)
		for g := range 8 {
			scale := 0
			for k := range 8 {
				v := le.Uint16(b[4+16*g+2*k:])
				scale |= int(v&1) << k
				v &^= 1
				le.PutUint16(q[2*k:], v^v>>1)
			}
			s[8*i+g] = d * float32(scale&254-127)
			ikFours(o[32*g:], q[:], ik4Points[16*(scale&1):])
		}
	}
}

// intsIQ5_K: d, tables [16 bits], scales: two bits [4], four bits [8], codes: four bits [128],
// the fifth ones [32].
func intsIQ5_K(w []byte, s []float32, src []byte) {
	for i := range len(w) / 256 {
		b, o := src[176*i:][:176], w[256*i:][:256]
		d, tables := F16ToF32(le.Uint16(b)), le.Uint16(b[2:])
		for g := range 16 {
			s[16*i+g] = d * float32(ikScale16(b[8:], b[4:], g))
			points, at := ik5Points[32*bit(tables, g):], g%2*16
			q, high := b[16+g/4*32+at:], b[144+at:]
			for j := range 16 {
				o[16*g+j] = byte(points[int(q[j]>>(g/2%2*4))&15|bit(high[j], g/2)<<4])
			}
		}
	}
}

// intsIQ5_KS: d as float32, scales with the table in bit 0 [8], codes: four bits [128], the
// fifth ones [32].
func intsIQ5_KS(w []byte, s []float32, src []byte) {
	for i := range len(w) / 256 {
		b, o := src[172*i:][:172], w[256*i:][:256]
		d := ikScale(b)
		for g := range 8 {
			s[8*i+g] = d * float32(int(b[4+g]&254)-127)
			points, q := ik5Points[32*bit(b[4+g], 0):], b[12+g/2*32:]
			for j := range 32 {
				o[32*g+j] = byte(points[int(q[j]>>(g%2*4))&15|bit(b[140+j], g)<<4])
			}
		}
	}
}

// intsQ6_0: d, high two bits [8], low four [16].
func intsQ6_0(w []byte, s []float32, src []byte) {
	for i := range len(w) / 32 {
		b, o := src[26*i:][:26], w[32*i:][:32]
		s[i] = F16ToF32(le.Uint16(b))
		for j := range 16 {
			h := b[2+j%8] >> (j / 8 * 4)
			o[j], o[16+j] = b[10+j]&15|h&3<<4-32, b[10+j]>>4|h>>2&3<<4-32
		}
	}
}

// CodesIQ6_K returns the codes of a block of IQ6_K, of six bits and in bit 6 the table, and
// the scales of sixteen each. The numbers are a polynomial of the codes and no integers. src
// [212]: d, tables [16 bits], scales [16], codes: four bits [128], the upper two [64].
func CodesIQ6_K(codes *[256]byte, scales *[16]float32, src []byte) {
	b := src[:212]
	d, tables := F16ToF32(le.Uint16(b)), le.Uint16(b[2:])
	for g := range 16 {
		scales[g] = d * float32(int8(b[4+g]))
		table, at := bit(tables, g)<<6, g%2*16
		q, high := b[20+g/4*32+at:], b[148+g/8*32+at:]
		for j := range 16 {
			codes[16*g+j] = byte(int(q[j]>>(g/2%2*4))&15 | int(high[j]>>(g/2%4*2))&3<<4 | table)
		}
	}
}

// IQ6_KToF32 returns what a code of IQ6_K stands for, to be multiplied by its scale.
func IQ6_KToF32(code uint8) float32 { return iq6kNumbers[code&127] }

var iq6kNumbers = func() (t [128]float32) {
	for code := range t {
		t[code] = ikCurve(float32(code&63)) + float32(code>>6)
	}
	return t
}()

// decodeIQ6_K writes the numbers of IQ6_K.
func decodeIQ6_K(dst []float32, src []byte) {
	var codes [256]byte
	var scales [16]float32
	for i := range len(dst) / 256 {
		CodesIQ6_K(&codes, &scales, src[212*i:])
		for k, code := range codes {
			dst[256*i+k] = scales[k/16] * IQ6_KToF32(code)
		}
	}
}

// ikCurve is the polynomial that gives the first table of IQ6_K, every step rounded.
func ikCurve(x float32) float32 {
	y := float32(x*0.0011972) - 0.11218
	y = float32(x*y) + 6.2568
	return float32(x*y) - 127
}

// ikScale returns the float32 factor that a block begins with.
func ikScale(b []byte) float32 { return math.Float32frombits(le.Uint32(b)) }

// isRowScaled says whether blocks of a type begin with a factor that is their row's in files.
func isRowScaled(t tensor.DType) bool { return t >= tensor.IQ2_KS && t <= tensor.IQ4_KT }
