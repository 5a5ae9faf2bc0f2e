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
}

// newAttention returns the attention of a layer.
func newAttention(c *Config, layer int, scale float32) Attention {
	return Attention{
		Layer: layer, H: c.NumAttentionHeads, HKV: c.NumKeyValueHeads, D: c.HeadDim, Scale: scale, Window: c.window(layer),
	}
}

// mlp binds the three matrices of a gated MLP.
func (b *binder) mlp(m *GatedMLP, layer int, c *Config) {
	m.Act = c.HiddenAct
	b.linear(&m.Gate, "ffn_gate", layer, c.IntermediateSize, c.HiddenSize)
	b.linear(&m.Up, "ffn_up", layer, c.IntermediateSize, c.HiddenSize)
	b.linear(&m.Down, "ffn_down", layer, c.HiddenSize, c.IntermediateSize)
}

// softmaxExperts binds experts whose router is a softmax over all of them.
func (b *binder) softmaxExperts(layer int, c *Config) *Experts {
	e := &Experts{
		Choose: kernel.Router{TopK: c.NumExpertsPerTok, Normalise: c.NormTopKProb, Factor: 1},
		Act:    c.HiddenAct,
	}
	E, D, I := c.NumExperts, c.HiddenSize, c.MoEIntermediateSize
	b.linear(&e.Router, "ffn_gate_inp", layer, E, D)
	e.Gate = b.experts("ffn_gate_exps", layer, E, I, D)
	e.Up = b.experts("ffn_up_exps", layer, E, I, D)
	e.Down = b.experts("ffn_down_exps", layer, E, D, I)
	b.sameForm("ffn_gate_exps", layer, e.Gate, e.Up)
	b.sameForm("ffn_down_exps", layer, e.Down)
	return e
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
