package model

import "fmt"

// What Qwen3-Next and its successors call the tensors that others lack.
var qwenNextNames = map[string]string{
	"post_attention_norm": "post_attention_layernorm",
	"attn_qkv":            "linear_attn.in_proj_qkv", "attn_gate": "linear_attn.in_proj_z",
	"ssm_beta": "linear_attn.in_proj_b", "ssm_alpha": "linear_attn.in_proj_a",
	"attn_qkvz": "linear_attn.in_proj_qkvz", "ssm_ba": "linear_attn.in_proj_ba",
	"ssm_conv1d": "linear_attn.conv1d", "ssm_a": "linear_attn.A_log", "ssm_dt": "linear_attn.dt_bias",
	"ssm_norm": "linear_attn.norm", "ssm_out": "linear_attn.out_proj",
	"ffn_gate_shexp": "mlp.shared_expert.gate_proj", "ffn_up_shexp": "mlp.shared_expert.up_proj", "ffn_down_shexp": "mlp.shared_expert.down_proj",
	"ffn_gate_inp_shexp": "mlp.shared_expert_gate",
	"ffn_gate_up_exps":   "mlp.experts.gate_up_proj",
}

// qwen3NextFamily is Qwen3-Next.
var qwen3NextFamily = family{
	modelType: "qwen3_next",
	archs:     []string{"qwen3next"},
	defaults: map[string]any{
		"vocab_size": 151936, "hidden_size": 2048, "intermediate_size": 5632, "num_hidden_layers": 48, "num_attention_heads": 16,
		"num_key_value_heads": 2, "head_dim": 256, "hidden_act": "silu", "max_position_embeddings": 32768, "rms_norm_eps": 1e-6,
		"partial_rotary_factor": 0.25, "full_attention_interval": 4,
		"linear_conv_kernel_dim": 4, "linear_key_head_dim": 128, "linear_value_head_dim": 128, "linear_num_key_heads": 16, "linear_num_value_heads": 32,
		"decoder_sparse_step": 1, "moe_intermediate_size": 512, "shared_expert_intermediate_size": 512, "num_experts_per_tok": 10, "num_experts": 512,
		"norm_topk_prob": true,
	},
	aliases: map[string]string{"num_local_experts": "num_experts"},
	readHF: func(c *Config, o *object) {
		c.readQwenNext(o)
		c.readQwen3Experts(o)
		c.SharedExpertIntermediateSize = o.count("shared_expert_intermediate_size", 0, 1, maxWidth)
	},
	readGGUF:      readGGUFQwenNext,
	check:         checkQwenNext,
	hfNames:       qwenNextNames,
	spare:         qwenNextSpare,
	shiftedNorms:  true,
	partialRotary: true,
	untrained:     "the recurrence of Gated DeltaNet has no backward",
	network:       func() network { return new(qwenNext) },
}

// qwen35Defaults are those of Qwen3.5's classes that its dense models and those with experts
// share.
func qwen35Defaults(more map[string]any) map[string]any {
	all := map[string]any{
		"vocab_size": 248320, "num_attention_heads": 16, "head_dim": 256, "hidden_act": "silu", "max_position_embeddings": 32768, "rms_norm_eps": 1e-6,
		"partial_rotary_factor": 0.25, "full_attention_interval": 4,
		"linear_conv_kernel_dim": 4, "linear_key_head_dim": 128, "linear_value_head_dim": 128, "linear_num_key_heads": 16, "linear_num_value_heads": 32,
	}
	for key, value := range more {
		all[key] = value
	}
	return all
}

// qwen35Family is the language model of dense Qwen3.5 and its successors.
var qwen35Family = family{
	modelType: "qwen3_5_text",
	archs:     []string{"qwen35"},
	defaults: qwen35Defaults(map[string]any{
		"hidden_size": 4096, "intermediate_size": 12288, "num_hidden_layers": 32, "num_key_value_heads": 4,
	}),
	readHF:        func(c *Config, o *object) { c.readQwenNext(o) },
	readGGUF:      readGGUFQwenNext,
	check:         checkQwenNext,
	hfNames:       qwenNextNames,
	spare:         qwenNextSpare,
	shiftedNorms:  true,
	partialRotary: true,
	untrained:     qwen3NextFamily.untrained,
	network:       func() network { return &qwenNext{apart: true} },
}

