package compressed

import (
	"fmt"
	"math"
	"slices"

	"github.com/blitz-r1/blitz/internal/quant"
	"github.com/blitz-r1/blitz/internal/tensor"
	"github.com/blitz-r1/blitz/safetensors"
)

// Floats of four bits (E2M1), two a byte, the first in the low half, as compressed-tensors
// (pack_fp4_to_uint8, nvfp4-pack-quantized and mxfp4-pack-quantized) and NVIDIA's ModelOpt
// (NVFP4QTensor) pack them:
//
//	NVFP4: number · (scale / global), a scale in E4M3 for 16 columns; ModelOpt: scale · global
//	MXFP4: number · 2^(scale-127), a scale for 32 columns

// float is which of them a checkpoint has.
type float uint8

const (
	noFloat float = iota // integers
	nvfp4
	mxfp4
)

func (x float) String() string { return [...]string{"", "NVFP4", "MXFP4"}[x] }

// columns returns how many columns share a scale.
func (x float) columns() int { return [...]int{0, 16, 32}[x] }

// newFloats checks the tensors of a matrix of floats.
func newFloats(f *safetensors.File, s scheme, layer string, suffix names) (*Matrix, error) {
	m := &Matrix{scheme: s, layer: layer, Factor: 1}
	m.Type = [...]tensor.DType{nvfp4: tensor.NVFP4, mxfp4: tensor.MXFP4}[s.float]
	scaleType := [...]safetensors.DType{nvfp4: safetensors.F8_E4M3, mxfp4: safetensors.U8}[s.float]
	values, err := find(f, layer+suffix.values, safetensors.U8, 2)
	if err != nil {
		return nil, err
	}
	m.Rows, m.Cols = values.Shape[0], 2*values.Shape[1]
	if m.Rows == 0 || m.Cols == 0 || m.Cols%m.Type.Block() != 0 {
		return nil, wrong(f, values.Name, "shape "+tensor.ShapeString(values.Shape), fmt.Sprintf("rows of a multiple of %d numbers, two a byte", m.Type.Block()))
	}
	m.groups = m.Cols / s.float.columns()
	scales, err := find(f, layer+suffix.scales, scaleType, 2)
	if err != nil {
		return nil, err
	}
	if want := []int{m.Rows, m.groups}; !slices.Equal(scales.Shape, want) {
		return nil, wrong(f, scales.Name, "shape "+tensor.ShapeString(scales.Shape), tensor.ShapeString(want))
	}
	if m.values, err = f.Bytes(values); err != nil {
		return nil, err
	}
	if m.scales, err = f.Bytes(scales); err != nil {
		return nil, err
	}
	m.stored = []safetensors.Tensor{values, scales}
	if suffix.global == "" {
		return m, nil
	}
	return m, m.findGlobal(f, layer+suffix.global)
}

// The bounds of what all scales are multiplied with or divided by: with them every number
// is one of float32.
const leastGlobal, mostGlobal = 0x1p-100, 0x1p100

// findGlobal takes the scale of all scales.
func (m *Matrix) findGlobal(f *safetensors.File, name string) error {
	t, ok := f.Tensor(name)
	n, whole := tensor.Elements(t.Shape)
	switch {
	case !ok:
		return wrong(f, name, "is missing", "a part of its matrix")
	case t.DType != safetensors.F32 || !whole || n != 1:
		return wrong(f, name, string(t.DType)+" "+tensor.ShapeString(t.Shape), "one number, F32")
	}
	b, err := f.Bytes(t)
	if err != nil {
		return err
	}
	v := math.Float32frombits(le.Uint32(b))
	if !(v >= leastGlobal && v <= mostGlobal) {
		return wrong(f, name, fmt.Sprint(v), "a positive number from 2^-100 to 2^100")
	}
	if m.method == modelopt {
		m.Factor = v
	} else {
		m.Divisor = v
	}
	return nil
}

// writeFloats writes a row of blocks.
func (m *Matrix) writeFloats(dst []byte, row int) error {
	codes, scales := m.values[row*m.Cols/2:][:m.Cols/2], m.scales[row*m.groups:][:m.groups]
	size, width := m.Type.BlockBytes(), m.float.columns()
	per := m.Type.Block() / width // scales of a block
	for g, scale := range scales {
		block := dst[g/per*size:][:size]
		if m.float == nvfp4 && (scale&0x80 != 0 || scale == 0x7f) {
			return fmt.Errorf("compressed: %s: the scale of row %d, columns from %d on is %v, want a number of 0 or more: %w", m.layer, row, g*width, quant.F8E4M3ToF32(scale), ErrScheme)
		}
		out := block[per+g%per*width/2:][:width/2]
		block[g%per] = scale
		for j := range width / 2 { // the first half of the columns in low halves
			out[j] = code(codes, g*width+j) | code(codes, g*width+width/2+j)<<4
		}
	}
	return nil
}

// code returns the code of a column.
func code(codes []byte, k int) byte { return codes[k/2] >> (4 * (k % 2)) & 15 }
