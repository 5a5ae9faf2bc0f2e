package gguf

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
)

// Tensor is an entry of the directory: what is stored and where.
type Tensor struct {
	Name   string
	Type   Type
	Shape  []int // row-major, the last axis fastest: GGUF's ne reversed; shared, not to be changed
	Shard  int   // which file of a split, from 0
	Offset int64 // of the first byte, from the start of that file
	Size   int64 // in bytes
}

// entry is a tensor as the directory has it.
type entry struct {
	name   string
	dims   int
	ne     [maxDims]uint64 // the first axis is the fastest
	typ    Type
	offset uint64 // from the start of the tensors' bytes
	size   uint64 // in bytes, from type and ne
}

// tensor reads entry n of the directory and computes its size.
func (c *cursor) tensor(n int) entry {
	c.noun, c.name, c.n = "tensor", "", n
	c.name = c.text(maxName)
	if c.name == "" {
		c.fail("has no name")
	}
	e := entry{name: c.name}
	dims := c.uint32()
	if dims > maxDims {
		c.fail("%d dimensions, want at most %d", dims, maxDims)
		return e
	}
	e.dims = int(dims)
	for i := range e.dims {
		e.ne[i] = c.uint64()
	}
	e.typ = Type(c.uint32())
	e.offset = c.uint64()
	if c.err != nil {
		return e
	}
	size, problem := e.measure()
	if problem != "" {
		c.fail("%s", problem)
	}
	e.size = size
	return e
}

// measure returns the bytes that e takes by type and shape, or why none can.
func (e *entry) measure() (size uint64, problem string) {
	if !e.typ.Known() {
		return 0, unknown(e.typ)
	}
	ne := e.ne[:e.dims]
	row, elements, high := uint64(1), uint64(1), uint64(0)
	if e.dims > 0 {
		row = ne[0]
	}
	for _, d := range ne {
		high, elements = bits.Mul64(elements, d)
		if d > math.MaxInt || high != 0 || elements > math.MaxInt64 {
			return 0, fmt.Sprintf("shape %v is too large", e.shape())
		}
	}
	block := uint64(e.typ.Block())
	if row%block != 0 {
		return 0, fmt.Sprintf("rows of %d elements, want a multiple of %d for %s", row, block, e.typ)
	}
	high, size = bits.Mul64(elements/block, uint64(e.typ.BlockBytes()))
	if high != 0 || size > math.MaxInt64 {
		return 0, fmt.Sprintf("shape %v is too large", e.shape())
	}
	if n := uint64(e.typ.Together()); n > 1 && (e.dims < 2 || ne[1]%n != 0) {
		return 0, fmt.Sprintf("shape %v, want rows in groups of %d, which %s interleaves", e.shape(), n, e.typ)
	}
	if meta := uint64(types[e.typ].meta); meta > 0 && elements > 0 {
		if size += elements / row * meta; size > math.MaxInt64 { // rows are shorter than 2^62: no sum wraps
			return 0, fmt.Sprintf("shape %v is too large", e.shape())
		}
	}
	return size, ""
}

// shape returns the axes row-major, as messages show them.
func (e *entry) shape() []uint64 {
	shape := slices.Clone(e.ne[:e.dims])
	slices.Reverse(shape)
	return shape
}

// unknown says of a type that is not in use its number, and the name it had.
func unknown(t Type) string {
	if int64(t) < int64(len(types)) && types[t].name != "" {
		return fmt.Sprintf("type %d (%s) was withdrawn from the format", uint32(t), types[t].name)
	}
	return fmt.Sprintf("type %d is unknown", uint32(t))
}
