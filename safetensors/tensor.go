package safetensors

import (
	"math"
	"math/bits"
)

// Tensor is an entry of a header: what is stored and where.
type Tensor struct {
	Name   string
	DType  DType
	Shape  []int // row-major, the last axis fastest; shared, not to be changed
	Shard  int   // which file of a sharded checkpoint, from 0
	Offset int64 // of the first byte, from the start of that file
	Size   int64 // in bytes
}

// entry is a tensor as the header has it.
type entry struct {
	name       string
	dtype      DType
	shape      []uint64 // valid until the next entry is read
	begin, end uint64   // from the end of the header
}

// entry reads the object of the tensor called name, using the memory of shape.
func (c *scanner) entry(name string, shape []uint64) entry {
	c.noun, c.name = "tensor ", name
	e := entry{name: name, shape: shape[:0]}
	var dtype, axes, offsets bool
	once := func(seen *bool, key string) {
		if *seen {
			c.fail("%s is there twice", key)
		}
		*seen = true
	}
	c.object(func(key string) {
		switch key {
		case "dtype":
			once(&dtype, key)
			e.dtype = DType(c.text("dtype"))
		case "shape":
			once(&axes, key)
			c.array(func() {
				e.shape = append(e.shape, c.unsigned("a dimension, which is an unsigned integer"))
				if len(e.shape) > maxDims {
					c.fail("more than %d dimensions", maxDims)
				}
			})
		case "data_offsets":
			once(&offsets, key)
			e.begin, e.end = c.offsets()
		default:
			c.skip(0)
		}
	})
	for _, field := range []struct {
		seen bool
		name string
	}{{dtype, "dtype"}, {axes, "shape"}, {offsets, "data_offsets"}} {
		if !field.seen {
			c.fail("has no %s", field.name)
		}
	}
	if c.err == nil {
		c.check(&e)
	}
	c.noun, c.name = "", ""
	return e
}

func (c *scanner) offsets() (begin, end uint64) {
	const want = "an offset, which is an unsigned integer"
	c.expect('[', "an array of two offsets")
	begin = c.unsigned(want)
	c.expect(',', "an array of two offsets")
	end = c.unsigned(want)
	c.expect(']', "an array of two offsets")
	return begin, end
}

// check fails if the offsets of e do not fit its type and shape. The size of a
// type that is not read cannot be told.
func (c *scanner) check(e *entry) {
	switch {
	case e.begin > e.end:
		c.fail("data_offsets [%d %d] run backwards", e.begin, e.end)
		return
	case e.end > c.size:
		c.fail("data_offsets [%d %d], the file has %d bytes behind its header", e.begin, e.end, c.size)
		return
	}
	size, ok := e.measure()
	if !ok {
		c.fail("shape %v is too large", e.shape)
		return
	}
	if e.dtype.Known() && e.end-e.begin != size {
		c.fail("%d bytes, want %d for %s %v", e.end-e.begin, size, e.dtype, e.shape)
	}
}

// maxSize bounds a tensor, and all of them together, in bytes.
const maxSize = math.MaxInt64

// measure returns the bytes that e takes by type and shape, 0 for a type that is
// not read; false if the shape overflows.
func (e *entry) measure() (size uint64, ok bool) {
	n, high := uint64(1), uint64(0)
	for _, d := range e.shape {
		high, n = bits.Mul64(n, d)
		if d > math.MaxInt || high != 0 || n > maxSize/8 {
			return 0, false
		}
	}
	return n * uint64(e.dtype.Size()), true
}
