package gguf

import (
	"encoding/binary"
	"fmt"
	"iter"
	"math"
	"strconv"
	"strings"

	"github.com/blitz-r1/blitz/internal/message"
)

// Value is one metadata value. It is small, comparable with ==, and owns nothing:
// strings come out of the header's one copy without a copy of their own.
type Value struct {
	kind Kind
	elem Kind   // of an array's elements
	n    int    // elements of an array, 1 otherwise
	raw  string // as in the file, without kind, count and, for a string, length
}

// KeyValue is one pair of the metadata.
type KeyValue struct {
	Key   string
	Value Value
}

// Scalar is what a value or an array's element can be, arrays aside.
type Scalar interface {
	uint8 | int8 | uint16 | int16 | uint32 | int32 | uint64 | int64 | float32 | float64 | bool | string
}

// ValueOf returns v as a value of the kind of T.
func ValueOf[T Scalar](v T) Value {
	if s, ok := any(v).(string); ok {
		return Value{kind: String, n: 1, raw: s}
	}
	raw, kind := appendScalar(nil, any(v))
	return Value{kind: kind, n: 1, raw: string(raw)}
}

// ArrayOf returns v as an array whose elements have the kind of T.
func ArrayOf[T Scalar](v []T) Value {
	var zero T
	raw, kind := appendScalar(nil, any(zero))
	size := len(raw) * len(v)
	for _, x := range v {
		if s, ok := any(x).(string); ok {
			size += len(s)
		}
	}
	raw = make([]byte, 0, size)
	for _, x := range v {
		raw, _ = appendScalar(raw, any(x))
	}
	return Value{kind: Array, elem: kind, n: len(v), raw: string(raw)}
}

// Arrays returns an array of arrays. An element that is no array, or arrays
// nested deeper than a reader accepts, give an error that wraps [ErrFormat].
func Arrays(v ...Value) (Value, error) {
	var raw []byte
	for i, e := range v {
		if e.kind != Array {
			return Value{}, fmt.Errorf("gguf: element %d is %s, want an array: %w", i, e.describe(), ErrFormat)
		}
		raw = e.appendTo(raw)
	}
	a := Value{kind: Array, elem: Array, n: len(v), raw: string(raw)}
	c := cursor{s: string(a.appendTo(nil)), file: "value"}
	c.whole = len(c.s)
	c.array(1)
	return a, c.err
}

// appendScalar appends v as it stands in a file, a string with its length.
func appendScalar(b []byte, v any) ([]byte, Kind) {
	le := binary.LittleEndian
	switch v := v.(type) {
	case uint8:
		return append(b, v), Uint8
	case int8:
		return append(b, uint8(v)), Int8
	case uint16:
		return le.AppendUint16(b, v), Uint16
	case int16:
		return le.AppendUint16(b, uint16(v)), Int16
	case uint32:
		return le.AppendUint32(b, v), Uint32
	case int32:
		return le.AppendUint32(b, uint32(v)), Int32
	case uint64:
		return le.AppendUint64(b, v), Uint64
	case int64:
		return le.AppendUint64(b, uint64(v)), Int64
	case float32:
		return le.AppendUint32(b, math.Float32bits(v)), Float32
	case float64:
		return le.AppendUint64(b, math.Float64bits(v)), Float64
	case bool:
		if v {
			return append(b, 1), Bool
		}
		return append(b, 0), Bool
	}
	s := v.(string)
	return append(le.AppendUint64(b, uint64(len(s))), s...), String
}

// appendTo appends v as it stands in a file behind its kind.
func (v Value) appendTo(b []byte) []byte {
	le := binary.LittleEndian
	switch v.kind {
	case String:
		b = le.AppendUint64(b, uint64(len(v.raw)))
	case Array:
		b = le.AppendUint32(b, uint32(v.elem))
		b = le.AppendUint64(b, uint64(v.n))
	}
	return append(b, v.raw...)
}

// little reads s, at most 8 bytes, as a little-endian number.
func little(s string) uint64 {
	switch len(s) {
	case 8:
		return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
			uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
	case 4:
		return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24
	case 2:
		return uint64(s[0]) | uint64(s[1])<<8
	case 1:
		return uint64(s[0])
	}
	return 0
}

// Kind returns the kind of v.
func (v Value) Kind() Kind { return v.kind }

// Elem returns the kind of the elements of an array; the kind itself otherwise.
func (v Value) Elem() Kind {
	if v.kind == Array {
		return v.elem
	}
	return v.kind
}

// Len returns the number of elements of an array, 1 otherwise.
func (v Value) Len() int { return v.n }

// describe names the kind of v for a message: "uint32", "array of string".
func (v Value) describe() string {
	if v.kind == Array {
		return "array of " + v.elem.String()
	}
	return v.kind.String()
}

// Uint returns a value of any integer kind that is not negative.
func (v Value) Uint() (uint64, bool) { return loadUint(v.kind, v.raw) }

// Int returns a value of any integer kind that an int64 can hold.
func (v Value) Int() (int64, bool) { return loadInt(v.kind, v.raw) }

