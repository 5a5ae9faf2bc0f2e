package model

import (
	"encoding/json"
	"errors"
	"io"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/gguf"
	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// null is the value of a key that is there, where nil takes the key away.
var null = json.RawMessage("null")

// refused opens a file that has to be refused with an error of that kind, whose
// message has all the words.
func refused(t *testing.T, path string, kind error, words ...string) {
	t.Helper()
	m, err := openPath(path, Options{MTP: strings.Contains(filepath.Base(path), "mtp")})
	if err == nil {
		m.Close()
		t.Errorf("%s: opened, want an error with %q", filepath.Base(path), words)
		return
	}
	if !errors.Is(err, kind) {
		t.Errorf("%v: not %q", err, kind)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%v: does not say %q", err, w)
		}
	}
}

// rope returns the rotary parameters of a golden model with some changed.
func rope(changes map[string]any) map[string]any {
	r := map[string]any{
		"rope_type": "yarn", "rope_theta": 10000, "factor": 4, "original_max_position_embeddings": 1024,
		"beta_fast": 32, "beta_slow": 1, "mscale": 1, "mscale_all_dim": 1,
	}
	for k, v := range changes {
		r[k] = v
	}
	return map[string]any{"rope_parameters": r}
}

// numbers returns n times x.
func numbers(n int, x float64) (list []any) {
	for range n {
		list = append(list, x)
	}
	return list
}

// onlyRope is rope without the rest.
func onlyRope(values map[string]any) map[string]any { return map[string]any{"rope_parameters": values} }

