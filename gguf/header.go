package gguf

import (
	"fmt"
	"math"
	"math/bits"
	"strings"
	"unsafe"

	"github.com/blitz-r1/blitz/internal/message"
)

const (
	magic            = "GGUF"
	versionMin       = 2
	versionMax       = 3
	defaultAlignment = 32
	maxAlignment     = 16 << 20

	keyAlignment = "general.alignment"
)

// header is what a file says before its tensors' bytes.
type header struct {
	version   uint32
	alignment int
	keyValues []KeyValue
	pairs     string         // all of them, as the file has them
	keys      map[string]int // to keyValues
	tensors   []Tensor       // Shard is 0
	end       int            // bytes of the header
	missing   int            // bytes of padding behind the last tensor that the file does not have
}

// readHeader reads the header of the file whose bytes are b.
//
// It goes twice over the header. The first walk checks it and allocates nothing,
// so a wrong count costs no memory; the second builds, over one copy of the
// header's bytes that all keys, names and values are parts of.
func readHeader(file string, b []byte) (*header, error) {
	view := unsafe.String(unsafe.SliceData(b), min(len(b), maxHeader))
	c := cursor{s: view, whole: len(b), file: file}
	h := &header{}
	keys, tensors := c.preamble(&h.version)
	for i := 0; i < keys && c.err == nil; i++ {
		c.keyValue(i)
	}
	dims := 0
	for i := 0; i < tensors && c.err == nil; i++ {
		e := c.tensor(i)
		dims += e.dims
	}
	if c.err != nil {
		return nil, c.err
	}
	h.end = c.at

	c = cursor{s: strings.Clone(view[:h.end]), whole: h.end, file: file}
	c.preamble(&h.version)
	if err := h.readKeys(&c, keys); err != nil {
		return nil, err
	}
	if err := h.readTensors(&c, tensors, dims, len(b)); err != nil {
		return nil, err
	}
	return h, nil
}

// preamble reads magic, version and counts.
func (c *cursor) preamble(version *uint32) (keys, tensors int) {
	if !strings.HasPrefix(c.s, magic) {
		c.fail("%s", notGGUF(c.s))
	}
	c.take(4)
	v := c.uint32()
	switch {
	case c.err != nil:
	case v&0xffff == 0 && v != 0:
		// The other byte order: 3 reads as 0x03000000.
		c.fail("big-endian GGUF is not supported (version %d)", bits.ReverseBytes32(v))
	case v < versionMin || v > versionMax:
		c.fail("version %d is not supported, want %d or %d", v, versionMin, versionMax)
	}
	*version = v
	nt, nk := c.uint64(), c.uint64()
	if nt > maxTensors {
		c.fail("%d tensors, want at most %d", nt, maxTensors)
	}
	if nk > maxKeys {
		c.fail("%d metadata keys, want at most %d", nk, maxKeys)
	}
	if c.err != nil {
		return 0, 0
	}
	return int(nk), int(nt)
}

// notGGUF says what the first bytes of a file are, where they are known.
func notGGUF(s string) string {
	if len(s) < len(magic) {
		return fmt.Sprintf("%d bytes are no GGUF file", len(s))
	}
	if strings.HasPrefix(s, "version https://git-lfs") {
		return "this is a Git LFS pointer, the file itself is still to be fetched"
	}
	switch s[:4] {
	case "lmgg", "fmgg", "tjgg", "algg":
		return "this is a GGML file from before GGUF, which is not supported"
	}
	return fmt.Sprintf("this is no GGUF file: it begins with %q, want %q", s[:4], magic)
}

func (h *header) readKeys(c *cursor, n int) error {
	h.keyValues = make([]KeyValue, n)
	first := c.at
	h.keys = make(map[string]int, n)
	for i := range h.keyValues {
		kv := c.keyValue(i)
		if _, twice := h.keys[kv.Key]; twice {
			c.fail("is there twice")
		}
		if c.err != nil {
			return c.err
		}
		h.keyValues[i], h.keys[kv.Key] = kv, i
	}
	h.pairs = c.s[first:c.at]
	h.alignment = defaultAlignment
	if i, ok := h.keys[keyAlignment]; ok {
		c.noun, c.name = "key", keyAlignment
		a, ok := h.keyValues[i].Value.Uint()
		switch {
		case !ok:
			c.fail("%s, want an unsigned integer", h.keyValues[i].Value.describe())
		case !alignable(a):
			c.fail("%d, want a power of two up to %d", a, maxAlignment)
		default:
			h.alignment = int(a)
		}
	}
	return c.err
}

// behind names the tensor before tensor n, which says where n has to stand: a wrong
// type or shape shows by the offset behind it.
func (h *header) behind(n int) string {
	if n == 0 {
		return ""
	}
	t := &h.tensors[n-1]
	return fmt.Sprintf(", behind %s: %s %v", message.Clean(t.Name), t.Type, t.Shape)
}

// readTensors reads the directory and places the tensors in a file of size bytes:
// one behind the other, each start a multiple of the alignment. That is what GGML
// demands, and it leaves no overlaps and no holes. The padding behind the last
// tensor may be missing; other bytes may follow.
func (h *header) readTensors(c *cursor, n, dims, size int) error {
	h.tensors = make([]Tensor, n)
	axes := make([]int, 0, dims)
	pad := uint64(h.alignment) - 1
	start := (uint64(h.end) + pad) &^ pad
	next := uint64(0) // where the next tensor has to stand, from start
	for i := range h.tensors {
		e := c.tensor(i)
		if e.offset != next {
			c.fail("offset %d, want %d%s", e.offset, next, h.behind(i))
		}
		// No sum overflows: start and next are at most the file's size and a padding.
		begin := start + next
		room := uint64(size) - min(begin, uint64(size))
		if e.size > room {
			c.fail("bytes %d to %d, the file ends at byte %d", begin, begin+min(e.size, math.MaxInt64), size)
		}
		if c.err != nil {
			return c.err
		}
		next = (next + e.size + pad) &^ pad
		first := len(axes)
		for d := e.dims - 1; d >= 0; d-- {
			axes = append(axes, int(e.ne[d]))
		}
		h.tensors[i] = Tensor{
			Name: e.name, Type: e.typ, Shape: axes[first:len(axes):len(axes)],
			Offset: int64(min(begin, uint64(size))), // an empty tensor may stand in missing padding
			Size:   int64(e.size),
		}
	}
	if end := start + next; n > 0 && end > uint64(size) {
		h.missing = int(end - uint64(size)) // less than the alignment
	}
	return nil
}
