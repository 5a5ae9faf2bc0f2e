package compressed

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/blitz-r1/blitz/internal/quant"
	"github.com/blitz-r1/blitz/internal/tensor"
	"github.com/blitz-r1/blitz/safetensors"
)

// ErrTensor is a tensor of a packed matrix that is missing, or not as wanted.
var ErrTensor = errors.New("not as its method stores it")

var le = binary.LittleEndian

// block is the columns of a block of the types that are written.
const block = 32

// Matrix is a packed matrix [Rows, Cols].
type Matrix struct {
	Type       tensor.DType // Q4_0, Q5_0 or Q8_0: the smallest that has all its integers; NVFP4, MXFP4
	Rows, Cols int
	// Factor is what all scales of NVFP4 are multiplied with, Divisor what they are divided by;
	// 0: nothing.
	Factor, Divisor float32

	scheme
	layer  string
	groups int    // scales of a row
	values []byte // packed integers, see unpack
	zeros  []byte // packed zero points, nil: all are half of what an integer can be
	scales []byte
	dtype  safetensors.DType // of scales
	stored []safetensors.Tensor
}

// newMatrix checks the tensors of a layer.
func newMatrix(f *safetensors.File, s scheme, layer string, suffix names) (*Matrix, error) {
	m := &Matrix{scheme: s, layer: layer, Factor: 1}
	values, err := find(f, layer+suffix.values, safetensors.I32, 2)
	if err != nil {
		return nil, err
	}
	scales, err := find(f, layer+suffix.scales, "", 2)
	if err != nil {
		return nil, err
	}
	if err := m.measure(f, values, scales); err != nil {
		return nil, err
	}
	if m.values, err = f.Bytes(values); err != nil {
		return nil, err
	}
	if m.scales, err = f.Bytes(scales); err != nil {
		return nil, err
	}
	m.dtype, m.stored = scales.DType, []safetensors.Tensor{values, scales}
	if err := m.findZeros(f, layer+suffix.zeros); err != nil {
		return nil, err
	}
	if suffix.order != "" {
		if err := m.checkOrder(f, layer+suffix.order); err != nil {
			return nil, err
		}
	}
	return m, m.choose(f)
}

// measure finds the shape of the matrix and of its groups.
func (m *Matrix) measure(f *safetensors.File, values, scales safetensors.Tensor) error {
	v, g := values.Shape, scales.Shape
	words := 0 // of the integers of a row
	switch m.method {
	case gptq: // values [cols·bits/32, rows]   scales [groups, rows]
		m.Rows, words, m.groups = v[1], v[0], g[0]
	case awq: // values [cols, rows/8]   scales [groups, rows]
		m.Rows, words, m.groups = v[1]*8, v[0]/8, g[0]
	case ct: // values [rows, cols·bits/32]   scales [rows, groups]
		m.Rows, words, m.groups = v[0], v[1], g[1]
		g = []int{g[1], g[0]}
	}
	m.Cols = words / m.bits * block
	switch {
	case m.Rows == 0 || m.Cols == 0 || words%m.bits != 0 || m.method == awq && v[0]%block != 0:
		return wrong(f, values.Name, "shape "+tensor.ShapeString(v), fmt.Sprintf("rows of a multiple of 32 integers of %d bits", m.bits))
	case g[1] != m.Rows || m.groups == 0 || m.Cols%m.groups != 0 || m.Cols/m.groups%block != 0:
		return wrong(f, scales.Name, "shape "+tensor.ShapeString(scales.Shape),
			fmt.Sprintf("scales for %d rows of %d, each of a multiple of 32 columns", m.Rows, m.Cols))
	}
	if t := scales.DType; t != safetensors.F16 && t != safetensors.BF16 && t != safetensors.F32 {
		return wrong(f, scales.Name, "type "+string(t), "F16, BF16 or F32")
	}
	return nil
}

// findZeros takes the zero points, which compressed-tensors has where they matter alone.
func (m *Matrix) findZeros(f *safetensors.File, name string) error {
	if _, ok := f.Tensor(name); !ok && m.method == ct {
		return nil
	}
	t, err := find(f, name, safetensors.I32, 2)
	if err != nil {
		return err
	}
	want := []int{m.groups, m.zeroWords()}
	if m.method == ct {
		want = []int{m.zeroWords(), m.groups}
	}
	if !slices.Equal(t.Shape, want) {
		return wrong(f, name, "shape "+tensor.ShapeString(t.Shape), tensor.ShapeString(want))
	}
	m.zeros, err = f.Bytes(t)
	return err
}

// checkOrder refuses columns whose groups are mixed, as tools have it that order them by
// their activations: a block has one scale.
func (m *Matrix) checkOrder(f *safetensors.File, name string) error {
	if _, ok := f.Tensor(name); !ok {
		return nil
	}
	t, err := find(f, name, safetensors.I32, 1)
	if err != nil {
		return err
	}
	if t.Shape[0] != m.Cols {
		return wrong(f, name, "shape "+tensor.ShapeString(t.Shape), tensor.ShapeString([]int{m.Cols}))
	}
	b, err := f.Bytes(t)
	if err != nil {
		return err
	}
	for i := range m.Cols {
		if got, want := int32(le.Uint32(b[4*i:])), int32(i/(m.Cols/m.groups)); got != want {
			return fmt.Errorf("compressed: %s: tensor %s: column %d is of group %d, want %d: columns in the order of their activations (desc_act, actorder): %w",
				f.Name(), name, i, got, want, ErrScheme)
		}
	}
	return nil
}

