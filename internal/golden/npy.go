package golden

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Array is one array of a .npz file: little-endian numbers, row-major.
type Array struct {
	Name  string
	DType string // f2 f4 f8, i1 i2 i4 i8, u1 u2 u4 u8, or bool
	Shape []int  // empty: a scalar
	Data  []byte
}

var itemSizes = map[string]int{
	"f2": 2, "f4": 4, "f8": 8, "i1": 1, "i2": 2, "i4": 4, "i8": 8,
	"u1": 1, "u2": 2, "u4": 4, "u8": 8, "bool": 1,
}

const (
	maxHeader = 1 << 16
	maxAxes   = 32 // numpy's own limit was 32 for long
)

// parseNPY reads the .npy format, versions 1 to 3: a magic number, the version,
// the length of a header, the header, then the elements. Data shares raw.
func parseNPY(raw []byte) (Array, error) {
	if len(raw) < 10 || string(raw[:6]) != "\x93NUMPY" {
		return Array{}, fmt.Errorf("%w: no .npy magic number", ErrFormat)
	}
	var at, n int
	switch raw[6] {
	case 1:
		at, n = 10, int(binary.LittleEndian.Uint16(raw[8:]))
	case 2, 3:
		if len(raw) < 12 {
			return Array{}, fmt.Errorf("%w: .npy header is cut", ErrFormat)
		}
		at, n = 12, int(min(binary.LittleEndian.Uint32(raw[8:]), math.MaxInt32))
	default:
		return Array{}, fmt.Errorf("%w: .npy version %d.%d, want 1.0 to 3.0", ErrUnsupported, raw[6], raw[7])
	}
	if n > maxHeader {
		return Array{}, fmt.Errorf("%w: .npy header of %d bytes, limit %d", ErrTooLarge, n, maxHeader)
	}
	if n > len(raw)-at {
		return Array{}, fmt.Errorf("%w: .npy header is cut", ErrFormat)
	}
	a, err := parseHeader(string(raw[at : at+n]))
	if err != nil {
		return Array{}, err
	}
	a.Data = raw[at+n:]
	return a, a.checkSize()
}

// checkSize compares the product of the shape with the bytes there are.
func (a *Array) checkSize() error {
	size, empty := itemSizes[a.DType], false
	for _, d := range a.Shape {
		empty = empty || d == 0
	}
	for _, d := range a.Shape {
		if d == 0 {
			continue
		}
		if size > maxMember/d {
			return fmt.Errorf("%w: shape %v of %s", ErrTooLarge, a.Shape, a.DType)
		}
		size *= d
	}
	if empty {
		size = 0
	}
	if size != len(a.Data) {
		return fmt.Errorf("%w: %d bytes of elements, want %d for %s %v", ErrFormat, len(a.Data), size, a.DType, a.Shape)
	}
	return nil
}

// parseHeader reads the header, a Python dictionary with just the keys descr,
// fortran_order and shape.
func parseHeader(h string) (Array, error) {
	s := scanner{h}
	var a Array
	var seen [3]bool
	if err := s.want("{"); err != nil {
		return a, err
	}
	for !s.take("}") {
		key, err := s.str()
		if err != nil {
			return a, err
		}
		if err := s.want(":"); err != nil {
			return a, err
		}
		k := 0
		switch key {
		case "descr":
			a.DType, err = s.descr()
		case "fortran_order":
			k, err = 1, s.rowMajor()
		case "shape":
			k = 2
			a.Shape, err = s.shape()
		default:
			err = fmt.Errorf("%w: key %q in .npy header", ErrFormat, key)
		}
		if err != nil {
			return a, err
		}
		if seen[k] {
			return a, fmt.Errorf("%w: key %q twice in .npy header", ErrFormat, key)
		}
		seen[k] = true
		if !s.take(",") {
			if err := s.want("}"); err != nil {
				return a, err
			}
			break
		}
	}
	switch {
	case seen != [3]bool{true, true, true}:
		return a, fmt.Errorf("%w: .npy header lacks descr, fortran_order or shape", ErrFormat)
	case strings.TrimSpace(s.rest) != "":
		return a, fmt.Errorf("%w: text after the .npy header's dictionary", ErrFormat)
	}
	return a, nil
}

// scanner reads the few Python literals that a header consists of.
type scanner struct{ rest string }

func (s *scanner) take(token string) bool {
	s.rest = strings.TrimLeft(s.rest, " \t\n")
	rest, ok := strings.CutPrefix(s.rest, token)
	s.rest = rest
	return ok
}

func (s *scanner) want(token string) error {
	if s.take(token) {
		return nil
	}
	return fmt.Errorf("%w: .npy header: %.20q, want %q", ErrFormat, s.rest, token)
}

