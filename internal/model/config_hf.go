package model

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// configFromHF reads config.json of a Hugging Face folder.
func configFromHF(path string) (*Config, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return parseConfig(filepath.Base(path), f)
}

// parseConfig reads a config.json in the older spelling (rope_theta, rope_scaling) or
// in the newer one (rope_parameters, layer_types).
func parseConfig(name string, r io.Reader) (*Config, error) {
	v, err := parseJSON(name, r)
	if err != nil {
		return nil, err
	}
	f := &fields{file: name, values: v}
	kind := f.text("model_type", "")
	if t := f.object("text_config"); t != nil { // the language model of a multimodal one
		outer := f
		f = t
		for _, key := range []string{"tie_word_embeddings", "eos_token_id", "bos_token_id"} {
			if !f.has(key) && outer.has(key) {
				f.values[key] = outer.values[key]
			}
		}
		kind = f.text("model_type", kind)
		for key, v := range classDefaults[kind] {
			if _, there := f.values[key]; !there {
				f.values[key] = v
			}
		}
	}
	c := &Config{ModelType: kind}
	if _, ok := families[kind]; !ok {
		if f.err != nil {
			return nil, f.err
		}
		return nil, fmt.Errorf("model: %s: model_type %.40q: %w; known are %s", f.file, kind, ErrArch, familyNames())
	}
	c.readSizes(f)
	c.readLayers(f)
	c.readRope(f)
	c.readExperts(f)
	c.readDeepSeek(f)
	if f.err == nil {
		if err := c.check(); err != nil {
			f.err = fmt.Errorf("model: %s: %w", f.file, err)
		}
	}
	return c, f.err
}

func (c *Config) readSizes(f *fields) {
	c.HiddenSize = f.count("hidden_size", 0, 1, maxWidth)
	c.NumHiddenLayers = f.count("num_hidden_layers", 0, 1, maxLayers)
	c.NumAttentionHeads = f.count("num_attention_heads", 0, 1, maxHeads)
	c.NumKeyValueHeads = f.count("num_key_value_heads", c.NumAttentionHeads, 1, maxHeads)
	c.HeadDim = f.count("head_dim", max(1, c.HiddenSize/c.NumAttentionHeads), 1, maxWidth)
	c.IntermediateSize = f.count("intermediate_size", 0, 1, maxWidth)
	c.VocabSize = f.count("vocab_size", 0, 1, maxVocab)
	c.MaxPositionEmbeddings = f.count("max_position_embeddings", 2048, 1, maxContext)
	c.RMSNormEps = float32(f.number("rms_norm_eps", 1e-6))
	c.AttentionBias = f.bool("attention_bias", false) || c.ModelType == "qwen2"
	c.MLPBias = c.ModelType == "llama" && f.bool("mlp_bias", false)
	gemma := c.ModelType == "gemma3_text"
	c.TieWordEmbeddings = f.bool("tie_word_embeddings", gemma)
	c.AttnLogitSoftcapping = float32(f.number("attn_logit_softcapping", 0))
	c.FinalLogitSoftcapping = float32(f.number("final_logit_softcapping", 0))
	c.QueryPreAttnScalar = f.number("query_pre_attn_scalar", 256)
	act := f.text("hidden_act", f.text("hidden_activation", "silu"))
	if gemma {
		act = f.text("hidden_activation", "gelu_pytorch_tanh")
	}
	var err error
	if c.HiddenAct, err = parseActivation(act); err != nil && f.err == nil {
		f.err = fmt.Errorf("model: %s: %w", f.file, err)
	}
	c.BOSTokenID = -1
	if ids := f.ids("bos_token_id"); len(ids) > 0 {
		c.BOSTokenID = ids[0]
	}
	for _, id := range f.ids("eos_token_id") {
		if int(id) < c.VocabSize { // others can never be drawn
			c.EOSTokenIDs = append(c.EOSTokenIDs, id)
		}
	}
}

// classDefaults are the values that a nested text_config of a published file
// leaves out, since they are those of Hugging Face's class.
var classDefaults = map[string]map[string]any{
	"gemma3_text": {
		"vocab_size": json.Number("262208"), "hidden_size": json.Number("2304"), "intermediate_size": json.Number("9216"),
		"num_hidden_layers": json.Number("26"), "num_attention_heads": json.Number("8"), "num_key_value_heads": json.Number("4"),
		"head_dim": json.Number("256"), "max_position_embeddings": json.Number("131072"),
	},
}

