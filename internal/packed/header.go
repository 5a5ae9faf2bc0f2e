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
	version = 2

	fixedBytes = len(magic) + 4 + 4 + 8 + sha256.Size
	// A piece of the weights has a sum of its own: small, so that parts of an image can be
	// read and checked alone, and as direct reads of all disks want them aligned.
	piece = 64 << 10
)

// Piece is the length of the pieces of an image, but for the last: what a Reader reads
// begins at a multiple of it.
const Piece = piece

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

// decode returns the sums of the image of that key with so many bytes of weights, whose
// file is size bytes long and begins with the header b. The error wraps ErrDamaged.
func decode(b []byte, size int64, key Key, weights int64) ([]uint32, error) {
	head, _, want := extent(weights)
	if size != want {
		return nil, fmt.Errorf("%w: %d bytes, want %d", ErrDamaged, size, want)
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
