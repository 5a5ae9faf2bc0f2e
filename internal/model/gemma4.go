package model

import (
	"fmt"
	"math"
	"strings"
)

// gemma4Family is the language model of Gemma 4: dense, with experts, and the E models.
var gemma4Family = family{
	modelType: "gemma4_text",
	archs:     []string{"gemma4"},
	defaults: map[string]any{
		"vocab_size": 262144, "hidden_size": 2304, "intermediate_size": 9216, "num_hidden_layers": 30, "num_attention_heads": 8,
		"num_key_value_heads": 4, "head_dim": 256, "global_head_dim": 512, "hidden_activation": "gelu_pytorch_tanh",
		"max_position_embeddings": 131072, "rms_norm_eps": 1e-6, "tie_word_embeddings": true, "sliding_window": 512,
		"vocab_size_per_layer_input": 262144, "hidden_size_per_layer_input": 256, "num_kv_shared_layers": 0,
	},
	readHF:        readGemma4,
	readGGUF:      readGGUFGemma4,
	check:         checkGemma4,
	hfNames:       gemma4Names,
	hfTop:         gemma4Top,
	spare:         gemma4Spare,
	stacked:       true,
	partialRotary: true,
	layerSizes:    true,
	untrained:     "keys and values that layers borrow, and inputs of layers, have no backward",
	network:       func() network { return new(gemma4) },
}

var gemma4Names = map[string]string{
	"post_attention_norm": "post_attention_layernorm", "ffn_norm": "pre_feedforward_layernorm", "post_ffw_norm": "post_feedforward_layernorm",
	"layer_output_scale.weight": "layer_scalar",

	"ffn_gate_inp": "router.proj", "ffn_gate_inp.scale": "router.scale", "ffn_down_exps.scale": "router.per_expert_scale",
	"ffn_gate_up_exps": "experts.gate_up_proj", "ffn_down_exps": "experts.down_proj",
	"post_ffw_norm_1": "post_feedforward_layernorm_1", "post_ffw_norm_2": "post_feedforward_layernorm_2", "pre_ffw_norm_2": "pre_feedforward_layernorm_2",

	"inp_gate": "per_layer_input_gate", "proj": "per_layer_projection", "post_norm": "post_per_layer_input_norm",
}

var gemma4Top = map[string]string{
	"per_layer_token_embd": "embed_tokens_per_layer", "per_layer_model_proj": "per_layer_model_projection", "per_layer_proj_norm": "per_layer_projection_norm",
}

func readGemma4(c *Config, o *object) {
	c.readActivation(o, "hidden_activation")
	c.readBias(o)
	c.FinalLogitSoftcapping = float32(o.number("final_logit_softcapping", 0))
	if !o.has("rope_parameters") {
		o.values["rope_parameters"] = map[string]any{
			"full_attention":    map[string]any{"rope_type": "proportional", "rope_theta": 1e6, "partial_rotary_factor": 0.25},
			"sliding_attention": map[string]any{"rope_theta": 1e4},
		}
	}
	c.readSliding(o, func(i int) bool { return (i+1)%6 != 0 && i+1 < c.NumHiddenLayers })
	c.readGemma3Rope(o)
	c.RotaryDim = c.HeadDim
	c.GlobalHeadDim = o.count("global_head_dim", 0, 1, maxWidth)
	c.GlobalKeyIsValue = o.bool("attention_k_eq_v", false)
	if c.NumGlobalKeyValueHeads = c.NumKeyValueHeads; c.GlobalKeyIsValue {
		c.NumGlobalKeyValueHeads = o.count("num_global_key_value_heads", c.NumKeyValueHeads, 1, maxHeads)
	}
	if o.bool("enable_moe_block", false) {
		c.NumExperts = o.count("num_experts", 0, 1, maxExperts)
		c.NumExpertsPerTok = o.count("top_k_experts", 0, 1, maxExperts)
		c.MoEIntermediateSize = o.count("moe_intermediate_size", 0, 1, maxWidth)
		c.NormTopKProb = true
	}
	c.HiddenSizePerLayerInput = o.count("hidden_size_per_layer_input", 0, 0, maxWidth)
	c.VocabSizePerLayerInput = o.count("vocab_size_per_layer_input", 0, 0, maxVocab)
	c.NumKVSharedLayers = o.count("num_kv_shared_layers", 0, 0, maxLayers)
	c.SharedIntermediateSize = c.IntermediateSize
	if o.bool("use_double_wide_mlp", false) {
		c.SharedIntermediateSize *= 2
	}
}

