package model

import (
	"fmt"
	"maps"
	"math"
	"strings"
)

// The models of the family, and those that are built the same way.
var (
	deepseekV2Family = family{
		modelType: "deepseek_v2", defaults: deepseekV2Defaults, aliases: deepseekAliases,
		readHF: readDeepSeek, check: checkDeepSeek, network: newDeepSeek, spare: spareDeepSeek, drafts: true,
	}
	// GGUF files of V2 are of this architecture too.
	deepseekV3Family = family{
		modelType: "deepseek_v3", defaults: deepseekV3Defaults, aliases: deepseekAliases,
		archs: []string{"deepseek2"}, readGGUF: readGGUFDeepSeek,
		readHF: readDeepSeek, check: checkDeepSeek, network: newDeepSeek, spare: spareDeepSeek, drafts: true,
	}
	deepseekV32Family = family{
		modelType: "deepseek_v32", defaults: deepseekV32Defaults, aliases: deepseekAliases,
		archs: []string{"deepseek32"},
		readGGUF: func(c *Config, k *keys) {
			readGGUFDeepSeek(c, k)
			c.readGGUFIndexer(k)
		},
		readHF: func(c *Config, o *object) {
			readDeepSeek(c, o)
			c.readIndexer(o)
		},
		check: checkDeepSeek, network: newDeepSeek, spare: spareDeepSeek, drafts: true,
	}
	kimiK2Family = family{
		modelType: "kimi_k2", defaults: kimiK2Defaults, aliases: deepseekAliases,
		readHF: readDeepSeek, check: checkDeepSeek, network: newDeepSeek, spare: spareDeepSeek, drafts: true,
	}
	glm4MoELiteFamily = family{
		modelType: "glm4_moe_lite", defaults: glm4MoELiteDefaults, aliases: deepseekAliases,
		readHF: readDeepSeek, check: checkDeepSeek, network: newDeepSeek, spare: spareDeepSeek, drafts: true,
	}
)

// The classes of Hugging Face differ in their defaults; moonshotai's Kimi K2 brings a
// class of its own, with DeepSeek-V3's.
var (
	deepseekV2Defaults = map[string]any{
		"vocab_size": 102400, "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32, "num_attention_heads": 32,
		"hidden_act": "silu", "max_position_embeddings": 2048, "rms_norm_eps": 1e-6,
		"first_k_dense_replace": 0, "kv_lora_rank": 512, "q_lora_rank": 1536, "n_routed_experts": 64, "n_shared_experts": 2,
		"qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128, "routed_scaling_factor": 1.0,
		"topk_method": "greedy", "norm_topk_prob": false, "scoring_func": "softmax", "moe_intermediate_size": 1407,
	}
	deepseekV3Defaults = map[string]any{
		"vocab_size": 129280, "hidden_size": 7168, "intermediate_size": 18432, "num_hidden_layers": 61, "num_attention_heads": 128,
		"num_key_value_heads": 128, "hidden_act": "silu", "max_position_embeddings": 4096, "rms_norm_eps": 1e-6,
		"first_k_dense_replace": 3, "kv_lora_rank": 512, "q_lora_rank": 1536, "n_routed_experts": 256, "n_shared_experts": 1,
		"qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128, "routed_scaling_factor": 2.5,
		"n_group": 8, "topk_group": 4, "num_experts_per_tok": 8, "moe_intermediate_size": 2048,
		"topk_method": "noaux_tc", "norm_topk_prob": true, "scoring_func": "sigmoid", "num_nextn_predict_layers": 1,
	}
	deepseekV32Defaults = with(deepseekV3Defaults, map[string]any{
		"max_position_embeddings": 163840, "index_topk": 2048, "index_head_dim": 128, "index_n_heads": 64,
	})
	kimiK2Defaults = with(deepseekV3Defaults, map[string]any{"n_group": 1, "topk_group": 1, "num_nextn_predict_layers": 0})

	glm4MoELiteDefaults = with(deepseekV3Defaults, map[string]any{
		"vocab_size": 154880, "hidden_size": 2048, "intermediate_size": 10240, "num_hidden_layers": 47, "num_attention_heads": 20,
		"num_key_value_heads": 20, "max_position_embeddings": 202752, "rms_norm_eps": 1e-5,
		"first_k_dense_replace": 1, "q_lora_rank": 768, "n_routed_experts": 64, "qk_nope_head_dim": 192, "v_head_dim": 256,
		"routed_scaling_factor": 1.8, "n_group": 1, "topk_group": 1, "num_experts_per_tok": 4, "moe_intermediate_size": 1536,
	})
)

