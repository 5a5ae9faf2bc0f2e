package model

import (
	"fmt"
)

// The models of Mistral since 2025. What they have in common: queries grow with their
// position (QueryScale).
var (
	// ministral3Family is Ministral 3: Llama with YaRN.
	ministral3Family = family{
		modelType: "ministral3",
		archs:     []string{"mistral3"},
		defaults: map[string]any{
			"vocab_size": 131072, "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 34, "num_attention_heads": 32,
			"num_key_value_heads": 8, "head_dim": 128, "hidden_act": "silu", "max_position_embeddings": 262144, "rms_norm_eps": 1e-5,
			"rope_theta": 1e6,
		},
		readHF: func(c *Config, o *object) {
			c.readActivation(o, "hidden_act")
			if o.has("sliding_window") {
				c.readSlidingAll(o)
			}
			c.readRope(o)
			c.readQueryScale(o)
		},
		readGGUF: func(c *Config, k *keys) {
			c.readGGUFHeadDim(k)
			c.readGGUFRope(k)
			c.Rope.Pairs = true // its files have the rows of queries and keys in that order
			if m := k.number("rope.scaling.yarn_log_multiplier", 0); m != 0 && c.Rope.Type == "yarn" {
				c.Rope.MScale, c.Rope.MScaleAllDim = m, m // sine and cosine stay as they are
			}
			c.readGGUFQueryScale(k)
		},
		check:   checkQueryScale,
		network: func() network { return new(llama) },
	}
	// mistral4Family is Mistral Small 4: DeepSeek's layers with a softmax router.
	mistral4Family = family{
		modelType: "mistral4",
		archs:     []string{"mistral4"},
		defaults: with(deepseekV3Defaults, map[string]any{
			"vocab_size": 131072, "hidden_size": 4096, "intermediate_size": 12288, "num_hidden_layers": 36, "num_attention_heads": 32,
			"num_key_value_heads": 32, "max_position_embeddings": 1048576, "first_k_dense_replace": 0, "kv_lora_rank": 256, "q_lora_rank": 1024,
			"n_routed_experts": 128, "qk_nope_head_dim": 64, "routed_scaling_factor": 1.0, "n_group": 1, "topk_group": 1, "num_experts_per_tok": 4,
			"topk_method": "group_limited_greedy", "scoring_func": "softmax", "num_nextn_predict_layers": 0,
		}),
		aliases: deepseekAliases,
		readHF: func(c *Config, o *object) {
			readDeepSeek(c, o)
			c.readQueryScale(o)
		},
		readGGUF: func(c *Config, k *keys) {
			readGGUFDeepSeek(c, k)
			if c.QueryScaleBeta == 0 {
				c.QueryScaleBeta, c.QueryScaleLength = 0.1, int(min(c.Rope.OriginalMaxPositionEmbeddings, maxContext))
				c.assume("%s is missing: %v every %d positions, as the published models have", k.name("attention.temperature_scale"), c.QueryScaleBeta, c.QueryScaleLength)
			}
		},
		check: checkDeepSeek, network: newDeepSeek, spare: spareDeepSeek,
		hfNames: map[string]string{"ffn_gate_up_exps": "mlp.experts.gate_up_proj", "ffn_down_exps": "mlp.experts.down_proj"},
		stacked: true,
	}
	// mistralLarge3Family is Mistral Large 3 in the form of params.json: the same layers
	// under other names. GGUF files have it as deepseek2.
	mistralLarge3Family = family{
		modelType: "mistral_large3",
		defaults:  with(deepseekV3Defaults, map[string]any{"num_nextn_predict_layers": 0, "scoring_func": "softmax", "topk_method": "group_limited_greedy"}),
		readHF: func(c *Config, o *object) {
			readDeepSeek(c, o)
			c.readQueryScale(o)
		},
		check: checkDeepSeek, network: newDeepSeek,
		hfTop: map[string]string{"token_embd": "tok_embeddings", "output_norm": "norm", "output": "output"},
		hfNames: map[string]string{
			"attn_norm": "attention_norm", "ffn_norm": "ffn_norm", "attn_q_a": "attention.wq_a", "attn_q_a_norm": "attention.q_a_norm",
			"attn_q_b": "attention.wq_b", "attn_kv_a_mqa": "attention.wkv_a_with_mqa", "attn_kv_a_norm": "attention.kv_a_norm",
			"attn_kv_b": "attention.wkv_b", "attn_output": "attention.wo", "ffn_gate": "feed_forward.w1", "ffn_up": "feed_forward.w3",
			"ffn_down": "feed_forward.w2", "ffn_gate_inp": "gate", "ffn_gate_exps": "experts.%d.w1", "ffn_up_exps": "experts.%d.w3",
			"ffn_down_exps": "experts.%d.w2", "ffn_gate_shexp": "shared_experts.w1", "ffn_up_shexp": "shared_experts.w3", "ffn_down_shexp": "shared_experts.w2",
		},
	}
)

