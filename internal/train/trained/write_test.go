package trained

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/internal/quantize"
	"github.com/blitz-r1/blitz/internal/tensor"
	"github.com/blitz-r1/blitz/internal/train"
	"github.com/blitz-r1/blitz/internal/train/course"
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

// tokenizerJSON is a byte-level tokenizer of single bytes and two control tokens.
func tokenizerJSON() []byte {
	vocab, next := map[string]int{}, rune(256)
	for b := range 256 {
		r := rune(b)
		if b < '!' || '~' < b && b < 0xA1 || b == 0xAD {
			r = next
			next++
		}
		vocab[string(r)] = b
	}
	special := func(id int, text string) any {
		return map[string]any{"id": id, "content": text, "special": true, "normalized": false}
	}
	level := map[string]any{"type": "ByteLevel", "add_prefix_space": false, "use_regex": true}
	text, _ := json.Marshal(map[string]any{
		"added_tokens": []any{special(256, "<s>"), special(257, "</s>")}, "pre_tokenizer": level, "decoder": level,
		"model": map[string]any{"type": "BPE", "vocab": vocab, "merges": []string{"t h", "th e"}},
	})
	return []byte(strings.Replace(string(text), `"merges":["t h","th e"]`, `"merges":[]`, 1))
}

// logps returns log-probabilities of some tokens by a model of any type.
func logps(t *testing.T, path string) []float32 {
	t.Helper()
	files, err := checkpoint.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	m, err := model.Open(files, model.Options{SharedEnds: true})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	return logpsOf(t, m)
}

func logpsOf(t *testing.T, m *model.Model) []float32 {
	t.Helper()
	x, err := train.New(m, nil, train.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	b := &train.Batch{Rows: 1, Cols: 20, IDs: make([]int32, 20), Segments: make([]int32, 20), Weights: make([]float32, 20)}
	for i := range b.IDs {
		b.IDs[i], b.Segments[i], b.Weights[i] = int32(7*i%50), 1, 1
	}
	logp, err := x.LogP(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	return logp
}

// TestWriteAs writes a changed model in each form from both forms, and holds that the files
// answer as the model does: to the bit where nothing is rounded and the form stays, within
// float error in another order of rows, within what a type rounds else.
func TestWriteAs(t *testing.T) {
	shape, err := tiny.Load(filepath.Join("..", "..", "model", "testdata", "llama"))
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
	if err := os.WriteFile(filepath.Join(folder, "tokenizer.json"), tokenizerJSON(), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		from string
		Form
		within float64
		nearer float64 // to the changed model than to the one before, at least so many times
	}{
		{folder, Form{Type: "f32"}, 0, 1e6},
		{file, Form{Type: "F32"}, 0, 1e6},
		{file, Form{Type: "f32", GGUF: true}, 0, 1e6},
		{folder, Form{Type: "f32", GGUF: true}, 1e-4, 1e4},
		{folder, Form{Type: "bf16"}, 0.5, 20},
		{folder, Form{Type: "bf16", GGUF: true}, 0.5, 20},
		{folder, Form{Type: "q8_0"}, 3, 4},
		{file, Form{Type: "Q8_0"}, 3, 4},
		{folder, Form{Type: "q4_0", Threads: 2}, 15, 1.8},
		{file, Form{Type: "f16"}, 0.1, 100},
	} {
		files, m := open(t, c.from)
		if err := c.Check(files); err != nil {
			t.Fatal(err)
		}
		before := logpsOf(t, m)
		for k, w := range m.Weights() {
			for i, v := range w.Values() {
				w.Values()[i] = v * (1 + float32((i+k)%7)/8)
			}
		}
		want, out := logpsOf(t, m), t.TempDir()
		if err := WriteAs(t.Context(), out, files, m.Weights(), c.Form); err != nil {
			t.Fatal(err)
		}
		got := logps(t, out)
		most, all, changed := 0.0, 0.0, 0.0
		for i := range want {
			d := math.Abs(float64(got[i]) - float64(want[i]))
			most, all, changed = max(most, d), all+d, changed+math.Abs(float64(got[i])-float64(before[i]))
		}
		if !(most <= c.within && all*c.nearer < changed) {
			t.Errorf("%s as %+v: log-probabilities differ by up to %g, want %g; by %g in all, by %g from those before", filepath.Base(c.from), c.Form, most, c.within, all, changed)
		}
		entries, err := filepath.Glob(filepath.Join(out, "*"))
		gguf := files.GGUF() != nil || !c.plain(files)
		if err != nil || gguf != (len(entries) == 1 && filepath.Base(entries[0]) == "model.gguf") {
			t.Errorf("%s as %+v: wrote %q, error %v", filepath.Base(c.from), c.Form, entries, err)
		}
	}
	files, _ := open(t, folder)
	for label, want := range map[string]error{"q9": quantize.ErrOption, "iq1_s": course.ErrDoomed} {
		f := Form{Type: label}
		if err := f.Check(files); !errors.Is(err, want) {
			t.Errorf("%s: error %v, want %v", label, err, want)
		}
	}
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
	if mean, d := sum/n, math.Sqrt(square/n); math.Abs(mean) > 0.001 || math.Abs(d-Deviation) > 0.001 {
		t.Errorf("mean %v, deviation %v, want 0 and %v", mean, d, Deviation)
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
