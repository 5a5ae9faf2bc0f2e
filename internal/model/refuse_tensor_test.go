package model

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// edit changes the tensor of that name in a list.
func edit(all []tiny.Stored, name string, change func(x *tiny.Stored)) []tiny.Stored {
	all = slices.Clone(all)
	i := slices.IndexFunc(all, func(x tiny.Stored) bool { return x.Name == name })
	change(&all[i])
	if all[i].Name == "" {
		return slices.Delete(all, i, i+1)
	}
	return all
}

// drop takes a tensor away, shorter takes its last row, and wider makes it one column.
func drop(x *tiny.Stored) { *x = tiny.Stored{} }

func shorter(x *tiny.Stored) {
	n := len(x.Data) / x.Shape[0]
	x.Shape = append([]int{x.Shape[0] - 1}, x.Shape[1:]...)
	x.Data = x.Data[:len(x.Data)-n]
}

func turned(x *tiny.Stored) { x.Shape = []int{x.Shape[1], x.Shape[0]} }

func integers(x *tiny.Stored) { x.Type = tensor.I32 }

func withNaN(x *tiny.Stored)      { copy(x.Data[4:], []byte{0, 0, 0xc0, 0x7f}) }
func withInfinity(x *tiny.Stored) { copy(x.Data[8:], []byte{0, 0, 0x80, 0xff}) }

// TestRefusedTensors opens checkpoints with tensors missing, of the wrong shape or of a
// type without weights.
func TestRefusedTensors(t *testing.T) {
	for _, c := range []struct {
		model, name string
		change      func(*tiny.Stored)
		words       []string // got and wanted
	}{
		{"deepseek-v3", "model.embed_tokens.weight", drop, []string{"is missing", "[320 128]"}},
		{"deepseek-v3", "lm_head.weight", drop, []string{"is missing", "[320 128]"}},
		{"deepseek-v3", "model.norm.weight", drop, []string{"is missing", "[128]"}},
		{"deepseek-v3", "model.layers.0.self_attn.q_a_proj.weight", drop, []string{"is missing", "[64 128]"}},
		{"deepseek-v3", "model.layers.2.self_attn.kv_a_layernorm.weight", drop, []string{"is missing", "[64]"}},
		{"deepseek-v3", "model.layers.1.self_attn.kv_b_proj.weight", drop, []string{"is missing", "[256 64]"}},
		{"deepseek-v3", "model.layers.1.self_attn.kv_b_proj.weight", shorter, []string{"shape [255 64]", "[256 64]"}},
		{"deepseek-v3", "model.layers.1.self_attn.kv_a_proj_with_mqa.weight", turned, []string{"shape [128 80]", "[80 128]"}},
		{"deepseek-v3", "model.layers.1.mlp.gate.weight", shorter, []string{"shape [15 128]", "[16 128]"}},
		{"deepseek-v3", "model.layers.1.mlp.gate.e_score_correction_bias", drop, []string{"is missing", "[16]"}},
		{"deepseek-v3", "model.layers.1.mlp.gate.e_score_correction_bias", shorter, []string{"shape [15]", "[16]"}},
		{"deepseek-v3", "model.layers.3.mlp.experts.15.down_proj.weight", drop, []string{"is missing", "[128 64]"}},
		{"deepseek-v3", "model.layers.3.mlp.experts.7.up_proj.weight", turned, []string{"shape [128 64]", "[64 128]"}},
		{"deepseek-v3", "model.layers.3.mlp.experts.7.up_proj.weight", integers, []string{"type I32"}},
		{"deepseek-v3", "model.layers.3.mlp.shared_experts.up_proj.weight", drop, []string{"is missing", "[64 128]"}},
		{"deepseek-v3", "model.layers.0.mlp.gate_proj.weight", drop, []string{"is missing", "[192 128]"}},
		{"deepseek-v3", "model.layers.0.input_layernorm.weight", integers, []string{"type I32", "a float type"}},
		{"deepseek-v2-lite", "model.layers.1.self_attn.q_proj.weight", drop, []string{"is missing", "[192 128]"}},
		{"deepseek-v32", "model.layers.1.self_attn.indexer.wq_b.weight", drop, []string{"is missing", "[512 64]"}},
		{"deepseek-v32", "model.layers.1.self_attn.indexer.k_norm.bias", drop, []string{"is missing", "[64]"}},
		{"deepseek-v32", "model.layers.1.self_attn.indexer.weights_proj.weight", turned, []string{"shape [128 8]", "[8 128]"}},
		{"deepseek-v3-mtp", "model.layers.3.enorm.weight", drop, []string{"is missing", "[128]"}},
		{"deepseek-v3-mtp", "model.layers.3.eh_proj.weight", turned, []string{"shape [256 128]", "[128 256]"}},
		{"deepseek-v3", "model.layers.1.input_layernorm.weight", withNaN, []string{"element 1 is NaN", "numbers"}},
		{"deepseek-v3", "model.layers.1.mlp.gate.e_score_correction_bias", withInfinity, []string{"element 2 is -Inf", "numbers"}},
		{"qwen2", "model.layers.0.self_attn.v_proj.bias", withNaN, []string{"element 1 is NaN", "numbers"}},
		{"qwen2", "model.layers.1.self_attn.k_proj.bias", drop, []string{"is missing", "bias"}},
	} {
		model, err := tiny.Load(filepath.Join("testdata", c.model))
		if err != nil {
			t.Fatal(err)
		}
		k, err := model.Checkpoint(tensor.F32)
		if err != nil {
			t.Fatal(err)
		}
		k.Tensors = edit(k.Tensors, c.name, c.change)
		folder := filepath.Join(t.TempDir(), c.model)
		if err := k.Write(folder, 1); err != nil {
			t.Fatal(err)
		}
		refused(t, folder, ErrTensor, append([]string{c.name}, c.words...)...)
	}
}