// qwen35MoEFamily is that of Qwen3.5 with experts.
var qwen35MoEFamily = family{
	modelType: "qwen3_5_moe_text",
	archs:     []string{"qwen35moe"},
	defaults: qwen35Defaults(map[string]any{
		"hidden_size": 2048, "num_hidden_layers": 40, "num_key_value_heads": 2, "intermediate_size": 512,
		"moe_intermediate_size": 512, "shared_expert_intermediate_size": 512, "num_experts_per_tok": 8, "num_experts": 256,
	}),
	aliases: map[string]string{"num_local_experts": "num_experts"},
	readHF: func(c *Config, o *object) {
		c.readQwenNext(o)
		c.NumExperts = o.count("num_experts", 0, 1, maxExperts)
		c.NumExpertsPerTok = o.count("num_experts_per_tok", 0, 1, maxExperts)
		c.MoEIntermediateSize = o.count("moe_intermediate_size", 0, 1, maxWidth)
		c.SharedExpertIntermediateSize = o.count("shared_expert_intermediate_size", 0, 1, maxWidth)
		c.NormTopKProb = true
	},
	readGGUF: readGGUFQwenNext,
	check:    checkQwenNext,
	hfNames: withNames(qwenNextNames, map[string]string{
		"ffn_gate_up_exps": "mlp.experts.gate_up_proj", "ffn_down_exps": "mlp.experts.down_proj",
	}),
	spare:         qwenNextSpare,
	stacked:       true,
	shiftedNorms:  true,
	partialRotary: true,
	untrained:     qwen3NextFamily.untrained,
	network:       func() network { return &qwenNext{apart: true} },
}

// withNames returns the names of a and, before them, those of b.
func withNames(a, b map[string]string) map[string]string {
	all := map[string]string{}
	for _, names := range []map[string]string{a, b} {
		for role, name := range names {
			all[role] = name
		}
	}
	return all
}

// readQwenNext reads what all of them have.
func (c *Config) readQwenNext(o *object) {
	c.readActivation(o, "hidden_act")
	c.readBias(o)
	c.readRope(o)
	c.LinearNumKeyHeads = o.count("linear_num_key_heads", 0, 1, maxHeads)
	c.LinearNumValueHeads = o.count("linear_num_value_heads", 0, 1, maxHeads)
	c.LinearKeyHeadDim = o.count("linear_key_head_dim", 0, 1, maxWidth)
	c.LinearValueHeadDim = o.count("linear_value_head_dim", 0, 1, maxWidth)
	c.LinearConvKernelDim = o.count("linear_conv_kernel_dim", 0, 1, maxTaps)
	c.setRecurrent(o.count("full_attention_interval", 0, 1, maxLayers))
	for i, kind := range o.list("layer_types", c.NumHiddenLayers) {
		switch kind {
		case "linear_attention":
			c.Recurrent[i] = true
		case "full_attention":
			c.Recurrent[i] = false
		default:
			o.fail("layer_types", show(kind), "linear_attention or full_attention")
		}
	}
}

// maxTaps bounds the taps of a convolution.
const maxTaps = 64

// setRecurrent makes all layers recurrent but each interval-th.
func (c *Config) setRecurrent(interval int) {
	c.Recurrent = make([]bool, c.NumHiddenLayers)
	for i := range c.Recurrent {
		c.Recurrent[i] = (i+1)%interval != 0
	}
}

