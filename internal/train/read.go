package train

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/blitz-r1/blitz/safetensors"
)

// ReadBatches reads the batches of a safetensors file, which must be so many; their names
// begin with prefix(i). Tensors of none of them are refused.
func ReadBatches(path string, n int, prefix func(i int) string) ([]*Batch, error) {
	f, err := safetensors.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var batches []*Batch
	err = f.Guard(func() error {
		known := map[string]bool{}
		for i := 0; n < 0 && i < len(f.Tensors()) || i < n; i++ {
			p := prefix(i)
			if _, ok := f.Tensor(p + "ids"); n < 0 && !ok && i > 0 {
				break
			}
			b, err := readBatch(f, p, known)
			if err != nil {
				return err
			}
			batches = append(batches, b)
		}
		for _, t := range f.Tensors() {
			if !known[t.Name] {
				return fmt.Errorf("%s: tensor %s: of no batch: %w", f.Name(), t.Name, ErrBatch)
			}
		}
		return nil
	})
	return batches, err
}

// One is the prefix of a file of one batch.
func One(int) string { return "" }

// Numbered is the prefix of a file of several.
func Numbered(i int) string { return fmt.Sprintf("%d.", i) }

func readBatch(f *safetensors.File, prefix string, known map[string]bool) (*Batch, error) {
	r := batchReader{f: f, prefix: prefix, known: known}
	ids := r.tensor("ids", safetensors.I32, nil)
	b := &Batch{}
	if r.err == nil {
		if len(ids.Shape) != 2 || ids.Shape[0] == 0 || ids.Shape[1] == 0 {
			return nil, fmt.Errorf("%s: tensor %sids: shape %v, want [rows, columns], one or more of each: %w", f.Name(), prefix, ids.Shape, ErrBatch)
		}
		b.Rows, b.Cols = ids.Shape[0], ids.Shape[1]
	}
	b.IDs = r.ints(ids)
	b.Segments = r.ints(r.tensor("segments", safetensors.I32, ids.Shape))
	b.Weights = r.floats(r.tensor("weights", safetensors.F32, ids.Shape))
	if _, ok := f.Tensor(prefix + "divisor"); ok {
		if d := r.floats(r.tensor("divisor", safetensors.F32, []int{1})); r.err == nil {
			if b.Divisor = d[0]; !(b.Divisor > 0 && b.Divisor <= math.MaxFloat32) {
				return nil, fmt.Errorf("%s: tensor %sdivisor: %v, want a positive number: %w", f.Name(), prefix, b.Divisor, ErrBatch)
			}
		}
	}
	return b, r.err
}

// batchReader keeps the first error.
type batchReader struct {
	f      *safetensors.File
	prefix string
	known  map[string]bool
	err    error
}

// tensor returns a tensor that must be there in that type, and in that shape unless nil.
func (r *batchReader) tensor(name string, t safetensors.DType, shape []int) safetensors.Tensor {
	name = r.prefix + name
	x, ok := r.f.Tensor(name)
	r.known[name] = true
	switch {
	case r.err != nil:
	case !ok:
		r.err = fmt.Errorf("%s: tensor %s: is missing: %w", r.f.Name(), name, ErrBatch)
	case x.DType != t:
		r.err = fmt.Errorf("%s: tensor %s: type %s, want %s: %w", r.f.Name(), name, x.DType, t, ErrBatch)
	case shape != nil && !slices.Equal(x.Shape, shape):
		r.err = fmt.Errorf("%s: tensor %s: shape %v, want %v: %w", r.f.Name(), name, x.Shape, shape, ErrBatch)
	}
	return x
}

// words returns the words of a tensor.
func (r *batchReader) words(t safetensors.Tensor) []uint32 {
	if r.err != nil {
		return nil
	}
	b, err := r.f.Bytes(t)
	if err != nil {
		r.err = err
		return nil
	}
	v := make([]uint32, len(b)/4)
	for i := range v {
		v[i] = binary.LittleEndian.Uint32(b[4*i:])
	}
	return v
}

func (r *batchReader) ints(t safetensors.Tensor) (v []int32) {
	for _, w := range r.words(t) {
		v = append(v, int32(w))
	}
	return v
}

func (r *batchReader) floats(t safetensors.Tensor) (v []float32) {
	for _, w := range r.words(t) {
		v = append(v, math.Float32frombits(w))
	}
	return v
}
