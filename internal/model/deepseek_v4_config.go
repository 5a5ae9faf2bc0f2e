package model

import (
	"fmt"
	"math"
)

// heavilyCompressed is the number of positions that an entry of heavily compressed attention is
// made of (DeepSeek-V4 report).
const heavilyCompressed = 128

func readDeepSeekV4(c *Config, o *object) {
	c.readActivation(o, "hidden_act")
	if o.bool("attention_bias", false) {
		o.fail("attention_bias", "true", "false")
	}
	c.RotaryDim = o.count("qk_rope_head_dim", int(math.Round(o.number("partial_rotary_factor", 0.125)*float64(c.HeadDim))), 1, maxWidth)
	c.QLoraRank = o.count("q_lora_rank", 0, 1, maxWidth)
	c.OGroups = o.count("o_groups", 0, 1, maxHeads)
	c.OLoraRank = o.count("o_lora_rank", 0, 1, maxWidth)
	c.SlidingWindow = o.count("sliding_window", 0, 1, maxContext)
	c.readIndexer(o)
	c.readV4Rope(o)
	c.readCompression(o)
	c.readHashLayers(o)
	c.HCMult = o.count("hc_mult", 0, 1, maxStreams)
	c.HCSinkhornIters = o.count("hc_sinkhorn_iters", 0, 1, maxSinkhorn)
	c.HCEps = float32(o.number("hc_eps", 0))
	c.NumExperts = o.count("n_routed_experts", 0, 1, maxExperts)
	c.NumExpertsPerTok = o.count("num_experts_per_tok", 0, 1, maxExperts)
	c.NumSharedExperts = o.count("n_shared_experts", 0, 0, maxExperts)
	c.MoEIntermediateSize = o.count("moe_intermediate_size", 0, 1, maxWidth)
	c.NormTopKProb = o.bool("norm_topk_prob", true)
	c.RoutedScalingFactor = float32(o.number("routed_scaling_factor", 1))
	if f := o.text("scoring_func", ""); f != "sqrtsoftplus" {
		o.fail("scoring_func", show(f), "sqrtsoftplus")
	}
	c.setClamp(o.number("swiglu_limit", 0))
	c.NumNextNPredictLayers = o.count("num_nextn_predict_layers", 0, 0, 16)
	c.readDSpark(o)
}

// Bounds of hyper-connections.
const (
	maxStreams  = 64
	maxSinkhorn = 1000
)

// setClamp sets the limit of what is inside experts; 0: none.
func (c *Config) setClamp(limit float64) {
	if c.SwigluLimit = float32(limit); limit != 0 {
		c.HiddenAct = SiluClamped
	}
}

// readV4Rope reads the two sets of rotary parameters: plain ones of layers with a window
// alone, and those of layers with entries. YaRN scales neither sine and cosine nor scores.
func (c *Config) readV4Rope(o *object) {
	context := float64(c.MaxPositionEmbeddings)
	local := RopeConfig{Type: "default", Theta: o.number("rope_theta", 10000)}
	c.Rope = RopeConfig{Type: "default", Theta: o.number("compress_rope_theta", 160000)}
	if p := o.inner("rope_parameters"); p != nil {
		if main := p.inner("main"); main != nil {
			local = parseRope(main, local.Theta, context)
			p.takeError(main)
		}
		if compress := p.inner("compress"); compress != nil {
			c.Rope = parseRope(compress, c.Rope.Theta, context)
			p.takeError(compress)
		}
		o.takeError(p)
	} else if scaling := o.inner("rope_scaling"); scaling != nil && len(scaling.values) > 0 {
		c.Rope = parseRope(scaling, c.Rope.Theta, context)
		o.takeError(scaling)
	}
	c.setV4Rope(local)
}

func (c *Config) setV4Rope(local RopeConfig) {
	for _, r := range []*RopeConfig{&local, &c.Rope} {
		r.Pairs, r.Partial, r.MScale, r.MScaleAllDim = true, 1, 0, 0
		if r.Type == "yarn" && r.AttentionFactor == 0 {
			r.AttentionFactor = 1
		}
	}
	c.RopeLocal = &local
}