func readGGUFGemma4(c *Config, k *keys) {
	c.HiddenAct = GeluTanh
	c.FinalLogitSoftcapping = float32(k.number("final_logit_softcapping", 30))
	c.SlidingWindow = k.count("attention.sliding_window", 0, 1, maxContext)
	const pattern = "attention.sliding_window_pattern"
	list, ok := k.f.Bools(k.name(pattern))
	if !ok || len(list) != c.NumHiddenLayers {
		k.fail(k.name(pattern), "one value for every layer")
		return
	}
	c.Sliding = list
	c.HeadDim = k.same("attention.key_length_swa", "attention.value_length_swa", "rope.dimension_count_swa")
	c.GlobalHeadDim = k.same("attention.key_length", "attention.value_length", "rope.dimension_count")
	c.RotaryDim = c.HeadDim
	c.NumKVSharedLayers = k.count("attention.shared_kv_layers", 0, 0, maxLayers)
	c.HiddenSizePerLayerInput = k.count("embedding_length_per_layer_input", 0, 0, maxWidth)
	c.VocabSizePerLayerInput = c.VocabSize
	heads, wide := k.eachLayer("attention.head_count_kv", c.NumHiddenLayers), k.eachLayer("feed_forward_length", c.NumHiddenLayers)
	if k.err != nil {
		return
	}
	own := c.NumHiddenLayers - c.NumKVSharedLayers
	c.NumGlobalKeyValueHeads, c.SharedIntermediateSize = c.NumKeyValueHeads, c.IntermediateSize
	for i, slides := range list {
		switch {
		case slides:
			c.NumKeyValueHeads = heads[i]
		default:
			c.NumGlobalKeyValueHeads = heads[i]
			if i < own {
				c.GlobalKeyIsValue = !k.hasTensor(ggufName("attn_v", i, ".weight"))
			}
		}
		if i >= own {
			c.SharedIntermediateSize = wide[i]
		}
	}
	for i, slides := range list {
		want, inner := c.NumGlobalKeyValueHeads, c.IntermediateSize
		if slides {
			want = c.NumKeyValueHeads
		}
		if i >= own {
			inner = c.SharedIntermediateSize
		}
		if heads[i] != want || wide[i] != inner {
			k.fail(k.name("attention.head_count_kv"), "with feed_forward_length the same numbers for all layers of a kind")
		}
	}
	c.readGGUFGemma4Rope(k)
	if k.f.Has(k.name("expert_count")) {
		c.readGGUFExperts(k)
	}
}

// readGGUFGemma4Rope reads the rotary parameters. Those of layers that see the whole context
// are divisors of frequencies: ones, then numbers so large that nothing turns.
func (c *Config) readGGUFGemma4Rope(k *keys) {
	const still = 1e30
	c.Rope = RopeConfig{Type: "default", Theta: k.number("rope.freq_base", 1e6), Partial: 1}
	c.RopeLocal = &RopeConfig{Type: "default", Theta: k.number("rope.freq_base_swa", 10000), Partial: 1}
	t, ok := k.f.Tensor(ropeFreqs)
	if !ok {
		return
	}
	div := ropeDivisors(k, t, c.GlobalHeadDim)
	turn := 0
	for turn < len(div) && div[turn] == 1 {
		turn++
	}
	for _, d := range div[turn:] {
		if d < still {
			c.Rope.Divisors = div
			return
		}
	}
	if turn == 0 {
		c.Rope.Divisors = div
		return
	}
	c.Rope.Type, c.Rope.Factor, c.Rope.Partial = "proportional", 1, float64(2*turn)/float64(c.GlobalHeadDim)
}