// choose finds the type that has all integers less their zero points.
func (m *Matrix) choose(f *safetensors.File) error {
	low, high := m.half(), m.half()
	if m.zeros != nil {
		low, high = m.zero(0, 0), m.zero(0, 0)
		for r := range m.Rows {
			for g := range m.groups {
				low, high = min(low, m.zero(r, g)), max(high, m.zero(r, g))
			}
		}
	}
	least, most := -high, 1<<m.bits-1-low
	switch {
	case least >= -8 && most <= 7:
		m.Type = tensor.Q4_0
	case least >= -16 && most <= 15:
		m.Type = tensor.Q5_0
	case least >= -128 && most <= 127:
		m.Type = tensor.Q8_0
	default:
		return fmt.Errorf("compressed: %s: %s: zero points %d to %d of %d bits: weights of more than eight bits: %w",
			f.Name(), m.layer, low, high, m.bits, ErrScheme)
	}
	return nil
}

// find returns a tensor of a type ("": any) and so many axes.
func find(f *safetensors.File, name string, t safetensors.DType, axes int) (safetensors.Tensor, error) {
	x, ok := f.Tensor(name)
	switch {
	case !ok:
		return x, wrong(f, name, "is missing", "a part of its matrix")
	case t != "" && x.DType != t:
		return x, wrong(f, name, "type "+string(x.DType), string(t))
	case len(x.Shape) != axes:
		return x, wrong(f, name, "shape "+tensor.ShapeString(x.Shape), fmt.Sprintf("%d axes", axes))
	}
	return x, nil
}

// half is the zero point of symmetric integers.
func (m *Matrix) half() int { return 1 << (m.bits - 1) }

// Write writes rows first … first+n-1 as blocks of the type. The error wraps ErrScheme for a scale that is no float16 number, as the
// types have them.
func (m *Matrix) Write(dst []byte, first, n int) error {
	if m.float != noFloat {
		size := m.Type.RowBytes(m.Cols)
		for r := range n {
			if err := m.writeFloats(dst[r*size:][:size], first+r); err != nil {
				return err
			}
		}
		return nil
	}
	w := make([]uint8, n*m.Cols)
	m.unpack(w, first, n)
	size := m.Type.RowBytes(m.Cols)
	for r := range n {
		if err := m.writeRow(dst[r*size:][:size], w[r*m.Cols:][:m.Cols], first+r); err != nil {
			return err
		}
	}
	return nil
}

func (m *Matrix) writeRow(dst []byte, w []uint8, row int) error {
	width, size := m.Cols/m.groups, m.Type.BlockBytes()
	for g := range m.groups {
		d, err := m.scale(row, g)
		if err != nil {
			return err
		}
		zero := m.half()
		if m.zeros != nil {
			zero = m.zero(row, g)
		}
		for k := g * width; k < (g+1)*width; k += block {
			writeBlock(dst[k/block*size:][:size], m.Type, d, w[k:][:block], zero)
		}
	}
	return nil
}

// writeBlock writes a block of integers less their zero point.
func writeBlock(dst []byte, t tensor.DType, d uint16, w []uint8, zero int) {
	le.PutUint16(dst, d)
	switch t {
	case tensor.Q4_0:
		for i := range block / 2 {
			dst[2+i] = byte(int(w[i])-zero+8) | byte(int(w[i+16])-zero+8)<<4
		}
	case tensor.Q5_0:
		var fifth uint32
		for i := range block / 2 {
			x, y := uint32(int(w[i])-zero+16), uint32(int(w[i+16])-zero+16)
			dst[6+i] = byte(x&15 | y&15<<4)
			fifth |= x>>4<<i | y>>4<<(i+16)
		}
		le.PutUint32(dst[2:], fifth)
	default: // Q8_0
		for i, x := range w {
			dst[2+i] = byte(int(x) - zero)
		}
	}
}

// scale returns a scale as float16.
func (m *Matrix) scale(row, group int) (uint16, error) {
	i := group*m.Rows + row
	if m.method == ct {
		i = row*m.groups + group
	}
	var x float32
	switch m.dtype {
	case safetensors.F16:
		return le.Uint16(m.scales[2*i:]), nil
	case safetensors.BF16:
		x = quant.BF16ToF32(le.Uint16(m.scales[2*i:]))
	default:
		x = math.Float32frombits(le.Uint32(m.scales[4*i:]))
	}
	d := quant.F32ToF16(x)
	if quant.F16ToF32(d) != x && x == x {
		return 0, fmt.Errorf("compressed: %s: the scale of row %d, group %d is %v, which is no float16 number: %w", m.layer, row, group, x, ErrScheme)
	}
	return d, nil
}
