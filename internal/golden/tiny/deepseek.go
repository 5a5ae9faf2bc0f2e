package tiny

import "fmt"

// deepseek lists deepseek_v2, deepseek_v3, deepseek_v32, kimi_k2 and glm4_moe_lite;
// modules of multi-token prediction stand behind the last layer.
func (l *list) deepseek(c *Config) {
	H := c.HiddenSize
	l.add("model.embed_tokens.weight", c.VocabSize, H)
	for i := range c.Layers {
		l.deepseekLayer(fmt.Sprintf("model.layers.%d.", i), c, i >= c.FirstDense && i%max(c.LayerFreq, 1) == 0)
	}
	for i := c.Layers; i < c.Layers+c.NextN; i++ {
		p := fmt.Sprintf("model.layers.%d.", i)
		l.add(p+"embed_tokens.weight", c.VocabSize, H)
		l.add(p+"enorm.weight", H)
		l.add(p+"hnorm.weight", H)
		l.add(p+"eh_proj.weight", H, 2*H)
		l.deepseekLayer(p, c, true)
		l.add(p+"shared_head.norm.weight", H)
		l.add(p+"shared_head.head.weight", c.VocabSize, H)
	}
	l.add("model.norm.weight", H)
	if !c.tied(false) {
		l.add("lm_head.weight", c.VocabSize, H)
	}
}

func (l *list) deepseekLayer(p string, c *Config, sparse bool) {
	H, I := c.HiddenSize, c.MoEInter
	l.add(p+"input_layernorm.weight", H)
	l.latent(p+"self_attn.", c)
	l.add(p+"post_attention_layernorm.weight", H)
	if !sparse {
		l.mlp(p+"mlp.", H, c.Intermediate, false)
		return
	}
	l.add(p+"mlp.gate.weight", c.Routed, H)
	if c.ModelType != "deepseek_v2" {
		l.add(p+"mlp.gate.e_score_correction_bias", c.Routed)
	}
	for e := range c.Routed {
		l.mlp(fmt.Sprintf("%smlp.experts.%d.", p, e), H, I, false)
	}
	if c.Shared > 0 {
		l.mlp(p+"mlp.shared_experts.", H, I*c.Shared, false)
	}
}

// latent lists multi-head latent attention, with an indexer where there is one.
func (l *list) latent(p string, c *Config) {
	H, N, in := c.HiddenSize, c.Heads, c.HiddenSize
	query := p + "q_proj.weight"
	if c.QLora > 0 {
		l.add(p+"q_a_proj.weight", c.QLora, H)
		l.add(p+"q_a_layernorm.weight", c.QLora)
		query, in = p+"q_b_proj.weight", c.QLora
	}
	l.add(query, N*(c.Nope+c.RopeDim), in)
	l.add(p+"kv_a_proj_with_mqa.weight", c.KVLora+c.RopeDim, H)
	l.add(p+"kv_a_layernorm.weight", c.KVLora)
	l.add(p+"kv_b_proj.weight", N*(c.Nope+c.VDim), c.KVLora)
	l.add(p+"o_proj.weight", H, N*c.VDim)
	if c.AttentionBias {
		if c.QLora > 0 {
			l.add(p+"q_a_proj.bias", c.QLora)
		}
		l.add(p+"kv_a_proj_with_mqa.bias", c.KVLora+c.RopeDim)
		l.add(p+"o_proj.bias", H)
	}
	if c.IndexHeads > 0 {
		l.add(p+"indexer.wq_b.weight", c.IndexHeads*c.IndexHeadDim, c.QLora)
		l.add(p+"indexer.wk.weight", c.IndexHeadDim, H)
		l.add(p+"indexer.k_norm.weight", c.IndexHeadDim)
		l.add(p+"indexer.k_norm.bias", c.IndexHeadDim)
		l.add(p+"indexer.weights_proj.weight", c.IndexHeads, H)
	}
}
