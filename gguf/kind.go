package gguf

import "fmt"

// Kind is the kind of a metadata value, by GGUF's number.
type Kind uint8

// The thirteen kinds.
const (
	Uint8   Kind = 0
	Int8    Kind = 1
	Uint16  Kind = 2
	Int16   Kind = 3
	Uint32  Kind = 4
	Int32   Kind = 5
	Float32 Kind = 6
	Bool    Kind = 7
	String  Kind = 8
	Array   Kind = 9
	Uint64  Kind = 10
	Int64   Kind = 11
	Float64 Kind = 12
)

// kinds holds for each number its name and the bytes of a value; 0 where the
// length varies.
var kinds = [...]struct {
	name string
	size int
}{
	Uint8:   {"uint8", 1},
	Int8:    {"int8", 1},
	Uint16:  {"uint16", 2},
	Int16:   {"int16", 2},
	Uint32:  {"uint32", 4},
	Int32:   {"int32", 4},
	Float32: {"float32", 4},
	Bool:    {"bool", 1},
	String:  {"string", 0},
	Array:   {"array", 0},
	Uint64:  {"uint64", 8},
	Int64:   {"int64", 8},
	Float64: {"float64", 8},
}

// String returns the name of k as Go spells it.
func (k Kind) String() string {
	if int(k) < len(kinds) {
		return kinds[k].name
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// size returns the bytes of a value of kind k, 0 for strings and arrays.
func (k Kind) size() int { return kinds[k].size }

// integer says whether k is an integer kind; a bool is not.
func (k Kind) integer() bool { return k <= Int32 || k == Uint64 || k == Int64 }

// signed says whether k is a signed integer kind.
func (k Kind) signed() bool { return k == Int8 || k == Int16 || k == Int32 || k == Int64 }
