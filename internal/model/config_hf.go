package model

import (
	"fmt"
	"io"
	"reflect"
)

// parseConfig reads a config.json in the older spelling (rope_theta, rope_scaling) or
// in the newer one (rope_parameters, layer_types). What it leaves out is as Hugging
// Face's class of the model has it.
func parseConfig(name string, r io.Reader) (*Config, error) {
	v, err := parseJSON(name, r)
	if err != nil {
		return nil, err
	}
	o := &object{file: name, values: v}
	if o.has("dim") && o.has("n_layers") && !o.has("model_type") {
		o = fromParams(o)
	}
	kind := o.text("model_type", "")
	if t := o.inner("text_config"); t != nil { // the language model of a multimodal one
		outer := o
		o = t
		const tie = "tie_word_embeddings"
		if !o.has(tie) && outer.has(tie) {
			o.values[tie] = outer.values[tie]
		}
		kind = o.text("model_type", kind)
	}
	if o.err != nil {
		return nil, o.err
	}
	f := familyOf(kind)
	if f == nil {
		return nil, fmt.Errorf("model: %s: model_type %.40q: %w; known are %s", o.file, kind, ErrArch, modelTypes())
	}
	c := &Config{ModelType: kind, family: f, Pooling: PoolModel}
	o.fill(f.defaults, f.aliases)
	c.readSizes(o)
	if o.err == nil {
		f.readHF(c, o)
		c.readRanking(o)
	}
	if o.err == nil {
		if conflict := c.finish(); conflict != nil {
			o.err = conflict.inJSON(o.file)
		}
	}
	return c, o.err
}

// readSizes reads what all models have.
func (c *Config) readSizes(o *object) {
	c.HiddenSize = o.count("hidden_size", 0, 1, maxWidth)
	c.NumHiddenLayers = o.count("num_hidden_layers", 0, 1, maxLayers)
	c.NumAttentionHeads = o.count("num_attention_heads", 0, 1, maxHeads)
	c.NumKeyValueHeads = o.count("num_key_value_heads", c.NumAttentionHeads, 1, maxHeads)
	c.HeadDim = o.count("head_dim", max(1, c.HiddenSize/c.NumAttentionHeads), 1, maxWidth)
	c.IntermediateSize = o.count("intermediate_size", 0, 1, maxWidth)
	c.VocabSize = o.count("vocab_size", 0, 1, maxVocab)
	c.MaxPositionEmbeddings = o.count("max_position_embeddings", 0, 1, maxContext)
	c.RMSNormEps = float32(o.number("rms_norm_eps", 1e-6))
	c.TieWordEmbeddings = o.bool("tie_word_embeddings", false)
}

// readActivation reads the function inside the MLP from the key that the class has for
// it.
func (c *Config) readActivation(o *object, key string) {
	act, err := parseActivation(o.text(key, ""))
	if err != nil && o.err == nil {
		o.err = fmt.Errorf("model: %s: %s %w", o.file, key, err)
	}
	c.HiddenAct = act
}

// readBias reads whether attention has biases: all of its projections, or none.
func (c *Config) readBias(o *object) {
	c.AttentionBias = o.bool("attention_bias", false)
	c.OutputBias = c.AttentionBias
}

// readWindow reads how far sliding layers see, and says whether there is a window.
func (c *Config) readWindow(o *object) bool {
	if o.has("sliding_window") {
		c.SlidingWindow = o.count("sliding_window", 0, 0, maxContext)
	}
	if c.SlidingWindow > 0 {
		c.Sliding = make([]bool, c.NumHiddenLayers)
	}
	return c.SlidingWindow > 0
}

// readSlidingAll reads the window of a model all of whose layers slide, where there is
// one.
func (c *Config) readSlidingAll(o *object) {
	if !c.readWindow(o) {
		return
	}
	for i := range c.Sliding {
		c.Sliding[i] = true
	}
	for _, kind := range o.list("layer_types", c.NumHiddenLayers) {
		if kind == "full_attention" {
			c.assume("layer_types lists layers of full attention: all %s layers slide, as transformers has it", c.ModelType)
			break
		}
	}
}