// with returns defaults with some of them changed.
func with(defaults, changes map[string]any) map[string]any {
	all := maps.Clone(defaults)
	maps.Copy(all, changes)
	return all
}

var deepseekAliases = map[string]string{
	"num_local_experts": "n_routed_experts", "num_experts": "n_routed_experts", "num_mtp_layers": "num_nextn_predict_layers",
}

func newDeepSeek() network { return new(deepseek) }

// readDeepSeek reads what config.json says of latent attention and experts.
func readDeepSeek(c *Config, o *object) {
	c.readActivation(o, "hidden_act")
	c.readBias(o)
	if o.bool("mlp_bias", false) {
		o.fail("mlp_bias", "true", "false")
	}
	if o.has("q_lora_rank") {
		c.QLoraRank = o.count("q_lora_rank", 0, 1, maxWidth)
	}
	c.KVLoraRank = o.count("kv_lora_rank", 0, 1, maxWidth)
	c.QKNopeHeadDim = o.count("qk_nope_head_dim", 0, 1, maxWidth)
	c.QKRopeHeadDim = o.count("qk_rope_head_dim", 0, 1, maxWidth)
	c.VHeadDim = o.count("v_head_dim", 0, 1, maxWidth)
	c.HeadDim = c.QKRopeHeadDim // what rotates
	c.readRope(o)
	c.Rope.Pairs = o.bool("rope_interleave", true)
	c.readDeepSeekExperts(o)
	c.NumNextNPredictLayers = o.count("num_nextn_predict_layers", 0, 0, 16)
}

// readIndexer reads the lightning indexer of V3.2.
func (c *Config) readIndexer(o *object) {
	c.IndexNHeads = o.count("index_n_heads", 0, 1, maxHeads)
	c.IndexHeadDim = o.count("index_head_dim", 0, 1, maxWidth)
	c.IndexTopK = o.count("index_topk", 0, 1, maxContext)
}

func (c *Config) readDeepSeekExperts(o *object) {
	if !o.has("n_routed_experts") { // null: a dense model of the family
		return
	}
	c.NumExperts = o.count("n_routed_experts", 0, 1, maxExperts)
	c.NumExpertsPerTok = o.count("num_experts_per_tok", 0, 1, maxExperts)
	c.MoEIntermediateSize = o.count("moe_intermediate_size", 0, 1, maxWidth)
	c.NumSharedExperts = o.count("n_shared_experts", 0, 0, maxExperts)
	c.RoutedScalingFactor = float32(o.number("routed_scaling_factor", 1))
	c.NormTopKProb = o.bool("norm_topk_prob", false)
	switch s := o.text("scoring_func", ""); s {
	case "softmax", "sigmoid":
		c.SigmoidScores = s == "sigmoid"
	default:
		o.fail("scoring_func", show(s), "softmax or sigmoid")
	}
	switch m := o.text("topk_method", ""); m {
	case "greedy":
	case "group_limited_greedy", "noaux_tc":
		c.CorrectionBias = m == "noaux_tc"
		c.NGroup = o.count("n_group", 0, 1, maxExperts)
		c.TopKGroup = o.count("topk_group", 0, 1, maxExperts)
	default:
		o.fail("topk_method", show(m), "greedy, group_limited_greedy or noaux_tc")
	}
	c.readDeepSeekDense(o)
}

