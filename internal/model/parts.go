package model

import (
	"fmt"

	"github.com/blitz-r1/blitz/internal/kernel"
)

// Parts that several architectures bind the same way.

// attention binds the four matrices of grouped-query attention.
func (b *binder) attention(q, k, v, o *Linear, layer int, c *Config) {
	H, HKV := c.NumAttentionHeads*c.HeadDim, c.NumKeyValueHeads*c.HeadDim
	b.linear(q, "attn_q", layer, H, c.HiddenSize)
	b.linear(k, "attn_k", layer, HKV, c.HiddenSize)
	b.linear(v, "attn_v", layer, HKV, c.HiddenSize)
	b.linear(o, "attn_output", layer, c.HiddenSize, H)
	if c.AttentionBias {
		b.biases(layer, "attn_q", "attn_k", "attn_v")
		if c.ModelType != "qwen2" {
			b.biases(layer, "attn_output")
		}
	}
}

// newAttention returns the attention of a layer.
func newAttention(c *Config, layer int, scale float32) Attention {
	return Attention{
		Layer: layer, H: c.NumAttentionHeads, HKV: c.NumKeyValueHeads, DK: c.HeadDim, DV: c.HeadDim, Scale: scale, Window: c.window(layer),
	}
}

// mlp binds the three matrices of a gated MLP.
func (b *binder) mlp(m *GatedMLP, layer int, c *Config) {
	m.Act = c.HiddenAct
	b.linear(&m.Gate, "ffn_gate", layer, c.IntermediateSize, c.HiddenSize)
	b.linear(&m.Up, "ffn_up", layer, c.IntermediateSize, c.HiddenSize)
	b.linear(&m.Down, "ffn_down", layer, c.HiddenSize, c.IntermediateSize)
	if c.MLPBias {
		b.biases(layer, "ffn_gate", "ffn_up", "ffn_down")
	}
}

// softmaxExperts binds experts whose router is a softmax over all of them.
func (b *binder) softmaxExperts(layer int, c *Config) *Experts {
	e := &Experts{
		Choose: kernel.Router{TopK: c.NumExpertsPerTok, Normalise: c.NormTopKProb, Factor: 1},
		Act:    c.HiddenAct,
	}
	E, D, I := c.NumExperts, c.HiddenSize, c.MoEIntermediateSize
	b.linear(&e.Router, "ffn_gate_inp", layer, E, D)
	if !b.hf && b.has("ffn_gate_up_exps", layer, ".weight") {
		e.Gate, e.Up = b.mergedExperts(layer, E, I, D)
	} else {
		e.Gate = b.experts("ffn_gate_exps", layer, E, I, D)
		e.Up = b.experts("ffn_up_exps", layer, E, I, D)
	}
	e.Down = b.experts("ffn_down_exps", layer, E, D, I)
	b.sameForm("ffn_gate_exps", layer, e.Gate, e.Up)
	b.sameForm("ffn_down_exps", layer, e.Down)
	return e
}

// mergedExperts binds the two inner matrices of experts that one tensor holds, [E,
// 2I, D], the gate first.
func (b *binder) mergedExperts(layer, E, I, D int) (gate, up []Linear) {
	gate, up = make([]Linear, E), make([]Linear, E)
	t, ok := b.find(b.name("ffn_gate_up_exps", layer, ".weight"), E, 2*I, D)
	for e := range E {
		if !ok || b.err != nil {
			break
		}
		b.rows(&gate[e].Matrix, t, 2*e*I, I, D)
		b.rows(&up[e].Matrix, t, (2*e+1)*I, I, D)
	}
	return gate, up
}

