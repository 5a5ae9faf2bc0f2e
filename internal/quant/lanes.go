package quant

import (
	"encoding/binary"
	"unsafe"
)

// Weights are decoded eight at a time, one in each byte of a uint64, the first
// one lowest. No operation below carries from one byte into the next.

const (
	ones  = 0x0101010101010101 // one in every byte
	tops  = 0x80 * ones        // the top bit of every byte
	bits4 = 0x0f * ones
	bits2 = 0x03 * ones
)

var le = binary.LittleEndian

// minus subtracts k from every byte of x, whose bytes are at most 127+k, and
// gives signed bytes.
func minus(x uint64, k uint64) uint64 { return (x + (128-k)*ones) ^ tops }

// negate changes the sign of those bytes of x that are 0xff in mask. A byte to
// be negated is not 0, so that adding 1 to its complement cannot carry.
func negate(x, mask uint64) uint64 { return (x ^ mask) + (mask & ones) }

// spread puts bit i of b into the top bit of byte i.
func spread(b byte) uint64 {
	x := uint64(b) * ones & 0x8040201008040201
	return (x + 0x7f*ones) & tops
}

// gather puts the lowest bit of byte i of x into bit i: the inverse of spread.
func gather(x uint64) byte { return byte((x & ones) * 0x0102040810204080 >> 56) }

// pairs splits sixteen bits into eight bytes of two bits each.
func pairs(b uint16) uint64 {
	x := uint64(b)
	x = (x | x<<24) & 0x000000ff000000ff
	x = (x | x<<12) & 0x000f000f000f000f
	return (x | x<<6) & bits2
}

// codes is a table of sixteen signed bytes, made for looking up two adjacent
// four-bit codes at once: codes[c0|c1<<4] holds v[c0] below v[c1].
type codes [256]uint16

func newCodes(v [16]int8) *codes {
	var t codes
	for i := range t {
		t[i] = uint16(uint8(v[i&15])) | uint16(uint8(v[i>>4]))<<8
	}
	return &t
}

// look replaces every byte of x, a code of four bits, by its value.
func (t *codes) look(x uint64) uint64 {
	x |= x >> 4
	return uint64(t[uint8(x)]) | uint64(t[uint8(x>>16)])<<16 | uint64(t[uint8(x>>32)])<<32 | uint64(t[uint8(x>>48)])<<48
}

// look32 decodes sixteen bytes of codes: the low halves are the first sixteen.
func (t *codes) look32(o *[32]byte, b *[16]byte) {
	x, y := le.Uint64(b[0:8]), le.Uint64(b[8:16])
	le.PutUint64(o[0:8], t.look(x&bits4))
	le.PutUint64(o[8:16], t.look(y&bits4))
	le.PutUint64(o[16:24], t.look(x>>4&bits4))
	le.PutUint64(o[24:32], t.look(y>>4&bits4))
}

// asBytes views w as unsigned bytes, so that eight can be stored at once.
func asBytes(w []int8) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(w))), len(w))
}
