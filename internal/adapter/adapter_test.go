package adapter

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/tensor"
	"github.com/blitz-r1/blitz/safetensors"
)

// golden is an adapter as PEFT 0.21 saved it.
const golden = "testdata/rslora"

func read(t *testing.T, folder string) *Adapter {
	t.Helper()
	a, err := Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	if err := a.Read(); err != nil {
		t.Fatal(err)
	}
	return a
}

func TestRead(t *testing.T) {
	a := read(t, golden)
	want := map[string]struct {
		out, in, rank int
		scale         float64
	}{
		"model.layers.0.self_attn.q_proj": {64, 64, 3, 5 / math.Sqrt(3)},
		"model.layers.1.self_attn.v_proj": {32, 64, 3, 7 / math.Sqrt(3)},
		"model.layers.1.mlp.down_proj":    {64, 128, 2, 5 / math.Sqrt(2)},
	}
	found := 0
	for _, m := range a.Modules {
		w, ok := want[m.Name]
		if !ok {
			continue
		}
		found++
		if m.Out != w.out || m.In != w.in || m.Rank != w.rank || m.Scale != float32(w.scale) {
			t.Errorf("%s: [%d %d] rank %d scale %v, want %v", m.Name, m.Out, m.In, m.Rank, m.Scale, w)
		}
		if len(m.A) != m.Rank*m.In || len(m.B) != m.Out*m.Rank {
			t.Errorf("%s: %d and %d numbers", m.Name, len(m.A), len(m.B))
		}
	}
	if len(a.Modules) != 6 || found != len(want) {
		t.Errorf("%d modules, of which %d are known, want 6 and %d", len(a.Modules), found, len(want))
	}
}

// TestWrite writes an adapter and reads it again: the same in all that it does.
func TestWrite(t *testing.T) {
	a := read(t, golden)
	a.Root = strings.Repeat("ab", 32)
	folder := filepath.Join(t.TempDir(), "new")
	if err := a.Write(folder); err != nil {
		t.Fatal(err)
	}
	b := read(t, folder)
	if a.Digest() != b.Digest() || b.Root != a.Root {
		t.Errorf("digest %v of base %q, want %v of %q", b.Digest(), b.Root, a.Digest(), a.Root)
	}
	b.Modules[0].Scale *= 2
	if b.sum() == a.Digest() {
		t.Error("another scale has the same digest")
	}
}

func TestNew(t *testing.T) {
	targets, err := NewTargets(AllLinear)
	if err != nil {
		t.Fatal(err)
	}
	layers := []Layer{{"lm_head", 100, 20}, {"model.layers.0.mlp.up_proj", 30, 20}, {"model.layers.0.self_attn.q_proj", 20, 20}}
	c := &Config{Rank: 4, Alpha: 8, Targets: targets}
	a, err := New(c, layers, 7)
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Modules) != 2 || a.Modules[0].Scale != 2 {
		t.Fatalf("modules %v", a.Modules)
	}
	m := &a.Modules[0]
	least, most := m.A[0], m.A[0]
	for _, x := range m.A {
		least, most = min(least, x), max(most, x)
	}
	if bound := float32(1 / math.Sqrt(20)); least < -bound || most > bound || least > -bound/2 || most < bound/2 {
		t.Errorf("A between %v and %v, want nearly %v", least, most, bound)
	}
	for _, x := range m.B {
		if x != 0 {
			t.Fatal("B is not zero")
		}
	}
	again, _ := New(c, layers[1:2], 7)
	if again.Modules[0].A[3] != m.A[3] {
		t.Error("the numbers of a module depend on other modules")
	}
	folder := t.TempDir()
	if err := a.Write(folder); err != nil {
		t.Fatal(err)
	}
	if got := read(t, folder); got.Digest() != a.Digest() {
		t.Errorf("written and read: %v, want %v", got.Digest(), a.Digest())
	}
	if _, err := New(&Config{Rank: 21, Alpha: 1, Targets: targets}, layers, 7); !errors.Is(err, ErrFormat) {
		t.Errorf("a rank of 21: %v", err)
	}
	none, _ := NewTargets("fc1", "fc2")
	if _, err := New(&Config{Rank: 2, Alpha: 1, Targets: none}, layers, 7); !errors.Is(err, ErrFormat) {
		t.Errorf("no target: %v", err)
	}
}

