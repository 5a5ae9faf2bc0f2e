package quant

import (
	"fmt"
	"math"
	"math/bits"

	"github.com/blitz-r1/blitz/internal/tensor"
)

// reference returns integer, scale and minimum of weight i of the block b of type
// t. It finds each by its index alone, one bit field at a time, and shares
// nothing with the code under test but the grids, whose digests are tested.
func reference(t tensor.DType, b []byte, i int) (w int, s, m float32) {
	half := func(at int) float32 { return binary16(le.Uint16(b[at:])) }
	field := func(at, shift, width int) int { return int(b[at]) >> shift & (1<<width - 1) }
	nibble := func(at int) int { return field(at+i%16, i/16*4, 4) }          // halves of 16 bytes: 32 weights
	high := func(at int) int { return field(at+i/8, i%8, 1) << 4 }           // a fifth bit
	plane := func(at int) int { return field(at+i%32, i/32, 1) }             // a bit in each of 32 bytes
	pair := func(at int) int { return field(at+i/128*32+i%32, i/32%4*2, 2) } // two bits in each of 32 bytes
	coordinate := func(point uint64) int { return int(point >> (i % 8 * 8) & 0xff) }
	sign := func(code, w int) int {
		if code>>(i%8)&1 != 0 {
			return -w
		}
		return w
	}
	even := func(code int) int { return code | bits.OnesCount(uint(code))&1<<7 } // the eighth sign
	g := i / 32
	switch t {
	case tensor.Q4_0:
		return nibble(2) - 8, half(0), 0
	case tensor.Q4_1:
		return nibble(4), half(0), -half(2)
	case tensor.Q5_0:
		return nibble(6) + high(2) - 16, half(0), 0
	case tensor.Q5_1:
		return nibble(8) + high(4), half(0), -half(2)
	case tensor.Q8_0:
		return int(int8(b[2+i])), half(0), 0
	case tensor.Q2_K:
		return pair(16), half(80) * float32(b[i/16]&15), half(82) * float32(b[i/16]>>4)
	case tensor.Q3_K:
		k := i / 16
		sc := field(96+k%8, k/8*4, 4) + field(104+k%4, k/4*2, 2)<<4
		return pair(32) + plane(0)<<2 - 4, half(108) * float32(sc-32), 0
	case tensor.Q4_K, tensor.Q5_K:
		sc, mn := field(4+g%4, 0, 6), field(8+g%4, 0, 6)
		if g >= 4 {
			sc = field(8+g, 0, 4) + field(g, 6, 2)<<4
			mn = field(8+g, 4, 4) + field(4+g, 6, 2)<<4
		}
		s, m = half(0)*float32(sc), half(2)*float32(mn)
		if t == tensor.Q4_K {
			return field(16+i/64*32+i%32, g%2*4, 4), s, m
		}
		return field(48+i/64*32+i%32, g%2*4, 4) + plane(16)<<4, s, m
	case tensor.Q6_K:
		low := field(i/128*64+i%64, i/64%2*4, 4)
		return low + pair(128)<<4 - 32, half(208) * float32(int8(b[192+i/16])), 0
	case tensor.IQ2_XXS:
		x := le.Uint32(b[6+8*g:])
		point := iq2xxsGrid[b[2+8*g+i%32/8]]
		return sign(even(int(x>>(i%32/8*7)&127)), coordinate(point)), half(0) * (float32(x>>28) + 0.5) / 4, 0
	case tensor.IQ2_XS:
		x := le.Uint16(b[2+i/8*2:])
		return sign(even(int(x>>9)), coordinate(iq2xsGrid[x&511])), half(0) * (float32(field(66+g, i/16%2*4, 4)) + 0.5) / 4, 0
	case tensor.IQ2_S:
		code := int(b[2+i/8]) + field(66+g, i/8%4*2, 2)<<8
		return sign(int(b[34+i/8]), coordinate(iq2sGrid[code])), half(0) * (float32(field(74+g, i/16%2*4, 4)) + 0.5) / 4, 0
	case tensor.IQ3_XXS:
		x := le.Uint32(b[66+4*g:])
		w := int(iq3xxsGrid[b[2+i/4]] >> (i % 4 * 8) & 0xff)
		return sign(even(int(x>>(i%32/8*7)&127)), w), half(0) * (float32(x>>28) + 0.5) / 2, 0
	case tensor.IQ3_S:
		code := int(b[2+i/4]) + field(66+g, i/4%8, 1)<<8
		w := int(iq3sGrid[code] >> (i % 4 * 8) & 0xff)
		return sign(int(b[74+i/8]), w), half(0) * float32(1+2*field(106+g/2, g%2*4, 4)), 0
	case tensor.IQ1_S:
		x := int(le.Uint16(b[34+2*g:]))
		point := iq1Grid[int(b[2+i/8])+x>>(i/8%4*3)&7<<8]
		return coordinate(point) - 128 + 1 - x>>15*2, half(0) * float32(2*(x>>12&7)+1) / 8, 0
	case tensor.IQ1_M:
		d := uint16(0)
		for j := range 4 {
			d |= uint16(b[49+2*j]>>4) << (4 * j)
		}
		sc := int(le.Uint16(b[48+i/64*2:])) >> (i / 16 % 4 * 3) & 7
		h := field(32+i/16, i/8%2*4, 4)
		point := iq1Grid[int(b[i/8])+h&7<<8]
		return coordinate(point) - 128 + 1 - h>>3*2, binary16(d) * float32(2*sc+1) / 8, 0
	case tensor.IQ4_NL:
		return iq4Steps[nibble(2)], half(0), 0
	case tensor.IQ4_XS:
		sc := field(4+g/2, g%2*4, 4) + field(2+g/4, g%4*2, 2)<<4
		return iq4Steps[field(8+16*g+i%16, i%32/16*4, 4)], half(0) * float32(sc-32), 0
	case tensor.TQ1_0:
		at, digit := i%32, i/32
		switch {
		case i >= 240:
			at, digit = 48+i%4, (i-240)/4
		case i >= 160:
			at, digit = 32+i%16, (i-160)/16
		}
		fraction := int(b[at]) * int(math.Pow(3, float64(digit))) % 256
		return fraction*3/256 - 1, half(52), 0
	case tensor.TQ2_0:
		return pair(0) - 1, half(64), 0
	case tensor.MXFP4:
		return twiceE2M1(nibble(1)), float32(math.Ldexp(1, int(b[0])-128)), 0
	case tensor.NVFP4:
		w := twiceE2M1(field(4+i/16*8+i%8, i%16/8*4, 4))
		if b[i/16] == 0x7f {
			return w, 0, 0
		}
		return w, float32(smallFloat(int(b[i/16]&0x7f), 4, 3, 7)) / 2, 0
	case tensor.Q1_0:
		return 2*field(2+i/8, i%8, 1) - 1, half(0), 0
	case tensor.Q2_0:
		return field(2+i/4, i%4*2, 2) - 1, half(0), 0
	}
	panic(fmt.Sprintf("no reference for %s", t))
}

