package model

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/gguf"
	"github.com/blitz-r1/blitz/internal/golden"
	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/quant"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// ikMatrices are the types of ik_llama.cpp's that a model gets: with a factor of each row,
// with rows interleaved, and both.
var ikMatrices = map[string]string{"ffn_down": "IQ4_KS", "ffn_up": "Q8_0_R8", "attn_output": "IQ4_KS_R4", "ffn_gate": "Q4_K_R4"}

// TestIK opens a GGUF file with matrices of ik_llama.cpp's types: every row has the numbers
// that its own dequantisation gives, and logits are those of the same numbers as float32, but
// for what activations of eight bits cost.
func TestIK(t *testing.T) {
	vectors, err := golden.LoadNPZ("../ik/testdata/vectors.npz")
	if err != nil {
		t.Fatal(err)
	}
	source, e := loadExpectation(t, "llama")
	plain, err := source.GGUF(tensor.F32, tiny.Split)
	if err != nil {
		t.Fatal(err)
	}
	stored, numbers := map[string]gguf.Type{}, map[string][]float32{}
	packed := &tiny.GGUF{Keys: plain.Keys, Tensors: slices.Clone(plain.Tensors)}
	for i, x := range plain.Tensors {
		role := x.Name[strings.LastIndexByte(strings.TrimSuffix(x.Name, ".weight"), '.')+1:]
		name, is := ikMatrices[strings.TrimSuffix(role, ".weight")]
		if !is {
			continue
		}
		kind, _ := gguf.ParseType(name)
		raw, rawErr := vectors[name+".raw"].Uint8s()
		want, wantErr := vectors[name+".f32"].Float32s()
		if rawErr != nil || wantErr != nil {
			t.Fatal(rawErr, wantErr)
		}
		group, cols := kind.Together(), x.Shape[1]
		width := len(want) / group
		var w []float32
		for r := range x.Shape[0] { // the vectors' rows and columns again and again
			for k := range cols {
				w = append(w, want[r%group*width+k%width])
			}
		}
		part := raw[:group*kind.RowBytes(min(cols, width))]
		part = slices.Repeat(part, max(1, cols/width)) // of a type without factors of rows, where it is more than once
		stored[x.Name], numbers[x.Name] = kind, w
		packed.Tensors[i].Data = slices.Repeat(part, x.Shape[0]/group)
		plain.Tensors[i].Data = make([]byte, 4*len(w))
		if err := quant.Encode(plain.Tensors[i].Data, tensor.F32, w); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "model.gguf")
	writeTypes(t, path, packed, stored)
	m, checked := open(t, path, Options{}), 0
	for _, w := range m.weights {
		want, is := numbers[w.Tensor]
		if !is {
			continue
		}
		checked++
		row := make([]float32, w.Cols)
		for r := range w.Rows {
			if w.Matrix.Row(row, r); !slices.Equal(row, want[(w.First+r)*w.Cols:][:w.Cols]) {
				t.Fatalf("%s, row %d: other numbers", w.Tensor, w.First+r)
			}
		}
	}
	if checked != len(numbers) || checked != 4*3 {
		t.Errorf("%d of %d matrices were bound, want 12", checked, len(numbers))
	}
	got := newRunner(t, m, kernel.CacheF32, 2).run(t, e.ids, whole)
	want := newRunner(t, openGGUF(t, plain, nil, Options{}), kernel.CacheF32, 2).run(t, e.ids, whole)
	if rms, _ := offBy(got.logits, want.logits); !(rms <= 0.05) {
		t.Errorf("logits are off by %.2g rms, want 0.05", rms)
	}
}

// writeTypes writes a GGUF file with tensors of types that tensors have in files alone.
func writeTypes(t *testing.T, path string, g *tiny.GGUF, stored map[string]gguf.Type) {
	t.Helper()
	w, err := gguf.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	for _, kv := range g.Keys {
		if err := w.Put(kv.Key, kv.Value); err != nil {
			t.Fatal(err)
		}
	}
	for _, x := range g.Tensors {
		kind, is := stored[x.Name]
		if !is {
			kind, _ = gguf.ParseType(x.Type.String())
		}
		if err := w.Declare(x.Name, kind, x.Shape...); err != nil {
			t.Fatal(err)
		}
	}
	for _, x := range g.Tensors {
		if err := w.WriteTensor(x.Name, x.Data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}
