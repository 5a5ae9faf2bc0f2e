package kernel

import "encoding/binary"

// RowBlock is the number of rows that lie interleaved in a packed matrix: one
// 512-bit register, two 256-bit ones, sixteen scalars.
const RowBlock = 16

// WeightLayout names the packed form of weights, with its version: what is kept of another
// one, on disk, is not read. All implementations read the same.
const WeightLayout = "rows16 6"

// Group is the number of columns that one quantised activation scale covers.
const Group = 32

// WholeGroups returns n columns rounded up to whole groups.
func WholeGroups(n int) int { return roundUp(n, Group) }

// tileBytes is the size of a group of a row block with one byte an integer:
// eight steps, each four columns of sixteen rows side by side.
const tileBytes = RowBlock * Group

// Layout says how the integers of a group, 16 rows × 32 columns, are stored.
//
// A group has eight steps of four columns; a step is 64 bytes, row r's columns
// 4s … 4s+3 at 4r. Integers of 8 bits are eight such vectors. Fewer bits are cut
// into planes of 4, 2 and 1 bits, each in the same order of bytes:
//
//	4 bits: vector v (0 … 3) holds step v in its low nibbles, step v+4 in its high ones
//	2 bits: vector u (0, 1) holds step 4u+i in bits 2i and 2i+1
//	1 bit:  one vector, step s in bit s
//
// 3 bits are a plane of 2 below a plane of 1, 5 are 4 below 1, 6 are 4 below 2.
//
// Bits4Two has two tables, of which the second is the first moved up. Behind the plane of 4
// bits a byte a row says in bit h that columns 16h … 16h+15 are of the second.
//
// The layouts of points keep codes that look up several columns at once in a Grid. The
// low bytes of the codes of sixteen rows lie side by side, those of the first columns
// first; then
//
//	Octets8: of eight columns; the signs
//	Octets9: of eight columns; a byte a row, bit 8 of code o in bit 2o; the signs
//	Ternary: of eight columns; three bytes a row, each side by side, of the high bits of
//	         codes of fourteen: those of codes 0 to 2 in their low six bits, of code 3 two
//	         in each of the high ones. Thirteen bits are a + 81 b, what the halves look
//	         up; the last one says that 2 is added to all integers
//	Sevens:  of four columns, seven bits; the last codes of rows have no bytes but the
//	         top bits of the other ones; the signs
//	Quads:   of four columns; the signs
//
// Signs are the bits of eight words of 64, one a step: row r's columns at 4r, set where
// an integer is negated.
type Layout uint8

// The layouts. Those with a T index a table of sixteen values, one of two.
const (
	Bits2 Layout = iota
	Bits3
	Bits4
	Bits4T
	Bits4Two
	Bits5
	Bits6
	Bits8
	Octets8
	Octets9
	Ternary
	Sevens
	Quads
	numLayouts
)

// layoutBits has the bits of a stored integer; of points, those of all parts.
var layoutBits = [numLayouts]float32{2, 3, 4, 4, 4.25, 5, 6, 8, 2, 2.25, 1.75, 2.75, 3}

// HasTable says whether stored integers index Format.Values.
func (l Layout) HasTable() bool { return l == Bits4T || l == Bits4Two }

// HasGrid says whether stored codes index Format.Grid.
func (l Layout) HasGrid() bool { return l >= Octets8 }

// GroupBytes returns the size of the integers of a group of 16 rows.
func (l Layout) GroupBytes() int { return int(layoutBits[l] * (RowBlock * Group / 8)) }

// offset returns what is taken from a stored integer for what it means, where
// the form has no minimum: 4-bit integers are stored 8 above, and so on.
func (l Layout) offset() int {
	switch l {
	case Bits2:
		return 1
	case Bits3, Bits4, Bits5, Bits6, Bits8:
		return 1 << (int(layoutBits[l]) - 1)
	}
	return 0
}

// Scales says how the scales of a packed matrix are stored. Sixteen rows' scales
// of one block of columns lie side by side.
type Scales uint8

// The forms of scales.
const (
	ScalesF16  Scales = iota // float16 a block
	ScalesF16M               // and float16 minima
	ScalesF32                // float32 a block
	ScalesF32M               // and float32 minima
	ScalesK                  // float32 d for 256 columns, times a signed byte a block
	ScalesKM                 // and float32 dmin, times an unsigned byte
	ScalesOne                // none: every scale is 1, as for cached values
	ScalesOdd                // float16 d for eight blocks, times Unit, times an odd number of 1 … 31 a block
)

// HasMin says whether the form has minima: value = s*w - m.
func (s Scales) HasMin() bool { return s == ScalesF16M || s == ScalesF32M || s == ScalesKM }

// Format is a packed form of quantised weights.
type Format struct {
	Layout Layout
	Scales Scales
	Block  int      // columns of a scale: 32 or 16
	Unit   float32  // of ScalesOdd, a power of two
	Values [16]int8 // what stored integers mean, for layouts with a table
	Shift  int8     // what the values of a second table are above those of the first
	Grid   *Grid    // what stored codes mean, for layouts of points
}

// superBlock is the number of columns that share the factors of ScalesK.
const superBlock = 256

// oddBlocks is the number of blocks that share a factor of ScalesOdd. The odd number
// of block i of them is 2c+1, where c is bits 28-4i to 31-4i of a word.
const oddBlocks = 8

// regions are the offsets of the parts of a packed row block, and its size.
type regions struct {
	d, m, sc, mn, size int
}

