package model

import (
	"errors"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// TestRopeSetting changes what a configuration says of rotary embedding.
func TestRopeSetting(t *testing.T) {
	const (
		plain = `{"model_type": "llama", "max_position_embeddings": 1024}`
		yarn  = `{"model_type": "llama", "max_position_embeddings": 1024, "rope_scaling": {"type": "yarn", "factor": 2, "original_max_position_embeddings": 1024, "beta_fast": 16}}`
		long  = `{"model_type": "llama", "max_position_embeddings": 1024, "hidden_size": 64, "num_attention_heads": 8, "rope_scaling": {"type": "su", "original_max_position_embeddings": 512, "short_factor": [1, 1, 1, 1], "long_factor": [2, 2, 2, 2]}}`
	)
	const proportional = `{"model_type": "gemma4_text", "max_position_embeddings": 1024}`
	const entries = `{"model_type": "deepseek_v4", "max_position_embeddings": 1024, "num_hidden_layers": 1, "compress_ratios": [4]}`
	type want struct {
		kind           string
		factor, theta  float64
		original, most int
	}
	for _, c := range []struct {
		config  string
		setting RopeSetting
		want    want
	}{
		{plain, RopeSetting{}, want{"default", 0, 1e4, 0, 1024}},
		{plain, RopeSetting{Base: 5e5}, want{"default", 0, 5e5, 0, 1024}},
		{plain, RopeSetting{Scale: 2.5}, want{"linear", 2.5, 1e4, 1024, 2560}},
		{plain, RopeSetting{Scale: 4, OriginalContext: 512}, want{"yarn", 4, 1e4, 512, 2048}},
		{plain, RopeSetting{Scale: 4, BetaFast: 8}, want{"yarn", 4, 1e4, 1024, 4096}},
		{plain, RopeSetting{Scaling: "dynamic", Scale: 4}, want{"dynamic", 4, 1e4, 1024, 4096}},
		{yarn, RopeSetting{Scale: 8}, want{"yarn", 8, 1e4, 1024, 8192}},
		{yarn, RopeSetting{Scaling: "none"}, want{"default", 0, 1e4, 0, 2048}},
		{yarn, RopeSetting{Scaling: "linear", Scale: 2}, want{"linear", 2, 1e4, 2048, 4096}},
		{long, RopeSetting{Scaling: "yarn", Scale: 2}, want{"yarn", 2, 1e4, 1024, 2048}},
		{proportional, RopeSetting{Scale: 2}, want{"proportional", 2, 1e6, 1024, 2048}},
		{proportional, RopeSetting{Scaling: "linear", Scale: 4}, want{"proportional", 4, 1e6, 1024, 4096}},
		{proportional, RopeSetting{Scaling: "none"}, want{"proportional", 1, 1e6, 1024, 1024}},
		{proportional, RopeSetting{Base: 2e6}, want{"proportional", 1, 2e6, 1024, 1024}},
		{entries, RopeSetting{Scaling: "yarn", Scale: 4}, want{"yarn", 4, 160000, 1024, 4096}},
		{long, RopeSetting{Base: 2e4}, want{"longrope", 2, 2e4, 512, 1024}},
	} {
		config, err := parseConfig("config.json", strings.NewReader(c.config))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.setting.apply(config); err != nil {
			t.Errorf("%v: %v", c.setting, err)
			continue
		}
		r := &config.Rope
		got := want{r.Type, r.Factor, r.Theta, int(r.OriginalMaxPositionEmbeddings), config.MaxPositionEmbeddings}
		if got.kind == "default" {
			got.factor, got.original = 0, 0
		}
		if c.config == entries {
			if _, factor := r.frequencies(16, 0); factor != 1 {
				t.Errorf("%q: sine and cosine of entries are scaled by %v", c.setting, factor)
			}
		}
		if got != c.want {
			t.Errorf("%q: got %+v, want %+v", c.setting, got, c.want)
		}
		again, err := ParseRope(c.setting.String())
		if err != nil || again != c.setting {
			t.Errorf("%q is read as %+v, %v", c.setting, again, err)
		}
	}
	for _, c := range []struct {
		config  string
		setting RopeSetting
		want    string
	}{
		{plain, RopeSetting{Scaling: "ntk"}, "none, linear, dynamic, yarn"},
		{plain, RopeSetting{Scale: 0.5}, "scale 0.5"},
		{plain, RopeSetting{Scaling: "yarn"}, "no scale"},
		{plain, RopeSetting{Scaling: "none", Scale: 2}, "no scaling"},
		{plain, RopeSetting{Scaling: "linear", Scale: 2, BetaSlow: 2}, "numbers of yarn"},
		{plain, RopeSetting{Scale: 2, Scaling: "yarn", BetaFast: 1 << 21}, "fast"},
		{long, RopeSetting{Scale: 2}, "longrope"},
		{proportional, RopeSetting{Scaling: "yarn", Scale: 2}, "proportional"},
		{proportional, RopeSetting{Scaling: "dynamic", Scale: 2}, "proportional"},
		{proportional, RopeSetting{Scaling: "none", Scale: 2}, "proportional"},
		{proportional, RopeSetting{BetaFast: 2}, "proportional"},
		{proportional, RopeSetting{Scaling: "linear"}, "no scale"},
		{yarn, RopeSetting{AttentionFactor: 1 << 21}, "attention"},
	} {
		config, err := parseConfig("config.json", strings.NewReader(c.config))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.setting.apply(config); !errors.Is(err, ErrRope) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want ErrRope with %q", c.setting, err, c.want)
		}
	}
	for _, text := range []string{"scale", "scale=x", "scale=4,scaling=yarn", "scale=4.0", "x=1", "original=1.5", ",", "scale=-1"} {
		if s, err := ParseRope(text); !errors.Is(err, ErrRope) {
			t.Errorf("%q is read as %+v, %v, want ErrRope", text, s, err)
		}
	}
}

