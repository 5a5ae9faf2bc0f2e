package model

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/gguf"
	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/quant"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// refusal says whether an error is one that the readers of configurations may give.
func refusal(err error) bool {
	return errors.Is(err, ErrConfig) || errors.Is(err, ErrArch) || errors.Is(err, ErrTensor)
}

// FuzzConfig reads any config.json: it is refused with an error that says so, or its
// values are those that the rest of the package relies on.
func FuzzConfig(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("testdata", "*", "config.json"))
	if err != nil || len(files) == 0 {
		f.Fatal("no config.json in testdata", err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte(`null`))
	for _, modelType := range strings.Fields(modelTypes()) {
		f.Add([]byte(`{"model_type": "` + modelType + `", "rope_parameters": {"type": "yarn", "beta_fast": 5e-324, "factor": 4}, "x": NaN}`))
	}
	f.Add([]byte(`{"model_type": "gemma3", "text_config": {"model_type": "gemma3_text"}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := parseConfig("config.json", bytes.NewReader(b))
		if err != nil {
			if !refusal(err) {
				t.Fatalf("%v: want an error that says what is wrong", err)
			}
			return
		}
		soundConfig(t, c)
	})
}

// FuzzConfigKey gives one key of a config.json, or of its rotary parameters, any JSON
// value.
func FuzzConfigKey(f *testing.F) {
	var models []*tiny.Model
	for _, name := range slices.Concat(goldenModels, nearModels) {
		m, err := tiny.Load(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		models = append(models, m)
	}
	for i, v := range []string{`0`, `-1`, `1e300`, `null`, `"softmax"`, `[1, 2]`, `{}`, `true`, `1.5`, `65536`, `16777216`} {
		for key := range 40 {
			f.Add(byte(i+key), byte(key), key%3 == 0, v)
		}
	}
	f.Fuzz(func(t *testing.T, model, key byte, inRope bool, text string) {
		m := models[int(model)%len(models)]
		v, err := parseJSON("config.json", bytes.NewReader(m.Raw))
		if err != nil {
			t.Fatal(err)
		}
		object := v
		if r, ok := v["rope_parameters"].(map[string]any); inRope && ok {
			object = r
		}
		keys := slices.Sorted(maps.Keys(object))
		object[keys[int(key)%len(keys)]] = json.RawMessage(text)
		b, err := json.Marshal(v)
		if err != nil {
			return // no JSON
		}
		c, err := parseConfig("config.json", bytes.NewReader(b))
		if err == nil {
			soundConfig(t, c)
		} else if !refusal(err) {
			t.Fatalf("%v: want an error that says what is wrong", err)
		}
	})
}

// soundConfig checks that what is computed from a configuration are numbers, and binds
// a model without tensors: the first one is missed.
func soundConfig(t *testing.T, c *Config) {
	t.Helper()
	ropes := []*RopeConfig{&c.Rope}
	if c.RopeLocal != nil {
		ropes = append(ropes, c.RopeLocal)
	}
	for _, r := range ropes {
		dim := min(c.HeadDim, 1<<10)
		if r.Type == "longrope" {
			dim = 2 * len(r.Short)
		}
		freq, factor := r.frequencies(dim, c.MaxPositionEmbeddings)
		for _, v := range append(freq, factor, r.softmaxScale(), float64(c.RoutedScalingFactor), float64(c.RMSNormEps)) {
			if v-v != 0 || v < 0 {
				t.Fatalf("rotary frequencies %v, factor %v, softmax scale %v, routed_scaling_factor %v: not all are positive numbers",
					freq, factor, r.softmaxScale(), c.RoutedScalingFactor)
			}
		}
		if fastest := slices.Max(freq); fastest*float64(c.MaxPositionEmbeddings) > maxAngle {
			t.Fatalf("the frequency %v turns beyond the tables within %d positions", fastest, c.MaxPositionEmbeddings)
		}
	}
	if s := attentionScale(c.QueryPreAttnScalar); c.QueryPreAttnScalar != 0 && !quant.IsFinite(s) {
		t.Fatalf("query_pre_attn_scalar %v gives the scale %v", c.QueryPreAttnScalar, s)
	}
	m := &Model{Config: *c, net: c.family.network()}
	b := newBinder(ggufSource{emptyFile(t)}, c.family, Options{})
	m.bind(b)
	if !errors.Is(b.err, ErrTensor) {
		t.Fatalf("a model without tensors gives %v, want ErrTensor", b.err)
	}
}

func emptyFile(t *testing.T) *gguf.File {
	t.Helper()
	var file bytes.Buffer
	w := gguf.NewWriter(&file)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	g, err := gguf.Parse("empty.gguf", file.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// FuzzMetadata changes one key of a GGUF file to a number, a text or a list, or takes
// it away.
func FuzzMetadata(f *testing.F) {
	files := map[string]*tiny.GGUF{}
	names := []string{"deepseek-v3-mtp", "deepseek-v2-lite", "deepseek-v32", "llama", "qwen3-moe", "gemma3-text", "gemma4-e", "gemma4-moe", "deepseek-v4"}
	for i, name := range names {
		m, err := tiny.Load(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		g, err := m.GGUF(tensor.F32, tiny.Spelling(i%2))
		if err != nil {
			f.Fatal(err)
		}
		g.Tensors = nil
		files[name] = g
		for k := range g.Keys {
			f.Add(byte(i), byte(k), byte(k), 1.5, "yarn")
			f.Add(byte(i), byte(k), byte(0), 0.0, "") // is missing
			f.Add(byte(i), byte(k), byte(4), 0.0, "") // is 0
		}
	}
	f.Fuzz(func(t *testing.T, model, key, kind byte, number float64, text string) {
		from := files[names[int(model)%len(names)]]
		g := &tiny.GGUF{Keys: append([]gguf.KeyValue{}, from.Keys...)}
		name := g.Keys[int(key)%len(g.Keys)].Key
		switch kind % 8 {
		case 0:
			g.Drop(name)
		case 1:
			g.Put(name, gguf.ValueOf(number))
		case 2:
			g.Put(name, gguf.ValueOf(float32(number)))
		case 3:
			g.Put(name, gguf.ValueOf(int64(number)))
		case 4:
			g.Put(name, gguf.ValueOf(uint32(int64(number))))
		case 5:
			g.Put(name, gguf.ValueOf(text))
		case 6:
			g.Put(name, gguf.ArrayOf([]int32{int32(number), int32(len(text))}))
		case 7:
			g.Put(name, gguf.ValueOf(number > 0))
		}
		var file bytes.Buffer
		w := gguf.NewWriter(&file)
		for _, kv := range g.Keys {
			if err := w.Put(kv.Key, kv.Value); err != nil {
				return // a text that no file holds
			}
		}
		if err := w.Close(); err != nil {
			return
		}
		parsed, err := gguf.Parse("fuzz.gguf", file.Bytes())
		if err != nil {
			return
		}
		c, err := configFromGGUF(parsed)
		if err != nil {
			if !refusal(err) {
				t.Fatalf("%v: want an error that says what is wrong", err)
			}
			return
		}
		soundConfig(t, c)
	})
}
