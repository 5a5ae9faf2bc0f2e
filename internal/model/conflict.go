package model

import (
	"fmt"
	"slices"
	"strings"
)

// conflict is what no model can be: a field of a Config that is beyond its range, or
// several that contradict each other.
type conflict struct {
	fields []string // their names in a config.json
	text   string
}

// fact is a field with its value, as a message has it.
type fact struct {
	name  string
	value any
}

func (f fact) String() string { return fmt.Sprintf("%s %v", f.name, f.value) }

// clash returns a conflict of the facts among the arguments of a message.
func clash(format string, a ...any) *conflict {
	c := &conflict{text: fmt.Sprintf(format, a...)}
	for _, x := range a {
		if f, ok := x.(fact); ok {
			c.fields = append(c.fields, f.name)
		}
	}
	return c
}

// inJSON returns the error for the config.json of that name.
func (c *conflict) inJSON(name string) error {
	return fmt.Errorf("model: %s: %s: %w", name, c.text, ErrConfig)
}

// ggufKeys are the keys that GGUF files have for the fields of conflicts, behind the name
// of the architecture.
var ggufKeys = map[string]string{
	"num_attention_heads":              "attention.head_count",
	"num_key_value_heads":              "attention.head_count_kv",
	"head_dim":                         "attention.key_length",
	"num_experts":                      "expert_count",
	"num_experts_per_tok":              "expert_used_count",
	"moe_intermediate_size":            "expert_feed_forward_length",
	"sliding_window":                   "attention.sliding_window",
	"rms_norm_eps":                     "attention.layer_norm_rms_epsilon",
	"layer_norm_eps":                   "attention.layer_norm_epsilon",
	"attn_logit_softcapping":           "attn_logit_softcapping",
	"final_logit_softcapping":          "final_logit_softcapping",
	"qk_rope_head_dim":                 "rope.dimension_count",
	"qk_nope_head_dim":                 "attention.key_length_mla",
	"v_head_dim":                       "attention.value_length_mla",
	"kv_lora_rank":                     "attention.kv_lora_rank",
	"q_lora_rank":                      "attention.q_lora_rank",
	"index_head_dim":                   "attention.indexer.key_length",
	"index_n_heads":                    "attention.indexer.head_count",
	"n_group":                          "expert_group_count",
	"topk_group":                       "expert_group_used_count",
	"n_shared_experts":                 "expert_shared_count",
	"routed_scaling_factor":            "expert_weights_scale",
	"rope_theta":                       "rope.freq_base",
	"rope_local_base_freq":             "rope.freq_base_swa",
	"rope_type":                        "rope.scaling.type",
	"rope factor":                      "rope.scaling.factor",
	"original_max_position_embeddings": "rope.scaling.original_context_length",
	"beta_fast":                        "rope.scaling.yarn_beta_fast",
	"beta_slow":                        "rope.scaling.yarn_beta_slow",
	"mscale":                           "rope.scaling.yarn_log_multiplier",
	"mscale_all_dim":                   "rope.scaling.yarn_log_multiplier",
	"attention_factor":                 "rope.scaling.attn_factor",
	"compress_ratios":                  "attention.compress_ratios",
	"o_groups":                         "attention.output_group_count",
	"o_lora_rank":                      "attention.output_lora_rank",
	"hc_mult":                          "hyper_connection.count",
	"hc_eps":                           "hyper_connection.epsilon",
	"num_hash_layers":                  "hash_layer_count",
	"swiglu_limit":                     "swiglu_clamp_exp",
}

// inGGUF returns the error for a GGUF file, with the keys that hold the fields.
func (c *conflict) inGGUF(k *keys) error {
	var names []string
	for _, field := range c.fields {
		if key, ok := ggufKeys[field]; ok && k.f.Has(k.name(key)) && !slices.Contains(names, k.name(key)) {
			names = append(names, k.name(key))
		}
	}
	where := ""
	switch len(names) {
	case 0:
	case 1:
		where = "key " + names[0] + ": "
	default:
		where = "keys " + strings.Join(names, ", ") + ": "
	}
	return fmt.Errorf("model: %s: %s%s: %w", k.f.Name(), where, c.text, ErrConfig)
}