func (s *scanner) str() (string, error) {
	for _, quote := range []string{"'", `"`} {
		if s.take(quote) {
			if text, rest, ok := strings.Cut(s.rest, quote); ok {
				s.rest = rest
				return text, nil
			}
		}
	}
	return "", fmt.Errorf("%w: .npy header: %.20q, want a string", ErrFormat, s.rest)
}

// descr reads an element type such as '<f4' or '|b1'.
func (s *scanner) descr() (string, error) {
	if s.take("[") {
		return "", fmt.Errorf("%w: structured elements", ErrUnsupported)
	}
	text, err := s.str()
	if err != nil {
		return "", err
	}
	name := ""
	if len(text) == 3 {
		name = text[1:]
	}
	if name == "b1" {
		name = "bool"
	}
	size, ok := itemSizes[name]
	if !ok || text[0] != '<' && !(text[0] == '|' && size == 1) {
		return "", fmt.Errorf("%w: element type %.20q", ErrUnsupported, text)
	}
	return name, nil
}

func (s *scanner) rowMajor() error {
	switch {
	case s.take("False"):
		return nil
	case s.take("True"):
		return fmt.Errorf("%w: column-major order", ErrUnsupported)
	}
	return fmt.Errorf("%w: .npy header: %.20q, want True or False", ErrFormat, s.rest)
}

// shape reads a tuple: (), (3,) or (3, 4).
func (s *scanner) shape() ([]int, error) {
	if err := s.want("("); err != nil {
		return nil, err
	}
	shape := []int{}
	for !s.take(")") {
		s.rest = strings.TrimLeft(s.rest, " \t\n")
		n := 0
		for n < len(s.rest) && s.rest[n] >= '0' && s.rest[n] <= '9' {
			n++
		}
		d, err := strconv.Atoi(s.rest[:n])
		if err != nil {
			return nil, fmt.Errorf("%w: .npy header: %.20q, want a size", ErrFormat, s.rest)
		}
		if len(shape) == maxAxes {
			return nil, fmt.Errorf("%w: more than %d axes", ErrTooLarge, maxAxes)
		}
		shape, s.rest = append(shape, d), s.rest[n:]
		if s.take(",") {
			continue
		}
		if err := s.want(")"); err != nil {
			return nil, err
		}
		if len(shape) == 1 {
			return nil, fmt.Errorf("%w: .npy header: shape is not a tuple", ErrFormat)
		}
		break
	}
	return shape, nil
}

// Len returns the number of elements.
func (a Array) Len() int { return len(a.Data) / max(1, itemSizes[a.DType]) }

// Float32s returns the elements of an f4 array. Like its siblings below it
// returns ErrType for an array of another type.
func (a Array) Float32s() ([]float32, error) { return elements[float32](a, "f4") }

// Float64s returns the elements of an f8 array.
func (a Array) Float64s() ([]float64, error) { return elements[float64](a, "f8") }

// Float16s returns the bits of the elements of an f2 array.
func (a Array) Float16s() ([]uint16, error) { return elements[uint16](a, "f2") }

// Int8s returns the elements of an i1 array.
func (a Array) Int8s() ([]int8, error) { return elements[int8](a, "i1") }

// Int16s returns the elements of an i2 array.
func (a Array) Int16s() ([]int16, error) { return elements[int16](a, "i2") }

// Int32s returns the elements of an i4 array.
func (a Array) Int32s() ([]int32, error) { return elements[int32](a, "i4") }

// Int64s returns the elements of an i8 array.
func (a Array) Int64s() ([]int64, error) { return elements[int64](a, "i8") }

// Uint8s returns the elements of a u1 array.
func (a Array) Uint8s() ([]uint8, error) { return elements[uint8](a, "u1") }

// Uint16s returns the elements of a u2 array.
func (a Array) Uint16s() ([]uint16, error) { return elements[uint16](a, "u2") }

// Uint32s returns the elements of a u4 array.
func (a Array) Uint32s() ([]uint32, error) { return elements[uint32](a, "u4") }

// Uint64s returns the elements of a u8 array.
func (a Array) Uint64s() ([]uint64, error) { return elements[uint64](a, "u8") }

// Bools returns the elements of a bool array.
func (a Array) Bools() ([]bool, error) { return elements[bool](a, "bool") }

func elements[T any](a Array, dtype string) ([]T, error) {
	if a.DType != dtype {
		return nil, fmt.Errorf("golden: array %q: %w %s, want %s", a.Name, ErrType, a.DType, dtype)
	}
	v := make([]T, a.Len())
	if err := binary.Read(bytes.NewReader(a.Data), binary.LittleEndian, v); err != nil {
		return nil, fmt.Errorf("golden: array %q: %w", a.Name, err)
	}
	return v, nil
}