// TestRefusedBias opens a model whose configuration promises biases that its files do
// not have.
func TestRefusedBias(t *testing.T) {
	for model, c := range map[string]struct{ key, tensor string }{
		"llama":       {"attention_bias", "model.layers.0.self_attn.q_proj.bias"},
		"qwen3":       {"attention_bias", "model.layers.0.self_attn.q_proj.bias"},
		"deepseek-v3": {"attention_bias", "model.layers.0.self_attn.q_a_proj.bias"},
	} {
		m, err := tiny.Load(filepath.Join("testdata", model))
		if err != nil {
			t.Fatal(err)
		}
		k, err := m.Checkpoint(tensor.F32)
		if err != nil {
			t.Fatal(err)
		}
		k.Config = m.With(map[string]any{c.key: true}).Raw
		folder := t.TempDir()
		if err := k.Write(folder, 1); err != nil {
			t.Fatal(err)
		}
		refused(t, folder, ErrTensor, c.tensor, "is missing")

		k, err = m.With(map[string]any{c.key: true}).Checkpoint(tensor.F32)
		openCheckpoint(t, k, err, Options{})
	}
}

// TestRefusedScales opens FP8 checkpoints whose block scales are missing, of the wrong
// shape or type, or no numbers, and weights that are none.
func TestRefusedScales(t *testing.T) {
	model, err := tiny.Load(filepath.Join("testdata", "deepseek-v3-fp8"))
	if err != nil {
		t.Fatal(err)
	}
	good, err := model.FP8(false)
	if err != nil {
		t.Fatal(err)
	}
	const weight = "model.layers.1.self_attn.q_b_proj.weight"
	const expert = "model.layers.2.mlp.experts.7.down_proj.weight"
	fill := func(code byte) func(x *tiny.Stored) {
		return func(x *tiny.Stored) {
			x.Data = slices.Clone(x.Data)
			for i := range 4 {
				x.Data[len(x.Data)-1-i] = code
			}
		}
	}
	for _, c := range []struct {
		name   string
		change func(*tiny.Stored)
		words  []string
	}{
		{weight + "_scale_inv", drop, []string{"is missing", "[2 2]"}},
		{weight + "_scale_inv", shorter, []string{"shape [1 2]", "[2 2]"}},
		{weight + "_scale_inv", integers, []string{"type I32"}},
		{weight + "_scale_inv", fill(0xff), []string{"element 3", "NaN"}},
		{expert + "_scale_inv", drop, []string{"is missing", "[2 2]"}},
		{expert + "_scale_inv", func(x *tiny.Stored) { x.Shape = []int{4} }, []string{"shape [4]", "[2 2]"}},
		{expert, fill(0x7f), []string{"NaN"}},
	} {
		k := &tiny.Checkpoint{Config: good.Config, Tensors: edit(good.Tensors, c.name, c.change)}
		folder := t.TempDir()
		if err := k.Write(folder, 1); err != nil {
			t.Fatal(err)
		}
		refused(t, folder, ErrTensor, append([]string{c.name}, c.words...)...)
	}
}

// TestRefusedE5M2 opens a checkpoint whose weights of type F8_E5M2 have scales, which
// are those of F8_E4M3 alone.
func TestRefusedE5M2(t *testing.T) {
	model, err := tiny.Load(filepath.Join("testdata", "deepseek-v3-fp8"))
	if err != nil {
		t.Fatal(err)
	}
	k, err := model.FP8(false)
	if err != nil {
		t.Fatal(err)
	}
	const weight = "model.layers.1.self_attn.q_b_proj.weight"
	k.Tensors = edit(k.Tensors, weight, func(x *tiny.Stored) { x.Type = tensor.F8E5M2 })
	folder := t.TempDir()
	if err := k.Write(folder, 1); err != nil {
		t.Fatal(err)
	}
	refused(t, folder, ErrTensor, weight, "F8_E5M2 with scales", "want F8_E4M3")
}

