package model

import (
	"fmt"
	"strconv"
	"strings"
)

// Weights are asked for by the names that GGUF gives them: token_embd, attn_q …
// This file says what Hugging Face calls the same tensors; what one family calls
// otherwise stands with it.

// hfTop names the tensors outside layers.
var hfTop = map[string]string{
	"token_embd":  "embed_tokens",
	"output_norm": "norm",
}

// hfLayer names the tensors of a layer, behind model.layers.N.
var hfLayer = map[string]string{
	"attn_norm":     "input_layernorm",
	"attn_q":        "self_attn.q_proj",
	"attn_k":        "self_attn.k_proj",
	"attn_v":        "self_attn.v_proj",
	"attn_output":   "self_attn.o_proj",
	"attn_q_norm":   "self_attn.q_norm",
	"attn_k_norm":   "self_attn.k_norm",
	"ffn_norm":      "post_attention_layernorm",
	"ffn_gate":      "mlp.gate_proj",
	"ffn_up":        "mlp.up_proj",
	"ffn_down":      "mlp.down_proj",
	"ffn_gate_inp":  "mlp.gate",
	"ffn_gate_exps": "mlp.experts.%d.gate_proj",
	"ffn_up_exps":   "mlp.experts.%d.up_proj",
	"ffn_down_exps": "mlp.experts.%d.down_proj",

	// DeepSeek
	"attn_q_a":       "self_attn.q_a_proj",
	"attn_q_a_norm":  "self_attn.q_a_layernorm",
	"attn_q_b":       "self_attn.q_b_proj",
	"attn_kv_a_mqa":  "self_attn.kv_a_proj_with_mqa",
	"attn_kv_a_norm": "self_attn.kv_a_layernorm",
	"attn_kv_b":      "self_attn.kv_b_proj",
	"ffn_gate_shexp": "mlp.shared_experts.gate_proj",
	"ffn_up_shexp":   "mlp.shared_experts.up_proj",
	"ffn_down_shexp": "mlp.shared_experts.down_proj",
	"exp_probs_b":    "mlp.gate.e_score_correction",

	"indexer.attn_q_b": "self_attn.indexer.wq_b",
	"indexer.attn_k":   "self_attn.indexer.wk",
	"indexer.k_norm":   "self_attn.indexer.k_norm",
	"indexer.proj":     "self_attn.indexer.weights_proj",

	"nextn.eh_proj":          "eh_proj",
	"nextn.enorm":            "enorm",
	"nextn.hnorm":            "hnorm",
	"nextn.embed_tokens":     "embed_tokens",
	"nextn.shared_head_head": "shared_head.head",
	"nextn.shared_head_norm": "shared_head.norm",
}

// hfPrefixes are what may stand before the names of a language model, the first for
// the layers, the second for the head: alone, as the inner model alone, and inside a
// multimodal model in several spellings.
var hfPrefixes = [][2]string{
	{"model.", ""},
	{"language_model.model.", "language_model."},
	{"model.language_model.", ""},
	{"language_model.", "language_model."},
	{"", ""},
}

// hfPrefix returns the one that a checkpoint has.
func hfPrefix(src source, f *family) [2]string {
	prefixes := hfPrefixes
	if f.hfPrefixes != nil {
		prefixes = f.hfPrefixes
	}
	for _, p := range prefixes {
		for _, name := range []string{f.top("token_embd") + ".weight", "norm.weight", "layers.0.input_layernorm.weight"} {
			if _, ok := src.find(p[0] + name); ok {
				return p
			}
		}
	}
	return prefixes[0]
}

// hfHead returns what a checkpoint with that prefix calls the output matrix, which may
// lack the prefix, or have the one of the layers.
func hfHead(src source, prefix [2]string) string {
	const head = "lm_head"
	for _, p := range []string{prefix[1], "", prefix[0], "model."} {
		if _, ok := src.find(p + head + ".weight"); ok {
			return p + head
		}
	}
	return prefix[1] + head
}

// noLayer stands for the tensors outside layers.
const noLayer = -1

// ggufName returns the name of a tensor in a GGUF file.
func ggufName(role string, layer int, part string) string {
	if layer == noLayer {
		return role + part
	}
	return fmt.Sprintf("blk.%d.%s%s", layer, role, part)
}

// hfName returns the name of a tensor in a Hugging Face checkpoint; names of experts
// keep a %d for their number.
func (b *binder) hfName(role string, layer int, part string) string {
	if role == "output" {
		return b.head + part
	}
	if layer == noLayer {
		return b.prefix[0] + b.family.top(role) + part
	}
	name := b.family.hfNames[role]
	if name == "" {
		name = hfLayer[role]
	}
	if role == "exp_probs_b" { // e_score_correction_bias is a name of its own
		part = strings.Replace(part, ".", "_", 1)
	}
	if b.family.hfModules != "" && layer >= b.layers {
		return b.prefix[0] + fmt.Sprintf(b.family.hfModules, layer-b.layers) + name + part
	}
	return fmt.Sprintf("%s%s%d.", b.prefix[0], b.family.layers(), layer) + name + part
}

// layerOf returns the number of the layer that a tensor belongs to by its name, and
// whether it does to one.
func (b *binder) layerOf(name string) (layer int, ok bool) {
	prefix := "blk."
	if b.hf {
		prefix = b.prefix[0] + b.family.layers()
	}
	number, _, found := strings.Cut(strings.TrimPrefix(name, prefix), ".")
	layer, err := strconv.Atoi(number)
	return layer, found && err == nil && strings.HasPrefix(name, prefix)
}
