package model

// gemma2Family is Gemma 2 (Gemma Team 2024): what gemma3 is without norms on heads and with
// one rotary table, every other layer with a window, and soft caps on scores and logits.
var gemma2Family = family{
	modelType: "gemma2",
	archs:     []string{"gemma2"},
	defaults: map[string]any{
		"vocab_size": 256000, "hidden_size": 2304, "intermediate_size": 9216, "num_hidden_layers": 26, "num_attention_heads": 8,
		"num_key_value_heads": 4, "head_dim": 256, "hidden_activation": "gelu_pytorch_tanh", "max_position_embeddings": 8192,
		"rms_norm_eps": 1e-6, "tie_word_embeddings": true, "query_pre_attn_scalar": 256, "sliding_window": 4096,
		"attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0,
	},
	readHF: func(c *Config, o *object) {
		c.readActivation(o, "hidden_activation")
		c.readBias(o)
		c.QueryPreAttnScalar = o.number("query_pre_attn_scalar", 0)
		c.AttnLogitSoftcapping = float32(o.number("attn_logit_softcapping", 0))
		c.FinalLogitSoftcapping = float32(o.number("final_logit_softcapping", 0))
		c.readSliding(o, func(i int) bool { return i%2 == 0 })
		c.readRope(o)
	},
	readGGUF:     readGGUFGemma2,
	check:        checkGemma3,
	shiftedNorms: true,
	hfNames:      gemma3Names,
	network:      func() network { return new(gemma3) },
}

func readGGUFGemma2(c *Config, k *keys) {
	c.HiddenAct = GeluTanh
	c.readGGUFHeadDim(k)
	c.readGGUFRope(k)
	c.FinalLogitSoftcapping = float32(k.number("final_logit_softcapping", 30))
	c.AttnLogitSoftcapping = float32(k.number("attn_logit_softcapping", 50))
	c.QueryPreAttnScalar = float64(c.HeadDim)
	if c.NumHiddenLayers == 46 { // the 27B model divides by the width of its heads' share
		c.QueryPreAttnScalar = float64(c.HiddenSize / c.NumAttentionHeads)
	}
	if c.SlidingWindow = k.count("attention.sliding_window", 4096, 0, maxContext); c.SlidingWindow > 0 {
		c.Sliding = make([]bool, c.NumHiddenLayers)
		for i := range c.Sliding {
			c.Sliding[i] = i%2 == 0
		}
	}
}
