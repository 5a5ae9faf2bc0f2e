package trained

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/blitz-r1/blitz/gguf"
	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/internal/newfile"
	"github.com/blitz-r1/blitz/internal/train"
	"github.com/blitz-r1/blitz/safetensors"
)

// The types that matrices are written in; vectors are always float32.
const (
	F32  = "f32"
	BF16 = "bf16"
)

// Write writes the model of files with the numbers that its weights have now: beside
// tokenizer, template and a config.json as model.safetensors, in place of a GGUF file as
// model.gguf. Tensors that are no weights stay as they are.
func Write(folder string, files *checkpoint.Checkpoint, weights []*model.Weight, matrices string) error {
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return err
	}
	o := &output{files: files, matrices: matrices, weights: map[string]*train.Tensor{}}
	for _, t := range train.Tensors(weights) {
		o.weights[t.Name] = t
	}
	if f := files.GGUF(); f != nil {
		return f.Guard(func() error { return o.gguf(filepath.Join(folder, "model.gguf"), f) })
	}
	f, err := files.Safetensors()
	if errors.Is(err, checkpoint.ErrNoWeights) { // of a configuration alone
		if err := o.anew(filepath.Join(folder, "model.safetensors"), train.Tensors(weights)); err != nil {
			return err
		}
		return o.companions(folder)
	}
	if err != nil {
		return err
	}
	if err := f.Guard(func() error { return o.safetensors(filepath.Join(folder, "model.safetensors"), f) }); err != nil {
		return err
	}
	return o.companions(folder)
}

// output writes a model.
type output struct {
	files    *checkpoint.Checkpoint
	matrices string
	weights  map[string]*train.Tensor
}

// narrow says whether a tensor of that shape is written in bfloat16.
func (o *output) narrow(shape []int) bool { return o.matrices == BF16 && len(shape) > 1 }

// bytes returns the numbers of a tensor as they are written.
func (o *output) bytes(t *train.Tensor) []byte {
	b := t.Values(train.Stored)
	if !o.narrow(t.Shape) {
		return b
	}
	out := make([]byte, len(b)/2)
	for i := range len(b) / 4 {
		binary.LittleEndian.PutUint16(out[2*i:], bfloat16(binary.LittleEndian.Uint32(b[4*i:])))
	}
	return out
}

// bfloat16 rounds to the nearest, of two to the even one.
func bfloat16(x uint32) uint16 {
	if v := math.Float32frombits(x); v != v {
		return 0x7fc0
	}
	return uint16((x + 0x7fff + x>>16&1) >> 16)
}

// source returns the tensor whose numbers a name has: a copy of embedding or head in a module
// of multi-token prediction has theirs. nil: it is none of the weights.
func (o *output) source(name string) *train.Tensor {
	if t := o.weights[name]; t != nil {
		return t
	}
	if !strings.Contains(name, ".layers.") {
		return nil
	}
	embedding, head := o.find("embed_tokens.weight"), o.find("lm_head.weight")
	if head == nil {
		head = embedding // they are tied
	}
	switch {
	case strings.HasSuffix(name, ".embed_tokens.weight"):
		return embedding
	case strings.HasSuffix(name, ".shared_head.head.weight"):
		return head
	}
	return nil
}

func (o *output) find(ending string) *train.Tensor {
	for name, t := range o.weights {
		if strings.HasSuffix(name, ending) {
			return t
		}
	}
	return nil
}

// scales are what the tensors of 8 bits have beside them, which are written as floats.
const scaleEnding = "_scale_inv"

func (o *output) safetensors(path string, f *safetensors.File) error {
	w, err := safetensors.Create(path)
	if err != nil {
		return err
	}
	defer w.Abort()
	if err := w.Put("format", "pt"); err != nil { // transformers wants to know
		return err
	}
	var list []safetensors.Tensor
	for _, t := range f.Tensors() {
		if strings.HasSuffix(t.Name, scaleEnding) && o.weights[strings.TrimSuffix(t.Name, scaleEnding)] != nil {
			continue
		}
		list = append(list, t)
		kind, shape := t.DType, t.Shape
		if x := o.source(t.Name); x != nil {
			if kind, shape = safetensors.F32, x.Shape; o.narrow(shape) {
				kind = safetensors.BF16
			}
		}
		if err := w.Declare(t.Name, kind, shape...); err != nil {
			return err
		}
	}
	for _, t := range list {
		var b []byte
		if x := o.source(t.Name); x != nil {
			b = o.bytes(x)
		} else if b, err = f.Bytes(t); err != nil {
			return err
		}
		if err := w.WriteTensor(t.Name, b); err != nil {
			return err
		}
	}
	return w.Close()
}

