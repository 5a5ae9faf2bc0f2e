package tiny

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/blitz-r1/blitz/gguf"
)

// Gemma4 is what Gemma 4 has beyond other models.
type Gemma4 struct {
	GlobalDim     int  `json:"global_head_dim"`
	GlobalKVHeads int  `json:"num_global_key_value_heads"`
	KeyIsValue    bool `json:"attention_k_eq_v"`
	PerLayer      int  `json:"hidden_size_per_layer_input"`
	PerLayerVocab int  `json:"vocab_size_per_layer_input"`
	Borrowing     int  `json:"num_kv_shared_layers"`
	DoubleWide    bool `json:"use_double_wide_mlp"`
	UsedExperts   int  `json:"top_k_experts"`
	IsSparse      bool `json:"enable_moe_block"`
}

// gemma4 says whether the model is one.
func (c *Config) gemma4() bool { return c.text().ModelType == "gemma4_text" }

// full says whether layer i sees the whole context.
func (c *Config) full(i int) bool { return c.Kinds[i] == "full_attention" }

// headsOf returns the heads of keys and values of layer i, and their width.
func (c *Config) headsOf(i int) (kv, d int) {
	switch {
	case !c.full(i):
		return c.KVHeads, c.headDim()
	case c.KeyIsValue && c.GlobalKVHeads > 0:
		return c.GlobalKVHeads, c.GlobalDim
	}
	return c.KVHeads, c.GlobalDim
}

// innerOf returns the width of the MLP of layer i.
func (c *Config) innerOf(i int) int {
	if c.DoubleWide && i >= c.Layers-c.Borrowing {
		return 2 * c.Intermediate
	}
	return c.Intermediate
}

// gemma4 lists the tensors. Layers that borrow keys and values have those, too.
func (l *list) gemma4(outer *Config) {
	c, base := outer.text(), outer.base()
	H, P := c.HiddenSize, c.PerLayer
	l.add(base+"embed_tokens.weight", c.VocabSize, H)
	if P > 0 {
		l.add(base+"embed_tokens_per_layer.weight", c.PerLayerVocab, c.Layers*P)
		l.add(base+"per_layer_model_projection.weight", c.Layers*P, H)
		l.add(base+"per_layer_projection_norm.weight", P)
	}
	for i := range c.Layers {
		p := fmt.Sprintf("%slayers.%d.", base, i)
		for _, name := range []string{"input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm", "post_feedforward_layernorm"} {
			l.add(p+name+".weight", H)
		}
		l.add(p+"layer_scalar", 1)
		kv, d := c.headsOf(i)
		l.add(p+"self_attn.q_proj.weight", c.Heads*d, H)
		l.add(p+"self_attn.k_proj.weight", kv*d, H)
		if !c.full(i) || !c.KeyIsValue {
			l.add(p+"self_attn.v_proj.weight", kv*d, H)
		}
		l.add(p+"self_attn.o_proj.weight", H, c.Heads*d)
		l.add(p+"self_attn.q_norm.weight", d)
		l.add(p+"self_attn.k_norm.weight", d)
		l.mlp(p+"mlp.", H, c.innerOf(i), false)
		if c.IsSparse {
			l.add(p+"router.proj.weight", c.NumExperts, H)
			l.add(p+"router.scale", H)
			l.add(p+"router.per_expert_scale", c.NumExperts)
			l.add(p+"experts.gate_up_proj", c.NumExperts, 2*c.MoEInter, H)
			l.add(p+"experts.down_proj", c.NumExperts, H, c.MoEInter)
			for _, name := range []string{"post_feedforward_layernorm_1", "post_feedforward_layernorm_2", "pre_feedforward_layernorm_2"} {
				l.add(p+name+".weight", H)
			}
		}
		if P > 0 {
			l.add(p+"per_layer_input_gate.weight", P, H)
			l.add(p+"per_layer_projection.weight", H, P)
			l.add(p+"post_per_layer_input_norm.weight", H)
		}
	}
	l.add(base+"norm.weight", H)
	if outer.TextConfig != nil {
		l.add("model.vision_tower.patch_embedder.input_proj.weight", 8, 48)
		l.add("model.embed_vision.embedding_projection.weight", 16, 8)
	}
}

// gemma4Law returns mean and deviation of a tensor's values.
func (c *Config) gemma4Law(t Tensor) (mean, dev float64) {
	ends := func(part string) bool { return strings.HasSuffix(t.Name, part) }
	switch {
	case ends("layer_scalar"):
		return 0.8, 0.1
	case ends("per_expert_scale"):
		return 1, 0.3
	case ends("router.scale"):
		return math.Sqrt(float64(c.HiddenSize)), 3
	case ends("q_norm.weight"), ends("k_norm.weight"):
		return 0.6, 0.1
	case ends(".norm.weight"):
		return 6, 0.1
	case len(t.Shape) == 1:
		return 1, 0.1
	case ends("embed_tokens.weight"):
		return 0, 0.5 / math.Sqrt(float64(c.HiddenSize))
	case ends("embed_tokens_per_layer.weight"):
		return 0, 0.5 / math.Sqrt(float64(c.PerLayer))
	}
	return 0, 1.2 / math.Sqrt(float64(t.Shape[len(t.Shape)-1]))
}

