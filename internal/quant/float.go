package quant

import "math"

// The small floats. Conversions to float32 are exact; those from float32 round
// to nearest, ties to even, keep subnormals and infinities, and a finite number
// that is too large becomes an infinity. A NaN stays a NaN of the same sign, and
// is quiet.

// F16ToF32 converts an IEEE 754 binary16 number.
func F16ToF32(h uint16) float32 {
	const rebias = (127 - 15) << 23
	sign, x := uint32(h&0x8000)<<16, uint32(h&0x7fff)
	switch {
	case x < 0x0400: // zero or subnormal: an integer times 2^-24
		return math.Float32frombits(math.Float32bits(float32(int32(x))*0x1p-24) | sign)
	case x > 0x7c00: // NaN
		return math.Float32frombits(sign | 0x7fc00000 | x<<13)
	case x == 0x7c00:
		return math.Float32frombits(sign | 0x7f800000)
	}
	return math.Float32frombits(sign | (x<<13 + rebias))
}

// F32ToF16 converts to an IEEE 754 binary16 number.
func F32ToF16(f float32) uint16 {
	const (
		inf    = 0x7f800000
		least  = (127 - 14) << 23 // 2^-14, the least normal binary16 number
		rebias = (127 - 15) << 23
	)
	u := math.Float32bits(f)
	sign, x := uint16(u>>16&0x8000), u&0x7fffffff
	switch {
	case x > inf:
		return sign | 0x7e00 | uint16(x>>13&0x3ff)
	case x < least:
		// In [1/2, 1) float32 has steps of 2^-24, those of subnormal binary16:
		// the addition rounds.
		return sign | uint16(math.Float32bits(math.Float32frombits(x)+0.5)-math.Float32bits(0.5))
	case x >= (127+16)<<23:
		return sign | 0x7c00
	}
	x += 0xfff + x>>13&1 - rebias // a carry out of the fraction is right, up to infinity
	return sign | uint16(x>>13)
}

// BF16ToF32 converts a bfloat16 number, the upper half of a float32.
func BF16ToF32(h uint16) float32 { return math.Float32frombits(uint32(h) << 16) }

// F32ToBF16 converts to a bfloat16 number.
func F32ToBF16(f float32) uint16 {
	u := math.Float32bits(f)
	if u&0x7fffffff > 0x7f800000 {
		return uint16(u>>16) | 0x40
	}
	return uint16((u + 0x7fff + u>>16&1) >> 16)
}

// F8E4M3ToF32 converts an OCP 8-bit float with four bits of exponent (bias 7)
// and three of fraction, in the kind "fn" of checkpoints: up to 448, no
// infinities, 0x7f and 0xff are NaN. OCP 8-bit Floating Point Specification, 5.
func F8E4M3ToF32(b uint8) float32 { return e4m3[b] }

// F8E5M2ToF32 converts an OCP 8-bit float with five bits of exponent and two of
// fraction: the upper byte of a binary16 number.
func F8E5M2ToF32(b uint8) float32 { return F16ToF32(uint16(b) << 8) }

// F8E8M0ToF32 converts an OCP microscaling exponent: 2^(b-127), and 0xff is NaN.
func F8E8M0ToF32(b uint8) float32 {
	switch b {
	case 0:
		return 0x1p-127
	case 0xff:
		return float32(math.NaN())
	}
	return math.Float32frombits(uint32(b) << 23)
}

var e4m3 = func() (t [256]float32) {
	for b := range t {
		sign := uint32(b&0x80) << 24
		switch x := uint32(b & 0x7f); {
		case x < 8: // zero or subnormal: an integer times 2^-9
			t[b] = math.Float32frombits(math.Float32bits(float32(x)*0x1p-9) | sign)
		case x == 0x7f:
			t[b] = math.Float32frombits(sign | 0x7fc00000)
		default:
			t[b] = math.Float32frombits(sign | (x<<20 + (127-7)<<23))
		}
	}
	return t
}()
