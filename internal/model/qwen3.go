package model

// qwen3Family is dense Qwen3.
var qwen3Family = family{
	modelType: "qwen3",
	archs:     []string{"qwen3"},
	defaults: map[string]any{
		"vocab_size": 151936, "hidden_size": 4096, "intermediate_size": 22016, "num_hidden_layers": 32, "num_attention_heads": 32,
		"num_key_value_heads": 32, "head_dim": 128, "hidden_act": "silu", "max_position_embeddings": 32768, "rms_norm_eps": 1e-6,
		"use_sliding_window": false, "sliding_window": 4096, "max_window_layers": 28,
	},
	readHF: func(c *Config, o *object) {
		c.readActivation(o, "hidden_act")
		c.readBias(o)
		c.readQwenSliding(o)
		c.readRope(o)
	},
	readGGUF: readGGUFQwen3,
	network:  func() network { return new(qwen3) },
}

// qwen3MoEFamily is Qwen3 with experts.
var qwen3MoEFamily = family{
	modelType: "qwen3_moe",
	archs:     []string{"qwen3moe"},
	defaults: map[string]any{
		"vocab_size": 151936, "hidden_size": 2048, "intermediate_size": 6144, "num_hidden_layers": 24, "num_attention_heads": 32,
		"num_key_value_heads": 4, "hidden_act": "silu", "max_position_embeddings": 32768, "rms_norm_eps": 1e-6,
		"use_sliding_window": false, "sliding_window": 4096,
		"decoder_sparse_step": 1, "moe_intermediate_size": 768, "num_experts_per_tok": 8, "num_experts": 128, "norm_topk_prob": false,
	},
	aliases: map[string]string{"num_local_experts": "num_experts"},
	readHF: func(c *Config, o *object) {
		c.readActivation(o, "hidden_act")
		c.readBias(o)
		if o.bool("use_sliding_window", false) {
			c.readSlidingAll(o)
		}
		c.readRope(o)
		c.readQwen3Experts(o)
	},
	readGGUF: readGGUFQwen3,
	network:  func() network { return new(qwen3) },
}

func readGGUFQwen3(c *Config, k *keys) {
	c.readGGUFHeadDim(k)
	c.readGGUFRope(k)
	c.readGGUFExperts(k)
}

// readQwen3Experts reads the experts, and which layers have none.
func (c *Config) readQwen3Experts(o *object) {
	c.NumExperts = o.count("num_experts", 0, 1, maxExperts)
	c.NumExpertsPerTok = o.count("num_experts_per_tok", 0, 1, maxExperts)
	c.MoEIntermediateSize = o.count("moe_intermediate_size", 0, 1, maxWidth)
	c.NormTopKProb = o.bool("norm_topk_prob", false)
	step := o.count("decoder_sparse_step", 0, 1, maxLayers)
	c.Dense = make([]bool, c.NumHiddenLayers)
	for i := range c.Dense {
		c.Dense[i] = (i+1)%step != 0
	}
	for _, i := range o.ids("mlp_only_layers") {
		if int(i) < len(c.Dense) {
			c.Dense[i] = true
		}
	}
}

// qwen3 is Qwen3 (Yang et al. 2025), dense and with experts: Llama with a norm on
// every head of queries and keys, and head_dim of its own.
type qwen3 struct {
	layers []qwen3Layer
	norm   Norm
	rope   *Rope
}

type qwen3Layer struct {
	attnNorm     Norm
	Q, K, V, O   Linear
	qNorm, kNorm Norm
	attn         Attention
	ffnNorm      Norm
	mlp          GatedMLP
	experts      *Experts // instead of the MLP
}

func (m *qwen3) bind(b *binder, c *Config) {
	m.rope = newRope(&c.Rope, c.HeadDim)
	m.layers = make([]qwen3Layer, c.NumHiddenLayers)
	for i := range m.layers {
		l := &m.layers[i]
		b.norm(&l.attnNorm, "attn_norm", i, c.HiddenSize, c.RMSNormEps)
		b.attention(&l.Q, &l.K, &l.V, &l.O, i, c)
		b.norm(&l.qNorm, "attn_q_norm", i, c.HeadDim, c.RMSNormEps)
		b.norm(&l.kNorm, "attn_k_norm", i, c.HeadDim, c.RMSNormEps)
		l.attn = newAttention(c, i, attentionScale(float64(c.HeadDim)))
		b.norm(&l.ffnNorm, "ffn_norm", i, c.HiddenSize, c.RMSNormEps)
		if c.sparse(i) {
			l.experts = b.softmaxExperts(i, c)
		} else {
			b.mlp(&l.mlp, i, c)
		}
		if b.err != nil {
			return
		}
	}
	b.norm(&m.norm, "output_norm", noLayer, c.HiddenSize, c.RMSNormEps)
}

func (m *qwen3) forward(s *Step) *Act {
	x := s.Embed()
	for i := range m.layers {
		l := &m.layers[i]
		mark := s.Mark()
		h := s.Norm(x, &l.attnNorm)
		q, k, v := s.Linear3(h, &l.Q, &l.K, &l.V)
		q = s.HeadNorm(q, &l.qNorm)
		k = s.HeadNorm(k, &l.kNorm)
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
		if l.experts != nil {
			x = s.Add(x, s.Experts(h, l.experts))
		} else {
			x = s.Add(x, s.GatedMLP(h, &l.mlp))
		}
		s.Release(mark)
	}
	return s.Norm(x, &m.norm)
}

func (m *qwen3) attention() (list []*Attention) {
	for i := range m.layers {
		list = append(list, &m.layers[i].attn)
	}
	return list
}

func (m *qwen3) tables() []*Rope { return []*Rope{m.rope} }
