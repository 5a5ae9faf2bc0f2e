package safetensors

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"
	"unsafe"

	"github.com/blitz-r1/blitz/internal/message"
)

// Limits of a header. They bound the time and memory that a hostile one can take.
const (
	maxHeader  = 100_000_000 // bytes, as the format's own library has it
	maxTensors = 1 << 18
	maxDims    = 64 // what array libraries can address
)

const metadataKey = "__metadata__"

// pair is a key of the metadata and its value.
type pair struct{ key, value string }

// header is what a file says before its tensors' bytes.
type header struct {
	metadata []pair   // by key
	tensors  []Tensor // by offset; Shard is 0
	end      int      // bytes of the header, its length included
}

// readHeader reads the header of the file whose bytes are b: its length in 8
// bytes, then JSON.
//
// It goes twice over the JSON. The first walk checks it and keeps nothing, so a
// wrong length costs no memory; the second builds, over one copy of the header
// that all names are parts of.
func readHeader(file string, b []byte) (*header, error) {
	c := scanner{file: file}
	if len(b) < 8 {
		c.fail("%d bytes are no safetensors file", len(b))
		return nil, c.err
	}
	n := binary.LittleEndian.Uint64(b)
	switch {
	case strings.HasPrefix(unsafe.String(&b[0], len(b)), "version https://git-lfs"):
		c.fail("this is a Git LFS pointer, the file itself is still to be fetched")
	case n > uint64(len(b)-8):
		c.fail("header of %d bytes, the file has %d", n, len(b))
	case n > maxHeader:
		c.fail("header of %d bytes, want at most %d", n, maxHeader)
	case n == 0 || b[8] != '{':
		c.fail("the header does not begin with {")
	}
	if c.err != nil {
		return nil, c.err
	}
	h := &header{end: 8 + int(n)}
	c.s = unsafe.String(&b[8], int(n))
	c.size = uint64(len(b) - h.end)
	pairs, tensors, dims := 0, 0, 0
	c.header(
		func(pair) { pairs++ },
		func(e *entry) {
			dims += len(e.shape)
			if tensors++; tensors > maxTensors {
				c.fail("more than %d tensors", maxTensors)
			}
		})
	if c.err != nil {
		return nil, c.err
	}
	c = scanner{s: strings.Clone(c.s), size: c.size, file: file}
	h.metadata = make([]pair, 0, pairs)
	h.tensors = make([]Tensor, 0, tensors)
	h.build(&c, make([]int, 0, dims))
	h.place(&c)
	return h, c.err
}

// header reads the whole JSON and hands out what it finds.
func (c *scanner) header(metadata func(pair), tensor func(*entry)) {
	var shape [maxDims + 1]uint64
	seen := false
	c.object(func(key string) {
		if key != metadataKey {
			e := c.entry(key, shape[:0])
			if c.err == nil {
				tensor(&e)
			}
			return
		}
		c.noun, c.name = "", metadataKey
		if seen {
			c.fail("%s is there twice", metadataKey)
		}
		seen = true
		if c.peek() == 'n' { // null, as the format's own library takes it
			c.literal()
			return
		}
		c.object(func(key string) { metadata(pair{key, c.text("a value of " + metadataKey)}) })
	})
	c.end()
}

func (h *header) build(c *scanner, axes []int) {
	c.header(
		func(p pair) { h.metadata = append(h.metadata, p) },
		func(e *entry) {
			first := len(axes)
			for _, d := range e.shape {
				axes = append(axes, int(d))
			}
			h.tensors = append(h.tensors, Tensor{
				Name: e.name, DType: e.dtype, Shape: axes[first:len(axes):len(axes)],
				Offset: int64(e.begin), Size: int64(e.end - e.begin),
			})
		})
	slices.SortStableFunc(h.metadata, func(a, b pair) int { return strings.Compare(a.key, b.key) })
	for i := 1; i < len(h.metadata); i++ {
		if h.metadata[i].key == h.metadata[i-1].key {
			c.fail("%s: %s is there twice", metadataKey, message.Clean(h.metadata[i].key))
		}
	}
}

// place puts the tensors in the order of their bytes and checks that they fill
// the bytes behind the header, one behind the other.
func (h *header) place(c *scanner) {
	slices.SortFunc(h.tensors, func(a, b Tensor) int {
		if a.Offset != b.Offset {
			return cmp.Compare(a.Offset, b.Offset)
		}
		return cmp.Or(cmp.Compare(a.Size, b.Size), strings.Compare(a.Name, b.Name)) // empty ones first
	})
	next := uint64(0)
	c.noun = "tensor "
	for i := range h.tensors {
		t := &h.tensors[i]
		begin, end := uint64(t.Offset), uint64(t.Offset+t.Size)
		c.name = t.Name
		switch {
		case begin < next:
			c.fail("begins at byte %d, the tensor before it ends at %d: they overlap", begin, next)
		case begin > next:
			c.fail("begins at byte %d, the tensor before it ends at %d: a hole", begin, next)
		}
		if c.err != nil {
			return
		}
		next = end
		t.Offset += int64(h.end)
	}
	c.noun = ""
	if next != c.size && c.err == nil {
		c.fail("the tensors end at byte %d behind the header, the file at %d", next, c.size)
	}
}
