package model

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"github.com/blitz-r1/blitz/internal/adapter"
	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/message"
	"github.com/blitz-r1/blitz/internal/tensor"
	"github.com/blitz-r1/blitz/internal/weights"
)

// Adapter is a low-rank adapter, bound to the linear layers of a model. It is read only,
// and of that model alone.
type Adapter struct {
	pairs   map[*Linear]*lowRank
	weights []*Weight
	digest  adapter.Digest
	bytes   int64
}

// Digest returns the digest of what the adapter does.
func (a *Adapter) Digest() adapter.Digest { return a.digest }

// Bytes returns what the adapter takes in memory.
func (a *Adapter) Bytes() int64 { return a.bytes }

// Weights returns A and B of all modules: what a trainer of the adapter changes. Where the
// model needs A turned too, that is a weight of its own, which Refresh fills.
func (a *Adapter) Weights() []*Weight { return a.weights }

// Refresh brings what is kept turned up to date when weights were changed.
func (a *Adapter) Refresh() {
	for _, w := range a.weights {
		if w.Of != nil {
			whole := make([]float32, w.Of.Rows*w.Of.Cols)
			w.Of.Unpack(whole, w.Of.Values())
			w.Pack(w.Values(), whole)
		}
	}
}

// Numbers writes A and B to the adapter that they came from.
func (a *Adapter) Numbers(to *adapter.Adapter) {
	of := map[string][]float32{}
	for i := range to.Modules {
		m := &to.Modules[i]
		of[adapter.TensorA(m.Name)], of[adapter.TensorB(m.Name)] = m.A, m.B
	}
	for _, w := range a.weights {
		if w.Of == nil {
			w.Unpack(of[w.Tensor], w.Values())
		}
	}
	to.Changed()
}

// Layers returns the linear layers of the model as checkpoints call them, in no order:
// what an adapter may be of. Those of modules of multi-token prediction are among them
// where they were opened; routers, which choose, are not.
func (m *Model) Layers() []adapter.Layer {
	sites, _ := m.sites()
	list := make([]adapter.Layer, 0, len(sites))
	for name, s := range sites {
		if strings.HasSuffix(name, ".gate") {
			continue // routers are no linear layers where checkpoints come from
		}
		out, in := sizeOf(s)
		if strings.HasPrefix(name, "layers.") {
			name = "model." + name
		}
		list = append(list, adapter.Layer{Name: name, Out: out, In: in})
	}
	return list
}

// Adapt binds an adapter, whose numbers are read if they were not. The error wraps
// adapter.ErrFormat where the adapter is of another model: a module that this one lacks,
// or another shape; ErrNoRoom where it takes more than limit bytes, 0: any.
func (m *Model) Adapt(a *adapter.Adapter, limit int64) (*Adapter, error) {
	return m.AdaptIn(a, func(bytes int64) error {
		if limit > 0 && bytes > limit {
			return fmt.Errorf("model: adapter %s takes %d MiB, there are %d MiB free: %w", a.Name(), bytes>>20, limit>>20, ErrNoRoom)
		}
		return nil
	})
}

// AdaptIn is Adapt of an adapter that room is found for once it is known to fit the model:
// room is told how many bytes it takes before it takes them, and may refuse.
func (m *Model) AdaptIn(a *adapter.Adapter, room func(bytes int64) error) (*Adapter, error) {
	sites, spare := m.sites()
	read, bytes := false, int64(0)
	for i := range a.Modules {
		x := &a.Modules[i]
		name := plainModule(x.Name)
		if err := checkModule(a, x, sites[name], spare[name]); err != nil {
			return nil, err
		}
		read = read || x.A == nil
		bytes += 2 * 4 * int64(x.Rank) * int64(x.In+x.Out) // as read, and packed
	}
	if err := room(bytes); err != nil {
		return nil, err
	}
	if read {
		if err := a.Read(); err != nil {
			return nil, err
		}
	}
	bound := &Adapter{pairs: map[*Linear]*lowRank{}, digest: a.Digest()}
	for i := range a.Modules {
		bound.bind(&a.Modules[i], sites[plainModule(a.Modules[i].Name)])
	}
	return bound, nil
}

