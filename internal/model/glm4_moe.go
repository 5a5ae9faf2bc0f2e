package model

// glm4MoEFamily is GLM-4.5, 4.6 and 4.7, and the Air models.
var glm4MoEFamily = family{
	modelType: "glm4_moe",
	archs:     []string{"glm4moe"},
	defaults: map[string]any{
		"vocab_size": 151552, "hidden_size": 4096, "intermediate_size": 10944, "num_hidden_layers": 46, "num_attention_heads": 96,
		"num_key_value_heads": 8, "hidden_act": "silu", "max_position_embeddings": 131072, "rms_norm_eps": 1e-5, "partial_rotary_factor": 0.5,
		"moe_intermediate_size": 1408, "num_experts_per_tok": 8, "n_shared_experts": 1, "n_routed_experts": 128, "routed_scaling_factor": 1.0,
		"n_group": 1, "topk_group": 1, "first_k_dense_replace": 1, "norm_topk_prob": true, "use_qk_norm": false,
		"scoring_func": "sigmoid", "topk_method": "noaux_tc",
	},
	aliases: deepseekAliases,
	readHF: func(c *Config, o *object) {
		c.readActivation(o, "hidden_act")
		c.AttentionBias = o.bool("attention_bias", false) // the output has none
		c.QKNorm = o.bool("use_qk_norm", false)
		c.readRope(o)
		c.readDeepSeekExperts(o)
	},
	readGGUF: func(c *Config, k *keys) {
		c.readGGUFHeadDim(k)
		c.readGGUFRope(k)
		c.AttentionBias = k.hasTensor("blk.0.attn_q.bias")
		c.QKNorm = k.hasTensor("blk.0.attn_q_norm.weight")
		c.readGGUFModules(k)
		if c.readGGUFExperts(k); c.NumExperts > 0 && k.err == nil {
			c.readGGUFDeepSeekExperts(k)
		}
	},
	check: func(c *Config) *conflict {
		if c.NumExperts > 0 {
			return c.checkDeepSeekExperts()
		}
		return nil
	},
	hfNames:       map[string]string{"post_attention_norm": "post_attention_layernorm"},
	spare:         spareDeepSeek,
	partialRotary: true,
	network:       func() network { return new(glm4MoE) },
}

// glm4MoE is GLM-4.5 (Zhipu AI 2025, §2): grouped-query attention with biases, half of each
// head turning; a few dense layers, then DeepSeek-V3's experts without groups.
type glm4MoE struct {
	layers []glm4MoELayer
	norm   Norm
	rope   *Rope
}

type glm4MoELayer struct {
	attnNorm     Norm
	Q, K, V, O   Linear
	qNorm, kNorm Norm // of the larger models
	attn         Attention
	ffnNorm      Norm
	mlp          GatedMLP // of a dense layer; of a sparse one the shared experts
	experts      *Experts // nil in a dense layer
}

func (m *glm4MoE) bind(b *binder, c *Config) {
	m.rope = newRope(&c.Rope, c.rotaryDim())
	m.layers = make([]glm4MoELayer, c.NumHiddenLayers)
	for i := range m.layers {
		l := &m.layers[i]
		b.norm(&l.attnNorm, "attn_norm", i, c.HiddenSize, c.RMSNormEps)
		b.attention(&l.Q, &l.K, &l.V, &l.O, i, c)
		if c.QKNorm {
			b.norm(&l.qNorm, "attn_q_norm", i, c.HeadDim, c.RMSNormEps)
			b.norm(&l.kNorm, "attn_k_norm", i, c.HeadDim, c.RMSNormEps)
		}
		l.attn = newAttention(c, i, attentionScale(float64(c.HeadDim)))
		b.norm(&l.ffnNorm, "post_attention_norm", i, c.HiddenSize, c.RMSNormEps)
		if !c.sparse(i) {
			b.mlp(&l.mlp, i, c)
		} else {
			l.experts = b.deepseekExperts(i, c)
			if c.NumSharedExperts > 0 {
				b.sharedExperts(&l.mlp, i, c)
			}
		}
		if b.err != nil {
			return
		}
	}
	b.norm(&m.norm, "output_norm", noLayer, c.HiddenSize, c.RMSNormEps)
}

func (m *glm4MoE) forward(s *Step) *Act {
	x := s.Embed()
	for i := range m.layers {
		l := &m.layers[i]
		mark := s.Mark()
		h := s.Norm(x, &l.attnNorm)
		q, k, v := s.Linear3(h, &l.Q, &l.K, &l.V)
		if l.qNorm.W != nil {
			q = s.HeadNorm(q, &l.qNorm)
			k = s.HeadNorm(k, &l.kNorm)
		}
		q = s.ropeFirst(q, l.attn.H, m.rope)
		k = s.ropeFirst(k, l.attn.HKV, m.rope)
		x = s.Add(x, s.Linear(s.Attend(q, k, v, &l.attn), &l.O))
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

func (m *glm4MoE) attention() (list []*Attention) {
	for i := range m.layers {
		list = append(list, &m.layers[i].attn)
	}
	return list
}

func (m *glm4MoE) tables() []*Rope { return []*Rope{m.rope} }