// readDeepSeekDense finds out which layers are dense: the first ones, those that a
// frequency leaves out, or those that a list names.
func (c *Config) readDeepSeekDense(o *object) {
	dense := o.count("first_k_dense_replace", 0, 0, maxLayers)
	freq := o.count("moe_layer_freq", 1, 1, maxLayers)
	kinds := o.list("mlp_layer_types", c.NumHiddenLayers)
	c.Dense = make([]bool, c.NumHiddenLayers)
	for i := range c.Dense {
		c.Dense[i] = i < dense || i%freq != 0
		if kinds == nil {
			continue
		}
		if kinds[i] != "dense" && kinds[i] != "sparse" {
			o.fail("mlp_layer_types", show(kinds[i]), "dense or sparse")
		}
		c.Dense[i] = kinds[i] == "dense"
	}
}

// readGGUFDeepSeek reads the metadata of the architectures deepseek2 and deepseek32.
// What older files do not say is found in their tensors, or assumed as engines of
// their time did.
func readGGUFDeepSeek(c *Config, k *keys) {
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
	if c.readGGUFModules(k); k.err != nil {
		return
	}
	c.readGGUFDeepSeekRope(k)
	c.readGGUFQueryScale(k)
	c.readGGUFExperts(k)
	if c.NumExperts > 0 {
		c.readGGUFDeepSeekExperts(k)
	}
}

// readGGUFModules reads how many of the blocks are modules of multi-token prediction.
func (c *Config) readGGUFModules(k *keys) {
	c.NumNextNPredictLayers = k.count("nextn_predict_layers", 0, 0, 16)
	if c.NumHiddenLayers <= c.NumNextNPredictLayers {
		k.fail(k.name("nextn_predict_layers"), "fewer than block_count")
		return
	}
	c.NumHiddenLayers -= c.NumNextNPredictLayers
}

func (c *Config) readGGUFIndexer(k *keys) {
	c.IndexNHeads = k.count("attention.indexer.head_count", 0, 1, maxHeads)
	c.IndexHeadDim = k.count("attention.indexer.key_length", 0, 1, maxWidth)
	c.IndexTopK = k.count("attention.indexer.top_k", 0, 1, maxContext)
}

// readGGUFDeepSeekRope reads the rotary parameters with the mscale of YaRN, which such
// files store as a tenth of mscale_all_dim; mscale is taken to be the same.
func (c *Config) readGGUFDeepSeekRope(k *keys) {
	c.readGGUFRope(k)
	c.Rope.Pairs = true
	if c.Rope.Type != "yarn" {
		return
	}
	if m := k.number("rope.scaling.yarn_log_multiplier", 0); m != 0 {
		c.Rope.MScaleAllDim = roundDecimal(m * 10)
		c.Rope.MScale = c.Rope.MScaleAllDim
	}
}

func (c *Config) readGGUFDeepSeekExperts(k *keys) {
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
	c.assumeGroups(k)
}

// assumeGroups gives the two releases that have groups of experts theirs, in files from
// before there were keys for them.
func (c *Config) assumeGroups(k *keys) {
	if k.f.Has(k.name("expert_group_count")) || k.arch != "deepseek2" {
		return
	}
	switch {
	case c.NumExperts == 256 && c.SigmoidScores && c.CorrectionBias:
		c.NGroup, c.TopKGroup = 8, 4
	case c.NumExperts == 160 && !c.SigmoidScores:
		c.NGroup, c.TopKGroup = 8, 3
	default:
		return
	}
	c.assume("expert_group_count is missing; %d groups of which %d are kept, as DeepSeek's models of %d experts have", c.NGroup, c.TopKGroup, c.NumExperts)
}

