package model

// nomicBertFamily is nomic-embed-text: BERT whose positions turn queries and keys, with a
// gated MLP and no biases.
var nomicBertFamily = family{
	modelType: "nomic_bert",
	archs:     []string{"nomic-bert"},
	defaults: map[string]any{
		"vocab_size": 30528, "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
		"hidden_act": "silu", "max_position_embeddings": 2048, "type_vocab_size": 2, "layer_norm_eps": 1e-12, "rope_theta": 1000,
	},
	aliases: map[string]string{
		"n_embd": "hidden_size", "n_inner": "intermediate_size", "n_layer": "num_hidden_layers", "n_head": "num_attention_heads",
		"activation_function": "hidden_act", "n_positions": "max_position_embeddings", "layer_norm_epsilon": "layer_norm_eps", "rotary_emb_base": "rope_theta",
	},
	readHF: readNomicBERT,
	readGGUF: func(c *Config, k *keys) {
		c.readGGUFEncoder(k)
		c.readGGUFRope(k)
		c.HiddenAct, c.GatedMLP = Silu, true
	},
	hfTop: map[string]string{
		"token_embd":      "embeddings.word_embeddings",
		"token_types":     "embeddings.token_type_embeddings",
		"token_embd_norm": "emb_ln",
	},
	hfNames: map[string]string{
		"attn_qkv":          "attn.Wqkv",
		"attn_output":       "attn.out_proj",
		"attn_output_norm":  "norm1",
		"ffn_up":            "mlp.fc11",
		"ffn_gate":          "mlp.fc12",
		"ffn_down":          "mlp.fc2",
		"layer_output_norm": "norm2",
	},
	hfLayers:   "encoder.layers.",
	hfPrefixes: bertPrefixes,
	layerNorms: true,
	spare:      spareBERT,
	untrained:  untrainedEncoder,
	network:    func() network { return new(bert) },
}

func readNomicBERT(c *Config, o *object) {
	if o.text("hidden_act", "") == "swiglu" { // what the publisher's class calls it
		o.values["hidden_act"] = "silu"
	}
	c.readEncoder(o)
	if o.err == nil && c.HiddenAct != Silu {
		o.fail("hidden_act", show(o.values["hidden_act"]), "silu or swiglu")
	}
	c.GatedMLP = true
	c.TypeVocabSize = o.count("type_vocab_size", 0, 1, maxVocab)
	// Positions beyond those that it was trained on turn by another rule there.
	c.MaxPositionEmbeddings = min(c.MaxPositionEmbeddings, o.count("max_trained_positions", c.MaxPositionEmbeddings, 1, maxContext))
	c.readRope(o)
	for key, want := range map[string]any{
		"causal": false, "prenorm": false, "qkv_proj_bias": false, "mlp_fc1_bias": false, "mlp_fc2_bias": false, "use_rms_norm": false,
		"rotary_emb_interleaved": false, "parallel_block": false,
	} {
		if o.bool(key, false) != want {
			o.fail(key, "true", "false")
		}
	}
	if x := o.number("rotary_emb_fraction", 1); x != 1 {
		o.fail("rotary_emb_fraction", show(x), "1")
	}
	if o.has("moe_every_n_layers") && o.count("moe_every_n_layers", 0, 0, maxLayers) > 0 {
		o.fail("moe_every_n_layers", show(o.values["moe_every_n_layers"]), "0: its experts are not known here")
	}
}
