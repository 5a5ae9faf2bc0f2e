package main

import (
	"fmt"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/gguf"
	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/ik"
	"github.com/blitz-r1/blitz/internal/tensor"
	"github.com/blitz-r1/blitz/safetensors"
)

// storedTensor is a tensor of a file: its type as the file spells it, and its bytes,
// which are read under tensorFile.guard.
type storedTensor struct {
	name, kind string
	dtype      tensor.DType // Invalid for types that are only listed
	shape      []int
	bytes      []byte
}

// tensorFile is a model file of either format, of whatever architecture.
type tensorFile interface {
	file() string // for messages
	names() []string
	// find returns a tensor, and whether there is one. The error is about a type that
	// is only listed.
	find(name string) (storedTensor, bool, error)
	guard(read func() error) error
}

// tensorsOf returns the files of a model that have tensors.
func tensorsOf(files *blitz.Files) (tensorFile, error) {
	if f := files.GGUF(); f != nil {
		return ggufFile{f}, nil
	}
	if err := files.CheckWeights(); err != nil {
		return nil, err
	}
	f, err := files.Safetensors()
	if err != nil {
		return nil, err
	}
	return safetensorsFile{f}, nil
}

type ggufFile struct{ *gguf.File }

func (f ggufFile) file() string { return f.Name() }

func (f ggufFile) names() []string {
	var names []string
	for _, t := range f.Tensors() {
		names = append(names, t.Name)
	}
	return names
}

func (f ggufFile) find(name string) (storedTensor, bool, error) {
	t, ok := f.Tensor(name)
	if !ok {
		return storedTensor{}, false, nil
	}
	kind := t.Type.String()
	dtype, form, ok := ik.DType(t.Type)
	s := storedTensor{name: name, kind: kind, dtype: dtype, shape: t.Shape, bytes: f.Bytes(t)}
	if form != nil { // as its type has it
		n, _ := tensor.Elements(t.Shape)
		cols := t.Shape[len(t.Shape)-1]
		data := s.bytes
		s.bytes = make([]byte, n/max(cols, 1)*dtype.RowBytes(cols))
		if err := f.Guard(func() error { form.Write(s.bytes, data, cols, 0, n/max(cols, 1)); return nil }); err != nil {
			return s, true, err
		}
	}
	if !ok { // Q8_1 and Q8_K are types of activations
		return s, true, fault.Refusal(fmt.Errorf("%s: tensor %s: type %s, want one that weights have", f.file(), name, kind))
	}
	return s, true, nil
}

func (f ggufFile) guard(read func() error) error { return f.Guard(read) }

type safetensorsFile struct{ *safetensors.File }

func (f safetensorsFile) file() string { return f.Name() }

func (f safetensorsFile) names() []string {
	var names []string
	for _, t := range f.Tensors() {
		names = append(names, t.Name)
	}
	return names
}

func (f safetensorsFile) find(name string) (storedTensor, bool, error) {
	t, ok := f.Tensor(name)
	if !ok {
		return storedTensor{}, false, nil
	}
	dtype, _ := tensor.ParseDType(string(t.DType))
	b, err := f.Bytes(t)
	return storedTensor{name: name, kind: string(t.DType), dtype: dtype, shape: t.Shape, bytes: b}, true, err
}

func (f safetensorsFile) guard(read func() error) error { return f.Guard(read) }
