package model

// miniMaxM2Family is MiniMax-M2, M2.1, M2.5 and M2.7.
var miniMaxM2Family = family{
	modelType: "minimax_m2",
	archs:     []string{"minimax-m2"},
	defaults: map[string]any{
		"vocab_size": 200064, "hidden_size": 3072, "intermediate_size": 1536, "num_hidden_layers": 62, "num_attention_heads": 48,
		"num_key_value_heads": 8, "head_dim": 128, "hidden_act": "silu", "max_position_embeddings": 196608, "rms_norm_eps": 1e-6,
		"rope_theta": 5e6, "num_local_experts": 256, "num_experts_per_tok": 8, "scoring_func": "sigmoid",
	},
	aliases: map[string]string{"num_experts": "num_local_experts"},
	readHF: func(c *Config, o *object) {
		c.readActivation(o, "hidden_act")
		c.readRope(o)
		if o.has("rotary_dim") {
			c.RotaryDim = o.count("rotary_dim", 0, 2, maxWidth)
		}
		c.NumExperts = o.count("num_local_experts", 0, 1, maxExperts)
		c.NumExpertsPerTok = o.count("num_experts_per_tok", 0, 1, maxExperts)
		c.MoEIntermediateSize = c.IntermediateSize
		if how := o.text("scoring_func", ""); how != "sigmoid" {
			o.fail("scoring_func", show(how), "sigmoid")
		}
		if how := o.text("qk_norm_type", "per_layer"); how != "per_layer" || !o.bool("use_qk_norm", true) {
			o.fail("qk_norm_type", show(how), "per_layer, with use_qk_norm")
		}
		c.miniMaxExperts()
	},
	readGGUF: func(c *Config, k *keys) {
		c.readGGUFHeadDim(k)
		c.readGGUFRope(k)
		c.readGGUFExperts(k)
		if gate := k.count("expert_gating_func", 2, 0, 4); gate != 2 {
			k.fail(k.name("expert_gating_func"), "2, sigmoid")
		}
		c.miniMaxExperts()
	},
	check: func(c *Config) *conflict {
		if c.NumExperts < 1 {
			return clash("%s, want 1 or more", fact{"num_experts", c.NumExperts})
		}
		return nil
	},
	hfNames: map[string]string{
		"ffn_gate_inp":  "block_sparse_moe.gate",
		"exp_probs_b":   "block_sparse_moe.e_score_correction",
		"ffn_gate_exps": "block_sparse_moe.experts.%d.w1",
		"ffn_up_exps":   "block_sparse_moe.experts.%d.w3",
		"ffn_down_exps": "block_sparse_moe.experts.%d.w2",
	},
	partialRotary: true,
	network:       func() network { return new(miniMaxM2) },
}

// miniMaxExperts sets what all models of the family have.
func (c *Config) miniMaxExperts() {
	c.SigmoidScores, c.CorrectionBias, c.NormTopKProb, c.RoutedScalingFactor = true, true, true, 1
}

// miniMaxM2 is MiniMax-M2 (MiniMax 2025): Mixtral with DeepSeek-V3's router, a norm over all
// heads of queries at once and over all of keys, and a part of each head turning.
type miniMaxM2 struct {
	layers []miniMaxM2Layer
	norm   Norm
	rope   *Rope
}

type miniMaxM2Layer struct {
	attnNorm     Norm
	Q, K, V, O   Linear
	qNorm, kNorm Norm // [H*D] and [HKV*D]
	attn         Attention
	ffnNorm      Norm
	experts      *Experts
}

func (m *miniMaxM2) bind(b *binder, c *Config) {
	m.rope = newRope(&c.Rope, c.rotaryDim())
	m.layers = make([]miniMaxM2Layer, c.NumHiddenLayers)
	for i := range m.layers {
		l := &m.layers[i]
		b.norm(&l.attnNorm, "attn_norm", i, c.HiddenSize, c.RMSNormEps)
		b.attention(&l.Q, &l.K, &l.V, &l.O, i, c)
		b.norm(&l.qNorm, "attn_q_norm", i, c.NumAttentionHeads*c.HeadDim, c.RMSNormEps)
		b.norm(&l.kNorm, "attn_k_norm", i, c.NumKeyValueHeads*c.HeadDim, c.RMSNormEps)
		l.attn = newAttention(c, i, attentionScale(float64(c.HeadDim)))
		b.norm(&l.ffnNorm, "ffn_norm", i, c.HiddenSize, c.RMSNormEps)
		l.experts = b.deepseekExperts(i, c)
		if b.err != nil {
			return
		}
	}
	b.norm(&m.norm, "output_norm", noLayer, c.HiddenSize, c.RMSNormEps)
}

func (m *miniMaxM2) forward(s *Step) *Act {
	x := s.Embed()
	for i := range m.layers {
		l := &m.layers[i]
		mark := s.Mark()
		h := s.Norm(x, &l.attnNorm)
		q, k, v := s.Linear3(h, &l.Q, &l.K, &l.V)
		q = s.ropeFirst(s.Norm(q, &l.qNorm), l.attn.H, m.rope)
		k = s.ropeFirst(s.Norm(k, &l.kNorm), l.attn.HKV, m.rope)
		x = s.Add(x, s.Linear(s.Attend(q, k, v, &l.attn), &l.O))
		if i == len(m.layers)-1 {
			x = s.Wanted(x)
			mark = s.Mark()
		}
		if i+1 < len(m.layers) {
			next := &m.layers[i+1]
			s.Foresee(x, l.experts, &next.ffnNorm, next.experts)
		}
		x = s.Add(x, s.Experts(s.Norm(x, &l.ffnNorm), l.experts))
		s.Release(mark)
	}
	return s.Norm(x, &m.norm)
}

func (m *miniMaxM2) attention() (list []*Attention) {
	for i := range m.layers {
		list = append(list, &m.layers[i].attn)
	}
	return list
}

func (m *miniMaxM2) tables() []*Rope { return []*Rope{m.rope} }
