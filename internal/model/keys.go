package model

import (
	"fmt"
	"slices"
	"strings"

	"github.com/blitz-r1/blitz/gguf"
)

// keys reads the metadata of a GGUF file under its architecture's name, and keeps
// the first error.
type keys struct {
	f    *gguf.File
	arch string
	err  error
}

func (k *keys) name(key string) string { return k.arch + "." + key }

func (k *keys) fail(key, want string) {
	if k.err == nil {
		k.err = fmt.Errorf("%w: %w", k.f.KeyError(key, want), ErrConfig)
	}
}

// count returns an integer from min to max; def where the key is absent, an error
// where def is below min. A list with one value a layer gives its first one, if
// all are the same.
func (k *keys) count(key string, def, min, max int) int {
	name := k.name(key)
	want := fmt.Sprintf("an integer from %d to %d", min, max)
	if !k.f.Has(name) {
		if def < min {
			k.fail(name, want)
			return min
		}
		return def
	}
	x, ok := k.f.Uint(name)
	if list, isList := k.f.Ints(name); isList && len(list) > 0 {
		for _, v := range list {
			if v != list[0] {
				k.fail(name, "the same number for every layer")
			}
		}
		x, ok = uint64(list[0]), list[0] >= 0
	}
	if !ok || x < uint64(min) || x > uint64(max) {
		k.fail(name, want)
		return min
	}
	return int(x)
}

func (k *keys) number(key string, def float64) float64 {
	name := k.name(key)
	if !k.f.Has(name) {
		return def
	}
	x, ok := k.f.Float(name)
	if !ok {
		if n, isInt := k.f.Int(name); isInt {
			return float64(n)
		}
		k.fail(name, "a number")
		return def
	}
	return x
}

func (k *keys) bool(key string, def bool) bool {
	name := k.name(key)
	if !k.f.Has(name) {
		return def
	}
	x, ok := k.f.Bool(name)
	if !ok {
		k.fail(name, "a bool")
	}
	return x
}

func (k *keys) text(key, def string) string {
	name := k.name(key)
	if !k.f.Has(name) {
		return def
	}
	x, ok := k.f.String(name)
	if !ok {
		k.fail(name, "a string")
	}
	return x
}

// fieldKeys are the keys that GGUF files have for the fields that Config.check names.
var fieldKeys = map[string]string{
	"num_attention_heads":              "attention.head_count",
	"num_key_value_heads":              "attention.head_count_kv",
	"head_dim":                         "attention.key_length",
	"num_experts_per_tok":              "expert_used_count",
	"moe_intermediate_size":            "expert_feed_forward_length",
	"sliding_window":                   "attention.sliding_window",
	"rms_norm_eps":                     "attention.layer_norm_rms_epsilon",
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
	"experts":                          "expert_count",
	"rope_theta":                       "rope.freq_base",
	"rope_type":                        "rope.scaling.type",
	"factor":                           "rope.scaling.factor",
	"original_max_position_embeddings": "rope.scaling.original_context_length",
	"beta_fast":                        "rope.scaling.yarn_beta_fast",
	"beta_slow":                        "rope.scaling.yarn_beta_slow",
	"mscale":                           "rope.scaling.yarn_log_multiplier",
	"attention_factor":                 "rope.scaling.attn_factor",
}

// contradiction returns an error of Config.check with the keys of the file that hold
// the fields it names.
func (k *keys) contradiction(err error) error {
	var names []string
	words := strings.FieldsFunc(err.Error(), func(r rune) bool { return r != '_' && (r < 'a' || r > 'z') })
	for _, w := range words {
		if key, ok := fieldKeys[w]; ok && k.f.Has(k.name(key)) && !slices.Contains(names, k.name(key)) {
			names = append(names, k.name(key))
		}
	}
	switch len(names) {
	case 0:
		return fmt.Errorf("model: %s: %w", k.f.Name(), err)
	case 1:
		return fmt.Errorf("model: %s: key %s: %w", k.f.Name(), names[0], err)
	}
	return fmt.Errorf("model: %s: keys %s: %w", k.f.Name(), strings.Join(names, ", "), err)
}