func readGGUFQwenNext(c *Config, k *keys) {
	draft := k.count("nextn_predict_layers", 0, 0, maxLayers) // which block_count counts
	if draft >= c.NumHiddenLayers {
		k.fail(k.name("nextn_predict_layers"), fmt.Sprintf("fewer than %s %d", k.name("block_count"), c.NumHiddenLayers))
		return
	}
	c.NumHiddenLayers -= draft
	c.readGGUFHeadDim(k)
	c.readGGUFRope(k)
	c.readGGUFExperts(k)
	if c.NumExperts > 0 {
		c.SharedExpertIntermediateSize = k.count("expert_shared_feed_forward_length", c.MoEIntermediateSize, 1, maxWidth)
	}
	c.LinearNumKeyHeads = k.count("ssm.group_count", 0, 1, maxHeads)
	c.LinearNumValueHeads = k.count("ssm.time_step_rank", 0, 1, maxHeads)
	c.LinearKeyHeadDim = k.count("ssm.state_size", 0, 1, maxWidth)
	c.LinearConvKernelDim = k.count("ssm.conv_kernel", 0, 1, maxTaps)
	inner := k.count("ssm.inner_size", 0, 1, maxWidth)
	if n := c.LinearNumValueHeads; n > 0 {
		if inner%n != 0 {
			k.fail(k.name("ssm.inner_size"), fmt.Sprintf("a multiple of %s %d", k.name("ssm.time_step_rank"), n))
		}
		c.LinearValueHeadDim = max(1, inner/n)
	}
	c.setRecurrent(k.count("full_attention_interval", 4, 1, maxLayers))
}

func checkQwenNext(c *Config) *conflict {
	key, value := fact{"linear_num_key_heads", c.LinearNumKeyHeads}, fact{"linear_num_value_heads", c.LinearNumValueHeads}
	widest := maxWidth / max(c.LinearNumKeyHeads, c.LinearNumValueHeads)
	switch {
	case c.LinearNumValueHeads%c.LinearNumKeyHeads != 0:
		return clash("%s is no multiple of %s", value, key)
	case c.LinearKeyHeadDim > widest:
		return clash("%s of %s are wider than %d", key, fact{"linear_key_head_dim", c.LinearKeyHeadDim}, maxWidth)
	case c.LinearValueHeadDim > widest:
		return clash("%s of %s are wider than %d", value, fact{"linear_value_head_dim", c.LinearValueHeadDim}, maxWidth)
	case c.LinearKeyHeadDim*c.LinearValueHeadDim > maxState/c.LinearNumValueHeads:
		return clash("%s and %s of %s make states of more than %d numbers", fact{"linear_key_head_dim", c.LinearKeyHeadDim},
			fact{"linear_value_head_dim", c.LinearValueHeadDim}, value, maxState)
	}
	return nil
}

// maxState bounds the numbers of a layer's state.
const maxState = 1 << 26

// qwenNextSpare tells the module of multi-token prediction.
func qwenNextSpare(b *binder, c *Config, name string) string {
	layer, inLayer := b.layerOf(name)
	if !b.hf && inLayer && layer >= c.NumHiddenLayers || b.hf && (len(name) > 4 && name[:4] == "mtp.") {
		return "of a module of multi-token prediction, which is not computed of models of this kind"
	}
	return ""
}

// qwenNext is Qwen3-Next, Qwen3.5 and what came of them (Qwen Team 2025): three of four
// layers are Gated DeltaNet, the fourth is attention whose outputs pass a gate; an MLP, or
// experts and a gated shared one.
type qwenNext struct {
	apart bool // q, k, v and z stand apart in checkpoints; GGUF files have value heads in another order then

	layers []qwenNextLayer
	norm   Norm
	rope   *Rope
}

type qwenNextLayer struct {
	mixNorm Norm

	// Gated attention.
	Q, K, V, O   Linear // Q has, for each head, a query and the gate of its output
	qNorm, kNorm Norm
	attn         Attention

	// Gated DeltaNet, instead.
	delta           *DeltaNet
	QKV, Z, B, A, Y Linear

	ffnNorm Norm
	mlp     GatedMLP // of a dense layer; of a sparse one the shared expert
	share   Linear   // [1, D]: how much of it
	experts *Experts // nil in a dense layer
}

