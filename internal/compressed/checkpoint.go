package compressed

import (
	"fmt"
	"slices"
	"strings"

	"github.com/blitz-r1/blitz/safetensors"
)

// Checkpoint is what the packed tensors of a checkpoint stand for.
type Checkpoint struct {
	matrices map[string]*Matrix // by name
	parts    map[string]bool    // names of the tensors that they are made of
	zeros    map[string]bool    // biases of nothing but zeros, which some tools write for every matrix
}

// names are what the tensors of a matrix are called behind the name of its layer.
type names struct{ values, zeros, scales, order, shape string }

var suffixes = map[string]names{
	gptq: {".qweight", ".qzeros", ".scales", ".g_idx", ""},
	awq:  {".qweight", ".qzeros", ".scales", "", ""},
	ct:   {".weight_packed", ".weight_zero_point", ".weight_scale", ".weight_g_idx", ".weight_shape"},
}

// Open finds the packed matrices of a checkpoint; nil where config.json names no method of
// this package. The tensors are checked against one another, and their zero points are read.
// The error wraps ErrScheme where a setting cannot be honoured, and ErrTensor where a tensor
// is not as wanted. The file must stay open while the matrices are used.
func Open(f *safetensors.File, config []byte) (*Checkpoint, error) {
	s, err := newScheme(config)
	if s == nil || err != nil {
		return nil, err
	}
	c := &Checkpoint{matrices: map[string]*Matrix{}, parts: map[string]bool{}, zeros: map[string]bool{}}
	suffix := suffixes[s.method]
	err = f.Guard(func() error {
		for _, t := range f.Tensors() {
			layer, is := strings.CutSuffix(t.Name, suffix.values)
			if !is {
				continue
			}
			m, err := newMatrix(f, *s, layer, suffix)
			if err != nil {
				return err
			}
			c.matrices[layer+".weight"] = m
			for _, part := range []string{suffix.values, suffix.zeros, suffix.scales, suffix.order, suffix.shape} {
				if part != "" {
					c.parts[layer+part] = true
				}
			}
			c.noteBias(f, layer+".bias")
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

// noteBias notes a bias that changes nothing.
func (c *Checkpoint) noteBias(f *safetensors.File, name string) {
	t, ok := f.Tensor(name)
	if !ok {
		return
	}
	b, err := f.Bytes(t)
	c.zeros[name] = err == nil && !slices.ContainsFunc(b, func(x byte) bool { return x != 0 })
}

// Matrix returns the packed matrix that stands for a tensor of that name, ending in .weight.
func (c *Checkpoint) Matrix(name string) (*Matrix, bool) {
	m, ok := c.matrices[name]
	return m, ok
}

// Release gives the pages of a matrix back to the system.
func (m *Matrix) Release(f *safetensors.File) {
	for _, t := range m.stored {
		f.Release(t)
	}
}

// Names returns the names of all packed matrices.
func (c *Checkpoint) Names() []string {
	var list []string
	for name := range c.matrices {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}

// IsPart says whether a tensor is part of a packed matrix, or a bias of one that is zero.
func (c *Checkpoint) IsPart(name string) bool { return c.parts[name] || c.zeros[name] }

// wrong returns the error for a tensor that is not as wanted.
func wrong(f *safetensors.File, name, got, want string) error {
	return fmt.Errorf("compressed: %s: tensor %s: %s, want %s: %w", f.Name(), name, got, want, ErrTensor)
}
