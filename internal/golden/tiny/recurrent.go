package tiny

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/blitz-r1/blitz/gguf"
)

// Qwen3-Next and Qwen3.5: most layers are Gated DeltaNet.

// Delta is what they have beyond other models.
type Delta struct {
	KeyHeads   int      `json:"linear_num_key_heads"`
	ValueHeads int      `json:"linear_num_value_heads"`
	KeyDim     int      `json:"linear_key_head_dim"`
	ValueDim   int      `json:"linear_value_head_dim"`
	Taps       int      `json:"linear_conv_kernel_dim"`
	Kinds      []string `json:"layer_types"`
	Drafts     int      `json:"mtp_num_hidden_layers"`
}

// recurrent says whether the model is one of them.
func (c *Config) recurrent() bool { return c.text().KeyHeads > 0 }

// next says whether it is the first one, whose inputs are fused.
func (c *Config) next() bool { return c.ModelType == "qwen3_next" }

// base is what stands before the names of the language model.
func (c *Config) base() string {
	if c.TextConfig != nil {
		return "model.language_model."
	}
	return "model."
}

// qwenNext lists the tensors.
func (l *list) qwenNext(outer *Config) {
	c, base := outer.text(), outer.base()
	H := c.HiddenSize
	l.add(base+"embed_tokens.weight", c.VocabSize, H)
	for i := range c.Layers {
		l.qwenNextLayer(c, fmt.Sprintf("%slayers.%d.", base, i), c.Kinds[i] == "full_attention", c.NumExperts > 0 && c.sparse(i))
	}
	l.add(base+"norm.weight", H)
	if tied := outer.Tied; tied == nil || !*tied {
		l.add("lm_head.weight", c.VocabSize, H)
	}
	for i := range c.Drafts {
		if i == 0 {
			l.add("mtp.fc.weight", H, 2*H)
			l.add("mtp.pre_fc_norm_embedding.weight", H)
			l.add("mtp.pre_fc_norm_hidden.weight", H)
			l.add("mtp.norm.weight", H)
		}
		l.qwenNextLayer(c, fmt.Sprintf("mtp.layers.%d.", i), true, c.NumExperts > 0)
	}
	if outer.TextConfig != nil {
		l.add("model.visual.patch_embed.proj.weight", 8, 3, 2, 4, 4)
		l.add("model.visual.patch_embed.proj.bias", 8)
	}
}

func (l *list) qwenNextLayer(c *Config, p string, full, sparse bool) {
	H := c.HiddenSize
	l.add(p+"input_layernorm.weight", H)
	if full {
		d := c.headDim()
		l.add(p+"self_attn.q_proj.weight", 2*c.Heads*d, H)
		l.add(p+"self_attn.k_proj.weight", c.KVHeads*d, H)
		l.add(p+"self_attn.v_proj.weight", c.KVHeads*d, H)
		l.add(p+"self_attn.o_proj.weight", H, c.Heads*d)
		l.add(p+"self_attn.q_norm.weight", d)
		l.add(p+"self_attn.k_norm.weight", d)
	} else {
		l.delta(c, p+"linear_attn.")
	}
	l.add(p+"post_attention_layernorm.weight", H)
	if !sparse {
		l.mlp(p+"mlp.", H, c.Intermediate, false)
		return
	}
	l.add(p+"mlp.gate.weight", c.NumExperts, H)
	if c.next() {
		for e := range c.NumExperts {
			l.mlp(fmt.Sprintf("%smlp.experts.%d.", p, e), H, c.MoEInter, false)
		}
	} else {
		l.add(p+"mlp.experts.gate_up_proj", c.NumExperts, 2*c.MoEInter, H)
		l.add(p+"mlp.experts.down_proj", c.NumExperts, H, c.MoEInter)
	}
	l.mlp(p+"mlp.shared_expert.", H, c.SharedInter, false)
	l.add(p+"mlp.shared_expert_gate.weight", 1, H)
}

func (l *list) delta(c *Config, p string) {
	H, k, v := c.HiddenSize, 2*c.KeyHeads*c.KeyDim, c.ValueHeads*c.ValueDim
	l.add(p+"dt_bias", c.ValueHeads)
	l.add(p+"A_log", c.ValueHeads)
	l.add(p+"conv1d.weight", k+v, 1, c.Taps)
	if c.next() {
		l.add(p+"in_proj_qkvz.weight", k+2*v, H)
		l.add(p+"in_proj_ba.weight", 2*c.ValueHeads, H)
	} else {
		l.add(p+"in_proj_qkv.weight", k+v, H)
		l.add(p+"in_proj_z.weight", v, H)
		l.add(p+"in_proj_b.weight", c.ValueHeads, H)
		l.add(p+"in_proj_a.weight", c.ValueHeads, H)
	}
	l.add(p+"norm.weight", c.ValueDim)
	l.add(p+"out_proj.weight", H, v)
}

// deltaLaw returns mean and deviation of a tensor's values.
func (c *Config) deltaLaw(t Tensor) (mean, dev float64) {
	ends := func(part string) bool { return strings.HasSuffix(t.Name, part) }
	root := math.Sqrt(float64(t.Shape[len(t.Shape)-1]))
	switch {
	case ends("A_log"):
		return -1, 1
	case ends("dt_bias"):
		return 0, 1
	case ends(".bias"):
		return 0, 0.1
	case ends("linear_attn.norm.weight"):
		return 1, 0.1
	case len(t.Shape) == 1:
		return 0, 0.1
	case ends("embed_tokens.weight"):
		return 0, 1
	case ends("lm_head.weight"):
		return 0, 3 / root
	}
	return 0, 1.2 / root
}

