package convert

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/blitz-r1/blitz/gguf"
	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/internal/quant"
	"github.com/blitz-r1/blitz/internal/quantize"
	"github.com/blitz-r1/blitz/internal/tensor"
	"github.com/blitz-r1/blitz/safetensors"
)

// Folder is a folder of safetensors as the GGUF file that it becomes. It is a Source of
// quantize, and may be used by several goroutines at once, Close aside.
type Folder struct {
	files   *checkpoint.Checkpoint
	weights *safetensors.File
	modules *checkpoint.Modules // nil: the model has none
	read    *model.Checkpoint
	keys    []gguf.KeyValue
	tensors []quantize.Tensor
	recipes []recipe // of tensors
	notes   []string
}

var _ quantize.Source = (*Folder)(nil)

// Open opens the folder at path. The errors are those of checkpoint.Open, and of Of.
func Open(path string) (*Folder, error) {
	files, err := checkpoint.Open(path)
	if err != nil {
		return nil, err
	}
	f, err := Of(files)
	if err != nil {
		_ = files.Close() // it was only read
		return nil, err
	}
	return f, nil
}

// Of shows files that are open already, and which the folder closes. Of the weights only
// the headers are read. The error wraps checkpoint.ErrFiles for a GGUF file, those of
// model.ReadCheckpoint, model.ErrConfig for a model that GGUF files cannot tell or that
// has no tokenizer, and tokenizer.ErrUnsupported for a tokenizer that they cannot.
func Of(files *checkpoint.Checkpoint) (*Folder, error) {
	read, err := model.ReadCheckpoint(files)
	if err != nil {
		return nil, err
	}
	weights, err := files.Safetensors()
	if err != nil {
		return nil, err
	}
	modules, err := files.Modules()
	if err != nil {
		return nil, fmt.Errorf("convert: %w: %w", err, model.ErrConfig) // it was read before
	}
	f := &Folder{files: files, weights: weights, modules: modules, read: read, notes: slices.Clone(read.Config.Assumed)}
	if err := weights.Guard(f.layOut); err != nil {
		return nil, err
	}
	if err := f.describe(); err != nil {
		return nil, fmt.Errorf("%s: %w", files.Name(), err)
	}
	return f, nil
}

// Name returns the base name of the folder.
func (f *Folder) Name() string { return f.files.Name() }

// Notes says what the file does not tell as the folder does, and what was left out, a
// sentence each.
func (f *Folder) Notes() []string { return slices.Concat(f.files.Notes(), f.notes) }

func (f *Folder) note(format string, a ...any) {
	f.notes = append(f.notes, fmt.Sprintf(format, a...))
}

// Identity names the files with weights, their sizes and times of change.
func (f *Folder) Identity() string {
	var b strings.Builder
	for i, name := range f.weights.Parts() {
		st := f.weights.Stats()[i]
		fmt.Fprintf(&b, "%s %d %d\n", name, st.Size(), st.ModTime().UnixNano())
	}
	return b.String()
}

// Files returns the paths of the files with weights.
func (f *Folder) Files() []string {
	var paths []string
	for _, name := range f.weights.Parts() {
		paths = append(paths, filepath.Join(f.files.Folder(), name))
	}
	return paths
}

// KeyValues returns the metadata.
func (f *Folder) KeyValues() []gguf.KeyValue { return f.keys }

// Tensors returns the directory: what stands outside of the layers, then layer by layer.
func (f *Folder) Tensors() []quantize.Tensor { return f.tensors }

// Rows writes rows of tensor number i as float32, from row first on.
//
//	dst [count, columns]
func (f *Folder) Rows(ctx context.Context, i, first int, dst []float32) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return f.guard(func() error {
		if err := f.recipes[i].rows(f.weights, first, dst); err != nil {
			return fmt.Errorf("convert: %s: tensor %s: %w: %w", f.Name(), f.source(i), err, model.ErrTensor)
		}
		return nil
	})
}

// guard runs read and turns a fault in the mapped files into an error.
func (f *Folder) guard(read func() error) error {
	if f.modules != nil {
		for i := range f.modules.Heads {
			inner, file := read, f.modules.Heads[i].Weights
			read = func() error { return file.Guard(inner) }
		}
	}
	return f.weights.Guard(read)
}

