package model

// smolLM3Family is SmolLM3 (Hugging Face 2025): Llama, whose every fourth layer tells no
// positions (Yang et al. 2025, "Rope to Nope and Back Again").
var smolLM3Family = family{
	modelType: "smollm3",
	archs:     []string{"smollm3"},
	defaults: map[string]any{
		"vocab_size": 128256, "hidden_size": 2048, "intermediate_size": 11008, "num_hidden_layers": 36, "num_attention_heads": 16,
		"num_key_value_heads": 4, "hidden_act": "silu", "max_position_embeddings": 32768, "rms_norm_eps": 1e-6, "rope_theta": 2e6,
		"tie_word_embeddings": true, "no_rope_layer_interval": 4, "use_sliding_window": false,
	},
	readHF: func(c *Config, o *object) {
		c.readActivation(o, "hidden_act")
		c.readBias(o)
		c.MLPBias = o.bool("mlp_bias", false)
		c.readRope(o)
		c.readNoRope(o)
		if o.bool("use_sliding_window", false) {
			c.readSliding(o, func(i int) bool { return c.NoRope[i] })
		}
	},
	readGGUF: func(c *Config, k *keys) {
		c.readGGUFHeadDim(k)
		c.readGGUFRope(k)
		c.Rope.Pairs = true // the rows of queries and keys are in that order, in all layers
		c.everyNoRope(4)    // no key says which
	},
	network: func() network { return new(llama) },
}

// readNoRope reads which layers tell no positions: a list that has 0 for those, else every
// so manieth.
func (c *Config) readNoRope(o *object) {
	if !o.has("no_rope_layers") {
		c.everyNoRope(o.count("no_rope_layer_interval", 0, 1, maxLayers))
		return
	}
	list := o.ids("no_rope_layers")
	if len(list) < c.NumHiddenLayers {
		o.fail("no_rope_layers", show(o.values["no_rope_layers"]), "a number for every layer")
		return
	}
	c.NoRope = make([]bool, c.NumHiddenLayers)
	for i := range c.NoRope {
		c.NoRope[i] = list[i] == 0
	}
}

func (c *Config) everyNoRope(interval int) {
	c.NoRope = make([]bool, c.NumHiddenLayers)
	for i := range c.NoRope {
		c.NoRope[i] = (i+1)%interval == 0
	}
}