func checkGemma4(c *Config) *conflict {
	heads, global := fact{"num_attention_heads", c.NumAttentionHeads}, fact{"global_head_dim", c.GlobalHeadDim}
	cap := fact{"final_logit_softcapping", c.FinalLogitSoftcapping}
	switch {
	case !(c.FinalLogitSoftcapping >= 0 && c.FinalLogitSoftcapping <= math.MaxFloat32):
		return clash("%s, want a positive number, or 0 for none", cap)
	case c.Sliding == nil:
		return clash("%s, want 1 or more", fact{"sliding_window", c.SlidingWindow})
	case c.GlobalHeadDim < 2 || c.GlobalHeadDim%2 != 0:
		return clash("%s, want an even number", global)
	case c.GlobalHeadDim > maxWidth/c.NumAttentionHeads:
		return clash("%s of %s are wider than %d", heads, global, maxWidth)
	case c.NumAttentionHeads%c.NumGlobalKeyValueHeads != 0:
		return clash("%s is no multiple of %s", heads, fact{"num_global_key_value_heads", c.NumGlobalKeyValueHeads})
	case c.HiddenSizePerLayerInput > maxWidth/c.NumHiddenLayers:
		return clash("%s of %s are wider than %d", fact{"num_hidden_layers", c.NumHiddenLayers}, fact{"hidden_size_per_layer_input", c.HiddenSizePerLayerInput}, maxWidth)
	case c.HiddenSizePerLayerInput > 0 && c.VocabSizePerLayerInput < c.VocabSize:
		return clash("%s is below %s", fact{"vocab_size_per_layer_input", c.VocabSizePerLayerInput}, fact{"vocab_size", c.VocabSize})
	case c.SharedIntermediateSize > maxWidth:
		return clash("%s, twice in the last layers, is above %d", fact{"intermediate_size", c.IntermediateSize}, maxWidth)
	}
	if err := c.Rope.check(); err != nil {
		return err
	}
	if err := c.Rope.checkTable(c.GlobalHeadDim, c.MaxPositionEmbeddings); err != nil {
		return err
	}
	for i := range c.NumHiddenLayers {
		if c.lender(i) < 0 {
			return clash("%s: layer %d has no layer of its kind to borrow keys and values from", fact{"num_kv_shared_layers", c.NumKVSharedLayers}, i)
		}
	}
	return nil
}

// lender returns the layer whose keys and values layer i reads: itself, or, of the layers
// that have none, the last one of its kind that has; -1: there is none.
func (c *Config) lender(i int) int {
	own := c.NumHiddenLayers - c.NumKVSharedLayers
	if i < own {
		return i
	}
	for j := own - 1; j >= 0; j-- {
		if c.Sliding[j] == c.Sliding[i] {
			return j
		}
	}
	return -1
}

// gemma4Spare tells the keys and values that layers have and do not use.
func gemma4Spare(b *binder, c *Config, name string) string {
	layer, ok := b.layerOf(name)
	if !ok || layer >= c.NumHiddenLayers || c.lender(layer) == layer {
		return ""
	}
	for _, part := range []string{".k_proj.", ".v_proj.", ".k_norm.", ".attn_k.", ".attn_v.", ".attn_k_norm."} {
		if strings.Contains(name, part) {
			return "of keys and values in layers that borrow them from others"
		}
	}
	return ""
}

// gemma4 is the language model of Gemma 4 (Gemma Team 2026): Gemma 3 with plain norms, values
// that are normed, scores that are not scaled, wider heads in the layers that see the whole
// context, whose values may be their keys. It may have experts beside the MLP; layers that
// borrow keys and values; and inputs of each layer, from a table of their own.
type gemma4 struct {
	layers []gemma4Layer
	norm   Norm

	perLayer     Embedding // [V, layers*P]; P 0: none
	perLayerProj Linear    // [layers*P, D]
	perLayerNorm Norm      // [P]
	P            int
	width        float32 // D^-0.5

	rope, local *Rope
}

type gemma4Layer struct {
	attnNorm, postAttnNorm Norm
	Q, K, V, O             Linear // no K where keys and values are borrowed; no V where it is K
	qNorm, kNorm, vNorm    Norm   // vNorm has ones
	attn                   Attention
	rope                   *Rope

	ffnNorm, postFFNNorm Norm
	mlp                  GatedMLP

	experts                         *Experts // nil: none
	routerNorm                      Norm     // its weights are the router's scale
	mlpNorm, expertsNorm, outerNorm Norm     // behind the MLP, before and behind the experts

	inGate, inProj Linear // of the layer's own input
	inNorm         Norm

	scale float32
}

