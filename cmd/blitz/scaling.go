package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/quant"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// scaling is the tensor of factors that stands beside a tensor of small floats: each
// factor belongs to a block of a matrix.
type scaling struct {
	factors    []float32
	rows, cols int // of a matrix
	blockRows  int
	blockCols  int
}

// fp8Block is the side of the blocks in which DeepSeek scales FP8 weights (DeepSeek-V3
// technical report, 3.3).
const fp8Block = 128

// findScaling returns the factors of a tensor, nil where there are none: for NVFP4 its
// .scale, for FP8 its _scale_inv or _scale.
func findScaling(f tensorFile, t storedTensor) (*scaling, error) {
	var names []string
	switch t.dtype {
	case tensor.NVFP4:
		names = []string{strings.TrimSuffix(t.name, ".weight") + ".scale"}
	case tensor.F8E4M3, tensor.F8E5M2:
		names = []string{t.name + "_scale_inv", t.name + "_scale"}
	}
	for _, name := range names {
		s, ok, err := f.find(name)
		if err != nil {
			return nil, err
		}
		if ok {
			return newScaling(f, t, s)
		}
	}
	return nil, nil
}

// newScaling ties the factors s to the blocks of t. One number is for all of it; one
// more axis than a matrix has is for several of them.
func newScaling(f tensorFile, t, s storedTensor) (*scaling, error) {
	if !s.dtype.IsFloat() && s.dtype != tensor.F8E8M0 {
		return nil, fault.Refusal(fmt.Errorf("%s: tensor %s: type %s, want a float type", f.file(), s.name, s.kind))
	}
	c := &scaling{rows: 1, cols: 1}
	if n := len(t.shape); n > 0 {
		c.cols = t.shape[n-1]
		if n > 1 {
			c.rows = t.shape[n-2]
		}
	}
	if !c.fit(t, s.shape) {
		return nil, fault.Refusal(fmt.Errorf("%s: tensor %s: shape %s, want %s for %s %s",
			f.file(), s.name, tensor.ShapeString(s.shape), c.wanted(t), t.name, tensor.ShapeString(t.shape)))
	}
	n, _ := tensor.Elements(s.shape) // the file was checked
	c.factors = make([]float32, n)
	if err := f.guard(func() error { return quant.Decode(c.factors, s.dtype, s.bytes) }); err != nil {
		return nil, fmt.Errorf("%s: tensor %s: %w", f.file(), s.name, err)
	}
	return c, nil
}

// fit sets the block that factors of a shape belong to, and says whether the shape is
// one that they can have.
func (c *scaling) fit(t storedTensor, shape []int) bool {
	matrices := t.shape[:max(0, len(t.shape)-2)]
	with := func(tail ...int) []int { return append(slices.Clone(matrices), tail...) }
	c.blockRows, c.blockCols = c.rows, c.cols
	n, _ := tensor.Elements(shape)
	switch {
	case n == 1: // one for all
		for _, m := range matrices {
			c.rows, c.blockRows = c.rows*m, c.blockRows*m
		}
		return true
	case t.dtype == tensor.NVFP4: // one a matrix
		return slices.Equal(shape, matrices)
	case slices.Equal(shape, with(c.rows)) || slices.Equal(shape, with(c.rows, 1)): // one a row
		c.blockRows = 1
		return true
	}
	c.blockRows, c.blockCols = fp8Block, fp8Block
	return slices.Equal(shape, with(blocks(c.rows, fp8Block), blocks(c.cols, fp8Block)))
}

// wanted describes the shapes that fit.
func (c *scaling) wanted(t storedTensor) string {
	matrices := t.shape[:max(0, len(t.shape)-2)]
	if t.dtype == tensor.NVFP4 {
		return fmt.Sprintf("one number or %s", tensor.ShapeString(matrices))
	}
	blocked := append(slices.Clone(matrices), blocks(c.rows, fp8Block), blocks(c.cols, fp8Block))
	return fmt.Sprintf("one number, one a row, or %s", tensor.ShapeString(blocked))
}

// blocks returns how many blocks of size b cover n.
func blocks(n, b int) int { return (n + b - 1) / b }

// apply multiplies y, the elements of the tensor from index on, by their factors: one
// rounding each.
func (c *scaling) apply(y []float32, index int) {
	across := blocks(c.cols, c.blockCols)
	perMatrix := across * blocks(c.rows, c.blockRows)
	for len(y) > 0 {
		row, col := index/c.cols, index%c.cols
		n := min(len(y), c.blockCols-col%c.blockCols, c.cols-col)
		factor := c.factors[row/c.rows*perMatrix+row%c.rows/c.blockRows*across+col/c.blockCols]
		for i := range y[:n] {
			y[i] *= factor
		}
		y, index = y[n:], index+n
	}
}
