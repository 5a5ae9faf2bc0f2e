package gguf

import (
	"fmt"
	"math"

	"github.com/blitz-r1/blitz/internal/message"
)

// Limits of a header. Published files stay far below all of them; they bound the
// time and memory that a hostile one can take.
const (
	maxHeader  = 128 << 20 // bytes of metadata and directory
	maxKeys    = 1 << 16
	maxTensors = 1 << 18
	maxName    = 1<<16 - 1 // bytes of a key or of a tensor's name
	maxDepth   = 4         // arrays within arrays
	maxDims    = 4         // GGML_MAX_DIMS
)

// cursor walks a header. Reading past the end, or anything else that is wrong,
// sets err once; from then on every read gives zero and moves nothing. It
// allocates nothing: what it returns are parts of s.
type cursor struct {
	s     string
	at    int
	whole int // bytes of the file; s may be cut at maxHeader
	file  string
	err   error

	noun string // "key" or "tensor", the subject of an error
	name string // its name, once read
	n    int    // its number, from 0
}

func (c *cursor) subject() string {
	switch {
	case c.noun == "":
		return ""
	case c.name == "":
		return fmt.Sprintf("%s number %d", c.noun, c.n)
	}
	return c.noun + " " + message.Clean(c.name)
}

func (c *cursor) fail(format string, args ...any) {
	if c.err == nil {
		c.err = &Error{File: c.file, Subject: c.subject(), Reason: fmt.Sprintf(format, args...)}
	}
}

// short fails because n bytes are wanted and are not there.
func (c *cursor) short(n uint64) {
	if c.whole > len(c.s) {
		c.fail("the header is longer than %d MiB", maxHeader>>20)
		return
	}
	c.fail("wants %d bytes at byte %d, the file ends at byte %d", n, c.at, c.whole)
}

func (c *cursor) left() int { return len(c.s) - c.at }

// take returns the next n bytes.
func (c *cursor) take(n uint64) string {
	if c.err == nil && n > uint64(c.left()) {
		c.short(n)
	}
	if c.err != nil {
		return ""
	}
	c.at += int(n)
	return c.s[c.at-int(n) : c.at]
}

func (c *cursor) uint32() uint32 { return uint32(little(c.take(4))) }

func (c *cursor) uint64() uint64 { return little(c.take(8)) }

// text returns the next string, which is its length in 8 bytes and its bytes.
func (c *cursor) text(limit uint64) string {
	n := c.uint64()
	if n > limit {
		c.fail("string of %d bytes, want at most %d", n, limit)
	}
	return c.take(n)
}

// keyValue reads metadata pair n.
func (c *cursor) keyValue(n int) KeyValue {
	c.noun, c.name, c.n = "key", "", n
	c.name = c.text(maxName)
	if c.name == "" {
		c.fail("has no name")
	}
	kind := c.uint32()
	return KeyValue{Key: c.name, Value: c.value(kind)}
}

func (c *cursor) value(kind uint32) Value {
	switch {
	case kind == uint32(Array):
		return c.array(1)
	case kind == uint32(String):
		return Value{kind: String, n: 1, raw: c.text(maxHeader)}
	case kind >= uint32(len(kinds)):
		c.fail("kind %d is unknown", kind)
		return Value{}
	}
	start := c.at
	c.skip(Kind(kind), 1, 0)
	return Value{kind: Kind(kind), n: 1, raw: c.s[start:c.at]}
}

// array reads an array: the kind of its elements in 4 bytes, their number in 8,
// and the elements. depth is 1 for an array that is no element itself.
func (c *cursor) array(depth int) Value {
	if depth > maxDepth {
		c.fail("arrays nested deeper than %d", maxDepth)
	}
	elem, n := c.uint32(), c.uint64()
	if elem >= uint32(len(kinds)) {
		c.fail("array of kind %d, which is unknown", elem)
	}
	if c.err != nil {
		return Value{}
	}
	start := c.at
	c.skip(Kind(elem), n, depth)
	if c.err != nil {
		return Value{}
	}
	return Value{kind: Array, elem: Kind(elem), n: int(n), raw: c.s[start:c.at]}
}

// skip steps over n values of one kind and checks them.
func (c *cursor) skip(kind Kind, n uint64, depth int) {
	least := uint64(kind.size()) // bytes of a value
	switch kind {
	case String:
		least = 8
	case Array:
		least = 12
	}
	if c.err == nil && n > uint64(c.left())/least {
		if n > math.MaxUint64/least {
			c.fail("array of %d elements", n)
		}
		c.short(n * least)
	}
	switch kind {
	case String:
		for ; n > 0 && c.err == nil; n-- {
			c.text(maxHeader)
		}
	case Array:
		for ; n > 0 && c.err == nil; n-- {
			c.array(depth + 1)
		}
	case Bool:
		for i, b := range []byte(c.take(n)) {
			if b > 1 {
				c.fail("bool %d is %d, want 0 or 1", i, b)
				break
			}
		}
	default:
		c.take(n * least)
	}
}
