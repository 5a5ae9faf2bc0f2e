package model

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// TestFamilies looks at the table: each name stands there once, and a family says all
// that the rest of the package asks.
func TestFamilies(t *testing.T) {
	var types, archs []string
	for _, f := range families {
		types = append(types, f.modelType)
		archs = append(archs, f.archs...)
		if f.modelType == "" || f.readHF == nil || f.network == nil || (f.readGGUF != nil) != (len(f.archs) > 0) {
			t.Errorf("%s: a name, a reader or the network is missing", f.modelType)
		}
		for other, key := range f.aliases {
			if _, known := f.defaults[key]; !known && key != "num_nextn_predict_layers" || f.defaults[other] != nil {
				t.Errorf("%s: %s is another name of %s, which has no default, or has one itself", f.modelType, other, key)
			}
		}
	}
	for _, names := range [][]string{types, archs} {
		slices.Sort(names)
		if once := slices.Compact(slices.Clone(names)); len(once) != len(names) {
			t.Errorf("%q: a name stands there twice", names)
		}
	}
}

// TestDefaults reads a config.json that says nothing but its kind: the sizes are those of
// Hugging Face's classes (transformers 5.24), what no published model leaves to them is
// missing.
func TestDefaults(t *testing.T) {
	read := func(text string) (*Config, error) { return parseConfig("config.json", strings.NewReader(text)) }
	for kind, want := range map[string]string{
		"llama":            `32000 4096 11008 32 32 32 128 2048 1e-06 10000 0 0/0 0 false`,
		"mistral":          `32000 4096 14336 32 32 8 128 131072 1e-06 10000 4096 0/0 0 false`,
		"mixtral":          `32000 4096 14336 32 32 8 128 131072 1e-05 1e+06 0 2/8 14336 false`,
		"qwen2":            `151936 4096 22016 32 32 32 128 32768 1e-06 10000 0 0/0 0 false`,
		"qwen3":            `151936 4096 22016 32 32 32 128 32768 1e-06 10000 0 0/0 0 false`,
		"qwen3_moe":        `151936 2048 6144 24 32 4 64 32768 1e-06 10000 0 8/128 768 false`,
		"qwen3_next":       `151936 2048 5632 48 16 2 256 32768 1e-06 10000 0 10/512 512 false`,
		"qwen3_5_text":     `248320 4096 12288 32 16 4 256 32768 1e-06 10000 0 0/0 0 false`,
		"qwen3_5_moe_text": `248320 2048 512 40 16 2 256 32768 1e-06 10000 0 8/256 512 false`,
		"gemma3_text":      `262208 2304 9216 26 8 4 256 131072 1e-06 1e+06 4096 0/0 0 true`,
		"deepseek_v3":      `129280 7168 18432 61 128 128 64 4096 1e-06 10000 0 8/256 2048 false`,
		"deepseek_v32":     `129280 7168 18432 61 128 128 64 163840 1e-06 10000 0 8/256 2048 false`,
		"glm4_moe_lite":    `154880 2048 10240 47 20 20 64 202752 1e-05 10000 0 4/64 1536 false`,
	} {
		c, err := read(`{"model_type": "` + kind + `"}`)
		if err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		got := clash("%v %v %v %v %v %v %v %v %v %v %v %v/%v %v %v", c.VocabSize, c.HiddenSize, c.IntermediateSize, c.NumHiddenLayers, c.NumAttentionHeads,
			c.NumKeyValueHeads, c.HeadDim, c.MaxPositionEmbeddings, c.RMSNormEps, c.Rope.Theta, c.SlidingWindow, c.NumExpertsPerTok, c.NumExperts,
			c.MoEIntermediateSize, c.TieWordEmbeddings).text
		if got != want {
			t.Errorf("%s: %s, want %s", kind, got, want)
		}
	}
	c, err := read(`{"model_type": "deepseek_v3", "num_hidden_layers": 5}`)
	if err != nil || c.NumSharedExperts != 1 || c.RoutedScalingFactor != 2.5 || c.NGroup != 8 || c.TopKGroup != 4 || !c.NormTopKProb || !c.SigmoidScores ||
		!c.CorrectionBias || c.QLoraRank != 1536 || c.KVLoraRank != 512 || !slices.Equal(c.Dense, []bool{true, true, true, false, false}) {
		t.Errorf("deepseek_v3: %+v, error %v", c, err)
	}
	c, err = read(`{"model_type": "deepseek_v2", "num_experts_per_tok": 6}`)
	if err != nil || c.NumSharedExperts != 2 || c.RoutedScalingFactor != 1 || c.NGroup != 0 || c.NormTopKProb || c.SigmoidScores || c.CorrectionBias || c.Dense[0] {
		t.Errorf("deepseek_v2: %+v, error %v", c, err)
	}
	c, err = read(`{"model_type": "deepseek_v3", "q_lora_rank": null, "n_shared_experts": null, "n_routed_experts": null}`)
	if err != nil || c.QLoraRank != 0 || c.NumSharedExperts != 0 || c.NumExperts != 0 {
		t.Errorf("deepseek_v3 with nulls: %+v, error %v", c, err)
	}
	c, err = read(`{"model_type": "qwen2", "use_sliding_window": true}`)
	if err != nil || c.SlidingWindow != 4096 || c.Sliding[27] || !c.Sliding[28] {
		t.Errorf("qwen2 with a window: %+v, error %v", c, err)
	}
	c, err = read(`{"model_type": "mistral", "sliding_window": null}`)
	if err != nil || c.SlidingWindow != 0 || c.Sliding != nil {
		t.Errorf("mistral without a window: %+v, error %v", c, err)
	}
}