// checkDeepSeek returns the first conflict in what the family has beyond other models.
func checkDeepSeek(c *Config) *conflict {
	if err := checkQueryScale(c); err != nil {
		return err
	}
	heads, rope := fact{"num_attention_heads", c.NumAttentionHeads}, fact{"qk_rope_head_dim", c.QKRopeHeadDim}
	nope, value := fact{"qk_nope_head_dim", c.QKNopeHeadDim}, fact{"v_head_dim", c.VHeadDim}
	switch {
	case c.QKRopeHeadDim%2 != 0:
		return clash("%s, want an even number", rope)
	case c.KVLoraRank+c.QKRopeHeadDim > maxWidth:
		return clash("%s and %s, want at most %d together", fact{"kv_lora_rank", c.KVLoraRank}, rope, maxWidth)
	case c.NumAttentionHeads > maxWidth/(c.QKNopeHeadDim+c.QKRopeHeadDim+c.VHeadDim):
		return clash("%s of %s, %s and %s are wider than %d", heads, nope, rope, value, maxWidth)
	case c.IndexNHeads > 0 && c.IndexHeadDim < c.QKRopeHeadDim:
		return clash("%s, want %s or more", fact{"index_head_dim", c.IndexHeadDim}, rope)
	case c.IndexNHeads > 0 && c.IndexNHeads > maxWidth/c.IndexHeadDim:
		return clash("%s of %s are wider than %d", fact{"index_n_heads", c.IndexNHeads}, fact{"index_head_dim", c.IndexHeadDim}, maxWidth)
	case c.IndexNHeads > 0 && c.QLoraRank == 0:
		return clash("%s without q_lora_rank, which an indexer reads", fact{"index_n_heads", c.IndexNHeads})
	case c.NumExperts > 0:
		return c.checkDeepSeekExperts()
	}
	return nil
}

func (c *Config) checkDeepSeekExperts() *conflict {
	experts, chosen := fact{"num_experts", c.NumExperts}, fact{"num_experts_per_tok", c.NumExpertsPerTok}
	groups, kept := fact{"n_group", c.NGroup}, fact{"topk_group", c.TopKGroup}
	switch {
	case c.NGroup > 1 && c.NumExperts%c.NGroup != 0:
		return clash("%s do not divide into %s", experts, groups)
	case c.NGroup > 1 && (c.TopKGroup < 1 || c.TopKGroup > c.NGroup):
		return clash("%s, want 1 to %s", kept, groups)
	case c.NGroup > 1 && c.NumExpertsPerTok > c.NumExperts/c.NGroup*c.TopKGroup:
		return clash("%s, want at most the %d experts of %s groups", chosen, c.NumExperts/c.NGroup*c.TopKGroup, kept)
	case c.NGroup > 1 && c.SigmoidScores && c.NumExperts/c.NGroup < 2:
		return clash("%s in %s are groups of %d experts, want 2 or more", experts, groups, c.NumExperts/c.NGroup)
	case c.NumSharedExperts > maxWidth/c.MoEIntermediateSize:
		return clash("%s of %s are wider than %d", fact{"n_shared_experts", c.NumSharedExperts}, fact{"moe_intermediate_size", c.MoEIntermediateSize}, maxWidth)
	case !(c.RoutedScalingFactor > 0 && c.RoutedScalingFactor <= maxScale):
		return clash("%s, want a positive number up to %d", fact{"routed_scaling_factor", c.RoutedScalingFactor}, maxScale)
	}
	return nil
}

// spareDeepSeek knows the tensors of modules of multi-token prediction, which stand
// behind the last layer, and W^UK and W^UV in one tensor where the file has them in one
// each too.
func spareDeepSeek(b *binder, c *Config, name string) string {
	layer, inLayer := b.layerOf(name)
	switch {
	case inLayer && layer >= c.NumHiddenLayers && b.has("nextn.eh_proj", layer, ".weight"):
		return "of a module of multi-token prediction"
	case inLayer && !b.hf && strings.HasSuffix(name, ".attn_kv_b.weight") && b.has("attn_k_b", layer, ".weight") && b.has("attn_v_b", layer, ".weight"):
		return "of attn_kv_b, which attn_k_b and attn_v_b hold again"
	}
	return ""
}