// CheckBase compares a model's files with those that an adapter says it was trained on.
// digests is a folder in which digests of files are remembered, "": nowhere. The error wraps
// adapter.ErrBase where they are others, or is one of checkpoint.Checkpoint.Root.
func CheckBase(ctx context.Context, files *checkpoint.Checkpoint, a *adapter.Adapter, digests string) error {
	if a.Root == "" {
		return nil
	}
	root, _, err := files.Root(ctx, digests)
	if err != nil {
		return err
	}
	if root.String() != a.Root {
		return fmt.Errorf("model: adapter %s was trained on a model of digest %.16s…, %s is %.16s…: %w", a.Name(), message.Clean(a.Root), files.Name(), root, adapter.ErrBase)
	}
	return nil
}

// checkModule compares a module with the layer of that name. spare is the shape of a layer
// that the model's files have and nobody opened.
func checkModule(a *adapter.Adapter, x *adapter.Module, s []site, spare []int) error {
	out, in := sizeOf(s)
	switch {
	case len(s) > 0:
	case spare == nil:
		return fmt.Errorf("model: adapter %s: module %s: the model has no such linear layer: %w", a.Name(), x.Name, adapter.ErrFormat)
	case len(spare) == 2:
		out, in = spare[0], spare[1]
	default: // one of a tensor of many
		return nil
	}
	if x.Out != out || x.In != in {
		return fmt.Errorf("model: adapter %s: module %s is of a matrix [%d %d], the model's is [%d %d]: %w", a.Name(), x.Name, x.Out, x.In, out, in, adapter.ErrFormat)
	}
	return nil
}

// bind makes the pairs of a module. One that the model's files have and nobody opened has
// none, and its weights do nothing.
func (a *Adapter) bind(x *adapter.Module, sites []site) {
	shapeA, shapeB := []int{x.Rank, x.In}, []int{x.Out, x.Rank}
	whole := Param{Tensor: adapter.TensorA(x.Name), Rows: x.Rank, Cols: x.In}
	down := a.pack(x.A, x.Rank, x.In, whole)
	wA := a.weight(down, shapeA, nil)
	if len(sites) == 0 {
		up := a.pack(x.B, x.Out, x.Rank, Param{Tensor: adapter.TensorB(x.Name), Rows: x.Out, Cols: x.Rank})
		a.weight(up, shapeB, nil)
	}
	var turned *Linear // A
	for _, s := range sites {
		rows, _ := s.size()
		part := x.B[s.first*x.Rank : (s.first+rows)*x.Rank]
		of := Param{Tensor: adapter.TensorB(x.Name), First: s.first, Rows: rows, Cols: x.Rank}
		pair := &lowRank{scale: x.Scale, halves: s.halves}
		if s.turned { // (B A)ᵀ = Aᵀ Bᵀ
			if turned == nil {
				p := whole
				p.Turned = true
				turned = a.pack(turn(x.A, x.Rank, x.In), x.In, x.Rank, p)
				a.weight(turned, shapeA, wA)
			}
			of.Turned = true
			pair.down, pair.up = a.pack(turn(part, rows, x.Rank), x.Rank, rows, of), turned
			a.weight(pair.down, shapeB, nil)
		} else {
			pair.down, pair.up = down, a.pack(part, rows, x.Rank, of)
			a.weight(pair.up, shapeB, nil)
		}
		a.pairs[s.linear] = pair
	}
}

// weight notes a matrix of the adapter as a weight of a tensor of that shape.
func (a *Adapter) weight(l *Linear, shape []int, of *Weight) *Weight {
	w := &Weight{Param: l.Param, Shape: shape, Matrix: &l.Matrix, Corrects: noLayer, Of: of}
	a.weights = append(a.weights, w)
	return w
}

// pack returns a float matrix [rows, cols].
func (a *Adapter) pack(v []float32, rows, cols int, p Param) *Linear {
	bytes := make([]byte, 4*len(v))
	for i, x := range v {
		binary.LittleEndian.PutUint32(bytes[4*i:], math.Float32bits(x))
	}
	l := &Linear{Matrix: kernel.NewFloatMatrix(rows, cols, tensor.F32, nil), Param: p}
	l.Data = tensor.Aligned(l.Bytes())
	var packer weights.Packer
	packer.Pack(&l.Matrix, weights.Source{Type: tensor.F32, Data: bytes, Factor: 1}, 0, l.Blocks())
	a.bytes += int64(l.Bytes())
	return l
}

// turn returns a matrix [rows, cols] as [cols, rows].
func turn(v []float32, rows, cols int) []float32 {
	t := make([]float32, len(v))
	for r := range rows {
		for c := range cols {
			t[c*rows+r] = v[r*cols+c]
		}
	}
	return t
}
