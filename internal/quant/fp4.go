package quant

import "math"

// Four-bit floats (E2M1: 0, 0.5, 1, 1.5, 2, 3, 4, 6 and their negatives), kept as
// twice their value, which is an integer; the scale is halved.

var e2m1Codes = newCodes([16]int8{0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12})

// e2m1 are the numbers of the codes, of both zeros +0.
var e2m1 = [16]float32{0, .5, 1, 1.5, 2, 3, 4, 6, 0, -.5, -1, -1.5, -2, -3, -4, -6}

// E2M1ToF32 returns the number of a code of four bits; that of -0 is +0.
func E2M1ToF32(code uint8) float32 { return e2m1[code&15] }

// PutMXFP4 writes a block of MXFP4 as GGUF files have it, from its exponent and codes as
// checkpoints have them: two a byte, the first one in the low half.
//
//	dst [17]   codes [16]
func PutMXFP4(dst []byte, exponent uint8, codes []byte) {
	dst, codes = dst[:17], codes[:16]
	dst[0] = exponent
	for j := range 8 {
		low, high := codes[j], codes[8+j]
		dst[1+2*j] = low&15 | high<<4
		dst[2+2*j] = low>>4 | high&0xf0
	}
}

// intsMXFP4: OCP microscaling, blocks of 32: an exponent E8M0, then codes [16] as
// in Q4_0. As in GGML the exponent 0xff is 2^128 and no NaN.
func intsMXFP4(w []byte, s []float32, src []byte) {
	for i := range s {
		b, o := (*[17]byte)(src[17*i:]), (*[32]byte)(w[32*i:])
		s[i] = HalfE8M0ToF32(b[0])
		e2m1Codes.look32(o, (*[16]byte)(b[1:]))
	}
}

// HalfE8M0ToF32 returns half of what the exponent of an MXFP4 block stands for,
// 2^(e-128): the scale of integers that are twice the stored numbers.
func HalfE8M0ToF32(e uint8) float32 {
	if e < 2 {
		return math.Float32frombits(0x00200000 << e) // subnormal
	}
	return math.Float32frombits(uint32(e-1) << 23)
}

// intsNVFP4: blocks of 64: four unsigned E4M3 scales, then for each 16 weights
// eight bytes whose low halves are the first eight weights. The factor of the
// whole tensor lies in a tensor of its own.
func intsNVFP4(w []byte, s []float32, src []byte) {
	for i := range len(w) / 64 {
		b, o, si := (*[36]byte)(src[36*i:]), (*[64]byte)(w[64*i:]), (*[4]float32)(s[4*i:])
		for g := range si {
			si[g] = halfUE4M3[b[g]]
			x, o := le.Uint64(b[4+8*g:]), (*[16]byte)(o[16*g:])
			le.PutUint64(o[0:8], e2m1Codes.look(x&bits4))
			le.PutUint64(o[8:16], e2m1Codes.look(x>>4&bits4))
		}
	}
}

// halfUE4M3 holds half the value of a scale of NVFP4. GGML ignores the sign bit
// and reads 0x7f, a NaN in E4M3, as 0.
var halfUE4M3 = func() (t [256]float32) {
	for b := range t {
		switch x := b & 0x7f; {
		case b == 0x7f:
		case x == 0x7f:
			t[b] = 480 / 2
		default:
			t[b] = F8E4M3ToF32(uint8(x)) / 2
		}
	}
	return t
}()
