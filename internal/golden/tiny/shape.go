package tiny

import (
	"fmt"
	"strings"
)

// Tensor is a tensor of a tiny model.
type Tensor struct {
	Name  string
	Shape []int
}

// Tensors returns the tensors of the checkpoint in the order they are written.
func (m *Model) Tensors() []Tensor {
	var l list
	c := &m.Config
	if c.recurrent() {
		l.qwenNext(c)
		return l
	}
	if c.ModelType == "deepseek_v4" {
		l.deepseekV4(c)
		return l
	}
	if c.gemma4() {
		l.gemma4(c)
		return l
	}
	if add := later[c.text().ModelType]; add != nil {
		if c.TextConfig == nil {
			add(&l, c, "")
			return l
		}
		text := *c.TextConfig
		if c.Tied != nil {
			text.Tied = c.Tied
		}
		add(&l, &text, "language_model.")
		l.add("vision_tower.patch_conv.weight", 8, 3, 4, 4)
		l.add("multi_modal_projector.norm.weight", 8)
		return l
	}
	switch c.ModelType {
	case "gemma3":
		l.gemma(c.TextConfig, "language_model.")
		l.tower(c.Vision, c.TextConfig.HiddenSize)
	case "gemma3_text":
		l.gemma(c, "")
	default:
		if c.family() {
			l.deepseek(c)
		} else {
			l.llamaLike(c)
		}
	}
	return l
}

type list []Tensor

func (l *list) add(name string, shape ...int) { *l = append(*l, Tensor{name, shape}) }

func (l *list) mlp(p string, hidden, inter int, bias bool) {
	l.add(p+"gate_proj.weight", inter, hidden)
	l.add(p+"up_proj.weight", inter, hidden)
	l.add(p+"down_proj.weight", hidden, inter)
	if bias {
		l.add(p+"gate_proj.bias", inter)
		l.add(p+"up_proj.bias", inter)
		l.add(p+"down_proj.bias", hidden)
	}
}

func (l *list) attention(p string, c *Config, qkvBias, oBias, norms bool) {
	d := c.headDim()
	q, kv := c.Heads*d, c.KVHeads*d
	l.add(p+"q_proj.weight", q, c.HiddenSize)
	l.add(p+"k_proj.weight", kv, c.HiddenSize)
	l.add(p+"v_proj.weight", kv, c.HiddenSize)
	l.add(p+"o_proj.weight", c.HiddenSize, q)
	if qkvBias {
		l.add(p+"q_proj.bias", q)
		l.add(p+"k_proj.bias", kv)
		l.add(p+"v_proj.bias", kv)
	}
	if oBias {
		l.add(p+"o_proj.bias", c.HiddenSize)
	}
	if norms {
		l.add(p+"q_norm.weight", d)
		l.add(p+"k_norm.weight", d)
	}
}

// llamaLike lists llama, qwen2, qwen3, qwen3_moe and mixtral.
func (l *list) llamaLike(c *Config) {
	H := c.HiddenSize
	l.add("model.embed_tokens.weight", c.VocabSize, H)
	for i := range c.Layers {
		p := fmt.Sprintf("model.layers.%d.", i)
		l.add(p+"input_layernorm.weight", H)
		qwen2, qwen3 := c.ModelType == "qwen2", strings.HasPrefix(c.ModelType, "qwen3")
		l.attention(p+"self_attn.", c, c.AttentionBias || qwen2, c.AttentionBias && !qwen2, qwen3)
		l.add(p+"post_attention_layernorm.weight", H)
		switch {
		case c.ModelType == "mixtral":
			l.add(p+"block_sparse_moe.gate.weight", c.LocalExperts, H)
			for e := range c.LocalExperts {
				q := fmt.Sprintf("%sblock_sparse_moe.experts.%d.", p, e)
				l.add(q+"w1.weight", c.Intermediate, H)
				l.add(q+"w2.weight", H, c.Intermediate)
				l.add(q+"w3.weight", c.Intermediate, H)
			}
		case c.ModelType == "qwen3_moe" && c.sparse(i):
			l.add(p+"mlp.gate.weight", c.NumExperts, H)
			for e := range c.NumExperts {
				l.mlp(fmt.Sprintf("%smlp.experts.%d.", p, e), H, c.MoEInter, false)
			}
		default:
			l.mlp(p+"mlp.", H, c.Intermediate, c.MLPBias && c.ModelType == "llama")
		}
	}
	l.add("model.norm.weight", H)
	if !c.tied(false) {
		l.add("lm_head.weight", c.VocabSize, H)
	}
}

func (c *Config) sparse(i int) bool {
	for _, dense := range c.MLPOnlyLayers {
		if dense == i {
			return false
		}
	}
	return (i+1)%max(c.DecoderStep, 1) == 0
}

func (l *list) gemma(c *Config, prefix string) {
	H := c.HiddenSize
	l.add(prefix+"model.embed_tokens.weight", c.VocabSize, H)
	for i := range c.Layers {
		p := fmt.Sprintf("%smodel.layers.%d.", prefix, i)
		l.add(p+"input_layernorm.weight", H)
		l.attention(p+"self_attn.", c, false, false, true)
		l.add(p+"post_attention_layernorm.weight", H)
		l.add(p+"pre_feedforward_layernorm.weight", H)
		l.mlp(p+"mlp.", H, c.Intermediate, false)
		l.add(p+"post_feedforward_layernorm.weight", H)
	}
	l.add(prefix+"model.norm.weight", H)
	if !c.tied(true) {
		l.add(prefix+"lm_head.weight", c.VocabSize, H)
	}
}

// tower lists the vision tower that a text engine leaves alone.
func (l *list) tower(v *vision, H int) {
	W, I := v.Hidden, v.Intermediate
	l.add("multi_modal_projector.mm_input_projection_weight", W, H)
	l.add("multi_modal_projector.mm_soft_emb_norm.weight", W)
	p := "vision_tower.vision_model."
	l.add(p+"embeddings.patch_embedding.weight", W, 3, v.Patch, v.Patch)
	l.add(p+"embeddings.patch_embedding.bias", W)
	for i := range v.Layers {
		q := fmt.Sprintf("%sencoder.layers.%d.", p, i)
		l.add(q+"mlp.fc1.weight", I, W)
		l.add(q+"mlp.fc2.weight", W, I)
	}
}
