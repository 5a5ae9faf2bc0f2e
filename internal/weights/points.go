package weights

import (
	"encoding/binary"
	"math/bits"

	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/quant"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// Types whose codebook is small keep the codes of their blocks, which look their points up
// while they are multiplied: kernel.Layout says where codes and signs lie.

// pointPackers pack block number b of a row.
var pointPackers = map[tensor.DType]func(l *pointWriter, b int, src []byte){
	tensor.IQ1_S:   packIQ1_S,
	tensor.IQ1_M:   packIQ1_M,
	tensor.IQ2_XXS: packIQ2_XXS,
	tensor.IQ2_XS:  packIQ2_XS,
	tensor.IQ2_S:   packIQ2_S,
	tensor.IQ3_XXS: packIQ3_XXS,
}

// gridOf returns what the packed codes of a type look up.
func gridOf(t tensor.DType) *kernel.Grid {
	switch t {
	case tensor.IQ2_S:
		return kernel.NewGrid(iq2sHalves, 4, 2)
	case tensor.IQ1_S, tensor.IQ1_M:
		return kernel.NewGrid(iq1Halves, 4, 2)
	case tensor.IQ3_XXS:
		return kernel.NewGrid(quant.Points(t), 4, 3)
	}
	return kernel.NewGrid(quant.Points(t), 8, 2)
}

// The points of IQ2_S and IQ1 have 81 different halves, whose numbers take seven bits: the
// halves by number, and the numbers by code.
var (
	iq2sHalves, iq2sQuads = halves(tensor.IQ2_S)
	iq1Halves, iq1Quads   = halves(tensor.IQ1_S)
)

// halves numbers the halves of the points of a type as they come.
func halves(t tensor.DType) (quads []uint64, of [][2]uint8) {
	points, number := quant.Points(t), make(map[uint64]uint8)
	of = make([][2]uint8, len(points))
	for code, point := range points {
		for h := range 2 {
			half := point >> (32 * h) & 0xffffffff
			if _, ok := number[half]; !ok {
				number[half] = uint8(len(quads))
				quads = append(quads, half)
			}
			of[code][h] = number[half]
		}
	}
	return quads, of
}

// packPoints packs a row block of a codebook type and says whether it did.
func packPoints(dst []byte, m *kernel.Matrix, t tensor.DType, data []byte, rows int) bool {
	pack := pointPackers[t]
	if pack == nil {
		return false
	}
	d, _, codes, _ := m.ScaleRegions(dst)
	size, block := t.RowBytes(m.Cols), t.BlockBytes()
	for r := range rows {
		l := &pointWriter{w: dst, size: m.Format.Layout.GroupBytes(), row: r, d: d, codes: codes}
		row := data[r*size : (r+1)*size]
		for b := 0; len(row) > 0; b++ {
			pack(l, b, row[:block:block])
			row = row[block:]
		}
	}
	return true
}

// pointWriter writes one row's part of a packed row block.
type pointWriter struct {
	w        []byte // groups
	size     int    // bytes of a group
	row      int
	d, codes []byte // float16 factors, and the codes of their eight blocks
}

func (l *pointWriter) group(g int) []byte { return l.w[g*l.size:] }

// octet8 stores a code of eight bits and the signs of octet o.
func (l *pointWriter) octet8(g, o int, code, signs uint8) {
	w := l.group(g)
	w[16*o+l.row] = code
	l.signs(w[64:], o, signs)
}

// octet stores a code of nine bits and the signs of octet o.
func (l *pointWriter) octet(g, o int, code uint, signs uint8) {
	w := l.group(g)
	w[16*o+l.row] = byte(code)
	w[64+l.row] |= byte(code >> 8 << (2 * o))
	l.signs(w[80:], o, signs)
}

// quads stores the codes of the two halves of octet o, and its signs.
func (l *pointWriter) quads(g, o int, codes []byte, signs uint8) {
	w := l.group(g)
	w[32*o+l.row], w[32*o+16+l.row] = codes[0], codes[1]
	l.signs(w[128:], o, signs)
}

// ternary stores the code of octet o: of fourteen bits, from one of eleven and whether its
// shift is downwards.
func (l *pointWriter) ternary(g, o int, code, minus uint) {
	w, q := l.group(g), iq1Quads[code]
	v := uint(q[0]) + 81*uint(q[1]) + (1-minus)<<13
	w[16*o+l.row] = byte(v)
	if high := byte(v >> 8); o < 3 {
		w[64+16*o+l.row] |= high
	} else {
		for i := range 3 {
			w[64+16*i+l.row] |= high >> (2 * i) & 3 << 6
		}
	}
}

// sevens stores the codes of seven bits of the two halves of octet o, and its signs.
func (l *pointWriter) sevens(g, o int, codes [2]uint8, signs uint8) {
	w := l.group(g)
	w[32*o+l.row] |= codes[0]
	if o < 3 {
		w[32*o+16+l.row] |= codes[1]
	} else { // the eighth code is the top bits of the seven others
		for i := range 7 {
			w[16*i+l.row] |= codes[1] >> i & 1 << 7
		}
	}
	l.signs(w[112:], o, signs)
}

// signs stores the signs of octet o, half of them in each of two words.
func (l *pointWriter) signs(w []byte, o int, signs uint8) {
	at, shift := 16*o+l.row/2, 4*(l.row&1)
	w[at] |= signs & 15 << shift
	w[at+8] |= signs >> 4 << shift
}

// odd stores the float16 factor and the codes of eight blocks, the first one in the top
// bits.
func (l *pointWriter) odd(at int, d uint16, codes uint32) {
	i := at*kernel.RowBlock + l.row
	binary.LittleEndian.PutUint16(l.d[2*i:], d)
	putU32(l.codes[4*i:], codes)
}

// halves stores the scales of sixteen blocks, whose codes are the halves of eight
// bytes, low first.
func (l *pointWriter) halves(b int, d uint16, scales []byte) {
	for i := range 2 {
		codes := binary.BigEndian.Uint32(scales[4*i:])
		l.odd(2*b+i, d, codes>>4&0x0f0f0f0f|codes&0x0f0f0f0f<<4)
	}
}

// evenSigns returns eight signs of which seven are coded: an even number is minus.
func evenSigns(code uint32) uint8 {
	s := uint8(code & 127)
	return s | uint8(bits.OnesCount8(s)&1)<<7
}

func u16(b []byte) uint16 { return binary.LittleEndian.Uint16(b) }

func packIQ2_XXS(l *pointWriter, b int, src []byte) {
	var codes uint32
	for g := range 8 {
		q := src[2+8*g:][:8]
		x := u32(q[4:])
		for o := range 4 {
			l.octet8(8*b+g, o, q[o], evenSigns(x>>(7*o)))
		}
		codes = codes<<4 | x>>28
	}
	l.odd(b, u16(src), codes)
}

func packIQ2_XS(l *pointWriter, b int, src []byte) {
	for i := range 32 {
		x := u16(src[2+2*i:])
		l.octet(8*b+i/4, i%4, uint(x&511), evenSigns(uint32(x>>9)))
	}
	l.halves(b, u16(src), src[66:74])
}

func packIQ2_S(l *pointWriter, b int, src []byte) {
	for i := range 32 {
		high := uint(src[66+i/4]) >> (2 * (i % 4)) & 3
		l.sevens(8*b+i/4, i%4, iq2sQuads[uint(src[2+i])|high<<8], src[34+i])
	}
	l.halves(b, u16(src), src[74:82])
}

func packIQ3_XXS(l *pointWriter, b int, src []byte) {
	var codes uint32
	for g := range 8 {
		x := u32(src[66+4*g:])
		for o := range 4 {
			l.quads(8*b+g, o, src[2+8*g+2*o:], evenSigns(x>>(7*o)))
		}
		codes = codes<<4 | x>>28
	}
	l.odd(b, u16(src), codes)
}

func packIQ1_S(l *pointWriter, b int, src []byte) {
	var codes uint32
	for g := range 8 {
		x := uint(u16(src[34+2*g:]))
		for o := range 4 {
			l.ternary(8*b+g, o, uint(src[2+4*g+o])|x>>(3*o)&7<<8, x>>15)
		}
		codes = codes<<4 | uint32(x>>12&7)
	}
	l.odd(b, u16(src), codes)
}

func packIQ1_M(l *pointWriter, b int, src []byte) {
	for i := range 32 {
		h := uint(src[32+i/2]) >> (4 * (i % 2))
		l.ternary(8*b+i/4, i%4, uint(src[i])|h&7<<8, h>>3&1)
	}
	var d uint16 // of the high nibbles of four words
	var codes [2]uint32
	for i := range 4 {
		x := u16(src[48+2*i:])
		d |= x >> 12 << (4 * i)
		for j := range 4 {
			codes[i/2] = codes[i/2]<<4 | uint32(x>>(3*j)&7)
		}
	}
	l.odd(2*b, d, codes[0])
	l.odd(2*b+1, d, codes[1])
}