// TestMissingShard opens a checkpoint of which a shard is missing, or the index names
// a tensor that its shard does not hold.
func TestMissingShard(t *testing.T) {
	model, err := tiny.Load(filepath.Join("testdata", "deepseek-v3"))
	if err != nil {
		t.Fatal(err)
	}
	k, err := model.Checkpoint(tensor.BF16)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := k.Write(folder, 3); err != nil {
		t.Fatal(err)
	}
	const shard = "model-00002-of-00003.safetensors"
	if err := os.Rename(filepath.Join(folder, shard), filepath.Join(folder, "elsewhere")); err != nil {
		t.Fatal(err)
	}
	refused(t, folder, fs.ErrNotExist, shard)
	b, err := os.ReadFile(filepath.Join(folder, "elsewhere"))
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, shard), b[:len(b)-7], 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := openPath(folder, Options{}); err == nil || !strings.Contains(err.Error(), shard) {
		t.Errorf("a cut shard: %v, want an error that names %s", err, shard)
	}
	if err := os.WriteFile(filepath.Join(folder, shard), b, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(folder, "model.safetensors.index.json")); err != nil {
		t.Fatal(err)
	}
	m, err := openPath(folder, Options{})
	if err != nil {
		t.Fatalf("a whole split without its index: %v", err)
	}
	m.Close()
	if err := os.Remove(filepath.Join(folder, "config.json")); err != nil {
		t.Fatal(err)
	}
	refused(t, folder, fs.ErrNotExist, "config.json")
}

// TestRefusedGGUF opens GGUF files with tensors missing or of the wrong shape.
func TestRefusedGGUF(t *testing.T) {
	for _, c := range []struct {
		how   tiny.Spelling
		name  string
		drop  bool
		words []string
	}{
		{tiny.Split, "blk.1.attn_k_b.weight", true, []string{"blk.1.attn_k_b.weight", "is missing", "[4 64 32]"}},
		{tiny.Split, "blk.1.attn_v_b.weight", true, []string{"blk.1.attn_v_b.weight", "is missing", "[4 32 64]"}},
		{tiny.Split, "blk.1.attn_k_b.weight", false, []string{"blk.1.attn_k_b.weight", "[3 64 32]", "[4 64 32]"}},
		{tiny.Unsplit, "blk.1.attn_kv_b.weight", true, []string{"blk.1.attn_kv_b.weight", "is missing", "[256 64]"}},
		{tiny.Unsplit, "blk.1.attn_kv_b.weight", false, []string{"blk.1.attn_kv_b.weight", "[255 64]", "[256 64]"}},
		{tiny.Split, "blk.1.ffn_up_exps.weight", true, []string{"blk.1.ffn_up_exps.weight", "is missing", "[16 64 128]"}},
		{tiny.Split, "blk.1.ffn_up_exps.weight", false, []string{"blk.1.ffn_up_exps.weight", "[15 64 128]", "[16 64 128]"}},
		{tiny.Split, "blk.2.exp_probs_b.bias", true, []string{"blk.2.exp_probs_b.bias", "is missing", "[16]"}},
		{tiny.Split, "blk.2.ffn_down_shexp.weight", true, []string{"blk.2.ffn_down_shexp.weight", "is missing"}},
		{tiny.Split, "blk.0.attn_q_a.weight", true, []string{"blk.0.attn_q_a.weight", "is missing"}},
		{tiny.Split, "blk.3.attn_q_a.weight", true, []string{"blk.3.attn_q_a.weight", "is missing"}},
		{tiny.Split, "token_embd.weight", true, []string{"token_embd.weight", "is missing", "one row of 128 numbers a token"}},
	} {
		model, err := tiny.Load(filepath.Join("testdata", "deepseek-v3"))
		if err != nil {
			t.Fatal(err)
		}
		g, err := model.GGUF(tensor.Q8_0, c.how)
		if err != nil {
			t.Fatal(err)
		}
		if c.drop {
			g.Drop(c.name)
		} else {
			g.Tensors = edit(g.Tensors, c.name, shorter)
		}
		path := filepath.Join(t.TempDir(), "model.gguf")
		if err := g.Write(path); err != nil {
			t.Fatal(err)
		}
		refused(t, path, ErrTensor, c.words...)
	}
}

// TestRefusedMTP asks for the module of multi-token prediction where there is none.
func TestRefusedMTP(t *testing.T) {
	for _, name := range []string{"deepseek-v3", "llama"} {
		model, err := tiny.Load(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		folder := t.TempDir()
		if err := model.WriteSafetensors(folder); err != nil {
			t.Fatal(err)
		}
		if _, err := openPath(folder, Options{MTP: true}); !errors.Is(err, ErrNoMTP) {
			t.Errorf("%s: %v, want %v", name, err, ErrNoMTP)
		}
	}
}