// TestAliases reads keys by the other names that classes have for them.
func TestAliases(t *testing.T) {
	for text, want := range map[string]int{
		`{"model_type": "mixtral", "num_experts": 16}`:                            16,
		`{"model_type": "mixtral", "num_experts": 16, "num_local_experts": 4}`:    4,
		`{"model_type": "qwen3_moe", "num_local_experts": 32}`:                    32,
		`{"model_type": "deepseek_v3", "num_local_experts": 64}`:                  64,
		`{"model_type": "glm4_moe_lite", "num_local_experts": 8, "n_group": 1}`:   8,
		`{"model_type": "deepseek_v32", "num_local_experts": 64, "n_group": 4}`:   64,
		`{"model_type": "kimi_k2", "num_experts": 384, "n_routed_experts": null}`: 0,
	} {
		if c, err := parseConfig("config.json", strings.NewReader(text)); err != nil || c.NumExperts != want {
			t.Errorf("%s: %+v, error %v, want %d experts", text, c, err, want)
		}
	}
}

// TestPythonConstants reads NaN, Infinity and -Infinity, which Python writes: where no
// number is wanted they are passed over, elsewhere refused, and texts stay as they are.
func TestPythonConstants(t *testing.T) {
	c, err := parseConfig("config.json", strings.NewReader(
		`{"model_type": "llama", "a": NaN, "b": [1.5, Infinity, -Infinity, {"c": -Infinity}], "NaN": "Infinity \" NaN", "d": "\\", "e": NaN}`))
	if err != nil || c.HiddenSize != 4096 {
		t.Errorf("%+v, error %v", c, err)
	}
	v, err := parseJSON("config.json", strings.NewReader(`{"a": "-Infinity \" NaN\\", "b": NaN, "c": -1}`))
	if err != nil || v["a"] != `-Infinity " NaN\` || v["b"] != "NaN" || v["c"] != json.Number("-1") {
		t.Errorf("got %q, error %v", v, err)
	}
	for _, text := range []string{
		`{"model_type": "llama", "hidden_size": NaN}`, `{"model_type": "llama", "rms_norm_eps": Infinity}`,
		`{"model_type": "llama", "rope_parameters": {"rope_theta": -Infinity}}`, `{"model_type": "llama", "x": nan}`, `{"model_type": "llama", "x": NaN1}`,
		`{"model_type": "llama", "x": 1Infinity}`,
	} {
		if _, err := parseConfig("config.json", strings.NewReader(text)); err == nil || !refusal(err) {
			t.Errorf("%s: error %v, want it refused", text, err)
		}
	}
}

// TestLongerContext reads models whose rotary embedding is scaled: by YaRN the context is
// what it is scaled to, where that is longer.
func TestLongerContext(t *testing.T) {
	for text, want := range map[string]int{
		`"max_position_embeddings": 128, "rope_scaling": {"type": "yarn", "factor": 4, "original_max_position_embeddings": 128}`:                       512,
		`"max_position_embeddings": 128, "rope_scaling": {"rope_type": "yarn", "factor": 4}`:                                                           512,
		`"max_position_embeddings": 4096, "rope_scaling": {"type": "yarn", "factor": 4, "original_max_position_embeddings": 128}`:                      4096,
		`"max_position_embeddings": 512, "rope_parameters": {"rope_type": "yarn", "factor": 2.5, "original_max_position_embeddings": 333}`:             832,
		`"max_position_embeddings": 16777216, "rope_parameters": {"rope_type": "yarn", "factor": 1048576, "original_max_position_embeddings": 333333}`: maxContext,
		`"max_position_embeddings": 128, "rope_scaling": {"type": "linear", "factor": 4}`:                                                              128,
		`"max_position_embeddings": 128, "rope_scaling": {"rope_type": "llama3", "factor": 4, "original_max_position_embeddings": 128}`:                128,
	} {
		c, err := parseConfig("config.json", strings.NewReader(`{"model_type": "llama", `+text+`}`))
		if err != nil || c.MaxPositionEmbeddings != want {
			t.Errorf("%s: %+v, error %v, want a context of %d", text, c, err, want)
		}
	}
}

// TestTwoRopes reads files with rope_scaling beside rope_parameters: the former counts,
// and that is said where they differ.
func TestTwoRopes(t *testing.T) {
	const both = `"rope_parameters": {"rope_type": "default", "rope_theta": 5e5}, "rope_scaling": {"rope_type": "linear", "factor": 2}`
	c, err := parseConfig("config.json", strings.NewReader(`{"model_type": "llama", "rope_theta": 2e4, `+both+`}`))
	if err != nil || c.Rope.Type != "linear" || c.Rope.Factor != 2 || c.Rope.Theta != 2e4 || len(c.Assumed) != 1 || !strings.Contains(c.Assumed[0], "rope_scaling counts") {
		t.Errorf("%+v, error %v", c, err)
	}
	c, err = parseConfig("config.json", strings.NewReader(`{"model_type": "llama", "rope_parameters": {"rope_type": "linear", "factor": 2}, "rope_scaling": {}}`))
	if err != nil || c.Rope.Type != "linear" || len(c.Assumed) > 0 {
		t.Errorf("an empty rope_scaling: %+v, error %v", c, err)
	}
	c, err = parseConfig("config.json", strings.NewReader(`{"model_type": "gemma3_text", "rope_scaling": {"rope_type": "linear", "factor": 8}, "rope_parameters": {
		"full_attention": {"rope_type": "default", "rope_theta": 5e5}, "sliding_attention": {"rope_type": "default", "rope_theta": 3e4}}}`))
	if err != nil || c.Rope.Type != "linear" || c.Rope.Factor != 8 || c.Rope.Theta != 5e5 || c.RopeLocal.Theta != 3e4 || len(c.Assumed) != 1 {
		t.Errorf("gemma3: %+v, %+v, error %v", c, c.RopeLocal, err)
	}
	for _, text := range []string{
		`{"model_type": "llama", "rope_parameters": {"full_attention": {"rope_theta": 5e5}, "sliding_attention": {"rope_theta": 1e4}}}`,
		`{"model_type": "gemma3_text", "rope_scaling": {"rope_type": [1]}, "rope_parameters": {"full_attention": {"rope_type": {}}}}`,
	} {
		if _, err := parseConfig("config.json", strings.NewReader(text)); err == nil || !refusal(err) {
			t.Errorf("%s: error %v, want it refused", text, err)
		}
	}
}

// TestFrequencies refuses rotary parameters each of which is in range, but whose
// frequencies are no numbers, or turn beyond what tables are made for.
func TestFrequencies(t *testing.T) {
	const yarn = `{"model_type": "llama", "max_position_embeddings": 64, "rope_scaling": {"type": "yarn", "factor": 4, "original_max_position_embeddings": 64, `
	for text, words := range map[string][]string{
		yarn + `"beta_fast": 5e-324}}`:                      {"beta_fast 5e-324", "NaN"},
		yarn + `"beta_fast": 1e-310, "beta_slow": 1e-310}}`: {"beta_fast 1e-310", "NaN"},
		yarn + `"beta_fast": 0}}`:                           {"beta_fast 0", "positive"},
	} {
		_, err := parseConfig("config.json", strings.NewReader(text))
		if err == nil || !refusal(err) || !strings.Contains(err.Error(), words[0]) || !strings.Contains(err.Error(), words[1]) {
			t.Errorf("%s: error %v, want %q", text, err, words)
		}
	}
	for _, text := range []string{
		yarn + `"beta_fast": 1e-300}}`, yarn + `"beta_slow": 1e-300, "beta_fast": 1e6}}`, yarn + `"attention_factor": 1e-30}}`,
		`{"model_type": "llama", "rope_theta": 1e308}`, `{"model_type": "llama", "rope_theta": 1.0000001}`,
	} {
		if c, err := parseConfig("config.json", strings.NewReader(text)); err == nil {
			soundConfig(t, c)
		} else if !refusal(err) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestRefusedFreqs opens GGUF files whose divisors of frequencies are none, or give
// frequencies that turn beyond the tables within the context.
func TestRefusedFreqs(t *testing.T) {
	for _, c := range []struct {
		value float32
		kind  error // nil: opened
		words []string
	}{
		{1e-20, ErrConfig, []string{"rope_freqs.weight", "within 512 positions"}},
		{1e-38, ErrConfig, []string{"rope_freqs.weight"}},
		{0, ErrTensor, []string{"rope_freqs.weight", "positive"}},
		{-1, ErrTensor, []string{"rope_freqs.weight"}},
		{float32(math.NaN()), ErrTensor, []string{"rope_freqs.weight"}},
		{float32(math.Inf(1)), ErrTensor, []string{"rope_freqs.weight"}},
		{1e30, nil, nil},
		{0.5, nil, nil},
	} {
		m, e := loadExpectation(t, "llama")
		g, err := m.GGUF(tensor.F32, tiny.Split)
		if err != nil {
			t.Fatal(err)
		}
		g.Tensors = edit(g.Tensors, ropeFreqs, func(x *tiny.Stored) {
			x.Data = slices.Clone(x.Data)
			binary.LittleEndian.PutUint32(x.Data, math.Float32bits(c.value))
		})
		if c.kind == nil {
			for _, row := range logitsOf(t, openGGUF(t, g, nil, Options{}), e.ids)[0] {
				for _, v := range row {
					if v != v {
						t.Fatalf("divisor %v: a logit is NaN", c.value)
					}
				}
			}
			continue
		}
		path := filepath.Join(t.TempDir(), "model.gguf")
		if err := g.Write(path); err != nil {
			t.Fatal(err)
		}
		refused(t, path, c.kind, c.words...)
	}
}
