package model

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/blitz-r1/blitz/gguf"
	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// textWith returns a golden model in a wrapper with other values in its text_config.
func textWith(t *testing.T, name string, changes map[string]any) *tiny.Model {
	t.Helper()
	m := load(t, name)
	var outer struct {
		Text map[string]any `json:"text_config"`
	}
	if err := json.Unmarshal(m.Raw, &outer); err != nil {
		t.Fatal(err)
	}
	for key, v := range changes {
		outer.Text[key] = v
	}
	return m.With(map[string]any{"text_config": outer.Text})
}

// TestRefusedGemma4 opens checkpoints and GGUF files whose layers cannot be what they say.
func TestRefusedGemma4(t *testing.T) {
	for _, c := range []struct {
		model   string
		changes map[string]any
		words   []string
	}{
		{"gemma4", map[string]any{"sliding_window": 0}, []string{"sliding_window 0", "1 or more"}},
		{"gemma4", map[string]any{"global_head_dim": 63}, []string{"global_head_dim 63", "even"}},
		{"gemma4", map[string]any{"global_head_dim": 1 << 20}, []string{"global_head_dim 1048576", "wider"}},
		{"gemma4", map[string]any{"num_global_key_value_heads": 3}, []string{"num_attention_heads 4", "num_global_key_value_heads 3"}},
		{"gemma4", map[string]any{"final_logit_softcapping": -1}, []string{"final_logit_softcapping -1"}},
		{"gemma4", map[string]any{"layer_types": []string{"sliding_attention"}}, []string{"layer_types", "a list of 1"}},
		{"gemma4", map[string]any{"rope_parameters": map[string]any{
			"full_attention": map[string]any{"rope_type": "proportional", "rope_theta": 1e6, "partial_rotary_factor": 0}, "sliding_attention": map[string]any{"rope_theta": 1e4},
		}}, []string{"partial_rotary_factor 0"}},
		{"gemma4", map[string]any{"hidden_activation": "relu"}, []string{"hidden_activation", "relu"}},
		{"gemma4-moe", map[string]any{"num_experts": 2}, []string{"num_experts_per_tok 3", "2 experts"}},
		{"gemma4-moe", map[string]any{"moe_intermediate_size": nil}, []string{"moe_intermediate_size", "missing"}},
		{"gemma4-e", map[string]any{"num_kv_shared_layers": 7}, []string{"num_kv_shared_layers 7", "layer 1"}},
		{"gemma4-e", map[string]any{"num_kv_shared_layers": 8}, []string{"num_kv_shared_layers 8", "layer 0"}},
		{"gemma4-e", map[string]any{"vocab_size_per_layer_input": 255}, []string{"vocab_size_per_layer_input 255", "vocab_size 256"}},
		{"gemma4-e", map[string]any{"hidden_size_per_layer_input": 1 << 20}, []string{"hidden_size_per_layer_input 1048576", "wider"}},
	} {
		k, err := load(t, c.model).Checkpoint(tensor.F32)
		if err != nil {
			t.Fatal(err)
		}
		k.Config = textWith(t, c.model, c.changes).Raw
		folder := filepath.Join(t.TempDir(), c.model)
		if err := k.Write(folder, 1); err != nil {
			t.Fatal(err)
		}
		refused(t, folder, ErrConfig, c.words...)
	}
	for _, c := range []struct {
		model, key string
		value      gguf.Value
		words      []string
	}{
		{"gemma4", "attention.sliding_window_pattern", gguf.ArrayOf([]bool{true, false}), []string{"sliding_window_pattern", "every layer"}},
		{"gemma4", "attention.head_count_kv", gguf.ArrayOf([]uint32{2, 2, 1, 2, 1, 1}), []string{"head_count_kv", "all layers of a kind"}},
		{"gemma4", "attention.head_count_kv", gguf.ArrayOf([]uint32{2, 2}), []string{"head_count_kv", "6 numbers"}},
		{"gemma4", "attention.head_count_kv", gguf.ArrayOf([]int32{2, 2, 0, 2, 2, 1}), []string{"head_count_kv", "from 1"}},
		{"gemma4", "attention.value_length", gguf.ValueOf(uint32(32)), []string{"value_length", "64"}},
		{"gemma4-e", "attention.shared_kv_layers", gguf.ValueOf(uint32(7)), []string{"feed_forward_length"}},
	} {
		g, err := load(t, c.model).GGUF(tensor.F32, tiny.Split)
		if err != nil {
			t.Fatal(err)
		}
		g.Put("gemma4."+c.key, c.value)
		path := filepath.Join(t.TempDir(), c.model+".gguf")
		if err := g.Write(path); err != nil {
			t.Fatal(err)
		}
		refused(t, path, ErrConfig, c.words...)
	}
}

// TestBorrowed holds layers that borrow keys and values to those of the last layer of their
// kind that has some: without the tensors that they do not use, the logits are the same.
func TestBorrowed(t *testing.T) {
	m, e := loadExpectation(t, "gemma4-e")
	k, err := m.Checkpoint(tensor.F32)
	if err != nil {
		t.Fatal(err)
	}
	opened := openCheckpoint(t, k, nil, Options{})
	want := logitsOf(t, opened, e.ids)
	if n := len(opened.CacheLayers(opened.DefaultCache())); n != 5 {
		t.Errorf("%d layers have a cache, want 5 of 8", n)
	}
	less := &tiny.Checkpoint{Config: k.Config}
	b := &binder{hf: true, family: &gemma4Family, prefix: [2]string{"model.language_model."}}
	for _, x := range k.Tensors {
		layer, ok := b.layerOf(x.Name)
		if !ok || gemma4Spare(b, &opened.Config, x.Name) == "" || layer < 5 {
			less.Tensors = append(less.Tensors, x)
		}
	}
	if n := len(k.Tensors) - len(less.Tensors); n != 9 {
		t.Errorf("%d tensors left out, want keys, values and a norm of 3 layers", n)
	}
	if err := sameBits(logitsOf(t, openCheckpoint(t, less, nil, Options{}), e.ids), want); err != nil {
		t.Error(err)
	}
}
