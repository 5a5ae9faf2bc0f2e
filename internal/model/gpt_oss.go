package model

import (
	"github.com/blitz-r1/blitz/internal/kernel"
)

// gptOSSFamily is gpt-oss 20B and 120B, and their safeguards.
var gptOSSFamily = family{
	modelType: "gpt_oss",
	archs:     []string{"gpt-oss"},
	defaults: map[string]any{
		"vocab_size": 201088, "hidden_size": 2880, "intermediate_size": 2880, "num_hidden_layers": 36, "num_attention_heads": 64,
		"num_key_value_heads": 8, "head_dim": 64, "max_position_embeddings": 131072, "rms_norm_eps": 1e-5, "sliding_window": 128,
		"num_local_experts": 128, "num_experts_per_tok": 4, "rope_theta": 150000.0, "swiglu_limit": 7.0, "swiglu_alpha": 1.702,
		"attention_bias": true,
	},
	aliases:   map[string]string{"num_experts": "num_local_experts", "experts_per_token": "num_experts_per_tok"},
	readHF:    readGPTOSS,
	readGGUF:  readGGUFGPTOSS,
	check:     checkGPTOSS,
	untrained: "attention with sinks and its experts have no backward",
	hfNames: map[string]string{
		"attn_sinks":          "self_attn.sinks",
		"post_attention_norm": "post_attention_layernorm",
		"ffn_gate_inp":        "mlp.router",
		"ffn_gate_up_exps":    "mlp.experts.gate_up_proj",
		"ffn_down_exps":       "mlp.experts.down_proj",
	},
	network: func() network { return new(gptOSS) },
}

func readGPTOSS(c *Config, o *object) {
	c.HiddenAct = SwigluClamped
	c.readBias(o)
	c.readSliding(o, func(i int) bool { return i%2 == 0 })
	if !o.has("rope_parameters") && !o.has("rope_scaling") {
		o.values["rope_scaling"] = map[string]any{
			"rope_type": "yarn", "factor": 32.0, "beta_fast": 32.0, "beta_slow": 1.0, "truncate": false, "original_max_position_embeddings": 4096,
		}
	}
	c.readRope(o)
	c.NumExperts = o.count("num_local_experts", 0, 1, maxExperts)
	c.NumExpertsPerTok = o.count("num_experts_per_tok", 0, 1, maxExperts)
	c.MoEIntermediateSize = c.IntermediateSize
	c.SwigluLimit = float32(o.number("swiglu_limit", 0))
	c.SwigluAlpha = float32(o.number("swiglu_alpha", 0))
	if q := o.inner("quantization_config"); q != nil {
		if how := q.text("quant_method", ""); how != "mxfp4" && q.err == nil {
			o.fail("quant_method", show(how), "mxfp4")
		}
		o.takeError(q)
	}
}

func readGGUFGPTOSS(c *Config, k *keys) {
	c.HiddenAct, c.AttentionBias, c.OutputBias = SwigluClamped, true, true
	c.readGGUFHeadDim(k)
	c.readGGUFRope(k)
	c.Rope.NoTruncate = true // no key says it, all models of the architecture are so
	c.readGGUFExperts(k)
	c.SwigluLimit, c.SwigluAlpha = 7, 1.702
	if c.SlidingWindow = k.count("attention.sliding_window", 0, 0, maxContext); c.SlidingWindow > 0 {
		c.Sliding = make([]bool, c.NumHiddenLayers)
		for i := range c.Sliding {
			c.Sliding[i] = i%2 == 0
		}
	}
}

func checkGPTOSS(c *Config) *conflict {
	for _, x := range []fact{{"swiglu_limit", c.SwigluLimit}, {"swiglu_alpha", c.SwigluAlpha}} {
		if v, _ := x.value.(float32); !(v > 0 && v <= maxScale) {
			return clash("%s, want a positive number up to %d", x, maxScale)
		}
	}
	if c.NumExperts < 1 {
		return clash("%s, want 1 or more", fact{"num_experts", c.NumExperts})
	}
	return nil
}

// gptOSS is gpt-oss (OpenAI 2025): every other layer looks back on a window, each head of
// attention has a sink, and all layers have experts, with biases and a clamped gate; the
// router weighs the experts that it chose by a softmax over them alone.
type gptOSS struct {
	layers []gptOSSLayer
	norm   Norm
	rope   *Rope
}

type gptOSSLayer struct {
	attnNorm   Norm
	Q, K, V, O Linear
	attn       Attention
	ffnNorm    Norm
	experts    *Experts
}