func TestTargets(t *testing.T) {
	const name = "model.layers.10.mlp.experts.3.down_proj"
	for _, c := range []struct {
		words []string
		want  bool
	}{
		{[]string{"down_proj"}, true},
		{[]string{"proj"}, false},
		{[]string{"up_proj", "experts.3.down_proj"}, true},
		{[]string{"xperts.3.down_proj"}, false},
		{[]string{AllLinear}, true},
		{[]string{`.*\.layers\.1\d\..*_proj`}, true},
		{[]string{`layers\.10\..*_proj`}, false}, // whole names
	} {
		x, err := NewTargets(c.words...)
		if err != nil {
			t.Fatal(err)
		}
		if x.Match(name) != c.want {
			t.Errorf("%q: %v, want %v", c.words, !c.want, c.want)
		}
	}
	if _, err := NewTargets(`(a`); err == nil {
		t.Error("a wrong expression has no error")
	}
}

// TestPatterns: the first pattern that fits counts, as in PEFT.
func TestPatterns(t *testing.T) {
	var list Patterns
	for i, text := range []string{`^model\.layers\.0\.q_proj`, `layers\.0\..*`, "q_proj"} {
		p, err := NewPattern(text, float64(i+1))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
	for name, want := range map[string]float64{"model.layers.0.q_proj": 1, "x.model.layers.0.q_proj": 2, "model.layers.0.k_proj": 2, "model.layers.1.q_proj": 3, "q_proj": 3, "model.my_q_proj": 0} {
		if got, _ := list.of(name); got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

// variant writes the golden adapter with changes to its tensors and settings.
func variant(t *testing.T, change func(tensors map[string][]float32, shapes map[string][]int), settings map[string]any) string {
	t.Helper()
	a := read(t, golden)
	tensors, shapes := map[string][]float32{}, map[string][]int{}
	for _, m := range a.Modules {
		tensors[TensorA(m.Name)], shapes[TensorA(m.Name)] = m.A, []int{m.Rank, m.In}
		tensors[TensorB(m.Name)], shapes[TensorB(m.Name)] = m.B, []int{m.Out, m.Rank}
	}
	if change != nil {
		change(tensors, shapes)
	}
	folder := t.TempDir()
	w, err := safetensors.Create(filepath.Join(folder, WeightsName))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	var names []string
	for name := range tensors {
		names = append(names, name)
		w.Declare(name, safetensors.F32, shapes[name]...)
	}
	for _, name := range names {
		w.WriteTensor(name, encode(nil, tensors[name]))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(golden, ConfigName))
	if err != nil {
		t.Fatal(err)
	}
	var values map[string]any
	if err := json.Unmarshal(text, &values); err != nil {
		t.Fatal(err)
	}
	for k, v := range settings {
		if values[k] = v; v == "absent" {
			delete(values, k)
		}
	}
	if text, err = json.Marshal(values); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, ConfigName), text, 0o644); err != nil {
		t.Fatal(err)
	}
	return folder
}

func TestRefused(t *testing.T) {
	const q = "base_model.model.model.layers.0.self_attn.q_proj"
	type tensors = map[string][]float32
	type sizes = map[string][]int
	cut := func(name string, rows, cols int) func(tensors, sizes) {
		return func(x tensors, s sizes) { x[name], s[name] = make([]float32, rows*cols), []int{rows, cols} }
	}
	for name, c := range map[string]struct {
		change   func(tensors, sizes)
		settings map[string]any
		want     string
	}{
		"DoRA":             {nil, map[string]any{"use_dora": true}, "use_dora"},
		"IA3":              {nil, map[string]any{"peft_type": "IA3"}, "IA3"},
		"no kind":          {nil, map[string]any{"peft_type": "absent"}, "peft_type"},
		"modules to save":  {nil, map[string]any{"modules_to_save": []string{"lm_head"}}, "modules_to_save"},
		"parameters":       {nil, map[string]any{"target_parameters": []string{"down_proj"}}, "target_parameters"},
		"biases":           {nil, map[string]any{"bias": "lora_only"}, "bias"},
		"PiSSA":            {nil, map[string]any{"init_lora_weights": "pissa_niter_4"}, "pissa_niter_4"},
		"rank 0":           {nil, map[string]any{"r": 0}, "r is 0"},
		"rank 2.5":         {nil, map[string]any{"r": 2.5}, "r is 2.5"},
		"rank of text":     {nil, map[string]any{"r": "four"}, `r is "four"`},
		"other rank":       {nil, map[string]any{"r": 4}, "rank that r and rank_pattern give"},
		"pattern of 0":     {nil, map[string]any{"rank_pattern": map[string]int{"q_proj": 0}}, "rank_pattern"},
		"wrong pattern":    {nil, map[string]any{"alpha_pattern": map[string]int{"(": 1}}, "alpha_pattern"},
		"long patterns":    {nil, map[string]any{"rank_pattern": map[string]int{strings.Repeat("a{1000}", 3000): 2}}, "rank_pattern"},
		"endless scale":    {nil, map[string]any{"lora_alpha": 1e300}, "scale"},
		"no target":        {nil, map[string]any{"target_modules": []string{"v_proj", "down_proj"}}, "layers.0.self_attn.q_proj"},
		"excluded":         {nil, map[string]any{"exclude_modules": `.*layers\.0.*q_proj`}, "layers.0.self_attn.q_proj"},
		"A without B":      {func(x tensors, _ sizes) { delete(x, q+".lora_B.weight") }, nil, "q_proj: has a lora_A without"},
		"B without A":      {func(x tensors, _ sizes) { delete(x, q+".lora_A.weight") }, nil, "q_proj: has a lora_B without"},
		"magnitudes":       {cut(q+".lora_magnitude_vector", 1, 64), nil, "lora_magnitude_vector"},
		"no prefix":        {cut("model.q_proj.lora_A.weight", 3, 64), nil, "tensor model.q_proj.lora_A.weight"},
		"A of wrong rank":  {cut(q+".lora_A.weight", 4, 64), nil, "lora_A.weight: shape [4 64]"},
		"B of wrong rank":  {cut(q+".lora_B.weight", 64, 2), nil, "lora_B.weight: shape [64 2]"},
		"rank over matrix": {func(x tensors, s sizes) { cut(q+".lora_B.weight", 2, 3)(x, s) }, nil, "rank 3, want at most 2"},
		"NaN":              {func(x tensors, _ sizes) { x[q+".lora_B.weight"][5] = float32(math.NaN()) }, nil, "row 1, column 2 is NaN"},
		"infinity":         {func(x tensors, _ sizes) { x[q+".lora_A.weight"][0] = float32(math.Inf(-1)) }, nil, "row 0, column 0 is -Inf"},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := Open(variant(t, c.change, c.settings))
			if err == nil {
				err = a.Read()
				a.Close()
			}
			if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want a refusal with %q", err, c.want)
			}
		})
	}
	if a := read(t, variant(t, nil, map[string]any{"target_modules": `(?=.*_proj).*`})); len(a.Modules) != 6 {
		t.Errorf("%d modules where Python alone reads the targets, want 6", len(a.Modules))
	}
}

