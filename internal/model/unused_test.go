package model

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/gguf"
	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// load reads a golden model.
func load(t *testing.T, name string) *tiny.Model {
	t.Helper()
	m, err := tiny.Load(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// extra returns a tensor of numbers.
func extra(name string, shape ...int) tiny.Stored {
	n, _ := tensor.Elements(shape)
	return tiny.Stored{Name: name, Type: tensor.F32, Shape: shape, Data: make([]byte, 4*n)}
}

// TestUnusedGGUF opens GGUF files that hold tensors which their metadata leave unused: the
// answers would be those of another model.
func TestUnusedGGUF(t *testing.T) {
	rename := func(from, to string) func(g *tiny.GGUF) {
		return func(g *tiny.GGUF) { g.Tensors = edit(g.Tensors, from, func(x *tiny.Stored) { x.Name = to }) }
	}
	put := func(key string, n uint32) func(g *tiny.GGUF) {
		return func(g *tiny.GGUF) { g.Put(key, gguf.ValueOf(n)) }
	}
	without := func(keys ...string) func(g *tiny.GGUF) { return func(g *tiny.GGUF) { g.Drop(keys...) } }
	with := func(x tiny.Stored) func(g *tiny.GGUF) {
		return func(g *tiny.GGUF) { g.Tensors = append(slices.Clone(g.Tensors), x) }
	}
	biases := func(g *tiny.GGUF) {
		g.Tensors = slices.Clone(g.Tensors)
		for i := range g.Tensors {
			g.Tensors[i].Name = strings.Replace(g.Tensors[i].Name, "exp_probs_b.bias", "exp_probs_c.bias", 1)
		}
	}
	for _, c := range []struct {
		model  string
		change func(g *tiny.GGUF)
		words  []string
	}{
		{"llama", put("llama.block_count", 2), []string{"blk.2.attn_k.weight and 8 more", "block_count 2"}},
		{"llama", rename("output.weight", "output.weigh"), []string{"output.weigh ", "output.weight"}},
		{"llama", rename("output.weight", "lm_head.weight"), []string{"lm_head.weight"}},
		{"llama", rename("rope_freqs.weight", "rope_freq.weight"), []string{"rope_freq.weight", "rope_freqs.weight"}},
		{"llama", with(extra("blk.1.attn_q_norm.weight", 32)), []string{"blk.1.attn_q_norm.weight", "general.architecture"}},
		{"llama", with(extra("blk.0.attn_norm.bias", 256)), []string{"blk.0.attn_norm.bias"}},
		{"llama", with(extra("blk.0.ffn_up_exps.weight", 2, 512, 256)), []string{"blk.0.ffn_up_exps.weight", "expert_count 0"}},
		{"llama", with(extra("blk.0.attn_q.scale", 1)), []string{"blk.0.attn_q.scale"}},
		{"llama", with(extra("blk.0.rope_freqs.weight", 16)), []string{"blk.0.rope_freqs.weight"}},
		{"llama", with(extra("blk.7.attn_norm.weight", 256)), []string{"blk.7.attn_norm.weight", "block_count 3"}},
		{"qwen3", with(extra("blk.0.attn_sinks.weight", 8)), []string{"blk.0.attn_sinks.weight"}},
		{"gemma3-text", put("gemma3.block_count", 1), []string{"blk.1.", "block_count 1"}},
		{"deepseek-v3", without("deepseek2.expert_shared_count"), []string{"shexp", "expert_shared_count 0"}},
		{"deepseek-v3", put("deepseek2.block_count", 3), []string{"blk.3.", "block_count 3"}},
		{"deepseek-v3", biases, []string{"exp_probs_c.bias"}},
		{"deepseek-v3", with(extra("blk.1.indexer.k_norm.weight", 64)), []string{"blk.1.indexer.k_norm.weight"}},
		{"deepseek-v3", with(extra("blk.1.attn_kv_b.weight.x", 4)), []string{"blk.1.attn_kv_b.weight.x"}},
		{"deepseek-v3-mtp", without("deepseek2.nextn_predict_layers"), []string{"nextn.", "nextn_predict_layers"}},
		{"deepseek-v3-mtp", put("deepseek2.block_count", 3), []string{"blk.2.", "block_count 2"}},
		{"deepseek-v2-lite", put("deepseek2.expert_count", 0), []string{"missing"}},
		{"qwen3-moe", put("qwen3moe.block_count", 1), []string{"blk.1.", "block_count 1"}},
	} {
		g, err := load(t, c.model).GGUF(tensor.F32, tiny.Split)
		if err != nil {
			t.Fatal(err)
		}
		c.change(g)
		path := filepath.Join(t.TempDir(), "model.gguf")
		if err := g.Write(path); err != nil {
			t.Fatal(err)
		}
		refused(t, path, ErrTensor, append([]string{"model.gguf"}, c.words...)...)
	}
}

// TestUnusedCheckpoint is TestUnusedGGUF for checkpoints.
func TestUnusedCheckpoint(t *testing.T) {
	for _, c := range []struct {
		model   string
		changes map[string]any
		add     string // a tensor
		words   []string
	}{
		{"llama", map[string]any{"num_hidden_layers": 2}, "", []string{"model.layers.2.input_layernorm.weight and 8 more", "num_hidden_layers 2"}},
		{"llama", nil, "model.layers.0.self_attn.o_proj.bias", []string{"o_proj.bias", "attention_bias"}},
		{"llama", nil, "model.layers.0.mlp.up_proj.bias", []string{"up_proj.bias", "mlp_bias"}},
		{"llama", nil, "model.layers.0.self_attn.q_norm.weight", []string{"q_norm.weight", "model_type llama"}},
		{"llama", nil, "lm_head.bias", []string{"lm_head.bias"}},
		{"llama", nil, "model.norm.bias", []string{"model.norm.bias"}},
		{"llama", nil, "lm_head_2.weight", []string{"lm_head_2.weight"}},
		{"llama", nil, "model.layers.0.projector.weight", []string{"model.layers.0.projector.weight", "model_type llama"}},
		{"llama", nil, "model.layers.1.score.weight", []string{"model.layers.1.score.weight"}},
		{"qwen2", nil, "model.layers.0.self_attn.o_proj.bias", []string{"o_proj.bias"}},
		{"qwen2", nil, "model.layers.0.self_attn.q_proj.weight_scale_inv", []string{"q_proj.weight_scale_inv", "F8_E4M3"}},
		{"qwen3-moe", map[string]any{"num_experts": 7}, "", []string{"shape"}},
		{"deepseek-v3", map[string]any{"n_shared_experts": 0}, "", []string{"shared_experts", "n_shared_experts 0"}},
		{"deepseek-v3", map[string]any{"num_hidden_layers": 3}, "", []string{"model.layers.3.", "num_hidden_layers 3"}},
		{"deepseek-v3", nil, "model.layers.1.mlp.experts.16.up_proj.weight", []string{"experts.16", "number of experts, 16"}},
		{"deepseek-v3", nil, "model.layers.1.self_attn.indexer.k_norm.weight", []string{"indexer.k_norm.weight"}},
		{"deepseek-v3", nil, "model.layers.9.input_layernorm.weight", []string{"model.layers.9.", "num_hidden_layers 4"}},
		{"deepseek-v3-mtp", map[string]any{"num_hidden_layers": 2}, "", []string{"model.layers.2.", "num_hidden_layers 2"}},
	} {
		m := load(t, c.model)
		k, err := m.Checkpoint(tensor.F32)
		if err != nil {
			t.Fatal(err)
		}
		if c.add != "" {
			k.Tensors = append(k.Tensors, extra(c.add, 8))
		}
		k.Config = m.With(c.changes).Raw
		folder := t.TempDir()
		if err := k.Write(folder, 1); err != nil {
			t.Fatal(err)
		}
		m2, err := openPath(folder, Options{})
		if err == nil {
			m2.Close()
		}
		if !errors.Is(err, ErrTensor) {
			t.Errorf("%s %v %s: %v, want %v", c.model, c.changes, c.add, err, ErrTensor)
			continue
		}
		for _, w := range c.words {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s %v %s: %v, want %q in it", c.model, c.changes, c.add, err, w)
			}
		}
	}
}

// TestSpareTensors opens files that hold tensors which are known to be of no use to a
// language model: they are noted, and the answers stay as they are.
func TestSpareTensors(t *testing.T) {
	for name, c := range map[string]struct {
		add  []string // tensors
		said []string
	}{
		"llama": {[]string{
			"model.layers.0.self_attn.rotary_emb.inv_freq", "model.layers.1.self_attn.rotary_emb.inv_freq", "vision_tower.blocks.0.weight",
			"model.visual.patch.bias", "multi_modal_projector.linear_1.weight", "score.weight", "model.layers.0.self_attn.k_proj.k_scale",
			"model.layers.0.self_attn.attn.masked_bias", "model.audio_tower.conv.weight",
		}, []string{"rotary", "2 tensors", "vision parts", "3 tensors", "other tasks", "eight bits", "causal masks", "audio parts"}},
		"deepseek-v3-mtp": {nil, []string{"module of multi-token prediction", "model.layers.3."}},
		"gemma4-e":        {nil, []string{"layers that borrow them", "9 tensors", "vision parts", "model.embed_vision."}},
		"gemma3":          {nil, []string{"vision parts", "6 tensors"}},
		"mistral3":        {nil, []string{"vision parts", "multi_modal_projector"}},
		"qwen3.5-moe":     {nil, []string{"vision parts", "model.visual."}},
	} {
		m, e := loadExpectation(t, name)
		k, err := m.Checkpoint(tensor.F32)
		if err != nil {
			t.Fatal(err)
		}
		want := logitsOf(t, openCheckpoint(t, k, nil, Options{}), e.ids)
		for _, x := range c.add {
			k.Tensors = append(k.Tensors, extra(x, 4))
		}
		opened := openCheckpoint(t, k, nil, Options{})
		if err := sameBits(logitsOf(t, opened, e.ids), want); err != nil {
			t.Errorf("%s with spare tensors: %v", name, err)
		}
		saidAll(t, name, opened.Config.Assumed, c.said)
	}
	for name, c := range map[string]struct {
		how  tiny.Spelling
		add  []string
		said []string
	}{
		"llama": {
			tiny.Split,
			[]string{"v.blk.0.attn_q.weight", "v.patch_embd.weight", "mm.0.weight", "a.conv1d.1.weight", "cls.output.weight", "blk.0.ffn_up.input_scale"},
			[]string{"vision parts", "3 tensors", "audio parts", "other tasks", "eight bits"},
		},
		"deepseek-v3-mtp": {tiny.Split, nil, []string{"module of multi-token prediction", "blk.3."}},
		"gemma4-e":        {tiny.Split, nil, []string{"layers that borrow them", "9 tensors"}},
	} {
		m, e := loadExpectation(t, name)
		g, err := m.GGUF(tensor.F32, c.how)
		if err != nil {
			t.Fatal(err)
		}
		want := logitsOf(t, openGGUF(t, g, nil, Options{}), e.ids)
		for _, x := range c.add {
			g.Tensors = append(g.Tensors, extra(x, 4))
		}
		opened := openGGUF(t, g, nil, Options{})
		if err := sameBits(logitsOf(t, opened, e.ids), want); err != nil {
			t.Errorf("%s as GGUF with spare tensors: %v", name, err)
		}
		saidAll(t, name, opened.Config.Assumed, c.said)
	}
}

// TestBothExpansions opens a GGUF file with W^UK and W^UV both in one tensor and in one
// each, as files of between the two spellings are.
func TestBothExpansions(t *testing.T) {
	m, e := loadExpectation(t, "deepseek-v3")
	split, err := m.GGUF(tensor.F32, tiny.Split)
	if err != nil {
		t.Fatal(err)
	}
	unsplit, err := m.GGUF(tensor.F32, tiny.Unsplit)
	if err != nil {
		t.Fatal(err)
	}
	want := logitsOf(t, openGGUF(t, split, nil, Options{}), e.ids)
	for _, x := range unsplit.Tensors {
		if strings.Contains(x.Name, "attn_kv_b") {
			split.Tensors = append(split.Tensors, x)
		}
	}
	both := openGGUF(t, split, nil, Options{})
	if err := sameBits(logitsOf(t, both, e.ids), want); err != nil {
		t.Error(err)
	}
	saidAll(t, "both", both.Config.Assumed, []string{"4 tensors", "attn_kv_b"})
}

// TestSharedFreqs opens a GGUF file whose layers repeat the divisors of frequencies.
func TestSharedFreqs(t *testing.T) {
	m, e := loadExpectation(t, "llama")
	g, err := m.GGUF(tensor.F32, tiny.Split)
	if err != nil {
		t.Fatal(err)
	}
	want := logitsOf(t, openGGUF(t, g, nil, Options{}), e.ids)
	i := slices.IndexFunc(g.Tensors, func(x tiny.Stored) bool { return x.Name == "rope_freqs.weight" })
	copied := g.Tensors[i]
	copied.Name = "blk.1.rope_freqs.weight"
	g.Tensors = append(g.Tensors, copied)
	repeated := openGGUF(t, g, nil, Options{})
	if err := sameBits(logitsOf(t, repeated, e.ids), want); err != nil {
		t.Error(err)
	}
	saidAll(t, "repeated", repeated.Config.Assumed, []string{"blk.1.rope_freqs.weight"})
}

// saidAll looks for words in what a user is told of a file.
func saidAll(t *testing.T, what string, assumed, words []string) {
	t.Helper()
	said := strings.Join(assumed, "\n")
	for _, w := range words {
		if !strings.Contains(said, w) {
			t.Errorf("%s: said %q, want %q in it", what, said, w)
		}
	}
}
