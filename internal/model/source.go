package model

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/blitz-r1/blitz/gguf"
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
	// release gives the pages of a tensor back to the system.
	release(name string)
	// guard runs read and turns a fault in the mapped files into an error.
	guard(read func() error) error
}

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
	d, _ := tensor.ParseDType(t.Type.String()) // Invalid for types without weights
	return tensor.Tensor{Name: name, DType: d, Shape: t.Shape}, true
}

func (s ggufSource) data(name string) ([]byte, error) {
	t, _ := s.File.Tensor(name)
	return s.Bytes(t), nil
}

func (s ggufSource) release(name string) {
	if t, ok := s.File.Tensor(name); ok {
		s.Release(t)
	}
}

func (s ggufSource) guard(read func() error) error { return s.Guard(read) }

type hfSource struct{ *safetensors.File }

func (s hfSource) name() string { return s.File.Name() }

func (s hfSource) names() (list []string) {
	for _, t := range s.Tensors() {
		list = append(list, t.Name)
	}
	return list
}

func (s hfSource) find(name string) (tensor.Tensor, bool) {
	t, ok := s.File.Tensor(name)
	if !ok {
		return tensor.Tensor{}, false
	}
	d, _ := tensor.ParseDType(string(t.DType))
	return tensor.Tensor{Name: name, DType: d, Shape: t.Shape}, true
}

func (s hfSource) data(name string) ([]byte, error) {
	t, _ := s.File.Tensor(name)
	return s.Bytes(t)
}

func (s hfSource) release(name string) {
	if t, ok := s.File.Tensor(name); ok {
		s.Release(t)
	}
}

func (s hfSource) guard(read func() error) error { return s.Guard(read) }

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