// deepseek is the DeepSeek family: V2 (DeepSeek-AI 2024a), V3 and R1 (2024b, 2025),
// V3.2 with sparse attention (2025), and models built the same way: Kimi K2, GLM-4.7
// Flash, Moonlight, GigaChat. Multi-head latent attention; a few dense layers, then
// experts of which some are shared by all tokens.
type deepseek struct {
	layers []deepseekLayer
	norm   Norm
	rope   *Rope
	index  *Rope // of the indexer
	mtp    *mtp  // module of multi-token prediction, where it was asked for
}

type deepseekLayer struct {
	attnNorm Norm
	latent   Latent
	ffnNorm  Norm
	mlp      GatedMLP // of a dense layer; of a sparse one the shared experts
	experts  *Experts // nil in a dense layer
}

func (m *deepseek) bind(b *binder, c *Config) {
	m.rope = newRope(&c.Rope, c.QKRopeHeadDim)
	if c.IndexNHeads > 0 {
		index := c.Rope
		index.Pairs = c.IndexPairs
		m.index = newRope(&index, c.QKRopeHeadDim)
	}
	m.layers = make([]deepseekLayer, c.NumHiddenLayers)
	for i := range m.layers {
		m.bindLayer(&m.layers[i], b, c, i, c.sparse(i))
		if b.err != nil {
			return
		}
	}
	b.norm(&m.norm, "output_norm", noLayer, c.HiddenSize, c.RMSNormEps)
	if b.options.MTP {
		m.bindMTP(b, c)
	}
}

func (m *deepseek) bindLayer(l *deepseekLayer, b *binder, c *Config, i int, sparse bool) {
	b.norm(&l.attnNorm, "attn_norm", i, c.HiddenSize, c.RMSNormEps)
	scale := c.Rope.softmaxScale() / math.Sqrt(float64(c.QKNopeHeadDim+c.QKRopeHeadDim))
	b.latent(&l.latent, i, c, float32(scale), m.index)
	b.norm(&l.ffnNorm, "ffn_norm", i, c.HiddenSize, c.RMSNormEps)
	if !sparse {
		b.mlp(&l.mlp, i, c)
		return
	}
	l.experts = b.deepseekExperts(i, c)
	if c.NumSharedExperts > 0 {
		b.sharedExperts(&l.mlp, i, c)
	}
}

func (m *deepseek) forward(s *Step) *Act {
	x := s.Embed()
	for i := range m.layers {
		mark := s.Mark()
		l := &m.layers[i]
		x = s.Add(x, s.Latent(s.Norm(x, &l.attnNorm), &l.latent, m.rope))
		if i == len(m.layers)-1 {
			x = s.Wanted(x)
			mark = s.Mark()
		}
		if i+1 < len(m.layers) {
			next := &m.layers[i+1]
			s.Foresee(x, l.experts, &next.ffnNorm, next.experts)
		}
		x = s.sharedAndChosen(x, s.Norm(x, &l.ffnNorm), &l.mlp, l.experts)
		s.Release(mark)
	}
	return s.Norm(x, &m.norm)
}

func (m *deepseek) attention() (list []*Attention) {
	for i := range m.layers {
		list = append(list, &m.layers[i].latent.Attention)
	}
	if m.mtp != nil {
		list = append(list, &m.mtp.layer.latent.Attention)
	}
	return list
}

func (m *deepseek) tables() []*Rope {
	if m.index != nil {
		return []*Rope{m.rope, m.index}
	}
	return []*Rope{m.rope}
}
