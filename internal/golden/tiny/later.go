package tiny

import (
	"fmt"
	"math"
	"strings"
)

// The families of 2024 to 2026 beside those of shape.go.

// later has the families whose weights follow laterLaw.
var later = map[string]func(l *list, c *Config, prefix string){
	"gpt_oss": (*list).gptOSS, "smollm3": (*list).smolLM3, "gemma2": (*list).gemma2, "qwen2_moe": (*list).qwen2MoE,
	"ministral3": (*list).mistral3, "mistral4": (*list).mistral3, "mistral_large3": (*list).large3,
	"phi3": (*list).phi3, "glm4_moe": (*list).glm4MoE, "minimax_m2": (*list).miniMaxM2, "glm_moe_dsa": (*list).glmMoeDsa,
}

// layers lists embedding, layers, last norm and head.
func (l *list) layers(c *Config, prefix string, tied bool, layer func(p string, i int)) {
	l.add(prefix+"model.embed_tokens.weight", c.VocabSize, c.HiddenSize)
	for i := range c.Layers {
		layer(fmt.Sprintf("%smodel.layers.%d.", prefix, i), i)
	}
	l.add(prefix+"model.norm.weight", c.HiddenSize)
	if !tied {
		l.add(prefix+"lm_head.weight", c.VocabSize, c.HiddenSize)
	}
}

func (l *list) gptOSS(c *Config, prefix string) {
	H, I, E := c.HiddenSize, c.Intermediate, c.LocalExperts
	l.layers(c, prefix, c.tied(false), func(p string, _ int) {
		l.add(p+"input_layernorm.weight", H)
		l.attention(p+"self_attn.", c, true, true, false)
		l.add(p+"self_attn.sinks", c.Heads)
		l.add(p+"post_attention_layernorm.weight", H)
		l.add(p+"mlp.router.weight", E, H)
		l.add(p+"mlp.router.bias", E)
		for _, x := range []struct {
			name    string
			in, out int
		}{{"gate_up_proj", H, 2 * I}, {"down_proj", I, H}} {
			q, in, out := p+"mlp.experts."+x.name, x.in, x.out
			l.add(q+"_bias", E, out)
			if c.Quantization != nil {
				l.add(q+"_blocks", E, out, in/32, 16)
				l.add(q+"_scales", E, out, in/32)
			} else {
				l.add(q, E, in, out)
			}
		}
	})
}

func (l *list) smolLM3(c *Config, prefix string) {
	l.layers(c, prefix, c.tied(true), func(p string, _ int) {
		l.add(p+"input_layernorm.weight", c.HiddenSize)
		l.attention(p+"self_attn.", c, false, false, false)
		l.add(p+"post_attention_layernorm.weight", c.HiddenSize)
		l.mlp(p+"mlp.", c.HiddenSize, c.Intermediate, false)
	})
}

func (l *list) phi3(c *Config, prefix string) {
	H, d := c.HiddenSize, c.headDim()
	l.layers(c, prefix, c.tied(false), func(p string, _ int) {
		l.add(p+"input_layernorm.weight", H)
		l.add(p+"self_attn.qkv_proj.weight", (c.Heads+2*c.KVHeads)*d, H)
		l.add(p+"self_attn.o_proj.weight", H, c.Heads*d)
		l.add(p+"post_attention_layernorm.weight", H)
		l.add(p+"mlp.gate_up_proj.weight", 2*c.Intermediate, H)
		l.add(p+"mlp.down_proj.weight", H, c.Intermediate)
	})
}

func (l *list) gemma2(c *Config, prefix string) {
	H := c.HiddenSize
	l.layers(c, prefix, c.tied(true), func(p string, _ int) {
		l.add(p+"input_layernorm.weight", H)
		l.attention(p+"self_attn.", c, false, false, false)
		l.add(p+"post_attention_layernorm.weight", H)
		l.add(p+"pre_feedforward_layernorm.weight", H)
		l.mlp(p+"mlp.", H, c.Intermediate, false)
		l.add(p+"post_feedforward_layernorm.weight", H)
	})
}

