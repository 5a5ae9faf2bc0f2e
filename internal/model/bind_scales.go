package model

import (
	"fmt"
	"math"
	"strings"

	"github.com/blitz-r1/blitz/internal/tensor"
	"github.com/blitz-r1/blitz/internal/weights"
)

// Scales that stand in tensors of their own.

// The greatest weights before a scale is applied.
const (
	maxE4M3  = 448
	maxNVFP4 = 6 * 448
)

// blockScales returns the scales of an FP8 tensor of a checkpoint, one for each block
// of 128 × 128; nil for tensors of other types.
func (b *binder) blockScales(t tensor.Tensor) *weights.BlockScale {
	if !b.hf || len(t.Shape) != 2 {
		return nil
	}
	name := t.Name + "_scale_inv"
	if _, scaled := b.src.find(name); scaled && t.DType == tensor.F8E5M2 {
		b.fail(wrongTensor(b.src, t.Name, "type "+t.DType.String()+" with scales", "F8_E4M3"))
	}
	if t.DType != tensor.F8E4M3 {
		return nil
	}
	if s, known := b.scales[t.Name]; known { // heads share a tensor
		return s
	}
	rows, cols := (t.Shape[0]+127)/128, (t.Shape[1]+127)/128
	s, ok := b.find(name, rows, cols)
	if !ok {
		return nil
	}
	if !s.DType.IsFloat() && s.DType != tensor.F8E8M0 {
		b.fail(wrongTensor(b.src, name, "type "+s.DType.String(), "a float type"))
		return nil
	}
	v := b.floats(s)
	b.checkScales(name, v, maxE4M3)
	if b.scales == nil {
		b.scales = map[string]*weights.BlockScale{}
	}
	b.scales[t.Name] = &weights.BlockScale{Data: v, Cols: cols}
	return b.scales[t.Name]
}

// factor returns what multiplies the scales of an NVFP4 tensor: its .scale tensor, one
// number, or one for each matrix it holds; 1 for tensors of other types.
func (b *binder) factor(t tensor.Tensor, index int) float32 {
	if t.DType != tensor.NVFP4 || b.err != nil {
		return 1
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