// sameForm refuses experts of which some are float and some quantised, since one
// form of their inputs serves them all.
func (b *binder) sameForm(role string, layer int, lists ...[]Linear) {
	if b.err != nil {
		return
	}
	for _, list := range lists {
		for i := range list {
			if list[i].IsFloat() != lists[0][0].IsFloat() {
				b.fail(wrongTensor(b.src, b.name(role, layer, ".weight"), fmt.Sprintf("expert %d is of another form than expert 0", i), "all float or all quantised"))
				return
			}
		}
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
		b.linear(&l.QA, "attn_q_a", layer, c.QLoraRank, c.HiddenSize)
		b.norm(&l.QANorm, "attn_q_a_norm", layer, c.QLoraRank, latentEps)
		query, in = "attn_q_b", c.QLoraRank
	}
	b.linear(&l.Q, query, layer, l.H*(l.P+l.R), in)
	b.linear(&l.KVA, "attn_kv_a_mqa", layer, l.C+l.R, c.HiddenSize)
	b.norm(&l.KVANorm, "attn_kv_a_norm", layer, l.C, latentEps)
	b.expansions(l, layer)
	b.linear(&l.O, "attn_output", layer, c.HiddenSize, l.H*l.V)
	if c.AttentionBias {
		b.biases(layer, "attn_kv_a_mqa", "attn_output")
		if c.QLoraRank > 0 {
			b.biases(layer, "attn_q_a")
		}
	}
	a := Attention{Layer: layer, H: l.H, Scale: scale}
	if l.Form == Expanded {
		a.HKV, a.DK, a.DV = l.H, l.P+l.R, l.V
	} else {
		a.HKV, a.DK, a.DV, a.Latent = 1, latentWidth(l.C, l.R), l.C, kernel.WholeGroups(l.C)
	}
	if index != nil {
		l.Indexer = b.indexer(layer, c, index)
		a.TopK, a.Extra = c.IndexTopK, keyKind.KeyBytes(c.IndexHeadDim)
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
				b.rows(&l.UK[h].Matrix, t, row, l.P, l.C)
			} else {
				b.turned(&l.UK[h].Matrix, t, row, l.P, l.C)
			}
			b.rows(&l.UV[h].Matrix, t, row+l.P, l.V, l.C)
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
			b.turned(&l.UK[h].Matrix, k, h*l.C, l.C, l.P)
		} else {
			b.rows(&l.UK[h].Matrix, k, h*l.C, l.C, l.P)
		}
		b.rows(&l.UV[h].Matrix, v, h*l.V, l.V, l.C)
	}
}

func (b *binder) indexer(layer int, c *Config, rope *Rope) *Indexer {
	n := &Indexer{N: c.IndexNHeads, D: c.IndexHeadDim, TopK: c.IndexTopK, rope: rope}
	b.linear(&n.Q, "indexer.attn_q_b", layer, n.N*n.D, c.QLoraRank)
	b.linear(&n.K, "indexer.attn_k", layer, n.D, c.HiddenSize)
	n.KNorm.W, n.KNorm.Eps = b.vector("indexer.k_norm", layer, ".weight", n.D), 1e-6
	n.KNorm.B = b.vector("indexer.k_norm", layer, ".bias", n.D)
	b.linear(&n.Weights, "indexer.proj", layer, n.N, c.HiddenSize)
	return n
}

// deepseekExperts binds the chosen experts of a layer.
func (b *binder) deepseekExperts(layer int, c *Config) *Experts {
	e := b.softmaxExperts(layer, c)
	e.Choose = kernel.Router{
		Sigmoid: c.SigmoidScores, Groups: c.NGroup, GroupsKept: c.TopKGroup, TopK: c.NumExpertsPerTok,
		Normalise: c.NormTopKProb, Factor: c.RoutedScalingFactor,
	}
	if c.CorrectionBias || b.has("exp_probs_b", layer, ".bias") {
		e.Choose.Bias = b.vector("exp_probs_b", layer, ".bias", c.NumExperts)
	}
	return e
}

// sharedExperts binds the experts that all tokens share: one MLP.
func (b *binder) sharedExperts(m *GatedMLP, layer int, c *Config) {
	m.Act = c.HiddenAct
	I := c.NumSharedExperts * c.MoEIntermediateSize
	b.linear(&m.Gate, "ffn_gate_shexp", layer, I, c.HiddenSize)
	b.linear(&m.Up, "ffn_up_shexp", layer, I, c.HiddenSize)
	b.linear(&m.Down, "ffn_down_shexp", layer, c.HiddenSize, I)
}