// Bytes writes rows of tensor number i as elements of its Type. Numbers that are not
// finite are refused.
func (f *Folder) Bytes(ctx context.Context, i, first int, dst []byte) error {
	t := f.tensors[i].Type
	if held := f.recipes[i].held; held != nil && !t.IsFloat() {
		return f.weights.Guard(func() error {
			if err := held.pack(f.weights, f.recipes[i].parts, first, dst); err != nil {
				return fmt.Errorf("convert: %s: tensor %s: %w: %w", f.Name(), f.source(i), err, model.ErrTensor)
			}
			return nil
		})
	}
	rows := make([]float32, len(dst)/t.BlockBytes()*t.Block())
	if err := f.Rows(ctx, i, first, rows); err != nil {
		return err
	}
	for _, v := range rows {
		if !quant.IsFinite(v) {
			return fmt.Errorf("convert: %s: tensor %s, which becomes %s: holds %v, want numbers: %w: %w",
				f.Name(), f.source(i), f.tensors[i].Name, v, model.ErrTensor, quantize.ErrRefused)
		}
	}
	if err := quant.Encode(dst, t, rows); err != nil {
		return fmt.Errorf("convert: %s: tensor %s: %w: %w", f.Name(), f.source(i), err, model.ErrTensor)
	}
	return nil
}

// source returns the name of the stored tensor that a new one is made of, the first of several;
// of one whose numbers come from the configuration its own.
func (f *Folder) source(i int) string {
	if parts := f.recipes[i].parts; len(parts) > 0 {
		return parts[0].tensor.Name
	}
	return f.tensors[i].Name
}

// Done gives the pages of a tensor back.
func (f *Folder) Done(i int) {
	for _, p := range f.recipes[i].parts {
		cmp.Or(p.file, f.weights).Release(p.tensor)
	}
}

// Close closes the folder's files.
func (f *Folder) Close() error { return f.files.Close() }

// DefaultType returns the type that a conversion gives matrices if none is asked for: the
// one that most of them are stored as, BF16 for what has eight bits with scales.
func (f *Folder) DefaultType() tensor.DType {
	bytes := map[tensor.DType]int64{}
	for i := range f.tensors {
		t := &f.tensors[i]
		if n, ok := tensor.Elements(t.Shape); ok && len(t.Shape) > 1 && t.Type.IsFloat() {
			bytes[storable(t.Stored)] += int64(n)
		}
	}
	best := tensor.BF16
	for _, t := range []tensor.DType{tensor.BF16, tensor.F16, tensor.F32} {
		if bytes[t] > bytes[best] {
			best = t
		}
	}
	return best
}

// storable returns the float type of a GGUF file that takes the numbers of a stored one.
func storable(t tensor.DType) tensor.DType {
	switch t {
	case tensor.F16, tensor.F32:
		return t
	case tensor.F64:
		return tensor.F32
	}
	return tensor.BF16
}

// rawContext returns max_position_embeddings as config.json has it, which a scaled rotary
// embedding does not change there.
func (f *Folder) rawContext() int {
	type sizes struct {
		Positions float64 `json:"max_position_embeddings"`
	}
	var v struct {
		sizes
		Text sizes `json:"text_config"`
	}
	text, err := f.files.Config()
	if err != nil || json.Unmarshal(checkpoint.PlainJSON(text), &v) != nil {
		return f.read.Config.MaxPositionEmbeddings
	}
	for _, x := range []float64{v.Text.Positions, v.Positions} {
		if x >= 1 && x <= math.MaxUint32 {
			return int(x)
		}
	}
	return f.read.Config.MaxPositionEmbeddings
}

// sections returns mrope_section of config.json: which pairs of a head turn by time, height
// and width, which are one and the same for text; nil: it has none.
func (f *Folder) sections() (list []int32) {
	type parameters struct {
		Rope struct {
			Sections []int32 `json:"mrope_section"`
		} `json:"rope_parameters"`
	}
	var v struct {
		parameters
		Text parameters `json:"text_config"`
	}
	text, err := f.files.Config()
	if err != nil || json.Unmarshal(checkpoint.PlainJSON(text), &v) != nil {
		return nil
	}
	if v.Text.Rope.Sections != nil {
		return v.Text.Rope.Sections
	}
	return v.Rope.Sections
}

// errLost is the error for a model that a GGUF file cannot tell.
func errLost(format string, a ...any) error {
	return fmt.Errorf("convert: %w: %w", fmt.Errorf(format, a...), model.ErrConfig)
}

// errNoTensors says that nothing is to be written.
var errNoTensors = errors.New("holds no tensors")
