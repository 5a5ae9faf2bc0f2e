package model

import (
	"fmt"
	"math"
	"strings"

	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/quant"
	"github.com/blitz-r1/blitz/internal/tensor"
	"github.com/blitz-r1/blitz/internal/weights"
)

// binder ties the tensors of a file to the typed fields of a model: each is found
// by name, its shape and type are checked, and a plan is made for packing it.
// After that nothing is looked up by name. The first error is kept.
type binder struct {
	src     source
	kind    string
	options Options
	hf      bool
	prefix  [2]string
	embed   Embedding // of the model
	plan    []packing
	scales  map[string]*weights.BlockScale // of FP8 tensors
	err     error
}

// packing is a matrix that is to be packed from a tensor.
type packing struct {
	matrix *kernel.Matrix
	name   string
	from   int // first byte of the tensor's data that is the matrix
	src    weights.Source
}

// newBinder prepares binding the weights of a model of that kind.
func newBinder(src source, kind string, o Options) *binder {
	_, hf := src.(hfSource)
	b := &binder{src: src, kind: kind, options: o, hf: hf, prefix: hfPrefixes[0]}
	for _, p := range hfPrefixes {
		if _, ok := src.find(p[0] + "embed_tokens.weight"); ok {
			b.prefix = p
			break
		}
	}
	return b
}

func (b *binder) name(role string, layer int, part string) string {
	if b.hf {
		return hfName(b.kind, b.prefix, role, layer, part)
	}
	return ggufName(role, layer, part)
}

func (b *binder) fail(err error) {
	if b.err == nil {
		b.err = err
	}
}

// has says whether a tensor is there.
func (b *binder) has(role string, layer int, part string) bool {
	_, ok := b.src.find(b.name(role, layer, part))
	return ok
}

// find returns a tensor that must be there in that shape.
func (b *binder) find(name string, shape ...int) (tensor.Tensor, bool) {
	if b.err != nil {
		return tensor.Tensor{}, false
	}
	t, ok := b.src.find(name)
	if !ok {
		b.fail(wrongTensor(b.src, name, "is missing", tensor.ShapeString(shape)))
		return t, false
	}
	if tensor.ShapeString(t.Shape) != tensor.ShapeString(shape) {
		b.fail(wrongTensor(b.src, name, "shape "+tensor.ShapeString(t.Shape), tensor.ShapeString(shape)))
		return t, false
	}
	return t, true
}

// vector returns a tensor of n numbers as float32.
func (b *binder) vector(role string, layer int, part string, n int) []float32 {
	name := b.name(role, layer, part)
	t, ok := b.find(name, n)
	if !ok {
		return nil
	}
	data, err := b.src.data(name)
	if err != nil {
		b.fail(fmt.Errorf("model: %w", err))
		return nil
	}
	v := make([]float32, n)
	if !t.DType.IsFloat() {
		b.fail(wrongTensor(b.src, name, "type "+t.DType.String(), "a float type"))
		return nil
	}
	if err := quant.Decode(v, t.DType, data); err != nil {
		b.fail(fmt.Errorf("model: %s: tensor %s: %w", b.src.name(), name, err))
	}
	for i, x := range v {
		if !(x >= -math.MaxFloat32 && x <= math.MaxFloat32) {
			b.fail(wrongTensor(b.src, name, fmt.Sprintf("element %d is %v", i, x), "numbers"))
			break
		}
	}
	return v
}

// norm binds the weights of a norm over n elements. Gemma's checkpoints store how
// far they are from 1; its GGUF files store them whole.
func (b *binder) norm(dst *Norm, role string, layer, n int, eps float32) {
	dst.W, dst.Eps = b.vector(role, layer, ".weight", n), eps
	if b.hf && b.kind == "gemma3_text" {
		for i := range dst.W {
			dst.W[i]++
		}
	}
}

// linear binds a matrix [rows, cols], with its bias where the file has one.
func (b *binder) linear(dst *Linear, role string, layer, rows, cols int) {
	name := b.name(role, layer, ".weight")
	t, ok := b.find(name, rows, cols)
	if !ok {
		return
	}
	b.matrix(&dst.Matrix, t, rows, cols, 0, 0)
	if b.has(role, layer, ".bias") {
		bias := b.vector(role, layer, ".bias", rows)
		dst.Bias = make([]float32, dst.Blocks()*kernel.RowBlock)
		copy(dst.Bias, bias)
	}
}

// biases refuses matrices without the bias that their model has; linear binds those
// that are there.
func (b *binder) biases(layer int, roles ...string) {
	for _, role := range roles {
		if b.err == nil && !b.has(role, layer, ".bias") {
			b.fail(wrongTensor(b.src, b.name(role, layer, ".bias"), "is missing", "the bias that models of this kind have"))
		}
	}
}

// matrix plans the packing of a matrix whose data begin at byte from of tensor t.
// index is its number where the tensor holds several, for the scales of NVFP4.
func (b *binder) matrix(dst *kernel.Matrix, t tensor.Tensor, rows, cols, from, index int) {
	m, err := weights.New(t.Name, t.DType, rows, cols)
	if err != nil {
		if _, dataErr := b.src.data(t.Name); dataErr != nil { // a type that is only listed
			err = dataErr
		}
		b.fail(fmt.Errorf("model: %s: %w: %w", b.src.name(), err, ErrTensor))
		return
	}
	b.plans(dst, m, t, from, index)
}

