package adapter

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/blitz-r1/blitz/internal/message"
	"github.com/blitz-r1/blitz/internal/quant"
	"github.com/blitz-r1/blitz/internal/tensor"
	"github.com/blitz-r1/blitz/safetensors"
)

// Adapter is an adapter's folder. Open reads what it says of itself, Read the numbers.
type Adapter struct {
	Config  Config
	Modules []Module // by name
	// Root is the digest of the files of the model that it was trained on, "" where that
	// was not written down: PEFT does not.
	Root string

	folder string
	file   *safetensors.File
	digest Digest
}

// Module is a linear layer [Out, In] that an adapter adds to.
type Module struct {
	Name          string // as the model's own, model.layers.0.self_attn.q_proj
	In, Out, Rank int
	Scale         float32
	A, B          []float32 // [Rank, In], [Out, Rank]; nil until they are read

	a, b safetensors.Tensor
}

// Digest is a sum over all that an adapter does: names, shapes, scales and numbers.
// Files that differ in types or order alone have the same.
type Digest [sha256.Size]byte

// String returns the 64 hexadecimal digits.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// What surrounds the names of modules in the file of the weights.
const (
	namePrefix = "base_model.model."
	downSuffix = ".lora_A.weight"
	upSuffix   = ".lora_B.weight"
)

// rootKey is where the file of the weights says which model it was trained on.
const rootKey = "blitz.base"

// maxWork bounds how many names are compared with how many patterns.
const maxWork = 1 << 22

// TensorA and TensorB return what the file calls the halves of a module.
func TensorA(module string) string { return namePrefix + module + downSuffix }

// TensorB returns what the file calls the B of a module.
func TensorB(module string) string { return namePrefix + module + upSuffix }

// Open opens the folder of an adapter and checks all but its numbers. The error wraps
// ErrFormat or safetensors.ErrFormat where it is refused, or is that of the file system.
func Open(folder string) (*Adapter, error) {
	c, err := readConfig(folder)
	if err != nil {
		return nil, err
	}
	file, err := safetensors.Open(filepath.Join(folder, WeightsName))
	if err != nil {
		return nil, fmt.Errorf("adapter: %s: %w", message.Clean(filepath.Base(folder)), err)
	}
	a := &Adapter{Config: *c, folder: filepath.Base(folder), file: file, Root: file.Metadata()[rootKey]}
	if err := a.list(); err != nil {
		_ = file.Close() // it was only read
		return nil, err
	}
	return a, nil
}

// Close closes the files.
func (a *Adapter) Close() error {
	if a.file == nil {
		return nil
	}
	return a.file.Close()
}

// Name returns the base name of the folder.
func (a *Adapter) Name() string { return a.folder }

// refuse returns an error about a tensor or a module.
func (a *Adapter) refuse(what, name, format string, args ...any) error {
	return fmt.Errorf("adapter: %s: %s %s: %s: %w", message.Clean(a.folder), what, message.Clean(name), fmt.Sprintf(format, args...), ErrFormat)
}

// list pairs the tensors of the file and checks their shapes.
func (a *Adapter) list() error {
	byName := map[string]*Module{}
	for _, t := range a.file.Tensors() {
		name, isA := strings.CutSuffix(t.Name, downSuffix)
		if !isA {
			var isB bool
			if name, isB = strings.CutSuffix(t.Name, upSuffix); !isB {
				return a.refuse("tensor", t.Name, "is no half of a linear layer's adapter, want names that end with %s and %s", downSuffix, upSuffix)
			}
		}
		name, ok := strings.CutPrefix(name, namePrefix)
		if !ok || name == "" || !isPlain(name) {
			return a.refuse("tensor", t.Name, "want a name that begins with %s and a module's", namePrefix)
		}
		if d, known := tensor.ParseDType(string(t.DType)); !known || d != tensor.F32 && d != tensor.F16 && d != tensor.BF16 {
			return a.refuse("tensor", t.Name, "type %s, want F32, F16 or BF16", message.Clean(string(t.DType)))
		}
		if len(t.Shape) != 2 {
			return a.refuse("tensor", t.Name, "shape %s, want two dimensions", tensor.ShapeString(t.Shape))
		}
		m := byName[name]
		if m == nil {
			m = &Module{Name: name}
			byName[name] = m
		}
		if isA {
			m.a = t
		} else {
			m.b = t
		}
	}
	c := &a.Config
	if len(byName) == 0 {
		return a.refuse("file", WeightsName, "holds no tensors")
	}
	if n := len(c.RankPattern) + len(c.AlphaPattern) + len(c.Targets.Names) + len(c.Targets.Excluded); n*len(byName) > maxWork {
		return a.refuse("file", ConfigName, "%d patterns and names for %d modules are too many", n, len(byName))
	}
	for _, m := range byName {
		a.Modules = append(a.Modules, *m)
	}
	slices.SortFunc(a.Modules, func(x, y Module) int { return strings.Compare(x.Name, y.Name) })
	for i := range a.Modules {
		if err := a.measure(&a.Modules[i]); err != nil {
			return err
		}
	}
	return nil
}

