package weights

import (
	"encoding/binary"
	"math"

	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/quant"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// Types that are common move from their blocks into the packed layout four columns
// at a time, without becoming integers in between. A test holds these paths to the
// general one.

// laneWriter writes one row's part of a packed row block.
type laneWriter struct {
	w            []byte // integers, from the row's lane on
	d, m, sc, mn []byte // scales, from the row's lane on
	size         int    // bytes of a group of 16 rows
}

// step is the distance between two steps of a row, in bytes.
const step = 4 * kernel.RowBlock

func (l *laneWriter) group(g int) []byte { return l.w[g*l.size:] }

// scale16 stores the float16 bits of the scale of block at, min16 of its minimum.
func (l *laneWriter) scale16(at int, bits []byte) { copy(l.d[2*kernel.RowBlock*at:], bits[:2]) }
func (l *laneWriter) min16(at int, bits []byte)   { copy(l.m[2*kernel.RowBlock*at:], bits[:2]) }

// factor stores d of the 256 columns number at, minFactor their dmin; both given as
// float16 bits.
func (l *laneWriter) factor(at int, bits []byte) { putF16(l.d[4*kernel.RowBlock*at:], bits) }

func (l *laneWriter) minFactor(at int, bits []byte) {
	putF16(l.m[4*kernel.RowBlock*at:], bits)
}

func putF16(dst, bits []byte) {
	f := quant.F16ToF32(binary.LittleEndian.Uint16(bits))
	binary.LittleEndian.PutUint32(dst, math.Float32bits(f))
}

// packFast packs a row block of a common type and says whether it did.
func (p *Packer) packFast(dst []byte, m *kernel.Matrix, t tensor.DType, data []byte, rows int) bool {
	pack := fastPackers[t]
	if pack == nil {
		return false
	}
	d, min, sc, mn := m.ScaleRegions(dst)
	size, block := t.RowBytes(m.Cols), t.BlockBytes()
	for r := range rows {
		l := &p.lane
		*l = laneWriter{w: dst[4*r:], size: m.Format.Layout.GroupBytes()}
		width := 2 // bytes of a stored scale or factor
		if m.Format.Scales == kernel.ScalesK || m.Format.Scales == kernel.ScalesKM || m.Format.Scales == kernel.ScalesF32 {
			width = 4
		}
		l.d = d[width*r:]
		if min != nil {
			l.m = min[width*r:]
		}
		if sc != nil {
			l.sc = sc[r:]
		}
		if mn != nil {
			l.mn = mn[r:]
		}
		row := data[r*size : (r+1)*size]
		for b := 0; len(row) > 0; b++ {
			pack(l, b, row[:block:block])
			row = row[block:]
		}
	}
	return true
}

// fastPackers pack block number b of a row.
var fastPackers = map[tensor.DType]func(l *laneWriter, b int, src []byte){
	tensor.Q4_0:   packQ4_0,
	tensor.Q4_1:   packQ4_1,
	tensor.Q5_0:   packQ5_0,
	tensor.Q5_1:   packQ5_1,
	tensor.Q8_0:   packQ8_0,
	tensor.IQ4_NL: packQ4_0,
	tensor.MXFP4:  packMXFP4,
	tensor.IQ4_XS: packIQ4_XS,
	tensor.Q2_K:   packQ2_K,
	tensor.Q3_K:   packQ3_K,
	tensor.Q4_K:   packQ4_K,
	tensor.Q5_K:   packQ5_K,
	tensor.Q6_K:   packQ6_K,
}

func u32(b []byte) uint32       { return binary.LittleEndian.Uint32(b) }
func putU32(b []byte, v uint32) { binary.LittleEndian.PutUint32(b, v) }

// copyNibbles stores 16 bytes that hold columns i and i+16 in their nibbles: the
// packed order of 4 bits.
func copyNibbles(dst, q []byte) {
	for v := range 4 {
		putU32(dst[step*v:], u32(q[4*v:]))
	}
}

func packQ4_0(l *laneWriter, b int, src []byte) {
	l.scale16(b, src)
	copyNibbles(l.group(b), src[2:])
}

func packQ4_1(l *laneWriter, b int, src []byte) {
	l.scale16(b, src)
	l.min16(b, negate16(src[2:]))
	copyNibbles(l.group(b), src[4:])
}

// negate16 returns the float16 bits of the negative: GGML adds its minimum, which
// CANON subtracts.
func negate16(bits []byte) []byte { return []byte{bits[0], bits[1] ^ 0x80} }

// spread has the bits of a nibble in four bytes.
var spread = func() (t [16]uint32) {
	for n := range t {
		for b := range 4 {
			t[n] |= uint32(n>>b&1) << (8 * b)
		}
	}
	return t
}()

// packFifth stores the plane of the fifth bits: bit i of high belongs to column i.
func packFifth(dst []byte, high uint32) {
	var plane uint32
	for s := range 8 {
		plane |= spread[high>>(4*s)&15] << s
	}
	putU32(dst[4*step:], plane)
}

func packQ5_0(l *laneWriter, b int, src []byte) {
	l.scale16(b, src)
	copyNibbles(l.group(b), src[6:])
	packFifth(l.group(b), u32(src[2:]))
}

func packQ5_1(l *laneWriter, b int, src []byte) {
	l.scale16(b, src)
	l.min16(b, negate16(src[2:]))
	copyNibbles(l.group(b), src[8:])
	packFifth(l.group(b), u32(src[4:]))
}

func packQ8_0(l *laneWriter, b int, src []byte) {
	l.scale16(b, src)
	dst := l.group(b)
	for s := range 8 {
		putU32(dst[step*s:], u32(src[2+4*s:])^0x80808080)
	}
}

func packMXFP4(l *laneWriter, b int, src []byte) {
	putU32(l.d[4*kernel.RowBlock*b:], math.Float32bits(quant.HalfE8M0ToF32(src[0])))
	copyNibbles(l.group(b), src[1:])
}

func packIQ4_XS(l *laneWriter, b int, src []byte) {
	l.factor(b, src)
	high := binary.LittleEndian.Uint16(src[2:])
	for g := range 8 {
		ls := src[4+g/2]>>(4*(g%2))&15 | byte(high>>(2*g)&3)<<4
		l.sc[kernel.RowBlock*(8*b+g)] = ls - 32
		copyNibbles(l.group(8*b+g), src[8+16*g:])
	}
}

// packTwos stores the plane of two bits: w has those of step s in the low bits of
// its bytes, at word s.
func packTwos(dst []byte, w func(s int) uint32) {
	for u := range 2 {
		var plane uint32
		for i := range 4 {
			plane |= w(4*u+i) & 0x03030303 << (2 * i)
		}
		putU32(dst[step*u:], plane)
	}
}

func packQ2_K(l *laneWriter, b int, src []byte) {
	l.factor(b, src[80:])
	l.minFactor(b, src[82:])
	for i, s := range src[:16] {
		at := kernel.RowBlock * (16*b + i)
		l.sc[at], l.mn[at] = s&15, s>>4
	}
	for g := range 8 {
		q := src[16+g/4*32:]
		packTwos(l.group(8*b+g), func(s int) uint32 { return u32(q[4*s:]) >> (2 * (g % 4)) })
	}
}

func packQ3_K(l *laneWriter, b int, src []byte) {
	l.factor(b, src[108:])
	for i, s := range scalesQ3_K(src[96:108]) {
		l.sc[kernel.RowBlock*(16*b+i)] = s - 32
	}
	for g := range 8 {
		q, dst := src[32+g/4*32:], l.group(8*b+g)
		packTwos(dst, func(s int) uint32 { return u32(q[4*s:]) >> (2 * (g % 4)) })
		var plane uint32
		for s := range 8 {
			plane |= u32(src[4*s:]) >> g & 0x01010101 << s
		}
		putU32(dst[2*step:], plane)
	}
}

// scalesQ3_K returns the sixteen six-bit scales.
func scalesQ3_K(b []byte) (s [16]byte) {
	for i := range s {
		low := b[i%8] >> (4 * (i / 8)) & 15
		s[i] = low | b[8+i%4]>>(2*(i/4))&3<<4
	}
	return s
}

// scalesK4 stores the eight scales and minima of six bits of Q4_K and Q5_K.
func scalesK4(l *laneWriter, b int, s []byte) {
	for g := range 8 {
		var sc, mn byte
		if g < 4 {
			sc, mn = s[g]&63, s[g+4]&63
		} else {
			sc = s[g+4]&15 | s[g-4]>>6<<4
			mn = s[g+4]>>4 | s[g]>>6<<4
		}
		at := kernel.RowBlock * (8*b + g)
		l.sc[at], l.mn[at] = sc, mn
	}
}

// packNibbles stores two groups of 32 whose columns are the low and the high
// nibbles of 32 bytes.
func packNibbles(low, high, q []byte) {
	for v := range 4 {
		x, y := u32(q[4*v:]), u32(q[16+4*v:])
		putU32(low[step*v:], x&0x0f0f0f0f|y&0x0f0f0f0f<<4)
		putU32(high[step*v:], x>>4&0x0f0f0f0f|y&0xf0f0f0f0)
	}
}

func packQ4_K(l *laneWriter, b int, src []byte) {
	l.factor(b, src)
	l.minFactor(b, src[2:])
	scalesK4(l, b, src[4:16])
	for j := range 4 {
		packNibbles(l.group(8*b+2*j), l.group(8*b+2*j+1), src[16+32*j:48+32*j])
	}
}

func packQ5_K(l *laneWriter, b int, src []byte) {
	l.factor(b, src)
	l.minFactor(b, src[2:])
	scalesK4(l, b, src[4:16])
	for j := range 4 {
		packNibbles(l.group(8*b+2*j), l.group(8*b+2*j+1), src[48+32*j:80+32*j])
	}
	for g := range 8 {
		var plane uint32
		for s := range 8 {
			plane |= u32(src[16+4*s:]) >> g & 0x01010101 << s
		}
		putU32(l.group(8*b + g)[4*step:], plane)
	}
}

func packQ6_K(l *laneWriter, b int, src []byte) {
	l.factor(b, src[208:])
	for i, s := range src[192:208] {
		l.sc[kernel.RowBlock*(16*b+i)] = s
	}
	for half := range 2 {
		low, high := src[64*half:], src[128+32*half:]
		g := 8*b + 4*half
		packNibbles(l.group(g), l.group(g+2), low[:32])
		packNibbles(l.group(g+1), l.group(g+3), low[32:64])
		for k := range 4 {
			packTwos(l.group(g + k)[4*step:], func(s int) uint32 { return u32(high[4*s:]) >> (2 * k) })
		}
	}
}