func (m *gptOSS) bind(b *binder, c *Config) {
	m.rope = newRope(&c.Rope, c.rotaryDim())
	m.layers = make([]gptOSSLayer, c.NumHiddenLayers)
	for i := range m.layers {
		l := &m.layers[i]
		b.norm(&l.attnNorm, "attn_norm", i, c.HiddenSize, c.RMSNormEps)
		b.attention(&l.Q, &l.K, &l.V, &l.O, i, c)
		l.attn = newAttention(c, i, attentionScale(float64(c.HeadDim)))
		part := ".weight"
		if b.hf {
			part = ""
		}
		l.attn.Sinks, l.attn.SinkParam = b.vector("attn_sinks", i, part, c.NumAttentionHeads)
		b.norm(&l.ffnNorm, "post_attention_norm", i, c.HiddenSize, c.RMSNormEps)
		l.experts = b.gptOSSExperts(i, c)
		if b.err != nil {
			return
		}
	}
	b.norm(&m.norm, "output_norm", noLayer, c.HiddenSize, c.RMSNormEps)
}

func (m *gptOSS) forward(s *Step) *Act {
	x := s.Embed()
	for i := range m.layers {
		l := &m.layers[i]
		mark := s.Mark()
		h := s.Norm(x, &l.attnNorm)
		q, k, v := s.Linear3(h, &l.Q, &l.K, &l.V)
		q = s.Rope(q, l.attn.H, m.rope)
		k = s.Rope(k, l.attn.HKV, m.rope)
		x = s.Add(x, s.Linear(s.Attend(q, k, v, &l.attn), &l.O))
		if i == len(m.layers)-1 {
			x = s.Wanted(x)
			mark = s.Mark()
		}
		if i+1 < len(m.layers) {
			next := &m.layers[i+1]
			s.Foresee(x, l.experts, &next.ffnNorm, next.experts)
		}
		x = s.Add(x, s.Experts(s.Norm(x, &l.ffnNorm), l.experts))
		s.Release(mark)
	}
	return s.Norm(x, &m.norm)
}

func (m *gptOSS) attention() (list []*Attention) {
	for i := range m.layers {
		list = append(list, &m.layers[i].attn)
	}
	return list
}

func (m *gptOSS) tables() []*Rope { return []*Rope{m.rope} }

// gptOSSExperts binds the experts of a layer. Checkpoints hold gate and up of all experts in
// one tensor, row 2i the gate's row i: packed in MXFP4, or of a float type and turned.
func (b *binder) gptOSSExperts(layer int, c *Config) *Experts {
	e := &Experts{
		Choose: kernel.Router{Chosen: true, TopK: c.NumExpertsPerTok, Factor: 1},
		Act:    SwigluClamped, Alpha: c.SwigluAlpha, Limit: c.SwigluLimit,
		number: layer,
	}
	E, D, I := c.NumExperts, c.HiddenSize, c.MoEIntermediateSize
	b.biased(&e.Router, true, "ffn_gate_inp", layer, E, D)
	first := len(b.plan)
	if b.hf {
		e.Gate = b.interleavedExperts("ffn_gate_up_exps", layer, E, I, D, 2, 0)
		e.Up = b.interleavedExperts("ffn_gate_up_exps", layer, E, I, D, 2, 1)
		e.Down = b.interleavedExperts("ffn_down_exps", layer, E, D, I, 1, 0)
	} else {
		e.Gate = b.biasedExperts("ffn_gate_exps", layer, E, I, D)
		e.Up = b.biasedExperts("ffn_up_exps", layer, E, I, D)
		e.Down = b.biasedExperts("ffn_down_exps", layer, E, D, I)
	}
	b.sameForm("ffn_gate_exps", layer, e.Gate, e.Up)
	b.sameForm("ffn_down_exps", layer, e.Down)
	b.byExpert(e, layer, first)
	return e
}

// biasedExperts binds E matrices [rows, cols] of one tensor with a bias each, [E, rows].
func (b *binder) biasedExperts(role string, layer, E, rows, cols int) []Linear {
	list := b.experts(role, layer, E, rows, cols)
	b.expertBiases(list, b.name(role, layer, ".bias"), E, rows, 1, 0)
	return list
}

// expertBiases binds biases of experts: numbers from, from+every, … of each row of a tensor
// [E, rows*every].
func (b *binder) expertBiases(list []Linear, name string, E, rows, every, from int) {
	t, ok := b.find(name, E, rows*every)
	if !ok {
		return
	}
	if !t.DType.IsFloat() {
		b.fail(wrongTensor(b.src, name, "type "+t.DType.String(), "a float type"))
		return
	}
	v := b.floats(t)
	if b.err != nil {
		return
	}
	for e := range list {
		l := &list[e]
		l.Bias = make([]float32, l.Blocks()*kernel.RowBlock)
		for r := range rows {
			l.Bias[r] = v[(e*rows+r)*every+from]
		}
		l.BiasParam = Param{Tensor: name, First: e, Rows: 1, Cols: rows * every}
	}
}