// readLayers finds out which layers slide: from layer_types, or from the older
// keys of each family.
func (c *Config) readLayers(f *fields) {
	if f.err != nil {
		return
	}
	window := 0
	if f.has("sliding_window") {
		window = f.count("sliding_window", 0, 0, maxContext)
	}
	var slides func(layer int) bool
	switch c.ModelType {
	case "qwen2", "qwen3":
		if !f.bool("use_sliding_window", false) {
			return
		}
		from := f.count("max_window_layers", 28, 0, maxLayers)
		slides = func(i int) bool { return i >= from }
	case "qwen3_moe":
		if !f.bool("use_sliding_window", false) {
			return
		}
		slides = func(int) bool { return true }
	case "mistral", "mixtral":
		slides = func(int) bool { return true }
	case "gemma3_text":
		if window == 0 {
			window = 4096
		}
		period := f.count("sliding_window_pattern", 6, 1, maxLayers)
		slides = func(i int) bool { return (i+1)%period != 0 }
	default:
		return
	}
	kinds := f.list("layer_types", c.NumHiddenLayers)
	if window == 0 {
		return
	}
	c.SlidingWindow = window
	c.Sliding = make([]bool, c.NumHiddenLayers)
	for i := range c.Sliding {
		c.Sliding[i] = slides(i)
		if kinds != nil {
			switch kinds[i] {
			case "sliding_attention":
				c.Sliding[i] = true
			case "full_attention":
				c.Sliding[i] = false
			default:
				f.fail("layer_types", show(kinds[i]), "sliding_attention or full_attention")
			}
		}
	}
}

func (c *Config) readRope(f *fields) {
	if f.err != nil {
		return
	}
	gemma, base := c.ModelType == "gemma3_text", 10000.0
	if gemma {
		base = 1e6
	}
	theta, local := f.number("rope_theta", base), f.number("rope_local_base_freq", 10000)
	context := float64(c.MaxPositionEmbeddings)
	if gemma { // what files leave out
		c.RopeLocal = &RopeConfig{Type: "default", Theta: local}
	}
	if r := f.object("rope_parameters"); r != nil {
		if full := r.object("full_attention"); full != nil {
			c.Rope = readRope(full, c.ModelType, theta, context)
			if sliding := r.object("sliding_attention"); sliding != nil {
				l := readRope(sliding, c.ModelType, local, context)
				c.RopeLocal = &l
				f.takeError(sliding)
			}
			f.takeError(full)
		} else {
			c.Rope = readRope(r, c.ModelType, theta, context)
		}
		f.takeError(r)
		return
	}
	c.Rope = RopeConfig{Type: "default", Theta: theta, Pairs: deepSeek[c.ModelType]}
	if r := f.object("rope_scaling"); r != nil {
		c.Rope = readRope(r, c.ModelType, theta, context)
		f.takeError(r)
	}
}

// readRope reads one set of rope parameters.
func readRope(f *fields, kind string, theta, context float64) RopeConfig {
	r := RopeConfig{
		Type:                          f.text("rope_type", f.text("type", "default")),
		Theta:                         f.number("rope_theta", theta),
		OriginalMaxPositionEmbeddings: f.number("original_max_position_embeddings", context),
		LowFreqFactor:                 f.number("low_freq_factor", 1),
		HighFreqFactor:                f.number("high_freq_factor", 4),
		BetaFast:                      f.number("beta_fast", 32),
		BetaSlow:                      f.number("beta_slow", 1),
		MScale:                        f.number("mscale", 0),
		MScaleAllDim:                  f.number("mscale_all_dim", 0),
		AttentionFactor:               f.number("attention_factor", 0),
		NoTruncate:                    !f.bool("truncate", true),
	}
	if p := f.number("partial_rotary_factor", 1); p != 1 {
		f.fail("partial_rotary_factor", fmt.Sprint(p), "1")
	}
	r.Pairs = deepSeek[kind]
	if r.Type == "mrope" { // text alone rotates as always
		r.Type = "default"
	}
	r.Factor = f.number("factor", context/r.OriginalMaxPositionEmbeddings)
	return r
}

func (c *Config) readExperts(f *fields) {
	if f.err != nil {
		return
	}
	switch c.ModelType {
	case "mixtral":
		c.NumExperts = f.count("num_local_experts", 8, 1, maxExperts)
		c.NumExpertsPerTok = f.count("num_experts_per_tok", 2, 1, maxExperts)
		c.MoEIntermediateSize, c.NormTopKProb = c.IntermediateSize, true
	case "qwen3_moe":
		c.NumExperts = f.count("num_experts", 128, 1, maxExperts)
		c.NumExpertsPerTok = f.count("num_experts_per_tok", 8, 1, maxExperts)
		c.MoEIntermediateSize = f.count("moe_intermediate_size", 768, 1, maxWidth)
		c.NormTopKProb = f.bool("norm_topk_prob", false)
		step := f.count("decoder_sparse_step", 1, 1, maxLayers)
		c.Dense = make([]bool, c.NumHiddenLayers)
		for i := range c.Dense {
			c.Dense[i] = (i+1)%step != 0
		}
		for _, i := range f.ids("mlp_only_layers") {
			if int(i) < len(c.Dense) {
				c.Dense[i] = true
			}
		}
	}
}