// regions lays out a row block of cols columns: integers, then scales, each part
// at a multiple of 64 bytes.
func (f Format) regions(cols int) regions {
	at := cols / Group * f.Layout.GroupBytes()
	part := func(bytes int) int {
		start := at
		at = (at + bytes + 63) &^ 63
		return start
	}
	n := cols / f.Block * RowBlock // scales
	var r regions
	switch f.Scales {
	case ScalesF16, ScalesF16M:
		r.d = part(2 * n)
		if f.Scales.HasMin() {
			r.m = part(2 * n)
		}
	case ScalesF32, ScalesF32M:
		r.d = part(4 * n)
		if f.Scales.HasMin() {
			r.m = part(4 * n)
		}
	case ScalesK, ScalesKM:
		super := cols / superBlock * RowBlock
		r.d = part(4 * super)
		if f.Scales.HasMin() {
			r.m = part(4 * super)
		}
		r.sc = part(n)
		if f.Scales.HasMin() {
			r.mn = part(n)
		}
	case ScalesOdd:
		eights := n / oddBlocks
		r.d = part(2 * eights)
		r.sc = part(4 * eights)
	}
	r.size = (at + 63) &^ 63
	return r
}

// secondTable is set in a stored byte that stands for a value of the second table.
const secondTable = 16

// Stored returns the byte that stands for an integer: its index in the table, or
// the integer itself, moved up where it is signed.
func (f *Format) Stored(w int8) byte {
	switch {
	case f.Layout.HasTable():
		for i, v := range f.Values {
			switch {
			case v == w:
				return byte(i)
			case f.Layout == Bits4Two && v+f.Shift == w:
				return byte(i) | secondTable
			}
		}
		return 0
	case f.Scales.HasMin():
		return byte(w)
	}
	return byte(int(w) + f.Layout.offset())
}

// packGroup stores a group of integers: tile [8][16][4] in the order of steps,
// dst GroupBytes long and zero.
func (l Layout) packGroup(dst []byte, tile *[tileBytes]byte) {
	switch l {
	case Bits8:
		copy(dst, tile[:])
	case Bits2:
		packTwo(dst, tile, 0)
	case Bits3:
		packTwo(dst, tile, 0)
		packOne(dst[128:], tile, 2)
	case Bits4, Bits4T:
		packFour(dst, tile)
	case Bits4Two:
		packFour(dst, tile)
		for r := range RowBlock { // what holds for the first column holds for sixteen
			dst[256+r] = tile[4*r]/secondTable | tile[256+4*r]/secondTable<<1
		}
	case Bits5:
		packFour(dst, tile)
		packOne(dst[256:], tile, 4)
	case Bits6:
		packFour(dst, tile)
		packTwo(dst[256:], tile, 4)
	}
}

// Packing works on eight bytes at a time; no byte's bits reach its neighbour.

func packFour(dst []byte, tile *[tileBytes]byte) {
	for i := 0; i < 256; i += 8 {
		putU64(dst[i:], u64(tile[i:])&0x0f0f0f0f0f0f0f0f|u64(tile[i+256:])&0x0f0f0f0f0f0f0f0f<<4)
	}
}

func packTwo(dst []byte, tile *[tileBytes]byte, shift int) {
	for i := 0; i < 128; i += 8 {
		at := i/64*256 + i%64
		var b uint64
		for s := range 4 {
			b |= u64(tile[at+64*s:]) >> shift & 0x0303030303030303 << (2 * s)
		}
		putU64(dst[i:], b)
	}
}

func packOne(dst []byte, tile *[tileBytes]byte, shift int) {
	for i := 0; i < 64; i += 8 {
		var b uint64
		for s := range 8 {
			b |= u64(tile[64*s+i:]) >> shift & 0x0101010101010101 << s
		}
		putU64(dst[i:], b)
	}
}

func u64(b []byte) uint64       { return binary.LittleEndian.Uint64(b) }
func putU64(b []byte, v uint64) { binary.LittleEndian.PutUint64(b, v) }

// unpackGroup sets tile to the stored integers of a group; those of points are signed.
func (f *Format) unpackGroup(tile *[tileBytes]byte, src []byte) {
	if f.Layout.HasGrid() {
		f.Grid.unpack(f.Layout, tile, src)
		return
	}
	f.Layout.unpackGroup(tile, src)
}

// unpackGroup is the inverse of packGroup.
func (l Layout) unpackGroup(tile *[tileBytes]byte, src []byte) {
	switch l {
	case Bits8:
		copy(tile[:], src)
		return
	case Bits2, Bits3:
		for i := range 128 {
			at := i/64*256 + i%64
			for s := range 4 {
				tile[at+64*s] = src[i] >> (2 * s) & 3
			}
		}
	default:
		for i := range 256 {
			tile[i], tile[i+256] = src[i]&15, src[i]>>4
		}
	}
	switch l {
	case Bits4Two:
		for i := range tile {
			tile[i] |= src[256+i%64/4] >> (i / 256) & 1 * secondTable
		}
	case Bits3:
		unpackOne(tile, src[128:], 2)
	case Bits5:
		unpackOne(tile, src[256:], 4)
	case Bits6:
		for i := range 128 {
			at := i/64*256 + i%64
			for s := range 4 {
				tile[at+64*s] |= src[256+i] >> (2 * s) & 3 << 4
			}
		}
	}
}

func unpackOne(tile *[tileBytes]byte, src []byte, shift int) {
	for i := range 64 {
		for s := range 8 {
			tile[64*s+i] |= src[i] >> s & 1 << shift
		}
	}
}
