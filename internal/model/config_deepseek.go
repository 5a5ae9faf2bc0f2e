package model

import "fmt"

// deepSeek has the model types of the DeepSeek family, which share one
// architecture.
var deepSeek = map[string]bool{
	"deepseek_v2": true, "deepseek_v3": true, "deepseek_v32": true, "kimi_k2": true, "glm4_moe_lite": true,
}

// readDeepSeek reads what config.json says of latent attention and experts.
func (c *Config) readDeepSeek(f *fields) {
	if f.err != nil || !deepSeek[c.ModelType] {
		return
	}
	if f.has("q_lora_rank") {
		c.QLoraRank = f.count("q_lora_rank", 0, 1, maxWidth)
	}
	c.KVLoraRank = f.count("kv_lora_rank", 0, 1, maxWidth)
	c.QKNopeHeadDim = f.count("qk_nope_head_dim", 0, 1, maxWidth)
	c.QKRopeHeadDim = f.count("qk_rope_head_dim", 0, 1, maxWidth)
	c.VHeadDim = f.count("v_head_dim", 0, 1, maxWidth)
	c.HeadDim = c.QKRopeHeadDim // what rotates
	if !f.bool("rope_interleave", true) {
		c.Rope.Pairs = false
	}
	c.readDeepSeekExperts(f)
	c.NumNextNPredictLayers = f.count("num_nextn_predict_layers", 0, 0, 16)
	if c.ModelType == "deepseek_v32" {
		c.IndexNHeads = f.count("index_n_heads", 0, 1, maxHeads)
		c.IndexHeadDim = f.count("index_head_dim", 0, 1, maxWidth)
		c.IndexTopK = f.count("index_topk", 0, 1, maxContext)
	}
}

func (c *Config) readDeepSeekExperts(f *fields) {
	if !f.has("n_routed_experts") { // a dense model of the family
		return
	}
	c.NumExperts = f.count("n_routed_experts", 0, 1, maxExperts)
	c.NumExpertsPerTok = f.count("num_experts_per_tok", 0, 1, maxExperts)
	c.MoEIntermediateSize = f.count("moe_intermediate_size", 0, 1, maxWidth)
	if f.has("n_shared_experts") {
		c.NumSharedExperts = f.count("n_shared_experts", 0, 0, maxExperts)
	}
	c.RoutedScalingFactor = float32(f.number("routed_scaling_factor", 1))
	v2 := c.ModelType == "deepseek_v2"
	c.NormTopKProb = f.bool("norm_topk_prob", !v2)
	score := map[bool]string{true: "softmax", false: "sigmoid"}[v2]
	switch s := f.text("scoring_func", score); s {
	case "softmax", "sigmoid":
		c.SigmoidScores = s == "sigmoid"
	default:
		f.fail("scoring_func", show(s), "softmax or sigmoid")
	}
	switch m := f.text("topk_method", map[bool]string{true: "greedy", false: "noaux_tc"}[v2]); m {
	case "greedy":
	case "group_limited_greedy", "noaux_tc":
		c.CorrectionBias = m == "noaux_tc"
		groups := map[bool]int{true: 1}[c.ModelType == "kimi_k2" || c.ModelType == "glm4_moe_lite"] // others name them
		c.NGroup = f.count("n_group", groups, 1, maxExperts)
		c.TopKGroup = f.count("topk_group", map[bool]int{true: 1}[c.NGroup == 1], 1, maxExperts)
	default:
		f.fail("topk_method", show(m), "greedy, group_limited_greedy or noaux_tc")
	}
	c.readDeepSeekDense(f)
}

// readDeepSeekDense finds out which layers are dense: the first ones, those that a
// frequency leaves out, or those that a list names.
func (c *Config) readDeepSeekDense(f *fields) {
	dense := f.count("first_k_dense_replace", 0, 0, c.NumHiddenLayers)
	freq := f.count("moe_layer_freq", 1, 1, maxLayers)
	kinds := f.list("mlp_layer_types", c.NumHiddenLayers)
	c.Dense = make([]bool, c.NumHiddenLayers)
	for i := range c.Dense {
		c.Dense[i] = i < dense || i%freq != 0
		if kinds == nil {
			continue
		}
		if kinds[i] != "dense" && kinds[i] != "sparse" {
			f.fail("mlp_layer_types", show(kinds[i]), "dense or sparse")
		}
		c.Dense[i] = kinds[i] == "dense"
	}
}