var (
	deltaNames = map[string]string{
		"input_layernorm": "attn_norm", "post_attention_layernorm": "post_attention_norm",
		"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
		"self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm",
		"mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down", "mlp.gate": "ffn_gate_inp",
		"mlp.shared_expert.gate_proj": "ffn_gate_shexp", "mlp.shared_expert.up_proj": "ffn_up_shexp", "mlp.shared_expert.down_proj": "ffn_down_shexp",
		"mlp.shared_expert_gate": "ffn_gate_inp_shexp", "mlp.experts.gate_up_proj": "ffn_gate_up_exps", "mlp.experts.down_proj": "ffn_down_exps",
		"linear_attn.norm": "ssm_norm", "linear_attn.in_proj_ba": "ssm_ba",
	}
	deltaLayer = regexp.MustCompile(`^(?:model\.language_model|model)\.layers\.(\d+)\.(.+?)(?:\.weight)?$`)
)

// deltaTensors converts names and values for a GGUF file.
func (m *Model) deltaTensors() []ggufTensor {
	v := conversion{c: m.Config.text(), experts: map[string]int{}}
	for _, t := range m.Tensors() {
		x := ggufTensor{shape: t.Shape, w: m.Weight(t)}
		if strings.HasSuffix(t.Name, "norm.weight") && !strings.HasSuffix(t.Name, "linear_attn.norm.weight") {
			for i := range x.w {
				x.w[i]++
			}
		}
		top := map[string]string{m.Config.base() + "embed_tokens.weight": "token_embd.weight", m.Config.base() + "norm.weight": "output_norm.weight", "lm_head.weight": "output.weight"}
		if name := top[t.Name]; name != "" {
			x.name = name
			v.list = append(v.list, x)
		} else if p := deltaLayer.FindStringSubmatch(t.Name); p != nil {
			v.deltaLayer(x, "blk."+p[1]+".", p[2])
		}
	}
	return v.list
}

// deltaLayer converts a tensor of a layer.
func (v *conversion) deltaLayer(x ggufTensor, block, name string) {
	add := func(name string, shape []int, w []float32) {
		v.list = append(v.list, ggufTensor{block + name, shape, w})
	}
	c := v.c
	qk, H, r := 2*c.KeyHeads*c.KeyDim, c.HiddenSize, c.ValueHeads/c.KeyHeads
	heads := func(w []float32, each int) []float32 { // in the order of the file
		if c.next() {
			return w
		}
		var out []float32
		for place := range c.ValueHeads {
			head := place%c.KeyHeads*r + place/c.KeyHeads
			out = append(out, w[head*each:][:each]...)
		}
		return out
	}
	switch part := strings.TrimPrefix(name, "linear_attn."); part {
	case "A_log":
		w := heads(x.w, 1)
		for i := range w {
			w[i] = float32(-math.Exp(float64(w[i])))
		}
		add("ssm_a", x.shape, w)
	case "dt_bias":
		add("ssm_dt.bias", x.shape, heads(x.w, 1))
	case "conv1d":
		add("ssm_conv1d.weight", []int{x.shape[0], c.Taps}, slices.Concat(x.w[:qk*c.Taps], heads(x.w[qk*c.Taps:], c.ValueDim*c.Taps)))
	case "in_proj_qkv":
		add("attn_qkv.weight", x.shape, slices.Concat(x.w[:qk*H], heads(x.w[qk*H:], c.ValueDim*H)))
	case "in_proj_z":
		add("attn_gate.weight", x.shape, heads(x.w, c.ValueDim*H))
	case "in_proj_b":
		add("ssm_beta.weight", x.shape, heads(x.w, H))
	case "in_proj_a":
		add("ssm_alpha.weight", x.shape, heads(x.w, H))
	case "out_proj":
		var w []float32
		for row := range H {
			w = append(w, heads(x.w[row*c.ValueHeads*c.ValueDim:][:c.ValueHeads*c.ValueDim], c.ValueDim)...)
		}
		add("ssm_out.weight", x.shape, w)
	case "in_proj_qkvz":
		var q, k, vv, z []float32
		d, e := c.KeyDim*H, r*c.ValueDim*H
		for w := x.w; len(w) > 0; w = w[2*d+2*e:] {
			q, k, vv, z = append(q, w[:d]...), append(k, w[d:2*d]...), append(vv, w[2*d:2*d+e]...), append(z, w[2*d+e:2*d+2*e]...)
		}
		add("attn_qkv.weight", []int{qk + c.ValueHeads*c.ValueDim, H}, slices.Concat(q, k, vv))
		add("attn_gate.weight", []int{c.ValueHeads * c.ValueDim, H}, z)
	default:
		if e := expertName.FindStringSubmatch(name); e != nil {
			v.expert(x, block+"ffn_"+expertPart[e[2]]+"_exps.weight")
			return
		}
		add(deltaNames[name]+".weight", x.shape, x.w)
	}
}

// delta adds the keys of recurrent layers.
func (l *metadataList) delta(c *Config, r *rope) {
	l.count("rope.dimension_count", int(float64(c.headDim())*r.Partial))
	l.count("ssm.conv_kernel", c.Taps)
	l.count("ssm.state_size", c.KeyDim)
	l.count("ssm.group_count", c.KeyHeads)
	l.count("ssm.time_step_rank", c.ValueHeads)
	l.count("ssm.inner_size", c.ValueHeads*c.ValueDim)
	l.count("full_attention_interval", 4)
	if c.NumExperts > 0 {
		l.count("expert_shared_feed_forward_length", c.SharedInter)
	}
	if !c.next() {
		l.put("rope.dimension_sections", gguf.ArrayOf([]int32{4, 2, 2, 0}))
	}
}
