package quant

import (
	"math"

	"github.com/blitz-r1/blitz/internal/tensor"
)

// f16Scales has the places of the float16 scales and minima in a block of a quantised
// type. IQ1_M, MXFP4 and NVFP4 store theirs otherwise.
var f16Scales = [...][]int{
	tensor.Q4_0:    {0},
	tensor.Q4_1:    {0, 2},
	tensor.Q5_0:    {0},
	tensor.Q5_1:    {0, 2},
	tensor.Q8_0:    {0},
	tensor.Q2_K:    {80, 82},
	tensor.Q3_K:    {108},
	tensor.Q4_K:    {0, 2},
	tensor.Q5_K:    {0, 2},
	tensor.Q6_K:    {208},
	tensor.IQ2_XXS: {0},
	tensor.IQ2_XS:  {0},
	tensor.IQ2_S:   {0},
	tensor.IQ3_XXS: {0},
	tensor.IQ3_S:   {0},
	tensor.IQ1_S:   {0},
	tensor.IQ4_NL:  {0},
	tensor.IQ4_XS:  {0},
	tensor.TQ1_0:   {52},
	tensor.TQ2_0:   {64},
	tensor.Q1_0:    {0},
	tensor.Q2_0:    {0},
	tensor.Q6_0:    {0},
	tensor.IQ2_K:   {0},
	tensor.IQ3_K:   {0},
	tensor.IQ4_K:   {0},
	tensor.IQ5_K:   {0},
	tensor.IQ6_K:   {0},
}

// NotFinite returns the number of the first element of src that is a NaN or an
// infinity, or whose block has such a scale, -1 where there is none: no model means
// them. Numbers of 64 bits count that are no float32, exponents of MXFP4 whose greatest
// weight is none, and both codes that are NaN in E4M3 as scales of NVFP4, which GGML
// reads as numbers. Integers are always finite.
//
//	src: blocks of type t
func NotFinite(t tensor.DType, src []byte) int {
	switch t {
	case tensor.F64:
		return firstDouble(src)
	case tensor.F32:
		return firstWord(src, 0x7f80_0000_7f80_0000, 0x0080_0000_0080_0000, 2)
	case tensor.F16:
		return firstWord(src, 0x7c00_7c00_7c00_7c00, 0x0400_0400_0400_0400, 4)
	case tensor.BF16:
		return firstWord(src, 0x7f80_7f80_7f80_7f80, 0x0080_0080_0080_0080, 4)
	case tensor.F8E4M3:
		return firstWord(src, 0x7f*ones, ones, 8)
	case tensor.F8E5M2:
		return firstWord(src, 0x7c*ones, 0x04*ones, 8)
	case tensor.F8E8M0:
		return firstCode(src, 1, 1, func(b byte) bool { return b == 0xff })
	case tensor.MXFP4:
		return firstCode(src, 17, 32, func(b byte) bool { return b > 252 }) // 12 * 2^(252-128) is the greatest
	case tensor.NVFP4:
		return firstNVFP4(src)
	case tensor.IQ1_M:
		return firstIQ1_M(src)
	}
	if isRowScaled(t) {
		return firstRowScale(t, src)
	}
	if int(t) >= len(f16Scales) {
		return -1
	}
	size, block := t.BlockBytes(), t.Block()
	for i := 0; len(src) >= size && size > 0; i++ {
		for _, at := range f16Scales[t] {
			if le.Uint16(src[at:])&0x7c00 == 0x7c00 {
				return i * block
			}
		}
		src = src[size:]
	}
	return -1
}

// rowScaleMost bounds the factors of a row that are numbers times any scale of a group and
// any weight.
const rowScaleMost = 0x1p112

// firstRowScale looks at the float32 factors that blocks begin with, and at the scales that
// large ones give.
func firstRowScale(t tensor.DType, src []byte) int {
	var (
		w    [256]byte
		s    [8]float32
		f, _ = FormOf(t)
		size = t.BlockBytes()
	)
	for i := 0; len(src) >= size; i++ {
		if d := ikScale(src); !(d >= -rowScaleMost && d <= rowScaleMost) {
			ints(w[:], s[:], nil, t, src[:size])
			for _, x := range s {
				if !IsFinite(x * float32(max(f.Hi, -f.Lo))) {
					return i * t.Block()
				}
			}
		}
		src = src[size:]
	}
	return -1
}

// firstWord looks at words of n elements each: those whose bits under mask are all
// set carry into their top bit when one, the lowest bit of the mask, is added.
func firstWord(src []byte, mask, one uint64, n int) int {
	tops := mask + one // the sign of every element
	at := 0
	for ; len(src)-at >= 32; at += 32 { // four words at a time as long as all are finite
		b := (*[32]byte)(src[at:])
		x, y, z, w := le.Uint64(b[:8])&mask+one, le.Uint64(b[8:16])&mask+one, le.Uint64(b[16:24])&mask+one, le.Uint64(b[24:])&mask+one
		if (x|y|z|w)&tops != 0 {
			break
		}
	}
	for ; len(src)-at >= 8; at += 8 {
		if x := le.Uint64(src[at:]); (x&mask+one)&tops != 0 {
			return at/8*n + firstOf(x, mask, one, n)
		}
	}
	var rest [8]byte
	copy(rest[:], src[at:])
	if x := le.Uint64(rest[:]); (x&mask+one)&tops != 0 {
		return at/8*n + firstOf(x, mask, one, n)
	}
	return -1
}

// firstDouble looks at what Decode makes of numbers of 64 bits: those beyond float32 are
// infinities there.
func firstDouble(src []byte) int {
	for i := 0; len(src)-8*i >= 8; i++ {
		if !IsFinite(float32(math.Float64frombits(le.Uint64(src[8*i:])))) {
			return i
		}
	}
	return -1
}

// firstOf returns which of the n elements of a word it is.
func firstOf(x, mask, one uint64, n int) int {
	width := 64 / n
	x = (x&mask + one) & (mask + one)
	for i := range n {
		if x>>(width*i+width-1)&1 != 0 {
			return i
		}
	}
	return -1
}

// firstCode looks at the first byte of every block of size bytes and that many
// elements.
func firstCode(src []byte, size, block int, bad func(b byte) bool) int {
	for i := 0; i < len(src); i += size {
		if bad(src[i]) {
			return i / size * block
		}
	}
	return -1
}

func firstNVFP4(src []byte) int {
	for i := 0; len(src) >= 36; i++ {
		for g, b := range src[:4] {
			if b&0x7f == 0x7f {
				return 64*i + 16*g
			}
		}
		src = src[36:]
	}
	return -1
}

func firstIQ1_M(src []byte) int {
	for i := 0; len(src) >= 56; i++ {
		if scaleIQ1_M(le.Uint64(src[48:]))&0x7c00 == 0x7c00 {
			return 256 * i
		}
		src = src[56:]
	}
	return -1
}

// IsFinite says whether x is a number and no infinity.
func IsFinite(x float32) bool { return math.Float32bits(x)&0x7f800000 != 0x7f800000 }
