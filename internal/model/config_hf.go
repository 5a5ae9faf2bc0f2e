package model

import (
	"encoding/json"
	"errors"
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

// parseJSON reads a JSON object and nothing behind it; name is for messages.
func parseJSON(name string, r io.Reader) (map[string]any, error) {
	d := json.NewDecoder(io.LimitReader(r, maxConfigBytes))
	d.UseNumber()
	var v map[string]any
	err := d.Decode(&v)
	if err == nil {
		if _, more := d.Token(); more != io.EOF {
			err = errors.New("more than one JSON object")
		}
	}
	if err != nil {
		return nil, fmt.Errorf("model: %s: %w: %w", name, err, ErrConfig)
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

// list returns a list that has one value for each layer, nil where the key is absent.
func (f *fields) list(key string, layers int) []any {
	v := f.values[key]
	if v == nil {
		return nil
	}
	list, ok := v.([]any)
	if !ok {
		f.fail(key, show(v), "a list")
		return nil
	}
	if len(list) != layers {
		f.fail(key, fmt.Sprintf("a list of %d", len(list)), fmt.Sprintf("one of num_hidden_layers %d", layers))
		return nil
	}
	return list
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
