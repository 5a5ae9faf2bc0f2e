package trained

import (
	"encoding/json"
	"math"
	"path/filepath"
	"testing"

	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// open opens a model for training, and its files.
func open(t *testing.T, path string) (*checkpoint.Checkpoint, *model.Model) {
	t.Helper()
	files, err := checkpoint.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = files.Close() })
	o := model.Options{Masters: true, SharedEnds: true, MTP: true}
	m, err := model.Open(files, o)
	if err != nil {
		o.MTP = false
		m, err = model.Open(files, o)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return files, m
}

// numbers returns all weights of a model, by tensor.
func numbers(m *model.Model) map[string][]float32 {
	all := map[string][]float32{}
	for _, w := range m.Weights() {
		all[w.Tensor] = append(all[w.Tensor], w.Values()...)
	}
	return all
}

// TestWrite changes every weight of a model, writes it, and opens it again: the same
// numbers are there.
func TestWrite(t *testing.T) {
	for _, name := range []string{"llama", "qwen2", "deepseek-v3"} {
		shape, err := tiny.Load(filepath.Join("..", "testdata", "grad", name))
		if err != nil {
			t.Fatal(err)
		}
		folder, file := t.TempDir(), filepath.Join(t.TempDir(), "model.gguf")
		if err := shape.WriteSafetensors(folder); err != nil {
			t.Fatal(err)
		}
		if err := shape.WriteGGUF(file, tensor.F32); err != nil {
			t.Fatal(err)
		}
		for _, from := range []string{folder, file} {
			files, m := open(t, from)
			for _, w := range m.Weights() {
				v := w.Values()
				for i := range v {
					if v[i] != 0 { // what lies behind the last row stays
						v[i] += float32(i%7) / 64
					}
				}
			}
			want := numbers(m)
			out := t.TempDir()
			if err := Write(out, files, m.Weights(), F32); err != nil {
				t.Fatal(err)
			}
			_, again := open(t, out)
			got := numbers(again)
			if len(got) != len(want) {
				t.Errorf("%s: %d tensors, want %d", name, len(got), len(want))
			}
			for name, x := range want {
				for i, v := range got[name] {
					if v != x[i] {
						t.Fatalf("%s: tensor %s, number %d: %v, want %v", from, name, i, v, x[i])
					}
				}
			}
			if err := Write(out, files, m.Weights(), BF16); err != nil {
				t.Fatal(err)
			}
			_, rounded := open(t, out)
			for name, x := range numbers(rounded) {
				for i, v := range x {
					if w := want[name][i]; math.Abs(float64(v-w)) > math.Abs(float64(w))/256 {
						t.Fatalf("%s in bf16: tensor %s, number %d: %v, want %v", from, name, i, v, w)
					}
				}
			}
		}
	}
}

// TestConfig holds what a config.json becomes.
func TestConfig(t *testing.T) {
	o := &output{matrices: BF16}
	got, err := o.config([]byte(`{"torch_dtype": "float16", "quantization_config": {"a": 1}, "rope_theta": 10000000000000001}`))
	if err != nil {
		t.Fatal(err)
	}
	var c map[string]json.RawMessage
	if err := json.Unmarshal(got, &c); err != nil {
		t.Fatal(err)
	}
	if len(c) != 2 || string(c["torch_dtype"]) != `"bfloat16"` || string(c["rope_theta"]) != "10000000000000001" {
		t.Errorf("got %s", got)
	}
}

func TestBFloat16(t *testing.T) {
	for _, c := range []struct {
		x    float32
		want uint16
	}{{1, 0x3f80}, {1 + 1.0/256, 0x3f80}, {1 + 3.0/256, 0x3f82}, {1 + 1.5/256, 0x3f81}, {-2, 0xc000}, {float32(math.Inf(1)), 0x7f80}} {
		if got := bfloat16(math.Float32bits(c.x)); got != c.want {
			t.Errorf("%v: %#x, want %#x", c.x, got, c.want)
		}
	}
	if got := bfloat16(math.Float32bits(float32(math.NaN()))); got != 0x7fc0 {
		t.Errorf("NaN: %#x", got)
	}
}

// TestRandomize holds what random weights are: of a seed, and in their measures.
func TestRandomize(t *testing.T) {
	shape, err := tiny.Load(filepath.Join("..", "testdata", "grad", "llama"))
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := shape.WriteSafetensors(folder); err != nil {
		t.Fatal(err)
	}
	_, m := open(t, folder)
	Randomize(m.Weights(), 1)
	first := numbers(m)
	sum, square, n := 0.0, 0.0, 0.0
	for _, w := range m.Weights() {
		for _, v := range w.Values() {
			if w.Matrix == nil && v != 1 {
				t.Fatalf("%s has %v, want 1", w.Tensor, v)
			}
			if w.Matrix != nil && v != 0 {
				sum += float64(v)
				square += float64(v) * float64(v)
				n++
			}
		}
	}
	if mean, d := sum/n, math.Sqrt(square/n); math.Abs(mean) > 0.001 || math.Abs(d-deviation) > 0.001 {
		t.Errorf("mean %v, deviation %v, want 0 and %v", mean, d, deviation)
	}
	Randomize(m.Weights(), 2)
	same := 0
	for tensor, v := range numbers(m) {
		for i := range v {
			if v[i] == first[tensor][i] && v[i] != 1 && v[i] != 0 {
				same++
			}
		}
	}
	if float64(same) > n/1000 {
		t.Errorf("%d of %.0f numbers are those of another seed", same, n)
	}
	Randomize(m.Weights(), 1)
	for tensor, v := range numbers(m) {
		for i := range v {
			if v[i] != first[tensor][i] {
				t.Fatalf("%s: other numbers of the same seed", tensor)
			}
		}
	}
}