// readCompression reads of how many positions the entries of each layer are: as published,
// or by kinds, as transformers writes them.
func (c *Config) readCompression(o *object) {
	kinds := o.list("layer_types", c.NumHiddenLayers)
	if kinds == nil {
		list, ok := o.values["compress_ratios"].([]any)
		if !ok || len(list) < c.NumHiddenLayers {
			o.fail("compress_ratios", show(o.values["compress_ratios"]), fmt.Sprintf("a list of num_hidden_layers %d or more", c.NumHiddenLayers))
			return
		}
		for i := range c.NumHiddenLayers { // those behind are of draft layers
			one := &object{file: o.file, values: map[string]any{"compress_ratios": list[i]}}
			c.CompressRatios = append(c.CompressRatios, one.count("compress_ratios", 0, 0, maxContext))
			o.takeError(one)
		}
		return
	}
	rates := map[string]int{"compressed_sparse_attention": overlapping, "heavily_compressed_attention": heavilyCompressed, "sliding_attention": 0}
	if r := o.inner("compress_rates"); r != nil {
		for kind, rate := range rates {
			rates[kind] = r.count(kind, rate, 0, maxContext)
		}
		o.takeError(r)
	}
	for _, kind := range kinds {
		name, _ := kind.(string)
		rate, known := rates[name]
		if !known {
			o.fail("layer_types", show(kind), "sliding_attention, compressed_sparse_attention or heavily_compressed_attention")
		}
		c.CompressRatios = append(c.CompressRatios, rate)
	}
}

// readHashLayers reads how many layers choose experts by a table.
func (c *Config) readHashLayers(o *object) {
	kinds := o.list("mlp_layer_types", c.NumHiddenLayers)
	if kinds == nil {
		c.NumHashLayers = o.count("num_hash_layers", min(3, c.NumHiddenLayers), 0, maxLayers)
		return
	}
	for i, kind := range kinds {
		switch {
		case kind == "hash_moe" && c.NumHashLayers == i:
			c.NumHashLayers++
		case kind != "moe":
			o.fail("mlp_layer_types", show(kinds), "layers of hash_moe, then of moe")
		}
	}
}

func readGGUFDeepSeekV4(c *Config, k *keys) {
	c.readGGUFHeadDim(k)
	c.readGGUFRope(k)
	local := RopeConfig{Type: "default", Theta: c.Rope.Theta}
	c.Rope.Theta = k.number("attention.compress_rope_freq_base", 160000)
	c.Rope.AttentionFactor = k.number("rope.scaling.yarn_attn_factor", 1)
	c.setV4Rope(local)
	c.QLoraRank = k.count("attention.q_lora_rank", 0, 1, maxWidth)
	c.OGroups = k.count("attention.output_group_count", 0, 1, maxHeads)
	c.OLoraRank = k.count("attention.output_lora_rank", 0, 1, maxWidth)
	c.SlidingWindow = k.count("attention.sliding_window", 0, 1, maxContext)
	c.readGGUFIndexer(k)
	c.readGGUFCompression(k)
	c.NumHashLayers = k.count("hash_layer_count", 0, 0, maxLayers)
	c.HCMult = k.count("hyper_connection.count", 0, 1, maxStreams)
	c.HCSinkhornIters = k.count("hyper_connection.sinkhorn_iterations", 0, 1, maxSinkhorn)
	c.HCEps = float32(k.number("hyper_connection.epsilon", 1e-6))
	c.readGGUFExperts(k)
	c.NumSharedExperts = k.count("expert_shared_count", 0, 0, maxExperts)
	c.NormTopKProb = k.bool("expert_weights_norm", true)
	c.RoutedScalingFactor = float32(k.number("expert_weights_scale", 1))
	const rootOfSoftplus = 4
	k.count("expert_gating_func", rootOfSoftplus, rootOfSoftplus, rootOfSoftplus)
	c.setClamp(k.oneNumber("swiglu_clamp_exp", "swiglu_clamp_shexp"))
}