// TestRefusedConfig opens checkpoints whose config.json says what no model can be.
func TestRefusedConfig(t *testing.T) {
	for _, c := range []struct {
		model   string
		changes map[string]any
		words   []string // the key first, then got and wanted
	}{
		{"deepseek-v3", map[string]any{"scoring_func": "tanh"}, []string{"scoring_func", "tanh", "softmax or sigmoid"}},
		{"deepseek-v3", map[string]any{"scoring_func": 3}, []string{"scoring_func", "3", "a string"}},
		{"deepseek-v3", map[string]any{"topk_method": "random"}, []string{"topk_method", "random", "noaux_tc"}},
		{"deepseek-v3", map[string]any{"n_routed_experts": 15}, []string{"num_experts 15", "n_group 4"}},
		{"deepseek-v3", map[string]any{"n_group": 0}, []string{"n_group", "0", "from 1"}},
		{"deepseek-v3", map[string]any{"n_group": nil, "n_routed_experts": 15}, []string{"num_experts 15", "n_group 8"}},
		{"deepseek-v3", map[string]any{"topk_group": nil, "n_group": 2}, []string{"topk_group 4", "n_group 2"}},
		{"deepseek-v2", map[string]any{"n_group": nil}, []string{"n_group", "missing"}},
		{"deepseek-v3", map[string]any{"n_group": -4}, []string{"n_group", "-4"}},
		{"deepseek-v3", map[string]any{"topk_group": 5}, []string{"topk_group 5", "n_group 4"}},
		{"deepseek-v3", map[string]any{"topk_group": 0}, []string{"topk_group", "0", "from 1"}},
		{"deepseek-v3", map[string]any{"topk_group": 1, "num_experts_per_tok": 5}, []string{"num_experts_per_tok 5", "4 experts", "topk_group 1"}},
		{"deepseek-v3", map[string]any{"n_group": 16, "topk_group": 8}, []string{"groups of 1 experts"}},
		{"deepseek-v2-lite", map[string]any{"num_experts_per_tok": 9}, []string{"num_experts_per_tok 9", "8 experts"}},
		{"deepseek-v3", map[string]any{"num_experts_per_tok": 0}, []string{"num_experts_per_tok", "0"}},
		{"deepseek-v2", map[string]any{"num_experts_per_tok": nil}, []string{"num_experts_per_tok", "missing"}},
		{"deepseek-v3", map[string]any{"moe_intermediate_size": 0}, []string{"moe_intermediate_size", "0"}},
		{"deepseek-v3", map[string]any{"n_shared_experts": 65536, "moe_intermediate_size": 1 << 20}, []string{"n_shared_experts 65536"}},
		{"deepseek-v3", map[string]any{"routed_scaling_factor": 1e39}, []string{"routed_scaling_factor", "+Inf"}},
		{"deepseek-v3", map[string]any{"routed_scaling_factor": -1}, []string{"routed_scaling_factor -1", "positive"}},
		{"deepseek-v3", map[string]any{"first_k_dense_replace": 5000}, []string{"first_k_dense_replace", "5000", "to 4096"}},
		{"deepseek-v3", map[string]any{"first_k_dense_replace": -1}, []string{"first_k_dense_replace", "-1"}},
		{"deepseek-v3", map[string]any{"moe_layer_freq": 0}, []string{"moe_layer_freq", "0"}},
		{"deepseek-v3", map[string]any{"mlp_layer_types": "dense"}, []string{"mlp_layer_types", "dense", "a list"}},
		{"deepseek-v3", map[string]any{"mlp_layer_types": []string{"dense"}}, []string{"mlp_layer_types", "a list of 1", "num_hidden_layers 4"}},
		{"deepseek-v3", map[string]any{"mlp_layer_types": []string{"dense", "sparse", "sparse", "odd"}}, []string{"mlp_layer_types", "odd", "dense or sparse"}},
		{"deepseek-v3", map[string]any{"kv_lora_rank": -64}, []string{"kv_lora_rank", "-64", "from 1"}},
		{"deepseek-v3", map[string]any{"kv_lora_rank": 0}, []string{"kv_lora_rank", "0"}},
		{"deepseek-v3", map[string]any{"kv_lora_rank": 1e18}, []string{"kv_lora_rank"}},
		{"deepseek-v3", map[string]any{"kv_lora_rank": 64.5}, []string{"kv_lora_rank", "64.5", "an integer"}},
		{"deepseek-v3", map[string]any{"kv_lora_rank": 1 << 20}, []string{"kv_lora_rank 1048576", "at most"}},
		{"deepseek-v3", map[string]any{"q_lora_rank": -1}, []string{"q_lora_rank", "-1"}},
		{"deepseek-v3", map[string]any{"q_lora_rank": 1 << 40}, []string{"q_lora_rank", "1099511627776"}},
		{"deepseek-v3", map[string]any{"qk_rope_head_dim": 15}, []string{"qk_rope_head_dim 15", "even"}},
		{"deepseek-v3", map[string]any{"qk_rope_head_dim": 0}, []string{"qk_rope_head_dim", "0"}},
		{"deepseek-v3", map[string]any{"qk_nope_head_dim": -32}, []string{"qk_nope_head_dim", "-32"}},
		{"deepseek-v3", map[string]any{"qk_nope_head_dim": 1 << 20}, []string{"qk_nope_head_dim 1048576", "wider"}},
		{"deepseek-v3", map[string]any{"num_attention_heads": 0}, []string{"num_attention_heads", "0"}},
		{"deepseek-v3", map[string]any{"num_hidden_layers": 5000}, []string{"num_hidden_layers", "5000"}},
		{"deepseek-v3", map[string]any{"vocab_size": -1}, []string{"vocab_size", "-1"}},
		{"deepseek-v3", map[string]any{"rms_norm_eps": 0}, []string{"rms_norm_eps 0"}},
		{"deepseek-v3", map[string]any{"hidden_act": "relu"}, []string{"hidden_act", "relu", "silu"}},
		{"deepseek-v3-mtp", map[string]any{"num_nextn_predict_layers": 17}, []string{"num_nextn_predict_layers", "17"}},
		{"deepseek-v32", map[string]any{"index_topk": 0}, []string{"index_topk", "0", "from 1"}},
		{"deepseek-v32", map[string]any{"index_n_heads": 0}, []string{"index_n_heads", "0"}},
		{"deepseek-v32", map[string]any{"index_head_dim": 8}, []string{"index_head_dim 8", "qk_rope_head_dim 16"}},
		{"deepseek-v32", map[string]any{"index_n_heads": 65536, "index_head_dim": 1 << 20}, []string{"index_n_heads 65536", "wider"}},
		{"deepseek-v32", map[string]any{"q_lora_rank": null}, []string{"indexer", "q_lora_rank"}},
		{"deepseek-v3", rope(map[string]any{"rope_type": "ntk"}), []string{"rope_type", "ntk", "yarn"}},
		{"llama", onlyRope(map[string]any{"rope_type": "longrope", "original_max_position_embeddings": 64}), []string{"short_factor", "a list of numbers"}},
		{"llama", onlyRope(map[string]any{"rope_type": "longrope", "short_factor": []any{1, "x"}, "long_factor": []any{}}), []string{"short_factor", "a number"}},
		{"llama", onlyRope(map[string]any{"rope_type": "longrope", "original_max_position_embeddings": 64, "short_factor": []any{1}, "long_factor": []any{1}}), []string{"short_factor has 1 numbers"}},
		{"llama", onlyRope(map[string]any{"rope_type": "longrope", "original_max_position_embeddings": 1}), []string{"short_factor"}},
		{"phi3", onlyRope(map[string]any{"rope_type": "longrope", "short_factor": numbers(16, 1), "long_factor": numbers(16, -1)}), []string{"long_factor has -1", "positive"}},
		{"phi3", onlyRope(map[string]any{"rope_type": "longrope", "short_factor": numbers(16, 1e-9), "long_factor": numbers(16, 1)}), []string{"short_factor and long_factor", "frequency"}},
		{"llama", onlyRope(map[string]any{"rope_type": "dynamic", "factor": 0.5}), []string{"rope factor 0.5"}},
		{"deepseek-v3", rope(map[string]any{"rope_type": 1}), []string{"rope_type", "a string"}},
		{"deepseek-v3", rope(map[string]any{"factor": 0}), []string{"rope factor 0"}},
		{"deepseek-v3", rope(map[string]any{"factor": 1e30}), []string{"rope factor 1e+30"}},
		{"deepseek-v3", rope(map[string]any{"factor": "4"}), []string{"factor", "a number"}},
		{"deepseek-v3", rope(map[string]any{"rope_theta": 0}), []string{"rope_theta 0"}},
		{"deepseek-v3", rope(map[string]any{"rope_theta": -1e4}), []string{"rope_theta -10000"}},
		{"deepseek-v3", rope(map[string]any{"mscale_all_dim": 1e300}), []string{"mscale_all_dim 1e+300"}},
		{"deepseek-v3", rope(map[string]any{"mscale": -1}), []string{"mscale -1"}},
		{"deepseek-v3", rope(map[string]any{"beta_slow": 0}), []string{"beta_slow 0"}},
		{"deepseek-v3", rope(map[string]any{"original_max_position_embeddings": 0}), []string{"original_max_position_embeddings 0"}},
		{"deepseek-v3", rope(map[string]any{"partial_rotary_factor": 0.5}), []string{"partial_rotary_factor", "0.5"}},
		{"deepseek-v3", map[string]any{"rope_parameters": "yarn"}, []string{"rope_parameters", "yarn", "an object"}},
		{"deepseek-v3", map[string]any{"model_type": "deepseek_v9"}, []string{"model_type", "deepseek_v9", "deepseek_v3"}},
		{"llama", map[string]any{"num_key_value_heads": 3}, []string{"num_attention_heads 8", "num_key_value_heads 3"}},
		{"llama", map[string]any{"partial_rotary_factor": 0.5}, []string{"partial_rotary_factor 0.5", "want 1"}},
		{"llama", map[string]any{"head_dim": 31}, []string{"head_dim 31", "even"}},
		{"gemma3-text", map[string]any{"query_pre_attn_scalar": 0}, []string{"query_pre_attn_scalar 0"}},
		{"gemma3-text", map[string]any{"layer_types": "full_attention"}, []string{"layer_types", "a list"}},
		{"gemma3-text", map[string]any{"final_logit_softcapping": -3}, []string{"final_logit_softcapping -3"}},
		{"qwen3-moe", map[string]any{"num_experts_per_tok": 1000}, []string{"num_experts_per_tok 1000"}},
		{"glm4-moe", map[string]any{"rope_parameters": map[string]any{"partial_rotary_factor": 2}}, []string{"partial_rotary_factor 2", "at most 1"}},
		{"glm4-moe", map[string]any{"rope_parameters": map[string]any{"partial_rotary_factor": 0.03}}, []string{"partial_rotary_factor 0.03", "even"}},
		{"minimax-m2", map[string]any{"rotary_dim": 33}, []string{"33 numbers", "even"}},
		{"minimax-m2", map[string]any{"scoring_func": "softmax"}, []string{"scoring_func", "softmax", "sigmoid"}},
		{"minimax-m2", map[string]any{"qk_norm_type": "per_head"}, []string{"qk_norm_type", "per_head"}},
		{"gpt-oss", map[string]any{"swiglu_limit": 0}, []string{"swiglu_limit 0"}},
		{"gpt-oss", map[string]any{"swiglu_alpha": -1}, []string{"swiglu_alpha -1"}},
		{"gpt-oss-mxfp4", map[string]any{"quantization_config": map[string]any{"quant_method": "bitsandbytes"}}, []string{"quant_method", "bitsandbytes", "mxfp4"}},
		{"qwen3-next", map[string]any{"linear_num_value_heads": 3}, []string{"linear_num_value_heads 3", "linear_num_key_heads 2"}},
		{"qwen3-next", map[string]any{"linear_conv_kernel_dim": 65}, []string{"linear_conv_kernel_dim", "65", "64"}},
		{"qwen3-next", map[string]any{"linear_key_head_dim": 1 << 17, "linear_value_head_dim": 1 << 17}, []string{"linear_key_head_dim 131072", "numbers"}},
		{"qwen3-next", map[string]any{"layer_types": []string{"linear_attention", "linear_attention", "mamba", "full_attention"}}, []string{"layer_types", "mamba", "full_attention"}},
		{"smollm3", map[string]any{"no_rope_layers": []int{1, 0}}, []string{"no_rope_layers", "every layer"}},
		{"ministral3", onlyRope(map[string]any{"llama_4_scaling_beta": -1, "original_max_position_embeddings": 16}), []string{"llama_4_scaling_beta -1"}},
		{"ministral3", onlyRope(map[string]any{"llama_4_scaling_beta": 0.1, "original_max_position_embeddings": 0.5}), []string{"original_max_position_embeddings 0"}},
		{"glm-moe-dsa", map[string]any{"indexer_types": []string{"shared", "full", "full", "full", "full", "full"}}, []string{"first layer", "indexer_types"}},
		{"glm-moe-dsa", map[string]any{"indexer_types": []string{"full", "full", "full", "full", "full", "none"}}, []string{"indexer_types", "none", "full or shared"}},
		{"glm-moe-dsa", map[string]any{"indexer_types": null, "index_topk_pattern": "FSX"}, []string{"index_topk_pattern", "FSX", "letters"}},
	} {
		model, err := tiny.Load(filepath.Join("testdata", c.model))
		if err != nil {
			t.Fatal(err)
		}
		folder := filepath.Join(t.TempDir(), c.model)
		// No tensors: what config.json says is refused before they are looked at.
		if err := (&tiny.Checkpoint{Config: model.With(c.changes).Raw}).Write(folder, 1); err != nil {
			t.Fatal(err)
		}
		kind := ErrConfig
		if c.changes["model_type"] != nil {
			kind = ErrArch
		}
		refused(t, folder, kind, append([]string{"config.json"}, c.words...)...)
	}
}