var iq4Steps = [16]int{-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113}

func twiceE2M1(code int) int {
	w := int(2 * smallFloat(code&7, 2, 1, 1))
	if code&8 != 0 {
		return -w
	}
	return w
}

// smallFloat returns the value of a finite float from its definition: exponent
// and fraction bits, no sign.
func smallFloat(x, exponentBits, fractionBits, bias int) float64 {
	e, f := x>>fractionBits&(1<<exponentBits-1), x&(1<<fractionBits-1)
	if e == 0 {
		return math.Ldexp(float64(f), 1-bias-fractionBits)
	}
	return math.Ldexp(float64(f+1<<fractionBits), e-bias-fractionBits)
}

// ieee returns the value of a float with infinities and NaN, and its sign bit on
// top, from its definition.
func ieee(x, exponentBits, fractionBits int) float64 {
	sign := 1.0
	if x>>(exponentBits+fractionBits)&1 != 0 {
		sign = -1
	}
	top := 1<<exponentBits - 1
	if x>>fractionBits&top == top {
		if x&(1<<fractionBits-1) != 0 {
			return math.NaN()
		}
		return math.Inf(int(sign))
	}
	return math.Copysign(smallFloat(x, exponentBits, fractionBits, top>>1), sign)
}

func binary16(h uint16) float32 { return float32(ieee(int(h), 5, 10)) }
