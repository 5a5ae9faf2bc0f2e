package model

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/blitz-r1/blitz/internal/compressed"
	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/tensor"
	"github.com/blitz-r1/blitz/internal/weights"
)

// Scales that stand in tensors of their own.

// The greatest weights before a scale is applied.
const (
	maxE4M3  = 448
	maxNVFP4 = 6 * 448
)

// blockScales returns the scales of an FP8 tensor of a checkpoint: one for each block, by
// default of 128 × 128, one a row, or one for all; nil for tensors of other types.
func (b *binder) blockScales(t tensor.Tensor) *weights.BlockScale {
	if !b.hf || len(t.Shape) != 2 {
		return nil
	}
	name := t.Name + "_scale_inv" // DeepSeek's; compressed-tensors has no _inv
	s, scaled := b.src.find(name)
	if !scaled {
		for _, other := range []string{t.Name + "_scale", strings.TrimSuffix(t.Name, ".weight") + ".scale"} { // the last is V4's
			if s, scaled = b.src.find(other); scaled {
				name = other
				break
			}
		}
	}
	if scaled && t.DType == tensor.F8E5M2 {
		b.fail(wrongTensor(b.src, t.Name, "type "+t.DType.String()+" with scales", "F8_E4M3"))
	}
	if t.DType != tensor.F8E4M3 {
		return nil
	}
	if s, known := b.scales[t.Name]; known { // heads share a tensor
		return s
	}
	if !scaled { // says so
		b.find(name, (t.Shape[0]+127)/128, (t.Shape[1]+127)/128)
		return nil
	}
	grid, ok := b.scaleGrid(t, s)
	if !ok {
		return nil
	}
	if !s.DType.IsFloat() && s.DType != tensor.F8E8M0 {
		b.fail(wrongTensor(b.src, name, "type "+s.DType.String(), "a float type"))
		return nil
	}
	b.taken[name] = true
	v := b.floats(s)
	b.checkScales(name, v, maxE4M3)
	if b.err != nil {
		return nil
	}
	if b.scales == nil {
		b.scales = map[string]*weights.BlockScale{}
	}
	b.scales[t.Name] = grid.spread(v, t.Shape[1])
	return b.scales[t.Name]
}

// scaleGrid is how scales lie over a tensor.
type scaleGrid struct {
	height, width int // rows and columns of a block
	cols          int // scales of a row of blocks
}

// scaleGrid finds which blocks the scales s of a tensor are of: one of all, one of each row,
// or those that the configuration tells.
func (b *binder) scaleGrid(t, s tensor.Tensor) (scaleGrid, bool) {
	rows, cols := t.Shape[0], t.Shape[1]
	n, _ := tensor.Elements(s.Shape)
	height, width := b.scaleBlock()
	want := []int{(rows + height - 1) / height, (cols + width - 1) / width}
	switch {
	case slices.Equal(s.Shape, want) && (width%kernel.ScaleColumns == 0 || width >= cols):
		return scaleGrid{height, width, want[1]}, true
	case n == 1 && len(s.Shape) <= 2:
		return scaleGrid{rows, cols, 1}, true
	case n == rows && (len(s.Shape) == 1 || slices.Equal(s.Shape, []int{rows, 1})):
		return scaleGrid{1, cols, 1}, true
	}
	b.fail(wrongTensor(b.src, s.Name, "shape "+tensor.ShapeString(s.Shape),
		fmt.Sprintf("%s, for blocks of %d × %d (columns in multiples of %d), or one number, or one a row", tensor.ShapeString(want), height, width, kernel.ScaleColumns)))
	return scaleGrid{}, false
}

// scaleBlock returns the rows and columns of an FP8 weight that share a scale.
func (b *binder) scaleBlock() (height, width int) {
	if s, ok := b.src.(hfSource); ok && s.block != [2]int{} {
		return s.block[0], s.block[1]
	}
	return 128, 128
}

// spread returns a scale for each kernel.ScaleColumns columns.
//
//	v [.., g.cols]   cols of the tensor
func (g scaleGrid) spread(v []float32, cols int) *weights.BlockScale {
	n := (cols + kernel.ScaleColumns - 1) / kernel.ScaleColumns
	s := &weights.BlockScale{Cols: n, Height: g.height}
	for row := range len(v) / g.cols {
		for k := range n {
			s.Data = append(s.Data, v[row*g.cols+k*kernel.ScaleColumns/g.width])
		}
	}
	return s
}

// divisor returns what divides the scales of an NVFP4 tensor, as compressed-tensors has it;
// 0: nothing.
func (b *binder) divisor(t tensor.Tensor) float32 {
	if m, is := b.packedMatrix(t.Name); is {
		return m.Divisor
	}
	return 0
}

// packedMatrix returns a matrix that another tool packed.
func (b *binder) packedMatrix(name string) (*compressed.Matrix, bool) {
	if s, is := b.src.(hfSource); is {
		return s.matrix(name)
	}
	return nil, false
}

// factor returns what multiplies the scales of an NVFP4 tensor: its .scale tensor, one
// number, or one for each matrix it holds; 1 for tensors of other types.
func (b *binder) factor(t tensor.Tensor, index int) float32 {
	if t.DType != tensor.NVFP4 || b.err != nil {
		return 1
	}
	if m, is := b.packedMatrix(t.Name); is {
		return m.Factor
	}
	name := strings.TrimSuffix(t.Name, ".weight") + ".scale"
	s, ok := b.src.find(name)
	if !ok {
		return 1
	}
	n, whole := tensor.Elements(s.Shape)
	if s.DType != tensor.F32 || !whole || n != 1 && index >= n {
		b.fail(wrongTensor(b.src, name, s.Describe(), "F32, one number a matrix"))
		return 1
	}
	b.taken[name] = true
	v := b.floats(s)
	b.checkScales(name, v, maxNVFP4)
	switch {
	case b.err != nil:
		return 1
	case n == 1:
		return v[0]
	}
	return v[index]
}

// checkScales refuses scales that make infinities of weights up to most.
func (b *binder) checkScales(name string, v []float32, most float32) {
	for i, x := range v {
		if !(x >= -math.MaxFloat32/most && x <= math.MaxFloat32/most) {
			b.fail(wrongTensor(b.src, name, fmt.Sprintf("element %d is %v", i, x), fmt.Sprintf("at most %v", math.MaxFloat32/most)))
			return
		}
	}
}
