package convert_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/gguf"
	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/convert"
	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/internal/quant"
	"github.com/blitz-r1/blitz/internal/quantize"
	"github.com/blitz-r1/blitz/internal/tensor"
	"github.com/blitz-r1/blitz/safetensors"
	"github.com/blitz-r1/blitz/tokenizer"
)

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

const tokenizerConfig = `{"bos_token": "<s>", "eos_token": "</s>", "add_bos_token": true, "chat_template": "{{ messages[0]['content'] }}"}`

func load(t *testing.T, name string) *tiny.Model {
	t.Helper()
	m, err := tiny.Load(filepath.Join("..", "model", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// folderOf writes a checkpoint and a tokenizer into a folder.
func folderOf(t *testing.T, c *tiny.Checkpoint, err error, shards int) string {
	t.Helper()
	dir := t.TempDir()
	if err == nil {
		err = c.Write(dir, shards)
	}
	for name, text := range map[string][]byte{"tokenizer.json": tokenizerJSON(), "tokenizer_config.json": []byte(tokenizerConfig)} {
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), text, 0o600)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func open(t *testing.T, path string) *convert.Folder {
	t.Helper()
	f, err := convert.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// write writes a folder as a GGUF file of float32 numbers, and whole ones where it has them so,
// in pieces of a few rows.
func write(t *testing.T, f *convert.Folder, path string) {
	t.Helper()
	w, err := gguf.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	check := func(err error) {
		if err != nil {
			t.Helper()
			t.Fatal(err)
		}
	}
	for _, k := range f.KeyValues() {
		check(w.Put(k.Key, k.Value))
	}
	for _, x := range f.Tensors() {
		as, _ := gguf.ParseType("F32")
		if x.Type == tensor.I32 {
			as, _ = gguf.ParseType("I32")
		}
		check(w.Declare(x.Name, as, x.Shape...))
	}
	for i, x := range f.Tensors() {
		n, _ := tensor.Elements(x.Shape)
		cols := x.Shape[len(x.Shape)-1]
		var all []byte
		for row, step := 0, 1; row < n/cols; row += step {
			step = min(7, n/cols-row)
			v := make([]float32, step*cols)
			check(f.Rows(context.Background(), i, row, v))
			if x.Type == tensor.I32 {
				b := make([]byte, 4*len(v))
				check(f.Bytes(context.Background(), i, row, b))
				all = append(all, b...)
				for k, id := range v {
					if float32(int32(binary.LittleEndian.Uint32(b[4*k:]))) != id {
						t.Fatalf("%s: row %d: %v as a number, %v as bytes", x.Name, row, id, b[4*k:][:4])
					}
				}
				continue
			}
			for _, x := range v {
				all = binary.LittleEndian.AppendUint32(all, math.Float32bits(x))
			}
		}
		check(w.WriteTensor(x.Name, all))
		f.Done(i)
	}
	check(w.Close())
}

// run starts a model; close ends it.
func run(t *testing.T, path string) (e *blitz.Engine, close func()) {
	t.Helper()
	m, err := blitz.Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if e, err = blitz.NewEngine(m, nil); err != nil {
		m.Close()
		t.Fatal(err)
	}
	return e, func() {
		e.Close()
		m.Close()
	}
}

// logits computes the logits of a few tokens.
func logits(t *testing.T, path string) (all []float32) {
	t.Helper()
	e, end := run(t, path)
	defer end()
	ids := []int32{5, 9, 13, 100, 17, 3, 77, 41}
	err := e.Logits(context.Background(), [][]int32{ids}, blitz.LogitsPlan{}, func(_, _ int, x []float32) error {
		all = append(all, x...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// off is how far two lists are apart, in deviations of the second.
func off(got, want []float32) float64 {
	var sum, square, mean float64
	for i, x := range want {
		d := float64(got[i]) - float64(x)
		sum += d * d
		mean += float64(x)
		square += float64(x) * float64(x)
	}
	n := float64(len(want))
	return math.Sqrt(sum/n) / math.Sqrt(square/n-mean/n*mean/n)
}

// TestModels converts a model of each family: names, shapes, numbers and metadata are those
// of the files that are published, and the logits those of the folder, bit for bit where
// no rows change places.
func TestModels(t *testing.T) {
	for _, name := range []string{
		"llama", "qwen2", "qwen3", "qwen3-moe", "gemma3-text", "deepseek-v2", "deepseek-v2-lite", "deepseek-v3", "deepseek-v3-mtp", "deepseek-v32", "glm4-moe-lite", "kimi-k2",
		"gpt-oss", "gpt-oss-mxfp4", "smollm3", "gemma2", "qwen2-moe", "glm4-moe", "minimax-m2", "ministral3", "mistral3", "mistral4", "mistral-large-3", "glm-moe-dsa",
		"qwen3-next", "qwen3.5", "qwen3.5-moe", "gemma4", "gemma4-moe", "gemma4-e", "deepseek-v4", "deepseek-v4-pro", "deepseek-v4-mtp", "deepseek-v4-dspark", "phi3", "phi3-long",
	} {
		t.Run(name, func(t *testing.T) {
			m := load(t, name)
			c, err := m.Checkpoint(tensor.F32)
			folder := folderOf(t, c, err, 2)
			f := open(t, folder)
			path := filepath.Join(t.TempDir(), "out.gguf")
			write(t, f, path)
			if want, err := m.GGUF(tensor.F32, tiny.Split); err == nil && !slices.Contains([]string{"mistral3", "gpt-oss-mxfp4"}, name) {
				sameFile(t, path, want)
			} else if name != "mistral3" && name != "mistral-large-3" && name != "gpt-oss-mxfp4" { // in a wrapper, with other names, packed
				t.Fatal(err)
			}
			a, b := logits(t, folder), logits(t, path)
			if slices.Contains([]string{"llama", "smollm3", "ministral3", "mistral3", "phi3", "phi3-long"}, name) { // sums in another order, and divisors of frequencies are rounded
				if d := off(b, a); !(d < 1e-5) {
					t.Errorf("logits are %g deviations off", d)
				}
			} else if !slices.Equal(a, b) {
				t.Errorf("other logits than those of the folder, %g deviations off", off(b, a))
			}
		})
	}
}

// TestPacked converts experts that are published in MXFP4: code by code, whatever the others
// become.
func TestPacked(t *testing.T) {
	c, err := load(t, "gpt-oss-mxfp4").Checkpoint(tensor.BF16)
	testPacked(t, c, err)
	c, err = load(t, "deepseek-v4-fp8").PublishedV4()
	testPacked(t, c, err)
}

func testPacked(t *testing.T, c *tiny.Checkpoint, err error) {
	t.Helper()
	f := open(t, folderOf(t, c, err, 1))
	packed, all := f.Packed(), f.Tensors()
	if len(packed) == 0 || f.DefaultType() != tensor.BF16 {
		t.Fatalf("packed: %v, default %v", packed, f.DefaultType())
	}
	for i := range all {
		x := &all[i]
		if !strings.Contains(x.Name, "_exps.weight") {
			if slices.Contains(packed, x.Name) {
				t.Errorf("%s is packed", x.Name)
			}
			continue
		}
		n, _ := tensor.Elements(x.Shape)
		cols := x.Shape[len(x.Shape)-1]
		rows, numbers := make([]float32, 3*cols), make([]float32, 3*cols)
		data := make([]byte, 3*tensor.MXFP4.RowBytes(cols))
		for first := 0; first+3 <= n/cols; first += 3 {
			if err := errors.Join(f.Rows(t.Context(), i, first, rows), f.Bytes(t.Context(), i, first, data), quant.Decode(numbers, tensor.MXFP4, data)); err != nil {
				t.Fatal(err)
			}
			if x.Type != tensor.MXFP4 || !slices.Contains(packed, x.Name) || !slices.Equal(rows, numbers) {
				t.Fatalf("%s is %v: row %d: other numbers", x.Name, x.Type, first)
			}
		}
	}
}

// sameFile holds a file to what a published one of the model has.
func sameFile(t *testing.T, path string, want *tiny.GGUF) {
	t.Helper()
	f, err := gguf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, k := range want.Keys {
		if v, ok := f.Value(k.Key); !ok || v.String() != k.Value.String() {
			t.Errorf("%s is %v, want %v", k.Key, v, k.Value)
		}
	}
	if len(f.Tensors()) != len(want.Tensors) {
		t.Errorf("%d tensors, want %d", len(f.Tensors()), len(want.Tensors))
	}
	for _, x := range want.Tensors {
		g, ok := f.Tensor(x.Name)
		if !ok || !slices.Equal(g.Shape, x.Shape) || !slices.Equal(f.Bytes(g), x.Data) {
			t.Errorf("%s: %v, want %v, or other numbers", x.Name, g.Shape, x.Shape)
		}
	}
	if s, _ := f.String("tokenizer.chat_template"); !strings.Contains(s, "messages") {
		t.Errorf("chat template %q", s)
	}
	tok, err := tokenizer.FromGGUF(f)
	if err != nil {
		t.Fatal(err)
	}
	embed, _ := f.Tensor("token_embd.weight")
	if tok.VocabSize() > embed.Shape[0] || tok.EOS() >= int32(embed.Shape[0]) {
		t.Errorf("%d tokens, EOS %d, want %d", tok.VocabSize(), tok.EOS(), embed.Shape[0])
	}
}

// TestStoredTypes converts what is stored in other types: each number is the stored one.
func TestStoredTypes(t *testing.T) {
	m := load(t, "deepseek-v3-fp8")
	bf16, errBF16 := m.Checkpoint(tensor.BF16)
	fp8, errFP8 := m.FP8(false)
	exponents, errE8 := m.FP8(true)
	v4, errV4 := load(t, "deepseek-v4-fp8").PublishedV4()
	for _, x := range []struct {
		name string
		c    *tiny.Checkpoint
		err  error
		kept tensor.DType
	}{{"BF16", bf16, errBF16, tensor.BF16}, {"FP8", fp8, errFP8, tensor.BF16}, {"FP8 with E8M0 scales", exponents, errE8, tensor.BF16}, {"V4's FP8 and MXFP4", v4, errV4, tensor.BF16}} {
		folder := folderOf(t, x.c, x.err, 3)
		f := open(t, folder)
		if got := f.DefaultType(); got != x.kept {
			t.Errorf("%s: converted to %v, want %v", x.name, got, x.kept)
		}
		path := filepath.Join(t.TempDir(), "out.gguf")
		write(t, f, path)
		if d := off(logits(t, path), logits(t, folder)); !(d < 1e-5) {
			t.Errorf("%s: logits are %g deviations off", x.name, d)
		}
	}
}

// TestHalves converts a DeepSeek model whose rotary embedding turns halves, which GGUF
// files do not know: rows change places, logits do not.
func TestHalves(t *testing.T) {
	for _, name := range []string{"deepseek-v3-mtp", "deepseek-v2-lite", "deepseek-v32"} {
		m := load(t, name).With(map[string]any{"rope_interleave": false})
		c, err := m.Checkpoint(tensor.F32)
		folder := folderOf(t, c, err, 1)
		path := filepath.Join(t.TempDir(), "out.gguf")
		write(t, open(t, folder), path)
		if d := off(logits(t, path), logits(t, folder)); !(d < 1e-5) {
			t.Errorf("%s: logits are %g deviations off", name, d)
		}
	}
}

// TestNotes converts models of which a GGUF file cannot tell everything.
func TestNotes(t *testing.T) {
	for _, x := range []struct {
		name    string
		changes map[string]any
		want    string
	}{
		{"qwen2", map[string]any{"use_sliding_window": true}, "sliding_window"},
		{"qwen3-moe", map[string]any{"norm_topk_prob": false}, "norm_topk_prob"},
		{"gemma3-text", map[string]any{"query_pre_attn_scalar": 48}, "query_pre_attn_scalar"},
		{"qwen2", nil, ""},
	} {
		c, err := load(t, x.name).With(x.changes).Checkpoint(tensor.F32)
		f := open(t, folderOf(t, c, err, 1))
		if notes := strings.Join(f.Notes(), "\n"); x.want == "" && notes != "" || !strings.Contains(notes, x.want) {
			t.Errorf("%s %v: notes %q, want one of %q", x.name, x.changes, notes, x.want)
		}
	}
}

// TestGivenNames holds the name in an error of numbers that come from the configuration.
func TestGivenNames(t *testing.T) {
	m := load(t, "phi3-long")
	var config struct {
		Rope map[string]any `json:"rope_parameters"`
	}
	if err := json.Unmarshal(m.Raw, &config); err != nil {
		t.Fatal(err)
	}
	long, _ := config.Rope["long_factor"].([]any)
	long[len(long)-1] = 1e39 // which float32 has not
	c, err := m.With(map[string]any{"rope_parameters": config.Rope}).Checkpoint(tensor.F32)
	f := open(t, folderOf(t, c, err, 1))
	i := slices.IndexFunc(f.Tensors(), func(x quantize.Tensor) bool { return x.Name == "rope_factors_long.weight" })
	err = f.Bytes(t.Context(), i, 0, make([]byte, 4*len(long)))
	if !errors.Is(err, model.ErrTensor) || !strings.Contains(err.Error(), "tensor rope_factors_long.weight") {
		t.Errorf("got %v, want %v of rope_factors_long.weight", err, model.ErrTensor)
	}
}

// TestRefused opens what cannot be converted: the error names what is wrong.
func TestRefused(t *testing.T) {
	change := func(name string, changes map[string]any) func(t *testing.T) string {
		return func(t *testing.T) string {
			c, err := load(t, name).With(changes).Checkpoint(tensor.F32)
			return folderOf(t, c, err, 1)
		}
	}
	edit := func(name string, with func(dir string) error) func(t *testing.T) string {
		return func(t *testing.T) string {
			dir := change(name, nil)(t)
			if err := with(dir); err != nil {
				t.Fatal(err)
			}
			return dir
		}
	}
	for _, x := range []struct {
		name   string
		folder func(t *testing.T) string
		want   error
		word   string
	}{
		{"dense layers among experts", change("qwen3-moe", map[string]any{"mlp_only_layers": []int{1}}), model.ErrConfig, "mlp_only_layers"},
		{"no tokenizer", edit("qwen2", func(dir string) error { return os.Remove(filepath.Join(dir, "tokenizer.json")) }), model.ErrConfig, "tokenizer.json"},
		{"an odd pre-tokenizer", edit("qwen2", func(dir string) error {
			text := strings.Replace(string(tokenizerJSON()), `"use_regex":true},"`, `"use_regex":false},"`, 1)
			text = strings.ReplaceAll(text, `"use_regex":true`, `"use_regex":false`)
			return os.WriteFile(filepath.Join(dir, "tokenizer.json"), []byte(text), 0o600)
		}), tokenizer.ErrUnsupported, "tokenizer.ggml.pre"},
		{"another architecture", edit("qwen2", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "config.json"), []byte(`{"model_type": "frog"}`), 0o600)
		}), model.ErrArch, "frog"},
		{"a tensor that nothing reads", edit("qwen2", func(dir string) error {
			w, err := safetensors.Create(filepath.Join(dir, "model.safetensors"))
			if err != nil {
				return err
			}
			defer w.Abort()
			return errors.Join(w.Declare("model.layers.0.self_attn.q_proj.weight", safetensors.F32, 1), w.WriteTensor("model.layers.0.self_attn.q_proj.weight", make([]byte, 4)), w.Close())
		}), model.ErrTensor, "embed_tokens"},
		{"a GGUF file", func(t *testing.T) string {
			path := filepath.Join(t.TempDir(), "m.gguf")
			if err := load(t, "qwen2").WriteGGUF(path, tensor.F32); err != nil {
				t.Fatal(err)
			}
			return path
		}, checkpoint.ErrFiles, "m.gguf"},
		{"a matrix of GPTQ", func(t *testing.T) string { return folderOf(t, asGPTQ(t), nil, 1) }, model.ErrTensor, "q_proj.weight: is packed by another tool"},
		{"FP8 with scales of compressed-tensors", func(t *testing.T) string { return folderOf(t, rescaled(t, "_scale", 1), nil, 1) }, model.ErrTensor, "weight_scale: is a scale of compressed-tensors"},
		{"FP8 with a scale a tensor", func(t *testing.T) string { return folderOf(t, rescaled(t, "_scale_inv", 1), nil, 1) }, model.ErrTensor, "weight_scale_inv: has scales of other blocks"},
		{"no folder", func(t *testing.T) string { return filepath.Join(t.TempDir(), "nowhere") }, os.ErrNotExist, "nowhere"},
		{"an empty folder", func(t *testing.T) string { return t.TempDir() }, checkpoint.ErrNoModel, "no model"},
	} {
		_, err := convert.Open(x.folder(t))
		if !errors.Is(err, x.want) || !strings.Contains(fmt.Sprint(err), x.word) {
			t.Errorf("%s: got %v, want %v with %q", x.name, err, x.want, x.word)
		}
	}
}

// asGPTQ is a model of which one matrix is stored as GPTQ does: all of its weights are zero.
func asGPTQ(t *testing.T) *tiny.Checkpoint {
	t.Helper()
	m := load(t, "llama").With(map[string]any{"quantization_config": map[string]any{"quant_method": "gptq", "bits": 4}})
	c, err := m.Checkpoint(tensor.F32)
	if err != nil {
		t.Fatal(err)
	}
	for i, x := range c.Tensors {
		layer, is := strings.CutSuffix(x.Name, "layers.0.self_attn.q_proj.weight")
		if !is {
			continue
		}
		layer += "layers.0.self_attn.q_proj"
		rows, cols := x.Shape[0], x.Shape[1]
		c.Tensors = append(slices.Delete(c.Tensors, i, i+1),
			tiny.Stored{Name: layer + ".qweight", Type: tensor.I32, Shape: []int{cols / 8, rows}, Data: bytes.Repeat([]byte{0x88}, rows*cols/2)},
			tiny.Stored{Name: layer + ".qzeros", Type: tensor.I32, Shape: []int{cols / 32, rows / 8}, Data: bytes.Repeat([]byte{0x77}, rows*cols/64)},
			tiny.Stored{Name: layer + ".scales", Type: tensor.F16, Shape: []int{cols / 32, rows}, Data: bytes.Repeat([]byte{0, 0x3c}, rows*cols/32)})
		return c
	}
	t.Fatal("the model has no such matrix")
	return nil
}

// rescaled is an FP8 checkpoint whose tensors have n scales each, under names of that ending.
func rescaled(t *testing.T, ending string, n int) *tiny.Checkpoint {
	t.Helper()
	c, err := load(t, "llama").FP8(false)
	if err != nil {
		t.Fatal(err)
	}
	for i := range c.Tensors {
		x := &c.Tensors[i]
		if name, is := strings.CutSuffix(x.Name, "_scale_inv"); is {
			x.Name, x.Shape, x.Data = name+ending, []int{n}, x.Data[:4*n]
		}
	}
	return c
}