// readSliding finds out which layers slide: those that layer_types lists, else those
// that slides says. Without a window none does.
func (c *Config) readSliding(o *object, slides func(layer int) bool) {
	kinds := o.list("layer_types", c.NumHiddenLayers)
	if !c.readWindow(o) {
		return
	}
	for i := range c.Sliding {
		if kinds == nil {
			c.Sliding[i] = slides(i)
			continue
		}
		switch kinds[i] {
		case "sliding_attention":
			c.Sliding[i] = true
		case "full_attention":
		default:
			o.fail("layer_types", show(kinds[i]), "sliding_attention or full_attention")
		}
	}
}

// readRope reads the rotary parameters of a model that has one set of them.
func (c *Config) readRope(o *object) {
	theta := o.number("rope_theta", 10000)
	partial := 1.0
	if !c.latent() { // there it is in qk_rope_head_dim
		partial = o.number("partial_rotary_factor", 1)
	}
	r := c.ropeParameters(o)
	if r == nil {
		c.Rope = RopeConfig{Type: "default", Theta: theta, Partial: partial}
		return
	}
	if full := r.inner("full_attention"); full != nil { // one set a kind of layers
		if sliding := r.values["sliding_attention"]; sliding != nil && !reflect.DeepEqual(sliding, r.values["full_attention"]) {
			o.fail("rope_parameters", show(r.values), "the same ones for all layers")
		}
		r = full
	}
	c.Rope = parseRope(r, theta, float64(c.MaxPositionEmbeddings))
	if outside := "original_max_position_embeddings"; o.has(outside) && c.Rope.Type == "longrope" { // it counts, as transformers has it
		c.Rope.OriginalMaxPositionEmbeddings = o.number(outside, 0)
		c.Rope.Factor = r.number("factor", float64(c.MaxPositionEmbeddings)/c.Rope.OriginalMaxPositionEmbeddings)
	}
	if !r.has("partial_rotary_factor") {
		c.Rope.Partial = partial
	}
	o.takeError(r)
}

// ropeParameters returns rope_parameters, or the older rope_scaling, which counts where
// both are there, as transformers has it; nil where none is.
func (c *Config) ropeParameters(o *object) *object {
	r, old := o.inner("rope_parameters"), o.inner("rope_scaling")
	if old == nil || len(old.values) == 0 {
		return r
	}
	if r != nil && !reflect.DeepEqual(r.values, old.values) {
		c.assume("rope_scaling and rope_parameters are both there: rope_scaling counts")
	}
	return old
}

// parseRope reads one set of rotary parameters.
func parseRope(o *object, theta, context float64) RopeConfig {
	r := RopeConfig{
		Type:                          o.text("rope_type", o.text("type", "default")),
		Theta:                         o.number("rope_theta", theta),
		OriginalMaxPositionEmbeddings: o.number("original_max_position_embeddings", context),
		LowFreqFactor:                 o.number("low_freq_factor", 1),
		HighFreqFactor:                o.number("high_freq_factor", 4),
		BetaFast:                      o.number("beta_fast", 32),
		BetaSlow:                      o.number("beta_slow", 1),
		MScale:                        o.number("mscale", 0),
		MScaleAllDim:                  o.number("mscale_all_dim", 0),
		AttentionFactor:               o.number("attention_factor", 0),
		NoTruncate:                    !o.bool("truncate", true),
		Partial:                       o.number("partial_rotary_factor", 1),
	}
	switch r.Type {
	case "mrope": // text alone rotates as always
		r.Type = "default"
	case "su": // its first name
		r.Type = "longrope"
	case "dynamic": // it grows from where the context ends
		r.OriginalMaxPositionEmbeddings = context
	}
	if r.Type == "longrope" {
		r.Short, r.Long = o.numbers("short_factor"), o.numbers("long_factor")
	}
	r.Factor = o.number("factor", context/r.OriginalMaxPositionEmbeddings)
	return r
}