// TestRopeSettingBits holds that a setting gives the bits of a configuration that says the
// same.
func TestRopeSettingBits(t *testing.T) {
	model, e := loadExpectation(t, "qwen3")
	c, err := model.With(map[string]any{"rope_parameters": map[string]any{
		"rope_type": "yarn", "rope_theta": 5e5, "factor": 4, "original_max_position_embeddings": 64, "beta_fast": 20,
	}}).Checkpoint(tensor.F32)
	said := openCheckpoint(t, c, err, Options{})
	c, err = model.With(map[string]any{"rope_parameters": map[string]any{"rope_theta": 1e4, "rope_type": "default"}}).Checkpoint(tensor.F32)
	set := openCheckpoint(t, c, err, Options{Rope: RopeSetting{Scale: 4, OriginalContext: 64, Base: 5e5, BetaFast: 20}})
	unset := openCheckpoint(t, c, err, Options{})
	want := newRunner(t, said, kernel.CacheF32, 1).run(t, e.ids, whole)
	if err := sameBits(newRunner(t, set, kernel.CacheF32, 1).run(t, e.ids, whole).logits, want.logits); err != nil {
		t.Error(err)
	}
	if sameBits(newRunner(t, unset, kernel.CacheF32, 1).run(t, e.ids, whole).logits, want.logits) == nil {
		t.Error("the setting changes nothing")
	}
}

// TestRopeLimits holds which limits turn alike, and that tables which made way are made
// again.
func TestRopeLimits(t *testing.T) {
	long := Config{Rope: RopeConfig{Type: "longrope", Theta: 1e4, Factor: 4, OriginalMaxPositionEmbeddings: 64, Short: []float64{1, 1}, Long: []float64{2, 3}}}
	dynamic := Config{Rope: RopeConfig{Type: "dynamic", Theta: 1e4, Factor: 4, OriginalMaxPositionEmbeddings: 64}}
	for limit, want := range map[int][2]int{0: {64, 64}, 64: {64, 64}, 65: {65, 65}, 200: {65, 200}} {
		if got := [2]int{long.RopeReach(limit), dynamic.RopeReach(limit)}; got != want {
			t.Errorf("limit %d: %v, want %v", limit, got, want)
		}
	}
	if n := (&Config{Rope: RopeConfig{Type: "yarn"}}).RopeReach(100); n != 0 {
		t.Errorf("yarn goes by the limit %d", n)
	}
	r := newRope(&dynamic.Rope, 4)
	first := r.of(100)
	a, b := first.turns(300)
	for limit := range 2 * maxAngles {
		r.of(200 + limit)
	}
	again := r.of(100)
	if again == first || len(*r.angles.Load()) != maxAngles {
		t.Fatalf("%d classes of limits have tables, want %d, and none of the first", len(*r.angles.Load()), maxAngles)
	}
	c, d := again.turns(300)
	for i := range a {
		if a[i] != c[i] || b[i] != d[i] {
			t.Fatalf("tables that are made again differ at %d", i)
		}
	}
}
