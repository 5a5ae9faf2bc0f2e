package merge

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/adapter"
	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/internal/quant"
	"github.com/blitz-r1/blitz/internal/quantize"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// golden loads a golden model by name.
func golden(t *testing.T, name string) *tiny.Model {
	t.Helper()
	m, err := tiny.Load(filepath.Join("..", "model", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// newAdapter writes an adapter of the model at a path and opens it.
func newAdapter(t *testing.T, path string, names ...string) *adapter.Adapter {
	t.Helper()
	files := openFiles(t, path)
	m, err := model.Open(files, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	targets, err := adapter.NewTargets(names...)
	if err != nil {
		t.Fatal(err)
	}
	a, err := adapter.New(&adapter.Config{Rank: 3, Alpha: 6, Targets: targets}, m.Layers(), 4)
	if err != nil {
		t.Fatal(err)
	}
	for i := range a.Modules {
		for k := range a.Modules[i].B {
			a.Modules[i].B[k] = float32((k*7+i*5)%11-5) / 16
		}
	}
	folder := t.TempDir()
	if err := a.Write(folder); err != nil {
		t.Fatal(err)
	}
	if a, err = adapter.Open(folder); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

func openFiles(t *testing.T, path string) *checkpoint.Checkpoint {
	t.Helper()
	files, err := checkpoint.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { files.Close() })
	return files
}

// tensorsOf returns the types and bytes of a folder's tensors.
func tensorsOf(t *testing.T, path string) map[string]tiny.Stored {
	t.Helper()
	f, err := openFiles(t, path).Safetensors()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]tiny.Stored{}
	for _, x := range f.Tensors() {
		b, err := f.Bytes(x)
		if err != nil {
			t.Fatal(err)
		}
		d, _ := tensor.ParseDType(string(x.DType))
		all[x.Name] = tiny.Stored{Name: x.Name, Type: d, Shape: x.Shape, Data: bytes.Clone(b)}
	}
	return all
}

func decode(t *testing.T, s tiny.Stored) []float32 {
	t.Helper()
	n, _ := tensor.Elements(s.Shape)
	v := make([]float32, n)
	if err := quant.Decode(v, s.Type, s.Data); err != nil {
		t.Fatal(err)
	}
	return v
}

// added returns what a module of the adapter adds at a row and a column.
func added(m *adapter.Module, row, col int) (sum float64) {
	for k := range m.Rank {
		sum += float64(m.B[row*m.Rank+k]) * float64(m.A[k*m.In+col])
	}
	return sum * float64(m.Scale)
}

// holdMerged compares a merged folder with the one that it was made of, whose numbers are
// those of w.
func holdMerged(t *testing.T, before, after map[string]tiny.Stored, w func(name string) []float32, a *adapter.Adapter, to tensor.DType) {
	t.Helper()
	modules := map[string]*adapter.Module{}
	for i := range a.Modules {
		modules[a.Modules[i].Name+".weight"] = &a.Modules[i]
	}
	touched := 0
	for name, s := range after {
		m := modules[name]
		if m == nil {
			if s.Type == before[name].Type && !bytes.Equal(s.Data, before[name].Data) {
				t.Errorf("%s, which the adapter has nothing of, changed", name)
			}
			continue
		}
		touched++
		got, from := decode(t, s), w(name)
		want := make([]float32, len(from))
		for i, x := range from {
			want[i] = float32(float64(x) + added(m, i/m.In, i%m.In))
		}
		b := make([]byte, to.RowBytes(len(want)))
		if err := quant.Encode(b, to, want); err != nil {
			t.Fatal(err)
		}
		rounded := decode(t, tiny.Stored{Type: to, Shape: s.Shape, Data: b})
		for i := range got {
			if s.Type != to || math.Abs(float64(got[i]-rounded[i])) > 1e-6*math.Max(1, math.Abs(float64(want[i]))) {
				t.Fatalf("%s: number %d is %v of %s, want %v of %s", name, i, got[i], s.Type, rounded[i], to)
			}
		}
	}
	if touched != len(modules) {
		t.Errorf("%d tensors were merged, want %d", touched, len(modules))
	}
}

func TestFolder(t *testing.T) {
	for _, c := range []struct {
		name       string
		shards     int
		stored, to tensor.DType // to Invalid: as it is
	}{
		{"llama", 1, tensor.F32, tensor.Invalid},
		{"qwen3-moe", 3, tensor.BF16, tensor.Invalid},
		{"deepseek-v3", 2, tensor.BF16, tensor.F32},
		{"llama", 1, tensor.F32, tensor.F16},
	} {
		t.Run(c.name+" "+c.to.String(), func(t *testing.T) {
			x, err := golden(t, c.name).Checkpoint(c.stored)
			if err != nil {
				t.Fatal(err)
			}
			path := t.TempDir()
			if err := x.Write(path, c.shards); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(path, "tokenizer.json"), []byte("{}"), 0o644); err != nil {
				t.Fatal(err)
			}
			a := newAdapter(t, path, adapter.AllLinear)
			out := filepath.Join(t.TempDir(), "out")
			var done, total int64
			o := Options{Type: c.to, Threads: 3, Progress: func(d, n int64) { done, total = d, n }}
			if err := Folder(t.Context(), openFiles(t, path), a, out, o); err != nil {
				t.Fatal(err)
			}
			if done != total || done == 0 {
				t.Errorf("%d bytes of %d at the end", done, total)
			}
			before := tensorsOf(t, path)
			to := c.to
			if to == tensor.Invalid {
				to = c.stored
			}
			holdMerged(t, before, tensorsOf(t, out), func(name string) []float32 { return decode(t, before[name]) }, a, to)
			if b, err := os.ReadFile(filepath.Join(out, "tokenizer.json")); err != nil || string(b) != "{}" {
				t.Errorf("tokenizer.json: %q, %v", b, err)
			}
			m, err := model.Open(openFiles(t, out), model.Options{})
			if err != nil {
				t.Fatal(err)
			}
			m.Close()
			alone, err := filepath.Glob(filepath.Dir(out) + "/*")
			if err != nil || len(alone) != 1 {
				t.Errorf("beside the folder there is %q", alone)
			}
			if err := Folder(t.Context(), openFiles(t, path), a, out, o); !errors.Is(err, ErrPlace) {
				t.Errorf("once more: %v, want %v", err, ErrPlace)
			}
		})
	}
}

// TestFP8: weights of eight bits with scales become bfloat16 weights without.
func TestFP8(t *testing.T) {
	x, err := golden(t, "deepseek-v3-fp8").FP8(false)
	if err != nil {
		t.Fatal(err)
	}
	path, out := t.TempDir(), filepath.Join(t.TempDir(), "out")
	if err := x.Write(path, 1); err != nil {
		t.Fatal(err)
	}
	a := newAdapter(t, path, "o_proj", "up_proj")
	if err := Folder(t.Context(), openFiles(t, path), a, out, Options{}); err != nil {
		t.Fatal(err)
	}
	before := tensorsOf(t, path)
	weight := func(name string) []float32 {
		s := before[name]
		v, cols := decode(t, s), s.Shape[1]
		scales, ok := before[name+scaleSuffix]
		if !ok {
			return v
		}
		of := decode(t, scales)
		for i := range v {
			v[i] *= of[i/cols/128*scales.Shape[1]+i%cols/128]
		}
		return v
	}
	after := tensorsOf(t, out)
	holdMerged(t, before, after, weight, a, tensor.BF16)
	for name, s := range after {
		if s.Type == tensor.F8E4M3 || strings.HasSuffix(name, scaleSuffix) {
			t.Errorf("%s is %s", name, s.Type)
		}
	}
	var config map[string]any
	text, err := os.ReadFile(filepath.Join(out, "config.json"))
	if err != nil || json.Unmarshal(text, &config) != nil || config["quantization_config"] != nil || config["dtype"] != "bfloat16" {
		t.Errorf("config.json: dtype %v, quantization_config %v, %v", config["dtype"], config["quantization_config"], err)
	}
}

// TestFolderLeavesNothing: what cannot be merged leaves no folder.
func TestFolderLeavesNothing(t *testing.T) {
	x, err := golden(t, "llama").Checkpoint(tensor.F16)
	if err != nil {
		t.Fatal(err)
	}
	path := t.TempDir()
	if err := x.Write(path, 1); err != nil {
		t.Fatal(err)
	}
	hold := func(what string, err, want error, folder string) {
		t.Helper()
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
		if left, _ := filepath.Glob(folder + "/*"); len(left) > 0 {
			t.Errorf("%s: left %q", what, left)
		}
	}
	folder := t.TempDir()
	other := newAdapter(t, path, "q_proj")
	other.Modules[0].Name = "model.layers.9.self_attn.q_proj"
	hold("another model's", Folder(t.Context(), openFiles(t, path), other, folder+"/out", Options{}), adapter.ErrFormat, folder)
	large := newAdapter(t, path, "q_proj")
	large.Modules[0].Scale = 1e38
	hold("a sum that float16 has not", Folder(t.Context(), openFiles(t, path), large, folder+"/out", Options{}), model.ErrTensor, folder)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	hold("cancelled", Folder(ctx, openFiles(t, path), newAdapter(t, path, "q_proj"), folder+"/out", Options{}), context.Canceled, folder)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Folder(t.Context(), openFiles(t, path), newAdapter(t, path, "q_proj"), file, Options{}); !errors.Is(err, ErrPlace) {
		t.Errorf("a file: %v, want %v", err, ErrPlace)
	}
}

// TestGGUF merges GGUF files that keep their types: what the adapter has nothing of keeps
// its bytes, the rest is as near as the type allows.
func TestGGUF(t *testing.T) {
	for _, dt := range []tensor.DType{tensor.F32, tensor.Q8_0, tensor.Q4_0} {
		path := filepath.Join(t.TempDir(), "model.gguf")
		g, err := golden(t, "llama").GGUF(dt, tiny.Split)
		if err == nil {
			err = g.Write(path)
		}
		if err != nil {
			t.Fatal(err)
		}
		a := newAdapter(t, path, "q_proj", "down_proj")
		files := openFiles(t, path)
		x, err := model.NewMerge(files, a)
		if err != nil {
			t.Fatal(err)
		}
		plain, err := quantize.FromGGUF(files.GGUF(), files.Folder())
		if err != nil {
			t.Fatal(err)
		}
		src, err := Source(plain, x, a.Digest())
		if err == nil {
			err = CheckKept(plain, x)
		}
		if err != nil {
			t.Fatal(err)
		}
		plan, err := quantize.NewPlan(src, &quantize.Options{Mix: &quantize.Mix{}, Keep: true})
		if err != nil {
			t.Fatal(err)
		}
		out := filepath.Join(t.TempDir(), "out.gguf")
		if err := plan.Write(t.Context(), out, 2, nil); err != nil {
			t.Fatal(err)
		}
		merged, err := quantize.FromGGUF(openFiles(t, out).GGUF(), filepath.Dir(out))
		if err != nil {
			t.Fatal(err)
		}
		holdGGUF(t, dt, plain, merged, x)
	}
}

func holdGGUF(t *testing.T, dt tensor.DType, before, after quantize.Source, x *model.Merge) {
	t.Helper()
	touched := 0
	for i, s := range before.Tensors() {
		if after.Tensors()[i].Name != s.Name || after.Tensors()[i].Type != s.Type {
			t.Fatalf("%s: tensor %d is %v, want %v", dt, i, after.Tensors()[i], s)
		}
		n, _ := tensor.Elements(s.Shape)
		v, w := make([]float32, n), make([]float32, n)
		if err := errors.Join(before.Rows(t.Context(), i, 0, v), after.Rows(t.Context(), i, 0, w)); err != nil {
			t.Fatal(err)
		}
		var moved, off, size float64
		plain := append([]float32{}, v...)
		x.Add(s.Name, 0, v, s.Shape[len(s.Shape)-1])
		for k := range v {
			moved += math.Abs(float64(v[k] - plain[k]))
			off += math.Abs(float64(w[k] - v[k]))
			size += math.Abs(float64(v[k]))
		}
		limit := map[tensor.DType]float64{tensor.F32: 0, tensor.Q8_0: 0.01, tensor.Q4_0: 0.12}[dt]
		if !x.Has(s.Name) {
			limit = 0
		} else if touched++; moved < 0.01*size {
			t.Errorf("%s: %s moves by %.1e of its size only", dt, s.Name, moved/size)
		}
		if off > limit*size {
			t.Errorf("%s: %s is off by %.1e of its size, limit %.1e", dt, s.Name, off/size, limit)
		}
	}
	if touched == 0 {
		t.Errorf("%s: nothing was merged", dt)
	}
}