// readQueryScale reads how queries grow with their position, of rope_parameters.
func (c *Config) readQueryScale(o *object) {
	r := c.ropeParameters(o)
	if r == nil {
		return
	}
	c.QueryScaleBeta = r.number("llama_4_scaling_beta", 0)
	c.QueryScaleLength = int(min(r.number("original_max_position_embeddings", float64(c.MaxPositionEmbeddings)), maxContext))
	if own := o.inner("llama_4_scaling"); own != nil { // of a params.json
		c.QueryScaleBeta = own.number("beta", 0)
		c.QueryScaleLength = own.count("original_max_position_embeddings", 0, 1, maxContext)
		o.takeError(own)
	}
	o.takeError(r)
}

// readGGUFQueryScale is readQueryScale of a GGUF file.
func (c *Config) readGGUFQueryScale(k *keys) {
	c.QueryScaleBeta = k.number("attention.temperature_scale", 0)
	original := int(min(c.Rope.OriginalMaxPositionEmbeddings, maxContext))
	c.QueryScaleLength = k.count("attention.temperature_length", original, 0, maxContext)
}

func checkQueryScale(c *Config) *conflict {
	switch {
	case !(c.QueryScaleBeta >= 0 && c.QueryScaleBeta <= maxScale):
		return clash("%s, want a positive number, or 0 for none", fact{"llama_4_scaling_beta", c.QueryScaleBeta})
	case c.QueryScaleBeta > 0 && c.QueryScaleLength < 1:
		return clash("%s, want 1 or more", fact{"original_max_position_embeddings", c.QueryScaleLength})
	}
	return nil
}

// fromParams returns a params.json of Mistral's own form in the words of a config.json. Only
// models with latent attention and experts are of a known kind.
func fromParams(p *object) *object {
	moe, yarn := p.inner("moe"), p.inner("yarn")
	if moe == nil || !p.has("kv_lora_rank") {
		p.fail("moe", show(p.values["moe"]), "the experts of Mistral Large 3, the only model that is read in this form")
		return p
	}
	o := &object{file: p.file, values: map[string]any{"model_type": mistralLarge3Family.modelType}, err: p.err}
	for _, set := range []struct {
		from  *object
		names map[string]string
	}{
		{p, map[string]string{
			"dim": "hidden_size", "n_layers": "num_hidden_layers", "n_heads": "num_attention_heads", "n_kv_heads": "num_key_value_heads",
			"hidden_dim": "intermediate_size", "norm_eps": "rms_norm_eps", "vocab_size": "vocab_size", "max_position_embeddings": "max_position_embeddings",
			"tied_embeddings": "tie_word_embeddings", "rope_theta": "rope_theta", "q_lora_rank": "q_lora_rank", "kv_lora_rank": "kv_lora_rank",
			"qk_nope_head_dim": "qk_nope_head_dim", "qk_rope_head_dim": "qk_rope_head_dim", "v_head_dim": "v_head_dim", "llama_4_scaling": "llama_4_scaling",
		}},
		{moe, map[string]string{
			"num_experts": "n_routed_experts", "num_experts_per_tok": "num_experts_per_tok", "num_expert_groups": "n_group",
			"num_expert_groups_per_tok": "topk_group", "routed_scale": "routed_scaling_factor", "expert_hidden_dim": "moe_intermediate_size",
			"num_shared_experts": "n_shared_experts", "first_k_dense_replace": "first_k_dense_replace",
		}},
	} {
		for name, key := range set.names {
			if v, ok := set.from.values[name]; ok {
				o.values[key] = v
			}
		}
	}
	if yarn != nil {
		if yarn.bool("apply_scale", false) {
			o.fail("apply_scale", fmt.Sprint(true), "false")
		}
		o.values["rope_parameters"] = map[string]any{
			"rope_type": "yarn", "rope_theta": p.number("rope_theta", 10000), "factor": yarn.number("factor", 1), "mscale": 1.0, "mscale_all_dim": 1.0,
			"original_max_position_embeddings": yarn.number("original_max_position_embeddings", 0),
			"beta_fast":                        yarn.number("beta", 32), "beta_slow": yarn.number("alpha", 1),
		}
		o.takeError(yarn)
	}
	o.takeError(moe)
	o.takeError(p)
	return o
}
