package model

// qwen2Family is Qwen2 and Qwen2.5 (Yang et al. 2024): Llama with biases on queries,
// keys and values; the R1 distills of Qwen are of this kind. Later layers may look back
// on a window only.
var qwen2Family = family{
	modelType: "qwen2",
	archs:     []string{"qwen2"},
	defaults: map[string]any{
		"vocab_size": 151936, "hidden_size": 4096, "intermediate_size": 22016, "num_hidden_layers": 32, "num_attention_heads": 32,
		"num_key_value_heads": 32, "hidden_act": "silu", "max_position_embeddings": 32768, "rms_norm_eps": 1e-6,
		"use_sliding_window": false, "sliding_window": 4096, "max_window_layers": 28,
	},
	readHF: func(c *Config, o *object) {
		c.readActivation(o, "hidden_act")
		c.AttentionBias = true
		c.readQwenSliding(o)
		c.readRope(o)
	},
	readGGUF: func(c *Config, k *keys) {
		c.AttentionBias = true
		c.readGGUFHeadDim(k)
		c.readGGUFRope(k)
	},
	network: func() network { return new(llama) },
}

// readQwenSliding reads the window of the later layers, which has to be switched on.
func (c *Config) readQwenSliding(o *object) {
	if o.bool("use_sliding_window", false) {
		from := o.count("max_window_layers", 0, 0, maxLayers)
		c.readSliding(o, func(i int) bool { return i >= from })
	}
}
