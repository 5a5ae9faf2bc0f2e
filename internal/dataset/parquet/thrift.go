package parquet

import (
	"bufio"
	"io"
)

// thrift reads structures in Thrift's compact protocol, of which headers and footers are
// made. Its first error stays.
type thrift struct {
	in    *bufio.Reader
	left  int // bytes that may still be read
	depth int
	err   error
}

// The types of fields.
const (
	typeTrue = iota + 1
	typeFalse
	typeByte
	typeI16
	typeI32
	typeI64
	typeDouble
	typeBinary
	typeList
	typeSet
	typeMap
	typeStruct
)

func (t *thrift) fail(format string, args ...any) {
	if t.err == nil {
		t.err = wrong(format, args...)
	}
}

func (t *thrift) byte() byte {
	if t.err != nil {
		return 0
	}
	if t.left == 0 {
		t.fail("a header does not end where it has to")
		return 0
	}
	t.left--
	b, err := t.in.ReadByte()
	if err == io.EOF {
		err = wrong("the file ends in a header")
	}
	t.err = err
	return b
}

func (t *thrift) uvarint() uint64 {
	var v uint64
	for shift := 0; shift < 64; shift += 7 {
		b := t.byte()
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return v
		}
	}
	t.fail("a number of a header is too long")
	return 0
}

func (t *thrift) int() int64 {
	v := t.uvarint()
	return int64(v>>1) ^ -int64(v&1)
}

// length reads a length, which no more bytes can be behind than are left.
func (t *thrift) length(v uint64) int {
	if v > uint64(t.left) {
		t.fail("a header says %d bytes or entries, %d bytes are left", v, t.left)
		return 0
	}
	return int(v)
}

func (t *thrift) string() string {
	b := make([]byte, t.length(t.uvarint()))
	for i := range b {
		b[i] = t.byte()
	}
	return string(b)
}

func (t *thrift) discard(n int) {
	for ; n > 0 && t.err == nil; n-- {
		t.byte()
	}
}

// structure calls field for each field of a structure; where that returns false, the field
// is passed over.
func (t *thrift) structure(field func(id, kind int) bool) {
	if t.depth++; t.depth > maxDepth {
		t.fail("a header is nested more than %d deep", maxDepth)
	}
	id := 0
	for t.err == nil {
		b := t.byte()
		if b == 0 {
			break
		}
		if d := int(b >> 4); d != 0 {
			id += d
		} else {
			id = int(t.int())
		}
		if kind := int(b & 15); t.err == nil && !field(id, kind) {
			t.skip(kind)
		}
	}
	t.depth--
}

// list calls item for each entry of a list.
func (t *thrift) list(item func(kind int)) {
	b := t.byte()
	n := uint64(b >> 4)
	if n == 15 {
		n = t.uvarint()
	}
	for i := t.length(n); i > 0 && t.err == nil; i-- {
		item(int(b & 15))
	}
}

// skip passes over a value of a field.
func (t *thrift) skip(kind int) {
	switch kind {
	case typeTrue, typeFalse: // the type is the value
	case typeByte:
		t.byte()
	case typeI16, typeI32, typeI64:
		t.uvarint()
	case typeDouble:
		t.discard(8)
	case typeBinary:
		t.discard(t.length(t.uvarint()))
	case typeStruct:
		t.structure(func(int, int) bool { return false })
	case typeList, typeSet:
		t.list(t.skipItem)
	case typeMap:
		n := t.length(t.uvarint())
		if n == 0 {
			return
		}
		kinds := t.byte()
		for ; n > 0 && t.err == nil; n-- {
			t.skipItem(int(kinds >> 4))
			t.skipItem(int(kinds & 15))
		}
	default:
		t.fail("a header has a field of type %d", kind)
	}
}

// skipItem passes over an entry of a list: there truth values take a byte.
func (t *thrift) skipItem(kind int) {
	if t.depth++; t.depth > maxDepth {
		t.fail("a header is nested more than %d deep", maxDepth)
	}
	if kind == typeTrue || kind == typeFalse {
		kind = typeByte
	}
	t.skip(kind)
	t.depth--
}
