package model

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
)

// maxConfigBytes bounds a config.json.
const maxConfigBytes = 16 << 20

// fields reads the values of a JSON object and keeps the first error.
type fields struct {
	file   string
	values map[string]any
	err    error
}

// readJSON reads a JSON object from a file.
func readJSON(path string) (map[string]any, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	d := json.NewDecoder(io.LimitReader(f, maxConfigBytes))
	d.UseNumber()
	var v map[string]any
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("model: %s: %w: %w", filepath.Base(path), err, ErrConfig)
	}
	return v, nil
}

func (f *fields) fail(key, got, want string) {
	if f.err == nil {
		f.err = fmt.Errorf("model: %s: %s is %s, want %s: %w", f.file, key, got, want, ErrConfig)
	}
}

// show returns a value as a message shows it, cut short.
func show(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	if s := string(b); len(s) <= 60 {
		return s
	}
	return string(b[:57]) + "..."
}

func (f *fields) has(key string) bool { return f.values[key] != nil }

// number returns a number, def where the key is absent or null.
func (f *fields) number(key string, def float64) float64 {
	v := f.values[key]
	if v == nil {
		return def
	}
	if n, ok := v.(json.Number); ok {
		if x, err := n.Float64(); err == nil {
			return x
		}
	}
	f.fail(key, show(v), "a number")
	return def
}

// count returns an integer from min to max, def where the key is absent.
func (f *fields) count(key string, def, min, max int) int {
	if !f.has(key) && def >= min {
		return def
	}
	if !f.has(key) {
		f.fail(key, "missing", fmt.Sprintf("an integer from %d to %d", min, max))
		return min
	}
	x := f.number(key, 0)
	if f.err == nil && (x != math.Trunc(x) || x < float64(min) || x > float64(max)) {
		f.fail(key, show(f.values[key]), fmt.Sprintf("an integer from %d to %d", min, max))
	}
	if f.err != nil {
		return min
	}
	return int(x)
}

func (f *fields) bool(key string, def bool) bool {
	switch v := f.values[key].(type) {
	case nil:
		return def
	case bool:
		return v
	default:
		f.fail(key, show(v), "true or false")
		return def
	}
}

func (f *fields) text(key, def string) string {
	switch v := f.values[key].(type) {
	case nil:
		return def
	case string:
		return v
	default:
		f.fail(key, show(v), "a string")
		return def
	}
}

// object returns a nested object, nil where the key is absent.
func (f *fields) object(key string) *fields {
	switch v := f.values[key].(type) {
	case nil:
		return nil
	case map[string]any:
		return &fields{file: f.file, values: v, err: f.err}
	default:
		f.fail(key, show(v), "an object")
		return nil
	}
}

// ids returns an integer or a list of them.
func (f *fields) ids(key string) (ids []int32) {
	list, ok := f.values[key].([]any)
	if !ok {
		if !f.has(key) {
			return nil
		}
		list = []any{f.values[key]}
	}
	for _, v := range list {
		n, _ := v.(json.Number)
		if x, err := n.Int64(); err == nil && x >= 0 && x < maxVocab {
			ids = append(ids, int32(x))
		} else {
			f.fail(key, show(f.values[key]), "token ids")
		}
	}
	return ids
}

// configFromHF reads config.json of a Hugging Face folder, in the older spelling
// (rope_theta, rope_scaling) and in the newer one (rope_parameters, layer_types).
func configFromHF(path string) (*Config, error) {
	v, err := readJSON(path)
	if err != nil {
		return nil, err
	}
	f := &fields{file: filepath.Base(path), values: v}
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
		return nil, fmt.Errorf("model: %s: model_type %q: %w; known are %s", f.file, kind, ErrArch, familyNames())
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
	kinds, listed := f.values["layer_types"].([]any)
	if listed && len(kinds) != c.NumHiddenLayers {
		f.fail("layer_types", fmt.Sprintf("a list of %d", len(kinds)), fmt.Sprintf("one of num_hidden_layers %d", c.NumHiddenLayers))
		return
	}
	if window == 0 {
		return
	}
	c.SlidingWindow = window
	c.Sliding = make([]bool, c.NumHiddenLayers)
	for i := range c.Sliding {
		c.Sliding[i] = slides(i)
		if listed {
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
	if r := f.object("rope_parameters"); r != nil {
		if full := r.object("full_attention"); full != nil {
			c.Rope = readRope(full, c.ModelType, theta, context)
			if sliding := r.object("sliding_attention"); sliding != nil {
				l := readRope(sliding, c.ModelType, local, context)
				c.RopeLocal = &l
				f.takeError(sliding)
			}
			f.takeError(full)
			return
		}
		c.Rope = readRope(r, c.ModelType, theta, context)
		f.takeError(r)
		return
	}
	c.Rope = RopeConfig{Type: "default", Theta: theta, Pairs: deepSeek[c.ModelType]}
	if r := f.object("rope_scaling"); r != nil {
		c.Rope = readRope(r, c.ModelType, theta, context)
		f.takeError(r)
	}
	if gemma {
		c.RopeLocal = &RopeConfig{Type: "default", Theta: local}
	}
}

func (f *fields) takeError(inner *fields) {
	if f.err == nil {
		f.err = inner.err
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
