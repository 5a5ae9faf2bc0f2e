package model

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"github.com/blitz-r1/blitz/gguf"
	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/compressed"
	"github.com/blitz-r1/blitz/internal/ik"
	"github.com/blitz-r1/blitz/internal/tensor"
	"github.com/blitz-r1/blitz/safetensors"
)

// source is a model file of either format.
type source interface {
	name() string    // for messages
	names() []string // of all tensors
	// find returns a tensor's type and shape, without its data.
	find(name string) (tensor.Tensor, bool)
	// data returns the bytes of a tensor that find found; an error for a type that
	// is only listed.
	data(name string) ([]byte, error)
	// writer returns what writes rows of a tensor that the file stores in another form than
	// find says; nil where it stores it so.
	writer(name string) rowWriter
	// release gives the pages of a tensor back to the system.
	release(name string)
	// guard runs read and turns a fault in the mapped files into an error.
	guard(read func() error) error
}

// rowWriter writes rows first … first+n-1 of a tensor.
type rowWriter func(dst []byte, first, n int) error

type ggufSource struct{ *gguf.File }

func (s ggufSource) name() string { return s.File.Name() }

func (s ggufSource) names() (list []string) {
	for _, t := range s.Tensors() {
		list = append(list, t.Name)
	}
	return list
}

func (s ggufSource) find(name string) (tensor.Tensor, bool) {
	t, ok := s.File.Tensor(name)
	if !ok {
		return tensor.Tensor{}, false
	}
	d, _, _ := ik.DType(t.Type) // Invalid for types without weights
	return tensor.Tensor{Name: name, DType: d, Shape: t.Shape}, true
}

func (s ggufSource) data(name string) ([]byte, error) {
	t, _ := s.File.Tensor(name)
	if write := s.writer(name); write != nil {
		n, _ := tensor.Elements(t.Shape)
		cols := t.Shape[len(t.Shape)-1]
		d, _, _ := ik.DType(t.Type)
		b := make([]byte, n/cols*d.RowBytes(cols))
		return b, write(b, 0, n/cols)
	}
	return s.Bytes(t), nil
}

func (s ggufSource) writer(name string) rowWriter {
	t, ok := s.File.Tensor(name)
	if !ok || len(t.Shape) == 0 {
		return nil
	}
	_, form, _ := ik.DType(t.Type)
	if form == nil {
		return nil
	}
	data, cols := s.Bytes(t), t.Shape[len(t.Shape)-1]
	return func(dst []byte, first, n int) error {
		form.Write(dst, data, cols, first, n)
		return nil
	}
}

func (s ggufSource) release(name string) {
	if t, ok := s.File.Tensor(name); ok {
		s.Release(t)
	}
}

func (s ggufSource) guard(read func() error) error { return s.Guard(read) }

// hfSource is a checkpoint, of which some matrices may be packed as other tools do it.
type hfSource struct {
	*safetensors.File
	packed *compressed.Checkpoint // nil: none are
	block  [2]int                 // rows and columns of FP8 weights that share a scale, as config.json says; 0: it does not
	// modules are what a pooled state goes through, whose tensors have the folder of their
	// files before their names; nil: nothing.
	modules *checkpoint.Modules
}

// ofModule returns the file that has a tensor of a module, and its name there; nil: it is none.
func (s hfSource) ofModule(name string) (*safetensors.File, string) {
	folder, rest, cut := strings.Cut(name, "/")
	if s.modules == nil || !cut {
		return nil, ""
	}
	for i := range s.modules.Heads {
		if h := &s.modules.Heads[i]; h.Folder == folder {
			return h.Weights, rest
		}
	}
	return nil, ""
}

// tensor returns a tensor as a file stores it, and that file.
func (s hfSource) tensor(name string) (safetensors.Tensor, *safetensors.File, bool) {
	f := s.File
	if module, rest := s.ofModule(name); module != nil {
		f, name = module, rest
	}
	t, ok := f.Tensor(name)
	return t, f, ok
}

func (s hfSource) name() string { return s.File.Name() }

func (s hfSource) names() (list []string) {
	for _, t := range s.Tensors() {
		if s.packed == nil || !s.packed.IsPart(t.Name) {
			list = append(list, t.Name)
		}
	}
	if s.packed != nil {
		list = append(list, s.packed.Names()...)
	}
	return list
}

// matrix returns a packed matrix.
func (s hfSource) matrix(name string) (*compressed.Matrix, bool) {
	if s.packed == nil {
		return nil, false
	}
	return s.packed.Matrix(name)
}

func (s hfSource) find(name string) (tensor.Tensor, bool) {
	if m, ok := s.matrix(name); ok {
		return tensor.Tensor{Name: name, DType: m.Type, Shape: []int{m.Rows, m.Cols}}, true
	}
	t, _, ok := s.tensor(name)
	if !ok {
		return tensor.Tensor{}, false
	}
	d, _ := tensor.ParseDType(string(t.DType))
	return tensor.Tensor{Name: name, DType: d, Shape: t.Shape}, true
}

func (s hfSource) data(name string) ([]byte, error) {
	if m, ok := s.matrix(name); ok {
		b := make([]byte, m.Rows*m.Type.RowBytes(m.Cols))
		return b, m.Write(b, 0, m.Rows)
	}
	t, f, _ := s.tensor(name)
	return f.Bytes(t)
}

func (s hfSource) writer(name string) rowWriter {
	if m, ok := s.matrix(name); ok {
		return m.Write
	}
	return nil
}

func (s hfSource) release(name string) {
	if m, ok := s.matrix(name); ok {
		m.Release(s.File)
	} else if t, f, ok := s.tensor(name); ok {
		f.Release(t)
	}
}

func (s hfSource) guard(read func() error) error {
	if s.modules != nil {
		for i := range s.modules.Heads {
			inner, f := read, s.modules.Heads[i].Weights
			read = func() error { return f.Guard(inner) }
		}
	}
	return s.Guard(read)
}

// decodeF32 returns stored float32 numbers.
func decodeF32(b []byte) []float32 {
	v := make([]float32, len(b)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return v
}

// wrongTensor returns the error for a tensor that is not as wanted.
func wrongTensor(s source, name, got, want string) error {
	return fmt.Errorf("model: %s: tensor %s: %s, want %s: %w", s.name(), name, got, want, ErrTensor)
}
