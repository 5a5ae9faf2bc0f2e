package model

import "math"

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
		halves := c.Rope
		halves.Pairs = false
		m.index = newRope(&halves, c.QKRopeHeadDim)
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
		x = m.feedForward(s, x, l)
		s.Release(mark)
	}
	return s.Norm(x, &m.norm)
}

// feedForward returns x with the MLP of a dense layer added, or the chosen and the
// shared experts of a sparse one.
//
//	x [T, D] → [T, D]
func (m *deepseek) feedForward(s *Step, x *Act, l *deepseekLayer) *Act {
	h := s.Norm(x, &l.ffnNorm)
	if l.experts == nil {
		return s.Add(x, s.GatedMLP(h, &l.mlp))
	}
	y := s.Experts(h, l.experts)
	if l.mlp.Gate.Rows > 0 {
		y = s.Add(y, s.GatedMLP(h, &l.mlp))
	}
	return s.Add(x, y)
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
