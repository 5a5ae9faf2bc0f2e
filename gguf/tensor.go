package gguf

import (
	"math"
	"math/bits"
	"strconv"
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
	if c.err == nil {
		e.size = c.size(&e)
	}
	return e
}

// size returns the bytes that e takes, checked against overflow.
func (c *cursor) size(e *entry) uint64 {
	if !e.typ.Known() {
		c.fail("%s is unknown", unknown(e.typ))
		return 0
	}
	row, elements, high := uint64(1), uint64(1), uint64(0)
	if e.dims > 0 {
		row = e.ne[0]
	}
	for i, d := range e.ne[:e.dims] {
		high, elements = bits.Mul64(elements, d)
		if d > math.MaxInt || high != 0 || elements > math.MaxInt64 {
			c.fail("shape %v (dimension %d) overflows", e.ne[:e.dims], i)
			return 0
		}
	}
	block := uint64(e.typ.Block())
	if row%block != 0 {
		c.fail("rows of %d elements, want a multiple of %d for %s", row, block, e.typ)
		return 0
	}
	high, size := bits.Mul64(elements/block, uint64(e.typ.BlockBytes()))
	if high != 0 || size > math.MaxInt64 {
		c.fail("shape %v overflows", e.ne[:e.dims])
		return 0
	}
	return size
}

// unknown names a type that is not in use: its number, and the name it had.
func unknown(t Type) string {
	if int64(t) < int64(len(types)) && types[t].name != "" {
		return "type " + strconv.Itoa(int(t)) + " (" + types[t].name + ", withdrawn)"
	}
	return t.String()
}