func TestMissing(t *testing.T) {
	if _, err := Open(t.TempDir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an empty folder: %v, want ErrNotExist", err)
	}
	folder := t.TempDir()
	for text, want := range map[string]string{"[]": "no JSON object", "null": "no JSON object", "{} {}": "more than one", "{": "no JSON object", strings.Repeat(" ", maxConfig+1): "longer"} {
		if err := os.WriteFile(filepath.Join(folder, ConfigName), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(folder); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.10q: %v, want a refusal with %q", text, err, want)
		}
	}
}

// FuzzConfig reads any configuration: an error, or one whose ranks are 1 or more.
func FuzzConfig(f *testing.F) {
	text, err := os.ReadFile(filepath.Join(golden, ConfigName))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(text))
	f.Add(`{"peft_type":"LORA","r":1e9,"rank_pattern":{"a":1,"a":2},"target_modules":"x|y"}`)
	folder := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(filepath.Join(folder, ConfigName), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		c, err := readConfig(folder)
		if err != nil {
			if !errors.Is(err, ErrFormat) {
				t.Fatal(err)
			}
			return
		}
		if r := c.RankOf("model.layers.0.self_attn.q_proj"); r < 1 {
			t.Errorf("rank %d", r)
		}
		c.Targets.Match("model.layers.0.self_attn.q_proj")
	})
}

func TestEncode(t *testing.T) {
	if b := encode(nil, []float32{1, -2}); len(b) != 8 || tensor.F32.RowBytes(2) != 8 || b[3] != 0x3f || b[7] != 0xc0 {
		t.Errorf("% x", b)
	}
}
