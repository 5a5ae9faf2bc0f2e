package model

// llama is Llama (Touvron et al. 2023; Grattafiori et al. 2024): RMS norms before
// attention and MLP, rotary positions, grouped-query attention, a gated MLP with
// SiLU. Mistral (Jiang et al. 2023) adds a sliding window, Mixtral (Jiang et al.
// 2024) replaces the MLP by experts.
type llama struct {
	layers []llamaLayer
	norm   Norm
	rope   *Rope
}

type llamaLayer struct {
	attnNorm   Norm
	Q, K, V, O Linear
	attn       Attention
	ffnNorm    Norm
	mlp        GatedMLP
	experts    *Experts // instead of the MLP
}

func (m *llama) bind(b *binder, c *Config) {
	m.rope = newRope(&c.Rope, c.HeadDim)
	m.layers = make([]llamaLayer, c.NumHiddenLayers)
	for i := range m.layers {
		l := &m.layers[i]
		b.norm(&l.attnNorm, "attn_norm", i, c.HiddenSize, c.RMSNormEps)
		b.attention(&l.Q, &l.K, &l.V, &l.O, i, c)
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

func (m *llama) forward(s *Step) *Act {
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
