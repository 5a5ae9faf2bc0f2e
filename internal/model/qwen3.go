package model

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