// TestRefusedJSON opens folders whose config.json is no JSON object.
func TestRefusedJSON(t *testing.T) {
	model, err := tiny.Load(filepath.Join("testdata", "deepseek-v3"))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "null", "[]", `"x"`, string(model.Raw[:len(model.Raw)/2]), string(model.Raw) + "{}", strings.Repeat("[", 1<<20)} {
		folder := t.TempDir()
		if err := (&tiny.Checkpoint{Config: []byte(text)}).Write(folder, 1); err != nil {
			t.Fatal(err)
		}
		kind := ErrConfig
		if text == "null" {
			kind = ErrArch
		}
		refused(t, folder, kind, "config.json")
	}
}

// TestRefusedMetadata opens GGUF files whose metadata say what no model can be.
func TestRefusedMetadata(t *testing.T) {
	u := func(n uint32) gguf.Value { return gguf.ValueOf(n) }
	f := func(x float64) gguf.Value { return gguf.ValueOf(float32(x)) }
	none := gguf.Value{}
	for _, c := range []struct {
		model, key string
		value      gguf.Value
		words      []string
	}{
		{"deepseek-v3", "expert_gating_func", u(3), []string{"expert_gating_func", "from 0 to 2"}},
		{"deepseek-v3", "expert_gating_func", gguf.ValueOf("sigmoid"), []string{"expert_gating_func", "string"}},
		{"deepseek-v3", "expert_group_count", u(3), []string{"num_experts 16", "n_group 3"}},
		{"deepseek-v3", "expert_group_used_count", u(0), []string{"topk_group 0"}},
		{"deepseek-v3", "expert_group_used_count", u(9), []string{"topk_group 9"}},
		{"deepseek-v3", "expert_used_count", u(17), []string{"num_experts_per_tok 17"}},
		{"deepseek-v3", "expert_used_count", none, []string{"expert_used_count", "not there"}},
		{"deepseek-v3", "expert_weights_scale", f(math.Inf(1)), []string{"routed_scaling_factor +Inf"}},
		{"deepseek-v3", "expert_weights_scale", f(math.NaN()), []string{"routed_scaling_factor NaN"}},
		{"deepseek-v3", "leading_dense_block_count", u(5), []string{"leading_dense_block_count", "from 0 to 4"}},
		{"deepseek-v3", "attention.kv_lora_rank", u(0), []string{"attention.kv_lora_rank", "0"}},
		{"deepseek-v3", "attention.kv_lora_rank", gguf.ValueOf(int32(-5)), []string{"attention.kv_lora_rank", "-5"}},
		{"deepseek-v3", "attention.kv_lora_rank", u(1 << 31), []string{"attention.kv_lora_rank"}},
		{"deepseek-v3", "attention.kv_lora_rank", none, []string{"attention.kv_lora_rank", "not there"}},
		{"deepseek-v3", "attention.key_length_mla", u(16), []string{"attention.key_length_mla: is", "more than rope.dimension_count 16"}},
		{"deepseek-v3", "rope.dimension_count", u(15), []string{"key deepseek2.rope.dimension_count: ", "qk_rope_head_dim 15"}},
		{"deepseek-v3", "rope.dimension_count", none, []string{"rope.dimension_count", "not there"}},
		{"deepseek-v3", "rope.scaling.type", gguf.ValueOf("ntk"), []string{"rope_type", "ntk"}},
		{"deepseek-v3", "rope.scaling.factor", f(math.NaN()), []string{"key deepseek2.rope.scaling.factor: ", "rope factor NaN"}},
		{"deepseek-v3", "rope.scaling.original_context_length", u(0), []string{"original_max_position_embeddings 0"}},
		{"deepseek-v3", "rope.scaling.yarn_log_multiplier", f(1e30), []string{"mscale"}},
		{"deepseek-v3", "rope.freq_base", f(0), []string{"key deepseek2.rope.freq_base: ", "rope_theta 0"}},
		{"deepseek-v3", "attention.layer_norm_rms_epsilon", none, []string{"layer_norm_rms_epsilon"}},
		{"deepseek-v3", "attention.head_count", u(0), []string{"attention.head_count", "0"}},
		{"deepseek-v3", "attention.head_count_kv", u(3), []string{"keys deepseek2.attention.head_count, deepseek2.attention.head_count_kv: ", "num_key_value_heads 3"}},
		{"deepseek-v3", "block_count", u(0), []string{"block_count", "0"}},
		{"deepseek-v3-mtp", "nextn_predict_layers", u(4), []string{"nextn_predict_layers", "fewer than block_count"}},
		{"deepseek-v32", "attention.indexer.top_k", u(0), []string{"attention.indexer.top_k", "0"}},
		{"deepseek-v32", "attention.indexer.top_k", none, []string{"attention.indexer.top_k", "not there"}},
		{"deepseek-v32", "attention.indexer.key_length", u(8), []string{"deepseek32.attention.indexer.key_length", "index_head_dim 8"}},
	} {
		model, err := tiny.Load(filepath.Join("testdata", c.model))
		if err != nil {
			t.Fatal(err)
		}
		g, err := model.GGUF(tensor.F32, tiny.Split)
		if err != nil {
			t.Fatal(err)
		}
		key := map[bool]string{false: "deepseek2.", true: "deepseek32."}[c.model == "deepseek-v32"] + c.key
		if c.value.Kind() == none.Kind() && c.value == none {
			g.Drop(key)
		} else {
			g.Put(key, c.value)
		}
		path := filepath.Join(t.TempDir(), c.model+".gguf")
		if err := g.Write(path); err != nil {
			t.Fatal(err)
		}
		refused(t, path, ErrConfig, append([]string{c.model + ".gguf"}, c.words...)...)
	}
}

