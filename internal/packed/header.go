package packed

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/blitz-r1/blitz/internal/mapping"
)

// Key tells what the weights of an image are: a digest over all that they depend on.
type Key [sha256.Size]byte

// An image:
//
//	magic [8]  version u32  0 u32  bytes u64  key [32]
//	a CRC-32C of each piece of the weights, u32
//	SHA-256 of all that [32]
//	nothing, up to a multiple of a huge page
//	the weights, and then nothing
//
// Numbers are little-endian. The weights begin at a huge page, so that their bytes can lie
// in such in memory.
const (
	magic   = "blitzpw\n"
	version = 1

	fixedBytes = len(magic) + 4 + 4 + 8 + sha256.Size
	piece      = 1 << 20 // of weights, that has a sum of its own
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// sumOf returns the sum of a piece.
func sumOf(piece []byte) uint32 { return crc32.Checksum(piece, castagnoli) }

// pieces returns the number of pieces of so many bytes of weights.
func pieces(weights int64) int64 { return (weights + piece - 1) / piece }

// extent returns the bytes of the header of an image of so many bytes of weights, where
// its weights begin, and its length.
func extent(weights int64) (head, start, size int64) {
	head = int64(fixedBytes) + 4*pieces(weights) + sha256.Size
	start = (head + mapping.HugePage - 1) / mapping.HugePage * mapping.HugePage
	return head, start, start + weights
}

// encode returns the header of an image.
func encode(key Key, weights int64, sums []uint32) []byte {
	head, _, _ := extent(weights)
	b := make([]byte, 0, head)
	b = append(b, magic...)
	b = binary.LittleEndian.AppendUint32(b, version)
	b = binary.LittleEndian.AppendUint32(b, 0)
	b = binary.LittleEndian.AppendUint64(b, uint64(weights))
	b = append(b, key[:]...)
	for _, sum := range sums {
		b = binary.LittleEndian.AppendUint32(b, sum)
	}
	whole := sha256.Sum256(b)
	return append(b, whole[:]...)
}

// decode returns the sums of the image of that key with so many bytes of weights, of
// whose file b is the bytes. The error wraps ErrDamaged.
func decode(b []byte, key Key, weights int64) ([]uint32, error) {
	head, _, size := extent(weights)
	if int64(len(b)) != size {
		return nil, fmt.Errorf("%w: %d bytes, want %d", ErrDamaged, len(b), size)
	}
	signed := b[:head-sha256.Size]
	if sum := sha256.Sum256(signed); !bytes.Equal(sum[:], b[head-sha256.Size:head]) {
		return nil, fmt.Errorf("%w: its header is damaged", ErrDamaged)
	}
	if want := encode(key, weights, nil)[:fixedBytes]; !bytes.Equal(signed[:fixedBytes], want) {
		return nil, fmt.Errorf("%w: it is the image of something else, or of another version", ErrDamaged)
	}
	sums := make([]uint32, pieces(weights))
	for i := range sums {
		sums[i] = binary.LittleEndian.Uint32(signed[fixedBytes+4*i:])
	}
	return sums, nil
}