func (l *list) qwen2MoE(c *Config, prefix string) {
	H := c.HiddenSize
	l.layers(c, prefix, c.tied(false), func(p string, i int) {
		l.add(p+"input_layernorm.weight", H)
		l.attention(p+"self_attn.", c, true, false, false)
		l.add(p+"post_attention_layernorm.weight", H)
		if !c.sparse(i) {
			l.mlp(p+"mlp.", H, c.Intermediate, false)
			return
		}
		l.add(p+"mlp.gate.weight", c.NumExperts, H)
		for e := range c.NumExperts {
			l.mlp(fmt.Sprintf("%smlp.experts.%d.", p, e), H, c.MoEInter, false)
		}
		l.mlp(p+"mlp.shared_expert.", H, c.SharedInter, false)
		l.add(p+"mlp.shared_expert_gate.weight", 1, H)
	})
}

func (l *list) mistral3(c *Config, prefix string) {
	H := c.HiddenSize
	l.layers(c, prefix, c.tied(false), func(p string, i int) {
		l.add(p+"input_layernorm.weight", H)
		if c.family() {
			l.latent(p+"self_attn.", c)
		} else {
			l.attention(p+"self_attn.", c, false, false, false)
		}
		l.add(p+"post_attention_layernorm.weight", H)
		if !c.family() || i < c.FirstDense {
			l.mlp(p+"mlp.", H, c.Intermediate, false)
			return
		}
		l.add(p+"mlp.gate.weight", c.Routed, H)
		l.add(p+"mlp.experts.gate_up_proj", c.Routed, 2*c.MoEInter, H)
		l.add(p+"mlp.experts.down_proj", c.Routed, H, c.MoEInter)
		l.mlp(p+"mlp.shared_experts.", H, c.MoEInter*c.Shared, false)
	})
}

// large3 lists Mistral's own names.
func (l *list) large3(c *Config, _ string) {
	H, N := c.HiddenSize, c.Heads
	three := func(q string, I int) {
		l.add(q+"w1.weight", I, H)
		l.add(q+"w2.weight", H, I)
		l.add(q+"w3.weight", I, H)
	}
	l.add("tok_embeddings.weight", c.VocabSize, H)
	for i := range c.Layers {
		p := fmt.Sprintf("layers.%d.", i)
		a := p + "attention."
		l.add(p+"attention_norm.weight", H)
		l.add(a+"wq_a.weight", c.QLora, H)
		l.add(a+"q_a_norm.weight", c.QLora)
		l.add(a+"wq_b.weight", N*(c.Nope+c.RopeDim), c.QLora)
		l.add(a+"wkv_a_with_mqa.weight", c.KVLora+c.RopeDim, H)
		l.add(a+"kv_a_norm.weight", c.KVLora)
		l.add(a+"wkv_b.weight", N*(c.Nope+c.VDim), c.KVLora)
		l.add(a+"wo.weight", H, N*c.VDim)
		l.add(p+"ffn_norm.weight", H)
		if i < c.FirstDense {
			three(p+"feed_forward.", c.Intermediate)
			continue
		}
		l.add(p+"gate.weight", c.Routed, H)
		for e := range c.Routed {
			three(fmt.Sprintf("%sexperts.%d.", p, e), c.MoEInter)
		}
		three(p+"shared_experts.", c.MoEInter*c.Shared)
	}
	l.add("norm.weight", H)
	l.add("output.weight", c.VocabSize, H)
}

func (l *list) glm4MoE(c *Config, prefix string) {
	H := c.HiddenSize
	l.layers(c, prefix, c.tied(false), func(p string, i int) {
		l.add(p+"input_layernorm.weight", H)
		l.attention(p+"self_attn.", c, c.AttentionBias, false, c.QKNorm)
		l.add(p+"post_attention_layernorm.weight", H)
		if i < c.FirstDense {
			l.mlp(p+"mlp.", H, c.Intermediate, false)
			return
		}
		l.add(p+"mlp.gate.weight", c.Routed, H)
		l.add(p+"mlp.gate.e_score_correction_bias", c.Routed)
		for e := range c.Routed {
			l.mlp(fmt.Sprintf("%smlp.experts.%d.", p, e), H, c.MoEInter, false)
		}
		l.mlp(p+"mlp.shared_experts.", H, c.MoEInter*c.Shared, false)
	})
}

