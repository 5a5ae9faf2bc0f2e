package kernel

// gridCodes is the number of entries of a grid: whatever bits stand in a matrix, a code
// of nine of them lies in it.
const gridCodes = 1 << 9

const topBits = 0x8080808080808080

// Grid is what the codes of a layout of points look up.
type Grid struct {
	signed, raised [gridCodes]uint64 // coordinates, and coordinates plus 128
	levels         gridLevels
}

// gridLevels is a grid as permutations of bytes look it up: numbers of values instead of
// coordinates, two bits each in a low and a high byte of a point of eight, three bits
// each in both bytes of one of four, or two bits in the low one. The offsets are known to
// _asm.
type gridLevels struct {
	low, high [gridCodes]byte
	values    [64]byte // plus 128, by the low bits of what a permutation reads
}

// NewGrid returns the grid of points of eight coordinates, or four, each a signed byte,
// the first one lowest; their different values are at most as many as so many bits number:
// two bits, or three in Quads. Codes behind the last point mean nothing.
func NewGrid(points []uint64, axes, bits int) *Grid {
	g := new(Grid)
	g.levels.set(points, axes, bits)
	copy(g.signed[:], points)
	for i, p := range g.signed {
		g.raised[i] = p ^ topBits
	}
	return g
}

// Where the parts of a group of points begin that follow the low bytes of its codes.
const (
	highBits   = 64 // or the signs, where codes are bytes
	octetSigns = 80
	sevenSigns = 112
	quadSigns  = 128
)

// unpack sets tile to the signed integers of a group of points.
func (g *Grid) unpack(l Layout, tile *[tileBytes]byte, src []byte) {
	for o := range Group / 8 {
		for r := range RowBlock {
			low, high := tile[128*o+4*r:][:4], tile[128*o+64+4*r:][:4]
			switch l {
			case Octets8:
				putHalves(low, high, negateWhere(g.signed[src[16*o+r]], signsOf(src[highBits:], o, r)))
			case Octets9:
				code := int(src[16*o+r]) | int(src[highBits+r])>>(2*o)&1<<8
				putHalves(low, high, negateWhere(g.signed[code], signsOf(src[octetSigns:], o, r)))
			case Ternary:
				code := ternary(src, o, r)
				number, up := code&0x1fff, byte(code>>13*2)
				for j := range 4 {
					low[j] = byte(g.signed[number%81]>>(8*j)) + up
					high[j] = byte(g.signed[number/81]>>(8*j)) + up
				}
			case Sevens:
				point := g.signed[seven(src, 2*o, r)]&0xffffffff | g.signed[seven(src, 2*o+1, r)]<<32
				putHalves(low, high, negateWhere(point, signsOf(src[sevenSigns:], o, r)))
			case Quads:
				point := g.signed[src[32*o+r]]&0xffffffff | g.signed[src[32*o+16+r]]<<32
				putHalves(low, high, negateWhere(point, signsOf(src[quadSigns:], o, r)))
			}
		}
	}
}

// ternary returns code o of row r, of fourteen bits.
func ternary(src []byte, o, r int) int {
	high := src[64+16*min(o, 2)+r] & 63
	if o == 3 {
		high = src[64+r]>>6 | src[80+r]>>6<<2 | src[96+r]>>6<<4
	}
	return int(src[16*o+r]) | int(high)<<8
}

// seven returns code i of row r, of seven bits.
func seven(src []byte, i, r int) (code byte) {
	if i < 7 {
		return src[16*i+r] & 127
	}
	for j := range 7 {
		code |= src[16*j+r] >> 7 << j
	}
	return code
}

// signsOf returns the signs of octet o of row r, one a bit.
func signsOf(src []byte, o, r int) byte {
	at, shift := 16*o+r/2, 4*(r&1)
	return src[at]>>shift&15 | src[at+8]>>shift&15<<4
}

// negateWhere negates the bytes whose bit is set.
func negateWhere(point uint64, signs byte) (out uint64) {
	for j := range 8 {
		v := byte(point >> (8 * j))
		if signs>>j&1 != 0 {
			v = -v
		}
		out |= uint64(v) << (8 * j)
	}
	return out
}

func putHalves(low, high []byte, v uint64) {
	for j := range 4 {
		low[j], high[j] = byte(v>>(8*j)), byte(v>>(8*j+32))
	}
}

// set numbers the values as they come and fills the tables.
func (l *gridLevels) set(points []uint64, axes, bits int) {
	number := make(map[byte]int)
	for code, point := range points {
		levels := 0
		for axis := range axes {
			v := byte(point >> (8 * axis))
			if _, ok := number[v]; !ok {
				for i := len(number); i < len(l.values); i += 1 << bits {
					l.values[i] = v + 128
				}
				number[v] = len(number)
			}
			levels |= number[v] << (bits * axis)
		}
		l.low[code], l.high[code] = byte(levels), byte(levels>>8)
	}
}