// measure checks the halves of a module against each other and the configuration.
func (a *Adapter) measure(m *Module) error {
	switch {
	case m.a.Name == "":
		return a.refuse("module", m.Name, "has a lora_B without its lora_A")
	case m.b.Name == "":
		return a.refuse("module", m.Name, "has a lora_A without its lora_B")
	case !a.Config.Targets.Match(m.Name):
		return a.refuse("module", m.Name, "has tensors, but is none of target_modules")
	}
	m.Rank, m.Scale = a.Config.RankOf(m.Name), a.Config.ScaleOf(m.Name)
	m.In, m.Out = m.a.Shape[1], m.b.Shape[0]
	switch {
	case m.a.Shape[0] != m.Rank:
		return a.refuse("tensor", m.a.Name, "shape %s, want %d rows, which is the rank that r and rank_pattern give", tensor.ShapeString(m.a.Shape), m.Rank)
	case m.b.Shape[1] != m.Rank:
		return a.refuse("tensor", m.b.Name, "shape %s, want %d columns, which is the rank that r and rank_pattern give", tensor.ShapeString(m.b.Shape), m.Rank)
	case m.Rank > min(m.In, m.Out):
		return a.refuse("module", m.Name, "rank %d, want at most %d: the matrix is [%d %d]", m.Rank, min(m.In, m.Out), m.Out, m.In)
	case !quant.IsFinite(m.Scale):
		return a.refuse("module", m.Name, "scale %v, want a number: lora_alpha or alpha_pattern is too large", m.Scale)
	}
	return nil
}

// Read reads the numbers, all of which have to be finite. Whoever bounds what an adapter
// may take in memory has looked at its shapes before.
func (a *Adapter) Read() error {
	if a.file == nil {
		return nil
	}
	err := a.file.Guard(func() error {
		for i := range a.Modules {
			m := &a.Modules[i]
			var err error
			if m.A, err = a.floats(m.a); err != nil {
				return err
			}
			if m.B, err = a.floats(m.b); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		a.digest = a.sum()
	}
	return err
}

func (a *Adapter) floats(t safetensors.Tensor) ([]float32, error) {
	data, err := a.file.Bytes(t)
	if err != nil {
		return nil, err
	}
	d, _ := tensor.ParseDType(string(t.DType))
	v := make([]float32, t.Shape[0]*t.Shape[1])
	if err := quant.Decode(v, d, data); err != nil {
		return nil, a.refuse("tensor", t.Name, "%v", err)
	}
	for i, x := range v {
		if !quant.IsFinite(x) {
			return nil, a.refuse("tensor", t.Name, "row %d, column %d is %v, want numbers", i/t.Shape[1], i%t.Shape[1], x)
		}
	}
	a.file.Release(t)
	return v, nil
}

// Digest returns the sum of an adapter that was read.
func (a *Adapter) Digest() Digest { return a.digest }

// Changed makes the digest anew, of numbers that were changed.
func (a *Adapter) Changed() { a.digest = a.sum() }

func (a *Adapter) sum() (d Digest) {
	h := sha256.New()
	w := bufio.NewWriterSize(h, 64<<10) // writing to a sum does not fail
	fmt.Fprintln(w, "blitz adapter 1")
	var four [4]byte
	put := func(x float32) {
		binary.LittleEndian.PutUint32(four[:], math.Float32bits(x))
		_, _ = w.Write(four[:])
	}
	for i := range a.Modules {
		m := &a.Modules[i]
		fmt.Fprintf(w, "%q %d %d %d\n", m.Name, m.Out, m.In, m.Rank)
		put(m.Scale)
		for _, half := range [][]float32{m.A, m.B} {
			for _, x := range half {
				put(x)
			}
		}
	}
	_ = w.Flush()
	h.Sum(d[:0])
	return d
}