// TestConfigFile reads files that are no configuration as a whole.
func TestConfigFile(t *testing.T) {
	for name, c := range map[string]struct {
		text  io.Reader
		words string
	}{
		"list":     {strings.NewReader("[]"), "is a JSON array, want an object"},
		"endless":  {io.MultiReader(strings.NewReader(`{"x": "`), io.LimitReader(letters{}, 1<<40)), "is longer than 16777216 bytes"},
		"deep":     {io.LimitReader(brackets{}, 1<<20), "exceeded max depth"},
		"two":      {strings.NewReader("{} {}"), "more than one JSON object"},
		"cut":      {strings.NewReader(`{"a": 1`), "unexpected EOF"},
		"nothing":  {strings.NewReader(""), "EOF"},
		"no JSON":  {strings.NewReader("\x00\x01"), "invalid character"},
		"bad ends": {strings.NewReader("{}x"), "more than one JSON object"},
	} {
		_, err := parseJSON("config.json", c.text)
		if err == nil || !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), "config.json: ") || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: got %v, want an error with %q", name, err, c.words)
		}
	}
}

// letters and brackets read as text without end.
type (
	letters  struct{}
	brackets struct{}
)

func (letters) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'a'
	}
	return len(p), nil
}

func (brackets) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '['
	}
	return len(p), nil
}
