package model

// phi3Family is Phi-3, Phi-3.5 and Phi-4-mini (Microsoft 2024): Llama, whose checkpoints
// hold queries, keys and values in one matrix, and gate and up in another. A part of a head
// may turn, by frequencies that depend on how long a sequence may become.
var phi3Family = family{
	modelType: "phi3",
	archs:     []string{"phi3"},
	defaults: map[string]any{
		"vocab_size": 32064, "hidden_size": 3072, "intermediate_size": 8192, "num_hidden_layers": 32, "num_attention_heads": 32,
		"hidden_act": "silu", "max_position_embeddings": 4096, "original_max_position_embeddings": 4096, "rms_norm_eps": 1e-5,
	},
	readHF: func(c *Config, o *object) {
		c.readActivation(o, "hidden_act")
		for _, key := range []string{"rope_parameters", "rope_scaling"} { // its first names
			if r := o.inner(key); r != nil {
				for _, name := range []string{"rope_type", "type"} {
					if r.values[name] == "yarn" {
						r.values[name] = "longrope"
					}
				}
			}
		}
		c.readSlidingAll(o)
		c.readRope(o)
	},
	readGGUF: func(c *Config, k *keys) {
		c.readGGUFHeadDim(k)
		c.readGGUFRope(k)
		if c.SlidingWindow = k.count("attention.sliding_window", 0, 0, maxContext); c.SlidingWindow > 0 {
			c.Sliding = make([]bool, c.NumHiddenLayers)
			for i := range c.Sliding {
				c.Sliding[i] = true
			}
		}
	},
	hfNames:       map[string]string{"attn_qkv": "self_attn.qkv_proj", "ffn_gate_up": "mlp.gate_up_proj"},
	partialRotary: true,
	fused:         true,
	network:       func() network { return new(llama) },
}

// fusedAttention binds the matrices of attention, whose first three are rows of one tensor.
func (b *binder) fusedAttention(q, k, v, o *Linear, layer int, c *Config) {
	H, HKV := c.NumAttentionHeads*c.HeadDim, c.NumKeyValueHeads*c.HeadDim
	if t, ok := b.find(b.name("attn_qkv", layer, ".weight"), H+2*HKV, c.HiddenSize); ok {
		b.rows(q, t, 0, H, c.HiddenSize, 0)
		b.rows(k, t, H, HKV, c.HiddenSize, 0)
		b.rows(v, t, H+HKV, HKV, c.HiddenSize, 0)
	}
	b.linear(o, "attn_output", layer, c.HiddenSize, H)
}

// fusedMLP binds a gated MLP whose gate and up are rows of one tensor, the gate first. GGUF
// files call it by the name of up.
func (b *binder) fusedMLP(m *GatedMLP, layer int, c *Config) {
	m.Act = c.HiddenAct
	role, I := "ffn_gate_up", c.IntermediateSize
	if !b.hf {
		role = "ffn_up"
	}
	if t, ok := b.find(b.name(role, layer, ".weight"), 2*I, c.HiddenSize); ok {
		b.rows(&m.Gate, t, 0, I, c.HiddenSize, 0)
		b.rows(&m.Up, t, I, I, c.HiddenSize, 0)
	}
	b.linear(&m.Down, "ffn_down", layer, c.HiddenSize, I)
}