// readGGUFDeepSeek reads the metadata of the architectures deepseek2 and deepseek32.
// What older files do not say is found in their tensors, or assumed as engines of
// their time did.
func (c *Config) readGGUFDeepSeek(k *keys) {
	c.Rope.Pairs = true
	c.QKRopeHeadDim = k.count("rope.dimension_count", 0, 1, maxWidth)
	c.KVLoraRank = k.count("attention.kv_lora_rank", 0, 1, maxWidth)
	key := k.count("attention.key_length_mla", k.count("attention.key_length", 0, 1, maxWidth), 1, maxWidth)
	c.VHeadDim = k.count("attention.value_length_mla", k.count("attention.value_length", 0, 1, maxWidth), 1, maxWidth)
	c.QKNopeHeadDim = key - c.QKRopeHeadDim
	c.HeadDim = c.QKRopeHeadDim // what rotates
	if c.QKNopeHeadDim < 1 {
		name := k.name("attention.key_length_mla")
		if !k.f.Has(name) {
			name = k.name("attention.key_length")
		}
		k.fail(name, fmt.Sprintf("more than rope.dimension_count %d", c.QKRopeHeadDim))
		return
	}
	// Lite models have no compressed queries, whatever their keys say.
	if t, ok := k.f.Tensor("blk.0.attn_q_a.weight"); ok && len(t.Shape) == 2 {
		c.QLoraRank = min(t.Shape[0], maxWidth)
	} else if _, plain := k.f.Tensor("blk.0.attn_q.weight"); !plain {
		c.QLoraRank = k.count("attention.q_lora_rank", 0, 0, maxWidth) // so that the missing tensor is named
	}
	c.NumNextNPredictLayers = k.count("nextn_predict_layers", 0, 0, 16)
	if c.NumHiddenLayers -= c.NumNextNPredictLayers; c.NumHiddenLayers < 1 {
		k.fail(k.name("nextn_predict_layers"), "fewer than block_count")
		return
	}
	if k.arch == "deepseek32" {
		c.IndexNHeads = k.count("attention.indexer.head_count", 0, 1, maxHeads)
		c.IndexHeadDim = k.count("attention.indexer.key_length", 0, 1, maxWidth)
		c.IndexTopK = k.count("attention.indexer.top_k", 0, 1, maxContext)
	}
	c.readGGUFDeepSeekRope(k)
	c.readGGUFDeepSeekExperts(k)
}

// readGGUFDeepSeekRope reads the mscale of YaRN, which such files store as a tenth
// of mscale_all_dim; mscale is taken to be the same.
func (c *Config) readGGUFDeepSeekRope(k *keys) {
	if c.Rope.Type != "yarn" {
		return
	}
	if m := k.number("rope.scaling.yarn_log_multiplier", 0); m != 0 {
		c.Rope.MScaleAllDim = roundDecimal(m * 10)
		c.Rope.MScale = c.Rope.MScaleAllDim
	}
}

func (c *Config) readGGUFDeepSeekExperts(k *keys) {
	if c.NumExperts == 0 {
		return
	}
	c.NumSharedExperts = k.count("expert_shared_count", 0, 0, maxExperts)
	c.RoutedScalingFactor = float32(k.number("expert_weights_scale", 1))
	if c.RoutedScalingFactor == 0 {
		c.RoutedScalingFactor = 1
	}
	c.NormTopKProb = k.bool("expert_weights_norm", false)
	c.NGroup = k.count("expert_group_count", 0, 0, maxExperts)
	c.TopKGroup = k.count("expert_group_used_count", 0, 0, maxExperts)
	dense := k.count("leading_dense_block_count", 0, 0, c.NumHiddenLayers)
	c.Dense = make([]bool, c.NumHiddenLayers)
	for i := range c.Dense {
		c.Dense[i] = i < dense
	}
	bias := false
	for i := range c.NumHiddenLayers {
		_, there := k.f.Tensor(fmt.Sprintf("blk.%d.exp_probs_b.bias", i))
		bias = bias || there
	}
	c.CorrectionBias = bias
	switch gate := k.count("expert_gating_func", 0, 0, 2); {
	case gate > 0:
		c.SigmoidScores = gate == 2
	case bias:
		c.SigmoidScores = true
		c.assume("expert_gating_func is missing; sigmoid, since the routers have a bias")
	default:
		c.assume("expert_gating_func is missing; softmax, since the routers have no bias")
	}
	if k.f.Has(k.name("expert_group_count")) || k.arch != "deepseek2" {
		return
	}
	switch { // files from before these keys: the two releases that have groups
	case c.NumExperts == 256 && c.SigmoidScores && bias:
		c.NGroup, c.TopKGroup = 8, 4
	case c.NumExperts == 160 && !c.SigmoidScores:
		c.NGroup, c.TopKGroup = 8, 3
	default:
		return
	}
	c.assume("expert_group_count is missing; %d groups of which %d are kept, as DeepSeek's models of %d experts have", c.NGroup, c.TopKGroup, c.NumExperts)
}
