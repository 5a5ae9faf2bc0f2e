package quantize

import (
	"context"

	"github.com/blitz-r1/blitz/gguf"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// Source is a model that is to be written with other types: its metadata as GGUF has it,
// and its tensors under their GGUF names. The methods that read may be called by several
// goroutines at once.
type Source interface {
	// Name is what messages call the model: the base name of its file or folder.
	Name() string

	// Identity names the very files, with their sizes and times of change: what was begun
	// from other ones is not gone on with.
	Identity() string

	// Files are the paths of all files that are read. None of them is written to.
	Files() []string

	// KeyValues is the metadata in the order in which it is written, without keys of a
	// split, general.file_type and general.quantization_version.
	KeyValues() []gguf.KeyValue

	// Tensors is the directory in the order in which it is written.
	Tensors() []Tensor

	// Rows writes rows of tensor number i of Tensors as float32, from row first on. Rows
	// go over all axes but the last.
	//
	//	dst [count, columns]
	//
	// Nothing looks for numbers that are not finite: the caller does.
	Rows(ctx context.Context, i, first int, dst []float32) error

	// Bytes writes rows of tensor number i as elements of Tensor.Type.
	//
	//	dst [count * RowBytes(columns)] bytes
	Bytes(ctx context.Context, i, first int, dst []byte) error

	// Done says that tensor number i is not read any more: its pages can be given back.
	Done(i int)

	Close() error
}

// Tensor is a tensor of a Source.
type Tensor struct {
	Name  string
	Shape []int // row-major, the last axis fastest; shared, not to be changed

	// Type is the type that it keeps where it is not given another one: for a GGUF file
	// what is stored, for a folder what a conversion makes of small tensors.
	Type tensor.DType

	// Stored is the type of its elements in the file, which is what people are shown.
	Stored tensor.DType

	// Part is which file of a split it comes from, from 0.
	Part int
}

// columns returns the length of a row, 1 for a scalar.
func (t *Tensor) columns() int {
	if len(t.Shape) == 0 {
		return 1
	}
	return t.Shape[len(t.Shape)-1]
}

// rows returns how many rows there are.
func (t *Tensor) rows() int {
	if len(t.Shape) == 0 {
		return 1
	}
	n, _ := tensor.Elements(t.Shape[:len(t.Shape)-1]) // the file was checked
	return n
}

// elements returns how many numbers there are.
func (t *Tensor) elements() int { return t.rows() * t.columns() }

// axes returns how many axes there are, those of length 1 at the front left out: a
// vector has one.
func (t *Tensor) axes() int {
	shape := t.Shape
	for len(shape) > 1 && shape[0] == 1 {
		shape = shape[1:]
	}
	return len(shape)
}