// plans adds a matrix to the plan.
func (b *binder) plans(dst *kernel.Matrix, m kernel.Matrix, t tensor.Tensor, from, index int) {
	*dst = m
	b.plan = append(b.plan, packing{
		matrix: dst, name: t.Name, from: from,
		src: weights.Source{Type: t.DType, Factor: b.factor(t, index), Scales: b.blockScales(t)},
	})
}

// rows plans a matrix that is rows first … first+n-1 of a tensor with rows of cols.
func (b *binder) rows(dst *kernel.Matrix, t tensor.Tensor, first, n, cols int) {
	if !b.wholeBlocks(t, cols) {
		return
	}
	b.matrix(dst, t, n, cols, first*t.DType.RowBytes(cols), 0)
	b.shiftScales(first)
}

// turned plans a float32 matrix [cols, n] whose columns are such rows.
func (b *binder) turned(dst *kernel.Matrix, t tensor.Tensor, first, n, cols int) {
	if !b.wholeBlocks(t, cols) {
		return
	}
	b.plans(dst, kernel.NewFloatMatrix(cols, n, tensor.F32, nil), t, first*t.DType.RowBytes(cols), 0)
	b.plan[len(b.plan)-1].src.Turned = true
	b.shiftScales(first)
}

// wholeBlocks says whether a tensor is of a weight type whose blocks fit its rows.
func (b *binder) wholeBlocks(t tensor.Tensor, cols int) bool {
	if b.err != nil {
		return false
	}
	if _, err := weights.New(t.Name, t.DType, 1, cols); err != nil {
		b.fail(fmt.Errorf("model: %s: %w: %w", b.src.name(), err, ErrTensor))
		return false
	}
	return true
}

// shiftScales tells the last plan's block scales at which row its matrix begins.
func (b *binder) shiftScales(first int) {
	if b.err != nil {
		return
	}
	if p := &b.plan[len(b.plan)-1]; p.src.Scales != nil {
		shifted := *p.src.Scales
		shifted.FirstRow = first
		p.src.Scales = &shifted
	}
}

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
	data, err := b.src.data(name)
	if err != nil || !(s.DType.IsFloat() || s.DType == tensor.F8E8M0) {
		b.fail(wrongTensor(b.src, name, "type "+s.DType.String(), "a float type"))
		return nil
	}
	v := make([]float32, rows*cols)
	if err := quant.Decode(v, s.DType, data); err != nil {
		b.fail(fmt.Errorf("model: %s: tensor %s: %w", b.src.name(), name, err))
		return nil
	}
	for i, x := range v {
		if !(x > -math.MaxFloat32 && x < math.MaxFloat32) {
			b.fail(wrongTensor(b.src, name, fmt.Sprintf("element %d is %v", i, x), "numbers"))
			return nil
		}
	}
	if b.scales == nil {
		b.scales = map[string]*weights.BlockScale{}
	}
	b.scales[t.Name] = &weights.BlockScale{Data: v, Cols: cols}
	return b.scales[t.Name]
}

// factor returns what multiplies the scales of an NVFP4 tensor: its .scale tensor,
// one number, or one for each matrix it holds.
func (b *binder) factor(t tensor.Tensor, index int) float32 {
	if t.DType != tensor.NVFP4 {
		return 1
	}
	name := strings.TrimSuffix(t.Name, ".weight") + ".scale"
	s, ok := b.src.find(name)
	if !ok {
		return 1
	}
	data, err := b.src.data(name)
	n, whole := tensor.Elements(s.Shape)
	if err != nil || s.DType != tensor.F32 || !whole || n != 1 && index >= n {
		b.fail(wrongTensor(b.src, name, s.Describe(), "F32, one number a matrix"))
		return 1
	}
	v := decodeF32(data)
	if n == 1 {
		return v[0]
	}
	return v[index]
}

// experts binds E matrices [rows, cols]: one tensor [E, rows, cols] in GGUF, one
// each in a checkpoint.
func (b *binder) experts(role string, layer, E, rows, cols int) []Linear {
	list := make([]Linear, E)
	if b.hf {
		for e := range list {
			name := fmt.Sprintf(b.name(role, layer, ".weight"), e)
			if t, ok := b.find(name, rows, cols); ok {
				b.matrix(&list[e].Matrix, t, rows, cols, 0, 0)
			}
		}
		return list
	}
	t, ok := b.find(b.name(role, layer, ".weight"), E, rows, cols)
	if !ok {
		return list
	}
	if cols%max(t.DType.Block(), 1) != 0 {
		b.fail(wrongTensor(b.src, t.Name, t.Describe(), "rows of whole blocks"))
		return list
	}
	size := 0
	if t.DType != tensor.Invalid {
		size = rows * t.DType.RowBytes(cols)
	}
	for e := range list {
		b.matrix(&list[e].Matrix, t, rows, cols, e*size, e)
	}
	return list
}