// Float returns a value of any number kind, rounded to float64 if it has to be.
func (v Value) Float() (float64, bool) { return loadFloat(v.kind, v.raw) }

// Bool returns a value of kind [Bool].
func (v Value) Bool() (value, ok bool) {
	return v.kind == Bool && v.raw == "\x01", v.kind == Bool
}

// Text returns a value of kind [String], bytes as they are: not every published
// string is valid UTF-8.
func (v Value) Text() (string, bool) {
	if v.kind != String {
		return "", false
	}
	return v.raw, true
}

// Strings returns an array of strings, or any array without elements.
func (v Value) Strings() ([]string, bool) {
	if !v.arrayOf(v.elem == String) {
		return nil, false
	}
	list := make([]string, v.n)
	at := 0
	for i := range list {
		n := int(little(v.raw[at : at+8]))
		list[i] = v.raw[at+8 : at+8+n]
		at += 8 + n
	}
	return list, true
}

// Ints returns an array of any integer kind whose elements all fit an int64, or
// any array without elements.
func (v Value) Ints() ([]int64, bool) {
	if !v.arrayOf(v.elem.integer()) {
		return nil, false
	}
	list, size := make([]int64, v.n), v.elem.size()
	for i := range list {
		x, ok := loadInt(v.elem, v.raw[i*size:(i+1)*size])
		if !ok {
			return nil, false
		}
		list[i] = x
	}
	return list, true
}

// Floats returns an array of any number kind, or any array without elements.
func (v Value) Floats() ([]float64, bool) {
	if !v.arrayOf(v.elem.integer() || v.elem == Float32 || v.elem == Float64) {
		return nil, false
	}
	list, size := make([]float64, v.n), v.elem.size()
	for i := range list {
		list[i], _ = loadFloat(v.elem, v.raw[i*size:(i+1)*size])
	}
	return list, true
}

// Bools returns an array of bools, or any array without elements.
func (v Value) Bools() ([]bool, bool) {
	if !v.arrayOf(v.elem == Bool) {
		return nil, false
	}
	list := make([]bool, v.n)
	for i := range list {
		list[i] = v.raw[i] == 1
	}
	return list, true
}

// Bytes returns an array of 8-bit integers, signed ones by their bits, or any array
// without elements. SentencePiece's character maps come so.
func (v Value) Bytes() ([]byte, bool) {
	if !v.arrayOf(v.elem == Uint8 || v.elem == Int8) {
		return nil, false
	}
	return []byte(v.raw), true
}

// arrayOf says whether v is an array, and its elements are right or none.
func (v Value) arrayOf(right bool) bool { return v.kind == Array && (right || v.n == 0) }

// Elements yields the elements of an array, arrays in arrays too; nothing for
// other values.
func (v Value) Elements() iter.Seq[Value] {
	return func(yield func(Value) bool) {
		if v.kind != Array {
			return
		}
		c := cursor{s: v.raw, whole: len(v.raw)}
		for range v.n {
			e := c.value(uint32(v.elem))
			if c.err != nil || !yield(e) {
				return
			}
		}
	}
}

// preview is how many elements of an array String shows.
const preview = 8

// String returns v for people to read: a string as it is, an array as its first
// elements and its length.
func (v Value) String() string {
	switch {
	case v.kind == String:
		return v.raw
	case v.kind == Bool:
		b, _ := v.Bool()
		return strconv.FormatBool(b)
	case v.kind == Float32:
		f, _ := v.Float()
		return strconv.FormatFloat(f, 'g', -1, 32)
	case v.kind == Float64:
		f, _ := v.Float()
		return strconv.FormatFloat(f, 'g', -1, 64)
	case v.kind != Array && v.kind.signed():
		i, _ := v.Int()
		return strconv.FormatInt(i, 10)
	case v.kind != Array:
		u, _ := v.Uint()
		return strconv.FormatUint(u, 10)
	}
	var parts []string
	for e := range v.Elements() {
		if len(parts) == preview {
			parts = append(parts, fmt.Sprintf("… %d in all", v.n))
			break
		}
		if s, ok := e.Text(); ok {
			parts = append(parts, message.Quote(s))
		} else {
			parts = append(parts, e.String())
		}
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

func loadUint(k Kind, raw string) (uint64, bool) {
	if !k.integer() {
		return 0, false
	}
	if k.signed() {
		i, _ := loadInt(k, raw)
		return uint64(i), i >= 0
	}
	return little(raw), true
}

func loadInt(k Kind, raw string) (int64, bool) {
	if !k.integer() {
		return 0, false
	}
	u := little(raw)
	if !k.signed() {
		return int64(u), u <= math.MaxInt64
	}
	unused := 64 - 8*k.size()
	return int64(u<<unused) >> unused, true
}

func loadFloat(k Kind, raw string) (float64, bool) {
	switch {
	case k == Float32:
		return float64(math.Float32frombits(uint32(little(raw)))), true
	case k == Float64:
		return math.Float64frombits(little(raw)), true
	case k.integer() && k.signed():
		i, ok := loadInt(k, raw)
		return float64(i), ok
	}
	u, ok := loadUint(k, raw)
	return float64(u), ok
}
