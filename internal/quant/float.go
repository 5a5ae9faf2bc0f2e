package quant

import "math"

// The small floats. Conversions to float32 are exact. Those from float32 round to
// nearest, ties to even, keep subnormals and infinities, and a finite number that
// is too large becomes an infinity. A NaN stays a NaN of the same sign.

// F16ToF32 converts an IEEE 754 binary16 number. It has no branch, and is small
// enough to be compiled into loops.
func F16ToF32(h uint16) float32 {
	e := &f16Exponents[h>>10]
	return math.Float32frombits(e.bits + f16Fractions[(e.first+h&0x3ff)&0x7ff])
}

// The bits of a float32 for a binary16 number are the sum of what its sign and
// exponent give and what its fraction gives: shifted in place for a normal
// number, infinity or NaN (the second half of the table), normalised for a
// subnormal one (the first half). J. van der Zijp, Fast Half Float Conversions,
// 2008.
var (
	f16Fractions = func() (t [2048]uint32) {
		for i := range uint32(1024) {
			t[i] = math.Float32bits(float32(i) * 0x1p-24)
			t[1024+i] = i << 13
		}
		return t
	}()
	f16Exponents = func() (t [64]f16Exponent) {
		for i := range uint32(64) {
			t[i].bits, t[i].first = i>>5<<31|(i&31+127-15)<<23, 1024
			switch i & 31 {
			case 0:
				t[i].bits, t[i].first = i>>5<<31, 0
			case 31:
				t[i].bits = i>>5<<31 | 0xff<<23
			}
		}
		return t
	}()
)

// f16Exponent is what sign and exponent give, and where their fractions begin.
type f16Exponent struct {
	bits  uint32
	first uint16
}

// F32ToF16 converts to an IEEE 754 binary16 number.
func F32ToF16(f float32) uint16 {
	const (
		least  = (127 - 14) << 23 // 2^-14, the least normal binary16 number
		beyond = (127 + 16) << 23 // 2^16, beyond the greatest
		rebias = (127 - 15) << 23
	)
	u := math.Float32bits(f)
	x := u & 0x7fffffff
	if x-least < beyond-least {
		x += 0xfff + x>>13&1 - rebias // a carry out of the fraction is right, up to infinity
		return uint16(u>>16&0x8000 | x>>13)
	}
	return f16FromSpecial(u)
}

// f16FromSpecial converts the bits of what becomes zero, subnormal, infinite or
// NaN in binary16.
func f16FromSpecial(u uint32) uint16 {
	sign, x := uint16(u>>16&0x8000), u&0x7fffffff
	switch {
	case x > 0x7f800000:
		return sign | 0x7e00 | uint16(x>>13&0x3ff)
	case x >= (127+16)<<23:
		return sign | 0x7c00
	}
	// In [1/2, 1) float32 has steps of 2^-24, those of subnormal binary16: the
	// addition rounds.
	sum := math.Float32frombits(x) + 0.5
	return sign | uint16(math.Float32bits(sum)-math.Float32bits(0.5))
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
func F8E5M2ToF32(b uint8) float32 { return e5m2[b] }

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

var e5m2 = func() (t [256]float32) {
	for b := range t {
		t[b] = F16ToF32(uint16(b) << 8)
	}
	return t
}()

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
