package train

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/internal/tensor"
	"github.com/blitz-r1/blitz/safetensors"
)

// Tensor is a tensor of a model's file, and the weights that are its parts.
type Tensor struct {
	Name  string
	Shape []int
	parts []*model.Weight
}

// Tensors returns the tensors that weights are parts of, in the order of the weights.
func Tensors(weights []*model.Weight) (list []*Tensor) {
	of := map[string]*Tensor{}
	for _, w := range weights {
		t := of[w.Tensor]
		if t == nil {
			t = &Tensor{Name: w.Tensor, Shape: w.Shape}
			of[w.Tensor], list = t, append(list, t)
		}
		t.parts = append(t.parts, w)
	}
	return list
}

// Values returns the numbers of a tensor, little-endian float32, of what numbers says of its
// parts; those it says nothing of are 0.
func (t *Tensor) Values(numbers func(w *model.Weight) []float32) []byte {
	n, _ := tensor.Elements(t.Shape)
	values := make([]float32, n)
	for _, w := range t.parts {
		if x := numbers(w); x != nil {
			w.Unpack(values, x)
		}
	}
	return floats(values)
}

// stored returns numbers of a weight as its file has them.
func stored(w *model.Weight, x []float32) []float32 {
	if w.Shift == 0 {
		return x
	}
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = v - w.Shift
	}
	return y
}

// output is a tensor that is to be written.
type output struct {
	name  string
	dtype safetensors.DType
	shape []int
	bytes func() []byte
}

// writeAll declares all, writes them one after the other, and closes the file.
func writeAll(w *safetensors.Writer, list []output) error {
	for _, o := range list {
		if err := w.Declare(o.name, o.dtype, o.shape...); err != nil {
			return err
		}
	}
	for _, o := range list {
		if err := w.WriteTensor(o.name, o.bytes()); err != nil {
			return err
		}
	}
	return w.Close()
}

func doubles(v ...float64) (b []byte) {
	for _, x := range v {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(x))
	}
	return b
}

func floats(v []float32) []byte {
	b := make([]byte, 4*len(v))
	for i, x := range v {
		binary.LittleEndian.PutUint32(b[4*i:], math.Float32bits(x))
	}
	return b
}

func decodeFloats(b []byte) []float32 {
	v := make([]float32, len(b)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return v
}

func integers(v []int32) (b []byte) {
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, uint32(x))
	}
	return b
}

// WriteResult writes losses, log-probabilities, gradients and loads, and closes the file.
func WriteResult(w *safetensors.Writer, b *Batch, r *Result, g *model.Gradients) error {
	var list []output
	number := func(name string, v float64) {
		list = append(list, output{name, safetensors.F64, []int{1}, func() []byte { return doubles(v) }})
	}
	number("loss", r.Loss)
	number("loss_main", r.Main)
	number("loss_mtp", r.MTP)
	number("loss_balance", r.Balance)
	number("grad_norm", Norm(g))
	list = append(list, output{"logp", safetensors.F32, []int{b.Rows, b.Cols}, func() []byte { return floats(r.LogP) }})
	of := map[*model.Weight]*model.Gradient{}
	var trained []*model.Weight
	for _, x := range g.All {
		of[x.Weight], trained = x, append(trained, x.Weight)
	}
	for _, t := range Tensors(trained) {
		list = append(list, output{"grad." + t.Name, safetensors.F32, t.Shape, func() []byte {
			return t.Values(func(w *model.Weight) []float32 {
				if !of[w].Touched {
					return nil
				}
				return of[w].X
			})
		}})
	}
	for _, layer := range slices.Sorted(maps.Keys(r.Loads)) {
		n := r.Loads[layer]
		list = append(list, output{fmt.Sprintf("load.%d", layer), safetensors.I32, []int{len(n)}, func() []byte { return integers(n) }})
	}
	return writeAll(w, list)
}