// anew writes a model that was made of a configuration.
func (o *output) anew(path string, list []*train.Tensor) error {
	w, err := safetensors.Create(path)
	if err != nil {
		return err
	}
	defer w.Abort()
	if err := w.Put("format", "pt"); err != nil {
		return err
	}
	for _, t := range list {
		kind := safetensors.F32
		if o.narrow(t.Shape) {
			kind = safetensors.BF16
		}
		if err := w.Declare(t.Name, kind, t.Shape...); err != nil {
			return err
		}
	}
	for _, t := range list {
		if err := w.WriteTensor(t.Name, o.bytes(t)); err != nil {
			return err
		}
	}
	return w.Close()
}

// The keys of a GGUF file that say in how many files it is and what most tensors are.
const (
	splitPrefix = "split."
	fileTypeKey = "general.file_type"
)

// The file types of llama.cpp for all float32, and for most bfloat16.
const (
	fileF32  = uint32(0)
	fileBF16 = uint32(32)
)

func (o *output) gguf(path string, f *gguf.File) error {
	w, err := gguf.Create(path)
	if err != nil {
		return err
	}
	defer w.Abort()
	for _, kv := range f.KeyValues() {
		switch {
		case strings.HasPrefix(kv.Key, splitPrefix):
			continue
		case kv.Key == fileTypeKey && o.matrices == BF16:
			kv.Value = gguf.ValueOf(fileBF16)
		case kv.Key == fileTypeKey:
			kv.Value = gguf.ValueOf(fileF32)
		}
		if err := w.Put(kv.Key, kv.Value); err != nil {
			return err
		}
	}
	for _, t := range f.Tensors() {
		kind := t.Type
		if o.weights[t.Name] != nil {
			if kind = gguf.F32; o.narrow(t.Shape) {
				kind = gguf.BF16
			}
		}
		if err := w.Declare(t.Name, kind, t.Shape...); err != nil {
			return err
		}
	}
	for _, t := range f.Tensors() {
		b := f.Bytes(t)
		if x := o.weights[t.Name]; x != nil {
			b = o.bytes(x)
		}
		if err := w.WriteTensor(t.Name, b); err != nil {
			return err
		}
	}
	return w.Close()
}

// configName is the file that says what the tensors are.
const configName = "config.json"

// companions writes what lies beside the weights.
func (o *output) companions(folder string) error {
	from := o.files.FS()
	entries, err := fs.ReadDir(from, ".")
	if err != nil {
		return err
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	chosen, err := checkpoint.Select(names)
	if err != nil {
		return err
	}
	for _, name := range chosen.Companions {
		if name == configName {
			continue
		}
		if err := copyFile(filepath.Join(folder, name), from, name); err != nil {
			return err
		}
	}
	text, err := o.files.Config()
	if err != nil {
		return err
	}
	if text, err = o.config(text); err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(o.files.Folder(), configName), err)
	}
	return writeWhole(filepath.Join(folder, configName), bytes.NewReader(text))
}

// config returns a config.json that says how the weights are written.
func (o *output) config(text []byte) ([]byte, error) {
	var config map[string]any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber() // numbers stay as they are written
	if err := d.Decode(&config); err != nil {
		return nil, err
	}
	delete(config, "quantization_config")
	key := "torch_dtype"
	if _, ok := config["dtype"]; ok { // its new name
		key = "dtype"
	}
	config[key] = map[string]string{F32: "float32", BF16: "bfloat16"}[o.matrices]
	out, err := json.MarshalIndent(config, "", "  ")
	return append(out, '\n'), err
}

// copyFile copies a regular file, whole or not at all.
func copyFile(to string, from fs.FS, name string) error {
	info, err := fs.Stat(from, name)
	if err != nil || !info.Mode().IsRegular() {
		return err
	}
	f, err := from.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return writeWhole(to, f)
}

func writeWhole(path string, r io.Reader) error {
	f, err := newfile.Create(path)
	if err != nil {
		return err
	}
	defer f.Discard()
	if _, err := io.Copy(f, r); err != nil {
		return err
	}
	if err := f.Finish(); err != nil {
		return err
	}
	return f.Place()
}
