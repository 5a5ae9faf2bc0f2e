package model

// qwen2MoEFamily is Qwen1.5-MoE and Qwen2-57B-A14B.
var qwen2MoEFamily = family{
	modelType: "qwen2_moe",
	archs:     []string{"qwen2moe"},
	defaults: map[string]any{
		"vocab_size": 151936, "hidden_size": 2048, "intermediate_size": 5632, "num_hidden_layers": 24, "num_attention_heads": 16,
		"num_key_value_heads": 16, "hidden_act": "silu", "max_position_embeddings": 32768, "rms_norm_eps": 1e-6,
		"use_sliding_window": false, "sliding_window": 4096, "max_window_layers": 28, "decoder_sparse_step": 1, "moe_intermediate_size": 1408,
		"shared_expert_intermediate_size": 5632, "num_experts_per_tok": 4, "num_experts": 60, "norm_topk_prob": false, "qkv_bias": true,
	},
	aliases: map[string]string{"num_local_experts": "num_experts"},
	readHF: func(c *Config, o *object) {
		c.readActivation(o, "hidden_act")
		c.AttentionBias = o.bool("qkv_bias", true)
		c.readQwenSliding(o)
		c.readRope(o)
		c.readQwen3Experts(o)
		c.SharedExpertIntermediateSize = o.count("shared_expert_intermediate_size", 0, 1, maxWidth)
	},
	readGGUF: func(c *Config, k *keys) {
		c.AttentionBias = true
		c.readGGUFHeadDim(k)
		c.readGGUFRope(k)
		c.readGGUFExperts(k)
		c.NormTopKProb = false // no key says it
		c.SharedExpertIntermediateSize = k.count("expert_shared_feed_forward_length", c.IntermediateSize, 1, maxWidth)
	},
	hfNames: map[string]string{
		"ffn_gate_shexp": "mlp.shared_expert.gate_proj", "ffn_up_shexp": "mlp.shared_expert.up_proj", "ffn_down_shexp": "mlp.shared_expert.down_proj",
		"ffn_gate_inp_shexp": "mlp.shared_expert_gate",
	},
	network: func() network { return new(qwen2MoE) },
}

// qwen2MoE is Qwen1.5-MoE and Qwen2 with experts (Yang et al. 2024, §2.2.2): Qwen2, whose
// MLP is a choice of experts, and one shared by all tokens, each of which says how much of
// it to take.
type qwen2MoE struct {
	layers []qwen2MoELayer
	norm   Norm
	rope   *Rope
}

type qwen2MoELayer struct {
	attnNorm   Norm
	Q, K, V, O Linear
	attn       Attention
	ffnNorm    Norm
	mlp        GatedMLP // of a dense layer; of a sparse one the shared expert
	share      Linear   // [1, D]: how much of it
	experts    *Experts // nil in a dense layer
}

func (m *qwen2MoE) bind(b *binder, c *Config) {
	m.rope = newRope(&c.Rope, c.HeadDim)
	m.layers = make([]qwen2MoELayer, c.NumHiddenLayers)
	for i := range m.layers {
		l := &m.layers[i]
		b.norm(&l.attnNorm, "attn_norm", i, c.HiddenSize, c.RMSNormEps)
		b.attention(&l.Q, &l.K, &l.V, &l.O, i, c)
		l.attn = newAttention(c, i, attentionScale(float64(c.HeadDim)))
		b.norm(&l.ffnNorm, "ffn_norm", i, c.HiddenSize, c.RMSNormEps)
		if !c.sparse(i) {
			b.mlp(&l.mlp, i, c)
		} else {
			l.experts = b.softmaxExperts(i, c)
			b.sharedMLP(&l.mlp, i, c.SharedExpertIntermediateSize, c)
			b.row(&l.share, "ffn_gate_inp_shexp", i, c.HiddenSize)
		}
		if b.err != nil {
			return
		}
	}
	b.norm(&m.norm, "output_norm", noLayer, c.HiddenSize, c.RMSNormEps)
}

func (m *qwen2MoE) forward(s *Step) *Act {
	x := s.Embed()
	for i := range m.layers {
		l := &m.layers[i]
		mark := s.Mark()
		h := s.Norm(x, &l.attnNorm)
		q, k, v := s.Linear3(h, &l.Q, &l.K, &l.V)
		q = s.Rope(q, l.attn.H, m.rope)
		k = s.Rope(k, l.attn.HKV, m.rope)
		x = s.Add(x, s.Linear(s.Attend(q, k, v, &l.attn), &l.O))
		if i == len(m.layers)-1 {
			x = s.Wanted(x)
			mark = s.Mark()
		}
		if i+1 < len(m.layers) {
			next := &m.layers[i+1]
			s.Foresee(x, l.experts, &next.ffnNorm, next.experts)
		}
		h = s.Norm(x, &l.ffnNorm)
		if l.experts == nil {
			x = s.Add(x, s.GatedMLP(h, &l.mlp))
		} else {
			shared := s.SigmoidScale(s.GatedMLP(h, &l.mlp), s.Linear(h, &l.share))
			x = s.Add(x, s.Add(s.Experts(h, l.experts), shared))
		}
		s.Release(mark)
	}
	return s.Norm(x, &m.norm)
}

func (m *qwen2MoE) attention() (list []*Attention) {
	for i := range m.layers {
		list = append(list, &m.layers[i].attn)
	}
	return list
}

func (m *qwen2MoE) tables() []*Rope { return []*Rope{m.rope} }
