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
type names struct {
	values, zeros, scales, order, shape string
	global                              string // scale of the scales of floats
	inputs                              string // of activations in fewer bits, which are not made
}

var suffixes = map[string]names{
	gptq: {".qweight", ".qzeros", ".scales", ".g_idx", "", "", ""},
	awq:  {".qweight", ".qzeros", ".scales", "", "", "", ""},
	ct:   {".weight_packed", ".weight_zero_point", ".weight_scale", ".weight_g_idx", ".weight_shape", "", ""},

	modelopt: {".weight", "", ".weight_scale", "", "", ".weight_scale_2", ".input_scale"},
}

// names returns what the tensors of a scheme are called.
func (s *scheme) names() names {
	switch {
	case s.method == ct && s.float == nvfp4:
		return names{".weight_packed", "", ".weight_scale", "", "", ".weight_global_scale", ".input_global_scale"}
	case s.method == ct && s.float == mxfp4:
		return names{".weight_packed", "", ".weight_scale", "", "", "", ""}
	}
	return suffixes[s.method]
}

// Open finds the packed matrices of a checkpoint; nil where config.json names no method of
// this package. The tensors are checked against one another, and their zero points are read.
// The error wraps ErrScheme where a setting cannot be honoured, and ErrTensor where a tensor
// is not as wanted. The file must stay open while the matrices are used.
func Open(f *safetensors.File, config []byte) (*Checkpoint, error) {
	s, err := newScheme(config)
	if s == nil && err == nil && isModelOpt(f) {
		s = &scheme{method: modelopt, bits: 4, float: nvfp4}
	}
	if s == nil || err != nil {
		return nil, err
	}
	c := &Checkpoint{matrices: map[string]*Matrix{}, parts: map[string]bool{}, zeros: map[string]bool{}}
	suffix := s.names()
	err = f.Guard(func() error {
		for _, t := range f.Tensors() {
			layer, is := strings.CutSuffix(t.Name, suffix.values)
			if !is || s.method == modelopt && !isPair(f, t, layer+suffix.scales) {
				continue
			}
			build := newMatrix
			if s.float != noFloat {
				build = newFloats
			}
			m, err := build(f, *s, layer, suffix)
			if err != nil {
				return err
			}
			c.matrices[layer+".weight"] = m
			for _, part := range []string{suffix.values, suffix.zeros, suffix.scales, suffix.order, suffix.shape, suffix.global, suffix.inputs} {
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

// isModelOpt says whether a checkpoint has matrices of ModelOpt's, whose settings may stand
// in a file of their own.
func isModelOpt(f *safetensors.File) bool {
	suffix := suffixes[modelopt]
	return slices.ContainsFunc(f.Tensors(), func(t safetensors.Tensor) bool {
		layer, is := strings.CutSuffix(t.Name, suffix.global)
		if !is {
			return false
		}
		values, there := f.Tensor(layer + suffix.values)
		return there && isPair(f, values, layer+suffix.scales)
	})
}

// isPair says whether a tensor is packed floats, with scales of that name.
func isPair(f *safetensors.File, values safetensors.Tensor, scales string) bool {
	_, there := f.Tensor(scales)
	return there && values.DType == safetensors.U8
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