// readGGUFCompression reads of how many positions the entries of each layer are.
func (c *Config) readGGUFCompression(k *keys) {
	name := k.name("attention.compress_ratios")
	list, ok := k.f.Ints(name)
	if !ok || len(list) < c.NumHiddenLayers {
		k.fail(name, fmt.Sprintf("a list of %s %d or more", k.name("block_count"), c.NumHiddenLayers))
		return
	}
	for _, v := range list[:c.NumHiddenLayers] {
		c.CompressRatios = append(c.CompressRatios, int(max(-1, min(v, maxContext))))
	}
}

// oneNumber returns the number that all of some lists hold, one for every layer; 0 where
// there are none.
func (k *keys) oneNumber(names ...string) (x float64) {
	first := true
	for _, key := range names {
		name := k.name(key)
		list, ok := k.f.Floats(name)
		if k.f.Has(name) && !ok {
			k.fail(name, "a list of numbers")
		}
		for _, v := range list {
			if first {
				x, first = v, false
			}
			if v != x {
				k.fail(name, "the same number for every layer")
			}
		}
	}
	return x
}

// checkDeepSeekV4 returns the first conflict in what the family has beyond other models.
func checkDeepSeekV4(c *Config) *conflict {
	heads, headDim := fact{"num_attention_heads", c.NumAttentionHeads}, fact{"head_dim", c.HeadDim}
	groups, streams := fact{"o_groups", c.OGroups}, fact{"hc_mult", c.HCMult}
	for i, ratio := range c.CompressRatios {
		if ratio != 0 && ratio != overlapping && ratio != heavilyCompressed {
			return clash("%s of layer %d, want 0, %d or %d", fact{"compress_ratios", ratio}, i, overlapping, heavilyCompressed)
		}
	}
	switch {
	case c.NumExperts < 1: // a GGUF file may not say
		return clash("%s, want 1 or more", fact{"n_routed_experts", c.NumExperts})
	case c.NumKeyValueHeads != 1:
		return clash("%s, want 1", fact{"num_key_value_heads", c.NumKeyValueHeads})
	case c.NumAttentionHeads%c.OGroups != 0:
		return clash("%s do not divide into %s", heads, groups)
	case c.OGroups > maxWidth/c.OLoraRank:
		return clash("%s of %s are wider than %d", groups, fact{"o_lora_rank", c.OLoraRank}, maxWidth)
	case c.HeadDim > maxWidth/c.NumAttentionHeads:
		return clash("%s of %s are wider than %d", heads, headDim, maxWidth)
	case c.IndexHeadDim < c.RotaryDim:
		return clash("%s, want %s or more", fact{"index_head_dim", c.IndexHeadDim}, fact{"qk_rope_head_dim", c.RotaryDim})
	case c.IndexNHeads > maxWidth/c.IndexHeadDim:
		return clash("%s of %s are wider than %d", fact{"index_n_heads", c.IndexNHeads}, fact{"index_head_dim", c.IndexHeadDim}, maxWidth)
	case c.HCMult > maxWidth/c.HiddenSize:
		return clash("%s of %s are wider than %d", streams, fact{"hidden_size", c.HiddenSize}, maxWidth)
	case !(c.HCEps >= 0 && c.HCEps < 1):
		return clash("%s, want a small positive number", fact{"hc_eps", c.HCEps})
	case c.NumHashLayers > c.NumHiddenLayers:
		return clash("%s of %s", fact{"num_hash_layers", c.NumHashLayers}, fact{"num_hidden_layers", c.NumHiddenLayers})
	case !(c.SwigluLimit >= 0 && c.SwigluLimit <= maxScale):
		return clash("%s, want a positive number up to %d, or 0 for none", fact{"swiglu_limit", c.SwigluLimit}, maxScale)
	case c.NumSharedExperts > maxWidth/c.MoEIntermediateSize:
		return clash("%s of %s are wider than %d", fact{"n_shared_experts", c.NumSharedExperts}, fact{"moe_intermediate_size", c.MoEIntermediateSize}, maxWidth)
	case !(c.RoutedScalingFactor > 0 && c.RoutedScalingFactor <= maxScale):
		return clash("%s, want a positive number up to %d", fact{"routed_scaling_factor", c.RoutedScalingFactor}, maxScale)
	}
	return nil
}