func (m *gemma4) bind(b *binder, c *Config) {
	D, eps := c.HiddenSize, c.RMSNormEps
	b.embed.Scale = float32(math.Sqrt(float64(D)))
	m.width = float32(1 / math.Sqrt(float64(D)))
	m.rope, m.local = newRope(&c.Rope, c.GlobalHeadDim), newRope(c.RopeLocal, c.HeadDim)
	if !b.hf && b.has("rope_freqs", noLayer, ".weight") {
		b.taken[ropeFreqs] = true // with the configuration
	}
	if m.P = c.HiddenSizePerLayerInput; m.P > 0 {
		b.embedding(&m.perLayer, b.name("per_layer_token_embd", noLayer, ".weight"), c.VocabSizePerLayerInput, c.NumHiddenLayers*m.P)
		m.perLayer.Scale = float32(math.Sqrt(float64(m.P)))
		b.linear(&m.perLayerProj, "per_layer_model_proj", noLayer, c.NumHiddenLayers*m.P, D)
		b.norm(&m.perLayerNorm, "per_layer_proj_norm", noLayer, m.P, eps)
	}
	m.layers = make([]gemma4Layer, c.NumHiddenLayers)
	for i := range m.layers {
		l := &m.layers[i]
		b.norm(&l.attnNorm, "attn_norm", i, D, eps)
		m.bindAttention(b, l, i, c)
		b.norm(&l.postAttnNorm, "post_attention_norm", i, D, eps)
		b.norm(&l.ffnNorm, "ffn_norm", i, D, eps)
		inner := *c
		if c.lender(i) != i {
			inner.IntermediateSize = c.SharedIntermediateSize
		}
		b.mlp(&l.mlp, i, &inner)
		if c.NumExperts > 0 {
			l.bindExperts(b, i, c)
		}
		b.norm(&l.postFFNNorm, "post_ffw_norm", i, D, eps)
		if m.P > 0 {
			b.linear(&l.inGate, "inp_gate", i, m.P, D)
			b.linear(&l.inProj, "proj", i, D, m.P)
			b.norm(&l.inNorm, "post_norm", i, D, eps)
		}
		if v, _ := b.vector("layer_output_scale.weight", i, "", 1); v != nil {
			l.scale = v[0]
		}
		if b.err != nil {
			return
		}
	}
	b.norm(&m.norm, "output_norm", noLayer, D, eps)
}

func (m *gemma4) bindAttention(b *binder, l *gemma4Layer, i int, c *Config) {
	d, kv, one := c.HeadDim, c.NumKeyValueHeads, false
	l.rope = m.local
	if !c.slides(i) {
		d, kv, one = c.GlobalHeadDim, c.NumGlobalKeyValueHeads, c.GlobalKeyIsValue
		l.rope = m.rope
	}
	H, D, lender := c.NumAttentionHeads, c.HiddenSize, c.lender(i)
	l.attn = Attention{Layer: lender, H: H, HKV: kv, DK: d, DV: d, Scale: 1, Window: c.window(i)}
	b.biased(&l.Q, c.AttentionBias, "attn_q", i, H*d, D)
	b.norm(&l.qNorm, "attn_q_norm", i, d, c.RMSNormEps)
	b.biased(&l.O, c.OutputBias, "attn_output", i, D, H*d)
	if lender != i {
		if b.called != nil { // files have what is not used
			b.findUnused("attn_k", i, kv*d, D)
			b.findUnused("attn_v", i, kv*d, D)
			b.findUnused("attn_k_norm", i, d)
		}
		return
	}
	b.biased(&l.K, c.AttentionBias, "attn_k", i, kv*d, D)
	b.norm(&l.kNorm, "attn_k_norm", i, d, c.RMSNormEps)
	if !one {
		b.biased(&l.V, c.AttentionBias, "attn_v", i, kv*d, D)
	}
	l.vNorm = Norm{W: ones(d), Eps: c.RMSNormEps}
}

// findUnused takes a tensor that models of the kind may have and do not use.
func (b *binder) findUnused(role string, layer int, shape ...int) {
	if b.has(role, layer, ".weight") {
		b.find(b.name(role, layer, ".weight"), shape...)
	}
}

// ones returns the weights of a norm that has none.
func ones(n int) []float32 {
	w := make([]float32, n)
	for i := range w {
		w[i] = 1
	}
	return w
}