func (l *list) miniMaxM2(c *Config, prefix string) {
	H, d := c.HiddenSize, c.headDim()
	l.layers(c, prefix, c.tied(false), func(p string, _ int) {
		l.add(p+"input_layernorm.weight", H)
		l.attention(p+"self_attn.", c, false, false, false)
		l.add(p+"self_attn.q_norm.weight", c.Heads*d)
		l.add(p+"self_attn.k_norm.weight", c.KVHeads*d)
		l.add(p+"post_attention_layernorm.weight", H)
		l.add(p+"block_sparse_moe.gate.weight", c.LocalExperts, H)
		l.add(p+"block_sparse_moe.e_score_correction_bias", c.LocalExperts)
		for e := range c.LocalExperts {
			q := fmt.Sprintf("%sblock_sparse_moe.experts.%d.", p, e)
			l.add(q+"w1.weight", c.Intermediate, H)
			l.add(q+"w3.weight", c.Intermediate, H)
			l.add(q+"w2.weight", H, c.Intermediate)
		}
	})
}

// glmMoeDsa lists indexers in the layers that have one. A module of multi-token prediction
// has one, and no copies of embedding and head.
func (l *list) glmMoeDsa(c *Config, prefix string) {
	without := *c
	without.IndexHeads = 0
	H := c.HiddenSize
	l.layers(c, prefix, c.tied(false), func(p string, i int) {
		own := c
		if len(c.IndexerTypes) > i && c.IndexerTypes[i] == "shared" {
			own = &without
		}
		l.deepseekLayer(p, own, i >= c.FirstDense)
	})
	for i := c.Layers; i < c.Layers+c.NextN; i++ {
		p := fmt.Sprintf("model.layers.%d.", i)
		l.add(p+"enorm.weight", H)
		l.add(p+"hnorm.weight", H)
		l.add(p+"eh_proj.weight", H, 2*H)
		l.deepseekLayer(p, c, true)
		l.add(p+"shared_head.norm.weight", H)
	}
}

// laterLaw is law for the families of later.
func (c *Config) laterLaw(t Tensor) (mean, dev float64) {
	ends := func(parts ...string) bool {
		for _, p := range parts {
			if strings.HasSuffix(t.Name, p) {
				return true
			}
		}
		return false
	}
	root := math.Sqrt(float64(t.Shape[len(t.Shape)-1]))
	if c.ModelType == "gpt_oss" && len(t.Shape) > 2 {
		root = math.Sqrt(float64(t.Shape[len(t.Shape)-2]))
		if ends("_blocks") {
			root = math.Sqrt(float64(32 * t.Shape[2]))
		}
	}
	switch gemma := c.ModelType == "gemma2"; {
	case ends("e_score_correction_bias"):
		return 0, 0.05
	case ends("sinks"):
		return 0, 1
	case c.ModelType == "gpt_oss" && ends("gate_up_proj", "gate_up_proj_blocks"):
		return 0, 3.5 / root
	case c.ModelType == "gpt_oss" && ends("mlp.experts.down_proj", "down_proj_blocks"):
		return 0, 0.2 / root
	case ends(".bias", "_bias"):
		return 0, 0.1
	case len(t.Shape) == 1 && gemma && ends("model.norm.weight"):
		return 5, 0.1
	case len(t.Shape) == 1 && gemma:
		return 0, 0.1
	case len(t.Shape) == 1:
		return 1, 0.1
	case ends("embed_tokens.weight", "tok_embeddings.weight") && gemma:
		return 0, 0.5 / root
	case ends("embed_tokens.weight", "tok_embeddings.weight") && c.tied(c.ModelType == "smollm3"):
		return 0, 3 / root
	case ends("embed_tokens.weight", "tok_embeddings.weight"):
		return 0, 1
	case ends("lm_head.weight", "shared_head.head.weight") || t.Name == "output.weight":
		return 0, 3 / root
	}
	return 0, 1.2 / root
}
