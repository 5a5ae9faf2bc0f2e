package model

import "math"

// gemma3 is the language model of Gemma 3 (Gemma Team 2025): embeddings times the
// root of the width, norms before and after attention and MLP, a norm on every
// head of queries and keys, GELU; five layers with a sliding window for one that
// sees the whole context, with rotary tables of their own.
type gemma3 struct {
	layers      []gemma3Layer
	norm        Norm
	rope, local *Rope
}

type gemma3Layer struct {
	attnNorm, postAttnNorm Norm
	Q, K, V, O             Linear
	qNorm, kNorm           Norm
	attn                   Attention
	rope                   *Rope
	ffnNorm, postFFNNorm   Norm
	mlp                    GatedMLP
}

func (m *gemma3) bind(b *binder, c *Config) {
	b.embed.Scale = float32(math.Sqrt(float64(c.HiddenSize)))
	m.rope, m.local = newRope(&c.Rope, c.HeadDim), newRope(c.RopeLocal, c.HeadDim)
	m.layers = make([]gemma3Layer, c.NumHiddenLayers)
	for i := range m.layers {
		l := &m.layers[i]
		b.norm(&l.attnNorm, "attn_norm", i, c.HiddenSize, c.RMSNormEps)
		b.attention(&l.Q, &l.K, &l.V, &l.O, i, c)
		b.norm(&l.qNorm, "attn_q_norm", i, c.HeadDim, c.RMSNormEps)
		b.norm(&l.kNorm, "attn_k_norm", i, c.HeadDim, c.RMSNormEps)
		b.norm(&l.postAttnNorm, "post_attention_norm", i, c.HiddenSize, c.RMSNormEps)
		l.attn = newAttention(c, i, attentionScale(c.QueryPreAttnScalar))
		l.attn.Cap = c.AttnLogitSoftcapping
		l.rope = m.rope
		if c.slides(i) {
			l.rope = m.local
		}
		b.norm(&l.ffnNorm, "ffn_norm", i, c.HiddenSize, c.RMSNormEps)
		b.mlp(&l.mlp, i, c)
		b.norm(&l.postFFNNorm, "post_ffw_norm", i, c.HiddenSize, c.RMSNormEps)
		if b.err != nil {
			return
		}
	}
	b.norm(&m.norm, "output_norm", noLayer, c.HiddenSize, c.RMSNormEps)
}

func (m *gemma3) forward(s *Step) *Act {
	x := s.Embed()
	for i := range m.layers {
		l := &m.layers[i]
		mark := s.Mark()
		h := s.Norm(x, &l.attnNorm)
		q, k, v := s.Linear3(h, &l.Q, &l.K, &l.V)
		q = s.HeadNorm(q, &l.qNorm)
		k = s.HeadNorm(k, &l.kNorm)
		q = s.Rope(q, l.attn.H, l.rope)
		k = s.Rope(k, l.attn.HKV, l.rope)
		a := s.Linear(s.Attend(q, k, v, &l.attn), &l.O)
		x = s.Add(x, s.Norm(a, &l.postAttnNorm))
		if i == len(m.layers)-1 {
			x = s.Wanted(x)
			mark = s.Mark()
		}
		h = s.GatedMLP(s.Norm(x, &l.ffnNorm), &l.mlp)
		x = s.Add(x, s.Norm(h, &l.postFFNNorm))
		s.Release(mark)
	}
	return s.Norm(x, &m.norm)
}

func (m *gemma3) attention() (list []*Attention) {
	for i := range m.layers {
		list = append(list, &m.layers[i].attn)
	}
	return list
}

func (m *gemma3) tables() []*Rope { return []*Rope{m.rope, m.local} }