var (
	gemma4Names = map[string]string{
		"input_layernorm": "attn_norm.weight", "post_attention_layernorm": "post_attention_norm.weight",
		"pre_feedforward_layernorm": "ffn_norm.weight", "post_feedforward_layernorm": "post_ffw_norm.weight", "layer_scalar": "layer_output_scale.weight",
		"self_attn.q_proj": "attn_q.weight", "self_attn.k_proj": "attn_k.weight", "self_attn.v_proj": "attn_v.weight",
		"self_attn.o_proj": "attn_output.weight", "self_attn.q_norm": "attn_q_norm.weight", "self_attn.k_norm": "attn_k_norm.weight",
		"mlp.gate_proj": "ffn_gate.weight", "mlp.up_proj": "ffn_up.weight", "mlp.down_proj": "ffn_down.weight",
		"router.proj": "ffn_gate_inp.weight", "router.scale": "ffn_gate_inp.scale", "router.per_expert_scale": "ffn_down_exps.scale",
		"experts.gate_up_proj": "ffn_gate_up_exps.weight", "experts.down_proj": "ffn_down_exps.weight",
		"post_feedforward_layernorm_1": "post_ffw_norm_1.weight", "post_feedforward_layernorm_2": "post_ffw_norm_2.weight",
		"pre_feedforward_layernorm_2": "pre_ffw_norm_2.weight",
		"per_layer_input_gate":        "inp_gate.weight", "per_layer_projection": "proj.weight", "post_per_layer_input_norm": "post_norm.weight",
	}
	gemma4Top = map[string]string{
		"embed_tokens.weight": "token_embd.weight", "norm.weight": "output_norm.weight", "embed_tokens_per_layer.weight": "per_layer_token_embd.weight",
		"per_layer_model_projection.weight": "per_layer_model_proj.weight", "per_layer_projection_norm.weight": "per_layer_proj_norm.weight",
	}
	gemma4Layer = regexp.MustCompile(`^layers\.(\d+)\.(.+?)(?:\.weight)?$`)
)

// gemma4Tensors converts names for a GGUF file.
func (m *Model) gemma4Tensors() (list []ggufTensor) {
	c := m.Config.text()
	freqs := make([]float32, c.GlobalDim/2)
	for i := range freqs {
		if freqs[i] = 1; i >= c.GlobalDim/8 {
			freqs[i] = 1e30
		}
	}
	list = append(list, ggufTensor{"rope_freqs.weight", []int{len(freqs)}, freqs})
	for _, t := range m.Tensors() {
		x := ggufTensor{shape: t.Shape, w: m.Weight(t)}
		name, ok := strings.CutPrefix(t.Name, m.Config.base())
		if x.name = gemma4Top[name]; x.name == "" && ok {
			if p := gemma4Layer.FindStringSubmatch(name); p != nil {
				x.name = "blk." + p[1] + "." + gemma4Names[p[2]]
			}
		}
		if x.name != "" {
			list = append(list, x)
		}
	}
	return list
}

// gemma4 adds the keys of Gemma 4.
func (l *metadataList) gemma4(c *Config, s *spec) {
	var kv, inner []uint32
	var slides []bool
	for i := range c.Layers {
		heads, _ := c.headsOf(i)
		kv, inner, slides = append(kv, uint32(heads)), append(inner, uint32(c.innerOf(i))), append(slides, !c.full(i))
	}
	l.count("block_count", c.Layers)
	if c.DoubleWide {
		l.put("feed_forward_length", gguf.ArrayOf(inner))
	} else {
		l.count("feed_forward_length", c.Intermediate)
	}
	if slices.Max(kv) == slices.Min(kv) {
		l.count("attention.head_count_kv", c.KVHeads)
	} else {
		l.put("attention.head_count_kv", gguf.ArrayOf(kv))
	}
	for _, key := range []string{"attention.key_length", "attention.value_length", "rope.dimension_count"} {
		l.count(key, c.GlobalDim)
		l.count(key+"_swa", c.headDim())
	}
	l.number("rope.freq_base_swa", s.Rope.Local.Theta)
	l.count("attention.sliding_window", s.Window)
	l.put("attention.sliding_window_pattern", gguf.ArrayOf(slides))
	l.count("attention.shared_kv_layers", c.Borrowing)
	l.count("embedding_length_per_layer_input", c.PerLayer)
	l.number("final_logit_softcapping", s.FinalCap)
	if c.IsSparse {
		l.count("expert_count", c.NumExperts)
		l.count("expert_used_count", c.UsedExperts)
		l.count("expert_feed_forward_length", c.MoEInter)
	}
}
