package pagestore

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
)

// Sum is a SHA-256 sum.
type Sum = [sha256.Size]byte

// header stands before the bytes of a page:
//
//	magic [8]  version u32  groups u32  split u32  0 u32
//	make [32]  name [32]  parent [32]
//	groups × { bytes u64  SHA-256 of them [32] }
//	SHA-256 of all that [32]
//
// Numbers are little-endian. The bytes of the groups follow, one after the other, and
// then nothing.
type header struct {
	split  uint32
	make   Sum // digest of Make
	name   Sum // of the page: its file's name
	parent Sum // name of the page before; zero: none
	groups []section
}

// section is the bytes of a group.
type section struct {
	bytes uint64
	sum   Sum
}

const (
	magic   = "blitzpg\n"
	version = 1

	fixedBytes   = len(magic) + 4*4 + 3*sha256.Size
	sectionBytes = 8 + sha256.Size
	// maxGroups bounds the groups of a page: layers of as many windows.
	maxGroups = 1024
	// maxPageBytes bounds a page: more than any model's.
	maxPageBytes = 1 << 36
)

// errDamaged is a file that is not the page that it should be.
var errDamaged = errors.New("not the page that it should be")

func headerBytes(groups int) int { return fixedBytes + groups*sectionBytes + sha256.Size }

// encode returns the bytes of the header.
func (h *header) encode() []byte {
	b := make([]byte, 0, headerBytes(len(h.groups)))
	b = append(b, magic...)
	for _, v := range []uint32{version, uint32(len(h.groups)), h.split, 0} {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	for _, sum := range []*Sum{&h.make, &h.name, &h.parent} {
		b = append(b, sum[:]...)
	}
	for _, g := range h.groups {
		b = binary.LittleEndian.AppendUint64(b, g.bytes)
		b = append(b, g.sum[:]...)
	}
	sum := sha256.Sum256(b)
	return append(b, sum[:]...)
}

// decode reads the header at the beginning of b, and returns the bytes of the file that
// it announces. The error wraps errDamaged.
func decode(b []byte) (h header, size int64, err error) {
	if len(b) < fixedBytes || string(b[:len(magic)]) != magic {
		return h, 0, fmt.Errorf("%w: no header", errDamaged)
	}
	at := b[len(magic):]
	number := func() uint32 {
		v := binary.LittleEndian.Uint32(at)
		at = at[4:]
		return v
	}
	v, groups, split, zero := number(), number(), number(), number()
	if v != version || zero != 0 || groups == 0 || groups > maxGroups {
		return h, 0, fmt.Errorf("%w: version %d, %d groups, want %d, 1 to %d", errDamaged, v, groups, version, maxGroups)
	}
	length := headerBytes(int(groups))
	if len(b) < length {
		return h, 0, fmt.Errorf("%w: header of %d bytes, want %d", errDamaged, len(b), length)
	}
	if sum := sha256.Sum256(b[:length-sha256.Size]); !bytes.Equal(sum[:], b[length-sha256.Size:length]) {
		return h, 0, fmt.Errorf("%w: header", errDamaged)
	}
	h.split = split
	for _, sum := range []*Sum{&h.make, &h.name, &h.parent} {
		at = at[copy(sum[:], at):]
	}
	size = int64(length)
	for range groups {
		var g section
		g.bytes = binary.LittleEndian.Uint64(at)
		at = at[8:]
		at = at[copy(g.sum[:], at):]
		if g.bytes > uint64(maxPageBytes-size) {
			return h, 0, fmt.Errorf("%w: a group of %d bytes", errDamaged, g.bytes)
		}
		size += int64(g.bytes)
		h.groups = append(h.groups, g)
	}
	return h, size, nil
}