func (m *qwenNext) bind(b *binder, c *Config) {
	m.rope = newRope(&c.Rope, c.rotaryDim())
	m.layers = make([]qwenNextLayer, c.NumHiddenLayers)
	kept := 0 // of the cache's layers: first those of attention, then the states
	for i := range m.layers {
		l := &m.layers[i]
		b.norm(&l.mixNorm, "attn_norm", i, c.HiddenSize, c.RMSNormEps)
		if c.Recurrent[i] {
			m.bindDelta(b, l, i, c)
		} else {
			b.gatedAttention(l, i, c)
			l.attn.Layer = kept
			kept++
		}
		b.norm(&l.ffnNorm, "post_attention_norm", i, c.HiddenSize, c.RMSNormEps)
		if !c.sparse(i) {
			b.mlp(&l.mlp, i, c)
		} else {
			l.experts = b.softmaxExperts(i, c)
			b.sharedMLP(&l.mlp, i, c.SharedExpertIntermediateSize, c)
			b.row(&l.share, "ffn_gate_inp_shexp", i, c.HiddenSize)
		}
		if b.err != nil {
			return
		}
	}
	for _, st := range m.states() {
		st.Layer = kept
		kept++
	}
	b.norm(&m.norm, "output_norm", noLayer, c.HiddenSize, c.RMSNormEps)
}

func (m *qwenNext) forward(s *Step) *Act {
	x := s.Embed()
	for i := range m.layers {
		l := &m.layers[i]
		mark := s.Mark()
		h := s.Norm(x, &l.mixNorm)
		if l.delta != nil {
			x = s.Add(x, l.recur(s, h))
		} else {
			x = s.Add(x, l.attend(s, h, m.rope))
		}
		if i == len(m.layers)-1 {
			x = s.Wanted(x)
			mark = s.Mark()
		}
		if i+1 < len(m.layers) {
			next := &m.layers[i+1]
			s.Foresee(x, l.experts, &next.ffnNorm, next.experts)
		}
		h = s.Norm(x, &l.ffnNorm)
		if l.experts == nil {
			x = s.Add(x, s.GatedMLP(h, &l.mlp))
		} else {
			shared := s.SigmoidScale(s.GatedMLP(h, &l.mlp), s.Linear(h, &l.share))
			x = s.Add(x, s.Add(s.Experts(h, l.experts), shared))
		}
		s.Release(mark)
	}
	return s.Norm(x, &m.norm)
}

// attend is attention whose outputs are multiplied with the sigmoid of a gate.
//
//	h [T, D] → [T, D]
func (l *qwenNextLayer) attend(s *Step, h *Act, rope *Rope) *Act {
	both, k, v := s.Linear3(h, &l.Q, &l.K, &l.V)
	q, gate := s.halves(both, l.attn.H)
	q = s.ropeFirst(s.HeadNorm(q, &l.qNorm), l.attn.H, rope)
	k = s.ropeFirst(s.HeadNorm(k, &l.kNorm), l.attn.HKV, rope)
	return s.Linear(s.SigmoidGate(s.Attend(q, k, v, &l.attn), gate), &l.O)
}

// recur is Gated DeltaNet with its projections.
//
//	h [T, D] → [T, D]
func (l *qwenNextLayer) recur(s *Step, h *Act) *Act {
	x, z := s.Linear2(h, &l.QKV, &l.Z)
	b, a := s.Linear2(h, &l.B, &l.A)
	y := s.HeadNorm(s.DeltaNet(x, b, a, l.delta), &l.delta.Norm)
	return s.Linear(s.gate(z, y, Silu), &l.Y)
}

func (m *qwenNext) attention() (list []*Attention) {
	for i := range m.layers {
		if l := &m.layers[i]; l.delta == nil {
			list = append(list, &l.attn)
		}
	}
	return list
}

func (m *qwenNext) states() (list []*State) {
	for i := range m.layers {
		if d := m.layers[i].delta; d != nil {
			list = append(list, &d.state)
		}
	}
	return list
}

func (m *qwenNext) tables() []*Rope { return []*Rope{m.rope} }
