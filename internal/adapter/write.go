package adapter

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/blitz-r1/blitz/internal/newfile"
	"github.com/blitz-r1/blitz/internal/tensor"
	"github.com/blitz-r1/blitz/safetensors"
)

// Layer is a linear layer that an adapter may be of: y = W x with W [Out, In].
type Layer struct {
	Name    string
	Out, In int
}

// New returns an adapter that adds nothing yet to those of the layers that are targets:
// B is zero, and A drawn evenly between ±1/√In, as PEFT does (He et al. 2015 with a = √5).
// The numbers of a module depend on the seed and its name alone. The error wraps
// ErrFormat where no layer is a target, or a rank is larger than a layer.
func New(c *Config, layers []Layer, seed uint64) (*Adapter, error) {
	a := &Adapter{Config: *c, folder: "new adapter"}
	if c.Rank < 1 || !(math.Abs(c.Alpha) <= math.MaxFloat32) {
		return nil, a.refuse("rank", fmt.Sprint(c.Rank), "and alpha %v, want 1 or more, and a number", c.Alpha)
	}
	for _, l := range layers {
		if !c.Targets.Match(l.Name) {
			continue
		}
		m := Module{Name: l.Name, In: l.In, Out: l.Out, Rank: c.RankOf(l.Name), Scale: c.ScaleOf(l.Name)}
		if m.Rank < 1 || m.Rank > min(m.In, m.Out) {
			return nil, a.refuse("module", m.Name, "rank %d, want 1 to %d: the matrix is [%d %d]", m.Rank, min(m.In, m.Out), m.Out, m.In)
		}
		m.A, m.B = draw(seed, &m), make([]float32, m.Out*m.Rank)
		a.Modules = append(a.Modules, m)
	}
	if len(a.Modules) == 0 {
		return nil, a.refuse("target_modules", strings.Join(append(c.Targets.Names, c.Targets.Pattern), " "), "no linear layer of the model is called so")
	}
	slices.SortFunc(a.Modules, func(x, y Module) int { return strings.Compare(x.Name, y.Name) })
	a.digest = a.sum()
	return a, nil
}

// draw returns the first A of a module.
func draw(seed uint64, m *Module) []float32 {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	name := uint64(14695981039346656037) // FNV-1a
	for _, b := range []byte(m.Name) {
		name = (name ^ uint64(b)) * 1099511628211
	}
	binary.LittleEndian.PutUint64(key[8:], name)
	r := rand.NewChaCha8(key)
	bound := 1 / math.Sqrt(float64(m.In))
	v := make([]float32, m.Rank*m.In)
	for i := range v {
		u := float64(r.Uint64()>>40) / (1 << 23) // 0 to 2
		v[i] = float32((u - 1) * bound)
	}
	return v
}

// Write writes the adapter into a folder, which is made where it is missing: first the
// weights, in float32, then the configuration, each whole or not at all.
func (a *Adapter) Write(folder string) error {
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return fmt.Errorf("adapter: %w", err)
	}
	if err := a.writeWeights(filepath.Join(folder, WeightsName)); err != nil {
		return fmt.Errorf("adapter: %w", err)
	}
	if err := a.writeConfig(filepath.Join(folder, ConfigName)); err != nil {
		return fmt.Errorf("adapter: %w", err)
	}
	return nil
}

func (a *Adapter) writeWeights(path string) error {
	w, err := safetensors.Create(path)
	if err != nil {
		return err
	}
	defer w.Abort()
	// The first error stays, and Close returns it.
	_ = w.Put("format", "pt")
	if a.Root != "" {
		_ = w.Put(rootKey, a.Root)
	}
	for i := range a.Modules {
		m := &a.Modules[i]
		_ = w.Declare(TensorA(m.Name), safetensors.F32, m.Rank, m.In)
		_ = w.Declare(TensorB(m.Name), safetensors.F32, m.Out, m.Rank)
	}
	var bytes []byte
	for i := range a.Modules {
		m := &a.Modules[i]
		bytes = encode(bytes, m.A)
		_ = w.WriteTensor(TensorA(m.Name), bytes)
		bytes = encode(bytes, m.B)
		_ = w.WriteTensor(TensorB(m.Name), bytes)
	}
	return w.Close()
}

// encode writes numbers as they stand in a file, into memory that it may use again.
func encode(dst []byte, v []float32) []byte {
	dst = tensor.Resize(dst, 4*len(v))
	for i, x := range v {
		binary.LittleEndian.PutUint32(dst[4*i:], math.Float32bits(x))
	}
	return dst
}

// writeConfig writes what PEFT reads; what is not there has the default that means plain
// LoRA.
func (a *Adapter) writeConfig(path string) error {
	c := &a.Config
	text, err := json.MarshalIndent(map[string]any{
		"alpha_pattern": c.AlphaPattern, "base_model_name_or_path": c.Base, "bias": "none", "exclude_modules": orNull(c.Targets.Excluded, c.Targets.ExcludedPattern),
		"fan_in_fan_out": false, "inference_mode": true, "init_lora_weights": true, "lora_alpha": c.Alpha, "lora_dropout": 0, "modules_to_save": nil,
		"peft_type": "LORA", "r": c.Rank, "rank_pattern": c.RankPattern, "target_modules": a.targetModules(), "task_type": "CAUSAL_LM",
		"use_dora": false, "use_rslora": c.RSLoRA,
	}, "", "  ")
	if err != nil {
		return err
	}
	f, err := newfile.Create(path)
	if err != nil {
		return err
	}
	defer f.Discard()
	if _, err := f.Write(append(text, '\n')); err != nil {
		return err
	}
	if err := f.Finish(); err != nil {
		return err
	}
	return f.Place()
}

// targetModules returns what the configuration says the modules are: as it was said, or
// the last words of their names.
func (a *Adapter) targetModules() any {
	t := &a.Config.Targets
	if t.Pattern != AllLinear && (t.Pattern != "" || len(t.Names) > 0) {
		return orNull(t.Names, t.Pattern)
	}
	var leaves []string
	for i := range a.Modules {
		name := a.Modules[i].Name
		leaves = append(leaves, name[strings.LastIndexByte(name, '.')+1:])
	}
	slices.Sort(leaves)
	return slices.Compact(leaves)
}

// orNull returns names, else a pattern, else null.
func orNull(names []string, pattern string) any {
	switch {
	case len(names) > 0:
		return names
	case pattern != "":
		return pattern
	}
	return nil
}

// MarshalJSON writes the patterns as an object, in their order.
func (p Patterns) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i := range p {
		if i > 0 {
			b = append(b, ',')
		}
		key, err := json.Marshal(p[i].Text)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(p[i].Value)
		if err != nil {
			return nil, err
		}
		b = append(append(append(b, key...), ':'), value...)
	}
	return append(b, '}'), nil
}
