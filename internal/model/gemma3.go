package model

import (
	"math"
	"reflect"
)

// gemma3Family is the language model of Gemma 3, and EmbeddingGemma (Schechter Vera et al.
// 2025), whose tokens see to both sides.
var gemma3Family = family{
	modelType: "gemma3_text",
	archs:     []string{"gemma3", archEmbeddingGemma},
	defaults: map[string]any{
		"vocab_size": 262208, "hidden_size": 2304, "intermediate_size": 9216, "num_hidden_layers": 26, "num_attention_heads": 8,
		"num_key_value_heads": 4, "head_dim": 256, "hidden_activation": "gelu_pytorch_tanh", "max_position_embeddings": 131072,
		"rms_norm_eps": 1e-6, "tie_word_embeddings": true, "query_pre_attn_scalar": 256, "sliding_window": 4096,
		"sliding_window_pattern": 6, "rope_theta": 1e6, "rope_local_base_freq": 1e4,
	},
	readHF:       readGemma3,
	readGGUF:     readGGUFGemma3,
	check:        checkGemma3,
	shiftedNorms: true,
	hfNames:      gemma3Names,
	network:      func() network { return new(gemma3) },
}

// archEmbeddingGemma is what GGUF files call EmbeddingGemma.
const archEmbeddingGemma = "gemma-embedding"

var gemma3Names = map[string]string{
	"post_attention_norm": "post_attention_layernorm",
	"ffn_norm":            "pre_feedforward_layernorm",
	"post_ffw_norm":       "post_feedforward_layernorm",
}

func readGemma3(c *Config, o *object) {
	c.readActivation(o, "hidden_activation")
	c.readBias(o)
	c.QueryPreAttnScalar = o.number("query_pre_attn_scalar", 0)
	c.AttnLogitSoftcapping = float32(o.number("attn_logit_softcapping", 0))
	c.FinalLogitSoftcapping = float32(o.number("final_logit_softcapping", 0))
	period := o.count("sliding_window_pattern", 0, 1, maxLayers)
	c.readSliding(o, func(i int) bool { return (i+1)%period != 0 })
	c.readGemma3Rope(o)
	if o.bool("use_bidirectional_attention", false) {
		c.seeBothSides()
	}
}

// seeBothSides makes an encoder of it: a window is as far from its first position to its last
// as one that looks back.
func (c *Config) seeBothSides() {
	c.Encoder = true
	if c.SlidingWindow > 0 {
		c.SlidingWindow = c.SlidingWindow/2 + 1
	}
}

// readGemma3Rope reads two sets of rotary parameters, of layers that see the whole
// context and of those that slide. The older rope_scaling is of the former.
func (c *Config) readGemma3Rope(o *object) {
	theta, context := o.number("rope_theta", 0), float64(c.MaxPositionEmbeddings)
	local := RopeConfig{Type: "default", Theta: o.number("rope_local_base_freq", 0), Partial: 1}
	full := &object{file: o.file, values: map[string]any{}}
	if r := o.inner("rope_parameters"); r != nil {
		if x := r.inner("full_attention"); x != nil {
			full.values = x.values
		} else if r.values["sliding_attention"] == nil {
			full.values = r.values
		}
		if x := r.inner("sliding_attention"); x != nil {
			local = parseRope(x, local.Theta, context)
			o.takeError(x)
		}
		o.takeError(r)
	}
	if old := o.inner("rope_scaling"); old != nil {
		for key, v := range old.values {
			if said, twice := full.values[key]; twice && !reflect.DeepEqual(said, v) {
				c.assume("rope_scaling and rope_parameters are both there: the %s of rope_scaling counts", key)
			}
			full.values[key] = v
		}
	}
	c.Rope = parseRope(full, theta, context)
	o.takeError(full)
	c.RopeLocal = &local
}

func readGGUFGemma3(c *Config, k *keys) {
	c.HiddenAct = GeluTanh
	c.readGGUFHeadDim(k)
	c.readGGUFRope(k)
	c.RopeLocal = &RopeConfig{Type: "default", Theta: k.number("rope.freq_base_swa", 10000), Partial: 1}
	c.FinalLogitSoftcapping = float32(k.number("final_logit_softcapping", 0))
	c.AttnLogitSoftcapping = float32(k.number("attn_logit_softcapping", 0))
	c.QueryPreAttnScalar = float64(c.HeadDim)
	if c.NumHiddenLayers == 62 { // the 27B model divides by the width of its heads' share
		c.QueryPreAttnScalar = float64(c.HiddenSize / c.NumAttentionHeads)
	}
	c.SlidingWindow = k.count("attention.sliding_window", 0, 0, maxContext)
	if k.arch == archEmbeddingGemma {
		defer c.seeBothSides()
		if !k.hasTensor("dense_2.weight") {
			c.assume("the file has no dense_2.weight: vectors are made without the heads that its publisher's go through")
		}
	}
	if c.SlidingWindow == 0 {
		return
	}
	c.Sliding = make([]bool, c.NumHiddenLayers)
	if list, ok := k.f.Bools(k.name("attention.sliding_window_pattern")); ok {
		if len(list) < c.NumHiddenLayers {
			k.fail(k.name("attention.sliding_window_pattern"), "one value for every layer")
			return
		}
		copy(c.Sliding, list)
		return
	}
	period := k.count("attention.sliding_window_pattern", 6, 1, maxLayers)
	for i := range c.Sliding {
		c.Sliding[i] = (i+1)%period != 0
	}
}

func checkGemma3(c *Config) *conflict {
	for _, x := range []struct {
		name  string
		value float32
	}{{"attn_logit_softcapping", c.AttnLogitSoftcapping}, {"final_logit_softcapping", c.FinalLogitSoftcapping}} {
		if !(x.value >= 0 && x.value <= math.MaxFloat32) {
			return clash("%s, want a positive number, or 0 for none", fact{x.name, x.value})
		}
	}
	if !(c.QueryPreAttnScalar >= 1.0/maxScale && c.QueryPreAttnScalar <= maxWidth) {
		return clash("%s, want a positive number up to %d", fact{"query_pre_attn_scalar", c.QueryPreAttnScalar}, maxWidth)
	}
	return nil
}

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
	qNorm, kNorm           Norm // Gemma 2 has none
	attn                   Attention
	rope                   *Rope
	ffnNorm, postFFNNorm   Norm
	mlp                    GatedMLP
}

func (m *gemma3) bind(b *binder, c *Config) {
	b.embed.Scale = float32(math.Sqrt(float64(c.HiddenSize)))
	m.rope = newRope(&c.Rope, c.HeadDim)
	if m.local = m.rope; c.RopeLocal != nil {
		m.local = newRope(c.RopeLocal, c.HeadDim)
	}
	m.layers = make([]gemma3Layer, c.NumHiddenLayers)
	for i := range m.layers {
		l := &m.layers[i]
		b.norm(&l.attnNorm, "attn_norm", i, c.HiddenSize, c.RMSNormEps)
		b.attention(&l.Q, &l.K, &l.V, &l.O, i, c)
		if c.family != &gemma2Family {
			b.norm(&l.qNorm, "attn_q_norm", i, c.HeadDim, c.RMSNormEps)
			b.norm(&l.kNorm, "attn_k_norm", i, c.HeadDim, c.RMSNormEps)
		}
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
		if l.qNorm.W != nil {
			q = s.HeadNorm(q, &l.qNorm)
			k = s.HeadNorm(k, &l.kNorm)
		}
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