func (l *gemma4Layer) bindExperts(b *binder, i int, c *Config) {
	D, eps := c.HiddenSize, c.RMSNormEps
	l.experts = b.softmaxExperts(i, c)
	l.experts.Scales, l.experts.ScalesParam = b.vector("ffn_down_exps.scale", i, "", c.NumExperts)
	l.routerNorm.W, l.routerNorm.Param = b.vector("ffn_gate_inp.scale", i, "", D)
	l.routerNorm.Eps = eps
	b.norm(&l.mlpNorm, "post_ffw_norm_1", i, D, eps)
	b.norm(&l.expertsNorm, "pre_ffw_norm_2", i, D, eps)
	b.norm(&l.outerNorm, "post_ffw_norm_2", i, D, eps)
}

func (m *gemma4) forward(s *Step) *Act {
	x := s.Embed()
	inputs := m.inputs(s, x)
	for i := range m.layers {
		l := &m.layers[i]
		mark := s.Mark()
		a := s.Linear(l.attend(s, s.Norm(x, &l.attnNorm)), &l.O)
		x = s.Add(x, s.Norm(a, &l.postAttnNorm))
		var input *Act
		if m.P > 0 {
			input = inputs.columns(s, i*m.P, m.P)
		}
		if i == len(m.layers)-1 {
			if m.P > 0 {
				input = s.wantedOf(input)
			}
			x = s.Wanted(x)
			mark = s.Mark()
		}
		y := s.GatedMLP(s.Norm(x, &l.ffnNorm), &l.mlp)
		if l.experts != nil {
			z := s.scale(s.Norm(x, &l.routerNorm), m.width, 1)
			e := s.ExpertsChosenBy(s.Norm(x, &l.expertsNorm), z, l.experts)
			y = s.Add(s.Norm(y, &l.mlpNorm), s.Norm(e, &l.outerNorm))
		}
		x = s.Add(x, s.Norm(y, &l.postFFNNorm))
		if m.P > 0 {
			g := s.gate(s.Linear(x, &l.inGate), input, GeluTanh)
			x = s.Add(x, s.Norm(s.Linear(g, &l.inProj), &l.inNorm))
		}
		x = s.scale(x, l.scale, 1)
		s.Release(mark)
	}
	return s.Norm(x, &m.norm)
}

// inputs returns the inputs of all layers: what the tokens have of their own, and what comes
// of the embedding x.
//
//	x [T, D] → [T, layers*P]
func (m *gemma4) inputs(s *Step, x *Act) *Act {
	if m.P == 0 {
		return nil
	}
	c := s.scale(s.Linear(x, &m.perLayerProj), m.width, 1)
	c = s.HeadNorm(c, &m.perLayerNorm)
	return s.scale(s.Add(c, s.embedBy(&m.perLayer)), float32(math.Sqrt(0.5)), 1)
}

// attend returns the attention of a layer over its own keys and values, or borrowed ones.
//
//	h [T, D] → [T, H*d]
func (l *gemma4Layer) attend(s *Step, h *Act) *Act {
	var q, k, v *Act
	switch {
	case l.K.Rows == 0:
		q = s.Linear(h, &l.Q)
	case l.V.Rows == 0:
		q, k = s.Linear2(h, &l.Q, &l.K)
		v = s.Norm(k, &l.vNorm)
	default:
		q, k, v = s.Linear3(h, &l.Q, &l.K, &l.V)
		v = s.HeadNorm(v, &l.vNorm)
	}
	q = s.Rope(s.HeadNorm(q, &l.qNorm), l.attn.H, l.rope)
	if k == nil {
		return s.AttendBorrowed(q, &l.attn)
	}
	k = s.Rope(s.HeadNorm(k, &l.kNorm), l.attn.HKV, l.rope)
	return s.Attend(q, k, v, &l.attn)
}

// attention returns that of the layers that keep keys and values.
func (m *gemma4) attention() (list []*Attention) {
	for i := range m.layers {
		if l := &m.layers[i]; l.attn.Layer == i {
			list = append(list, &l.attn)
		}
	}
	return list
}

func (m *gemma4) tables() []*Rope { return []*Rope{m.rope, m.local} }

// same returns a size that several keys have to agree on.
func (k *keys) same(key string, others ...string) int {
	n := k.count(key, 0, 1, maxWidth)
	for _, other := range others {
		if k.count(other, n, 1, maxWidth) != n {
			k.fail(k.name(other), fmt.Sprintf("%s, %d", k.name(key), n))
		}
	}
	return n
}
