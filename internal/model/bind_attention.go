package model

import "github.com/blitz-r1/blitz/internal/kernel"

// attention binds the four matrices of grouped-query attention.
func (b *binder) attention(q, k, v, o *Linear, layer int, c *Config) {
	H, HKV := c.NumAttentionHeads*c.HeadDim, c.NumKeyValueHeads*c.HeadDim
	b.biased(q, c.AttentionBias, "attn_q", layer, H, c.HiddenSize)
	b.biased(k, c.AttentionBias, "attn_k", layer, HKV, c.HiddenSize)
	b.biased(v, c.AttentionBias, "attn_v", layer, HKV, c.HiddenSize)
	b.biased(o, c.OutputBias, "attn_output", layer, c.HiddenSize, H)
}

// jointAttention is attention where the first three matrices may be one tensor.
func (b *binder) jointAttention(q, k, v, o *Linear, layer int, c *Config) {
	if !b.has("attn_qkv", layer, ".weight") {
		b.attention(q, k, v, o, layer, c)
		return
	}
	H, HKV := c.NumAttentionHeads*c.HeadDim, c.NumKeyValueHeads*c.HeadDim
	if t, ok := b.find(b.name("attn_qkv", layer, ".weight"), H+2*HKV, c.HiddenSize); ok {
		b.rows(q, t, 0, H, c.HiddenSize, 0)
		b.rows(k, t, H, HKV, c.HiddenSize, 0)
		b.rows(v, t, H+HKV, HKV, c.HiddenSize, 0)
	}
	b.biased(o, c.OutputBias, "attn_output", layer, c.HiddenSize, H)
}

// newAttention returns the attention of a layer.
func newAttention(c *Config, layer int, scale float32) Attention {
	if c.Encoder { // all layers use the pages of the first
		return Attention{H: c.NumAttentionHeads, HKV: c.NumKeyValueHeads, DK: c.HeadDim, DV: c.HeadDim, Scale: scale, Window: c.window(layer), Both: true}
	}
	return Attention{
		Layer: layer, H: c.NumAttentionHeads, HKV: c.NumKeyValueHeads, DK: c.HeadDim, DV: c.HeadDim, Scale: scale, Window: c.window(layer),
	}
}

// latentEps is the epsilon of the norms inside latent attention, which no
// configuration tells: it is not rms_norm_eps.
const latentEps = 1e-6

// latent binds multi-head latent attention, in the form that was asked for. index are
// the rotary tables of an indexer, nil without one.
func (b *binder) latent(l *Latent, layer int, c *Config, scale float32, index *Rope) {
	l.H, l.P, l.R, l.V, l.C = c.NumAttentionHeads, c.QKNopeHeadDim, c.QKRopeHeadDim, c.VHeadDim, c.KVLoraRank
	l.Form = b.options.Latent
	in := c.HiddenSize
	query := "attn_q"
	if c.QLoraRank > 0 {
		b.biased(&l.QA, c.AttentionBias, "attn_q_a", layer, c.QLoraRank, c.HiddenSize)
		b.norm(&l.QANorm, "attn_q_a_norm", layer, c.QLoraRank, latentEps)
		query, in = "attn_q_b", c.QLoraRank
	}
	b.linear(&l.Q, query, layer, l.H*(l.P+l.R), in)
	b.biased(&l.KVA, c.AttentionBias, "attn_kv_a_mqa", layer, l.C+l.R, c.HiddenSize)
	b.norm(&l.KVANorm, "attn_kv_a_norm", layer, l.C, latentEps)
	b.expansions(l, layer)
	b.biased(&l.O, c.OutputBias, "attn_output", layer, c.HiddenSize, l.H*l.V)
	a := Attention{Layer: layer, H: l.H, Scale: scale}
	if l.Form == Expanded {
		a.HKV, a.DK, a.DV = l.H, l.P+l.R, l.V
	} else {
		a.HKV, a.DK, a.DV, a.Latent = 1, latentWidth(l.C, l.R), l.C, kernel.WholeGroups(l.C)
	}
	l.QueryScale = newQueryScale(c)
	switch {
	case index == nil:
	case layer < c.NumHiddenLayers && c.IndexShared != nil && c.IndexShared[layer]:
		l.SharesChoice, a.TopK = true, c.IndexTopK
	default:
		l.Indexer = b.indexer(layer, c, index)
		a.TopK, a.IndexDim = c.IndexTopK, c.IndexHeadDim
	}
	l.Attention = a
}

// expansions binds W^UK and W^UV of every head, from one tensor of both or from one
// each. Where what is stored runs across the form's summed axis, it is turned.
func (b *binder) expansions(l *Latent, layer int) {
	l.UK, l.UV = make([]Linear, l.H), make([]Linear, l.H)
	if b.hf || !b.has("attn_k_b", layer, ".weight") && !b.has("attn_v_b", layer, ".weight") {
		t, ok := b.find(b.name("attn_kv_b", layer, ".weight"), l.H*(l.P+l.V), l.C)
		for h := range l.H {
			if !ok || b.err != nil {
				return
			}
			row := h * (l.P + l.V)
			if l.Form == Expanded {
				b.rows(&l.UK[h], t, row, l.P, l.C, 0)
			} else {
				b.turned(&l.UK[h], t, row, l.P, l.C)
			}
			b.rows(&l.UV[h], t, row+l.P, l.V, l.C, 0)
		}
		return
	}
	k, ok := b.find(b.name("attn_k_b", layer, ".weight"), l.H, l.C, l.P) // stored as [C, P]
	v, okV := b.find(b.name("attn_v_b", layer, ".weight"), l.H, l.V, l.C)
	for h := range l.H {
		if !ok || !okV || b.err != nil {
			return
		}
		if l.Form == Expanded {
			b.turned(&l.UK[h], k, h*l.C, l.C, l.P)
		} else {
			b.rows(&l.UK[h], k, h*l.C, l.C, l.P, 0)
		}
		b.rows(&l.UV[h], v, h*l.V, l.V, l.C, 0)
	}
}

// indexerEps is the epsilon of the norm of index keys, which no configuration tells.
const indexerEps = 1e-6

func (b *binder) indexer(layer int, c *Config, rope *Rope) *Indexer {
	n := &Indexer{N: c.IndexNHeads, D: c.IndexHeadDim, TopK: c.IndexTopK, rope: rope}
	b.linear(&n.Q, "indexer.attn_q_b", layer, n.N*n.D, c.QLoraRank)
	b.linear(&n.K, "indexer.attn_k", layer, n.D, c.HiddenSize)
	b.layerNorm(&n.KNorm, "indexer.k_norm", layer, n.D, indexerEps)
	b.linear(&n.Weights, "indexer.proj", layer, n.N, c.HiddenSize)
	return n
}
