package model

// llamaFamily is Llama. GGUF files of this architecture may be any model built the same
// way, with experts too.
var llamaFamily = family{
	modelType: "llama",
	archs:     []string{"llama"},
	defaults: map[string]any{
		"vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32, "num_attention_heads": 32,
		"hidden_act": "silu", "max_position_embeddings": 2048, "rms_norm_eps": 1e-6,
	},
	readHF: func(c *Config, o *object) {
		c.readActivation(o, "hidden_act")
		c.readBias(o)
		c.MLPBias = o.bool("mlp_bias", false)
		c.readRope(o)
	},
	readGGUF: func(c *Config, k *keys) {
		c.readGGUFHeadDim(k)
		c.readGGUFRope(k)
		c.Rope.Pairs = true // its files have the rows of queries and keys in that order
		c.readGGUFExperts(k)
	},
	network: func() network { return new(llama) },
}

// mistralFamily is Mistral: every layer slides.
var mistralFamily = family{
	modelType: "mistral",
	defaults: map[string]any{
		"vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32,
		"num_key_value_heads": 8, "hidden_act": "silu", "max_position_embeddings": 131072, "rms_norm_eps": 1e-6, "sliding_window": 4096,
	},
	readHF: func(c *Config, o *object) {
		c.readActivation(o, "hidden_act")
		c.readSlidingAll(o)
		c.readRope(o)
	},
	network: func() network { return new(llama) },
}

// mixtralFamily is Mixtral: Mistral with experts.
var mixtralFamily = family{
	modelType: "mixtral",
	defaults: map[string]any{
		"vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32,
		"num_key_value_heads": 8, "hidden_act": "silu", "max_position_embeddings": 131072, "rms_norm_eps": 1e-5,
		"num_local_experts": 8, "num_experts_per_tok": 2, "rope_theta": 1e6,
	},
	aliases: map[string]string{"num_experts": "num_local_experts"},
	readHF: func(c *Config, o *object) {
		c.readActivation(o, "hidden_act")
		c.readSlidingAll(o)
		c.readRope(o)
		c.NumExperts = o.count("num_local_experts", 0, 1, maxExperts)
		c.NumExpertsPerTok = o.count("num_experts_per_tok", 0, 1, maxExperts)
		c.MoEIntermediateSize, c.NormTopKProb = c.IntermediateSize, true
	},
	hfNames: map[string]string{
		"ffn_gate_inp":  "block_sparse_moe.gate",
		"ffn_gate_exps": "block_sparse_moe.experts.%d.w1",
		"ffn_up_exps":   "block_sparse_moe.experts.%d.w3",
		"ffn_down_exps": "block_sparse_moe.experts.%d.w2",
	},
	network: func() network { return new(llama) },
}

// llama is Llama (Touvron et al. 2023; Grattafiori et al. 2024): RMS norms before
// attention and MLP, rotary positions, grouped-query attention, a gated MLP with
// SiLU. Mistral (Jiang et al. 2023) adds a sliding window, Mixtral (Jiang et al.
// 2024) replaces the MLP by experts; Phi-3 turns a part of each head; SmolLM3 leaves positions out of some layers,
// Ministral 3 makes late queries longer.
type llama struct {
	layers []llamaLayer
	norm   Norm
	rope   *Rope
	scale  QueryScale
}

type llamaLayer struct {
	attnNorm   Norm
	Q, K, V, O Linear
	attn       Attention
	rope       *Rope // nil: positions are not told
	ffnNorm    Norm
	mlp        GatedMLP
	experts    *Experts // instead of the MLP
}

func (m *llama) bind(b *binder, c *Config) {
	m.rope, m.scale = newRope(&c.Rope, c.rotaryDim()), newQueryScale(c)
	m.layers = make([]llamaLayer, c.NumHiddenLayers)
	for i := range m.layers {
		l := &m.layers[i]
		b.norm(&l.attnNorm, "attn_norm", i, c.HiddenSize, c.RMSNormEps)
		if c.family.fused {
			b.fusedAttention(&l.Q, &l.K, &l.V, &l.O, i, c)
		} else {
			b.attention(&l.Q, &l.K, &l.V, &l.O, i, c)
		}
		l.attn = newAttention(c, i, attentionScale(float64(c.HeadDim)))
		if c.NoRope == nil || !c.NoRope[i] {
			l.rope = m.rope
		}
		b.norm(&l.ffnNorm, "ffn_norm", i, c.HiddenSize, c.RMSNormEps)
		switch {
		case c.sparse(i):
			l.experts = b.softmaxExperts(i, c)
		case c.family.fused:
			b.fusedMLP(&l.mlp, i, c)
		default:
			b.mlp(&l.mlp, i, c)
		}
		if b.err != nil {
			return
		}
	}
	b.norm(&m.norm, "output_norm", noLayer, c.HiddenSize, c.RMSNormEps)
}

func (m *llama) forward(s *Step) *Act {
	x := s.Embed()
	for i := range m.layers {
		l := &m.layers[i]
		mark := s.Mark()
		h := s.Norm(x, &l.attnNorm)
		q, k, v := s.Linear3(h, &l.Q, &l.K, &l.V)
		if l.rope != nil {
			q = s.ropeFirst(q, l.attn.H, l.rope)
			k = s.ropeFirst(k, l.attn.HKV, l.rope)
		}
		q = s.ScaleQueries(q, &m.scale)
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

func (m *llama) attention() (list []*Attention) {
	for i := range m.layers {
		list = append(list, &m.layers[i].attn)
	}
	return list
}

func (m *llama) tables() []*Rope { return []*Rope{m.rope} }
