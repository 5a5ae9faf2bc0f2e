package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/gguf"
	"github.com/blitz-r1/blitz/internal/adapter"
	"github.com/blitz-r1/blitz/safetensors"
)

// The tiny model of the tests: a llama of two layers with random weights and a
// tokenizer of bytes.
const (
	tinyVocab   = 288
	tinyWidth   = 64
	tinyInner   = 96
	tinyHeads   = 4
	tinyKVHeads = 2
	tinyLayers  = 2
	tinyContext = 512
	tinyBOS     = 256
	tinyEOS     = 257
)

// tinyTemplate knows system, user and assistant.
const tinyTemplate = "{{ bos_token }}{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}"

// tinyWeights calls write for every tensor, by its Hugging Face name.
func tinyWeights(write func(name string, shape []int, w []float32) error) error {
	rng := rand.New(rand.NewPCG(3, 0))
	tensor := func(name string, shape ...int) error {
		n := 1
		for _, d := range shape {
			n *= d
		}
		w := make([]float32, n)
		for i := range w {
			w[i] = float32(rng.NormFloat64() / 8)
		}
		return write(name, shape, w)
	}
	kv := tinyWidth / tinyHeads * tinyKVHeads
	if err := tensor("model.embed_tokens.weight", tinyVocab, tinyWidth); err != nil {
		return err
	}
	for i := range tinyLayers {
		for _, t := range []struct {
			name  string
			shape []int
		}{
			{"input_layernorm", []int{tinyWidth}},
			{"post_attention_layernorm", []int{tinyWidth}},
			{"self_attn.q_proj", []int{tinyWidth, tinyWidth}},
			{"self_attn.k_proj", []int{kv, tinyWidth}},
			{"self_attn.v_proj", []int{kv, tinyWidth}},
			{"self_attn.o_proj", []int{tinyWidth, tinyWidth}},
			{"mlp.gate_proj", []int{tinyInner, tinyWidth}},
			{"mlp.up_proj", []int{tinyInner, tinyWidth}},
			{"mlp.down_proj", []int{tinyWidth, tinyInner}},
		} {
			if err := tensor(fmt.Sprintf("model.layers.%d.%s.weight", i, t.name), t.shape...); err != nil {
				return err
			}
		}
	}
	return tensor("model.norm.weight", tinyWidth)
}

// writeTinyLoRA writes an adapter of rank 2 of the tiny model.
func writeTinyLoRA(folder string) error {
	targets, err := adapter.NewTargets("q_proj", "down_proj")
	if err != nil {
		return err
	}
	var layers []adapter.Layer
	for i := range tinyLayers {
		layers = append(layers,
			adapter.Layer{Name: fmt.Sprintf("model.layers.%d.self_attn.q_proj", i), Out: tinyWidth, In: tinyWidth},
			adapter.Layer{Name: fmt.Sprintf("model.layers.%d.mlp.down_proj", i), Out: tinyWidth, In: tinyInner})
	}
	a, err := adapter.New(&adapter.Config{Rank: 2, Alpha: 8, Targets: targets}, layers, 1)
	if err != nil {
		return err
	}
	for i := range a.Modules {
		for k := range a.Modules[i].B {
			a.Modules[i].B[k] = float32((k*7+i*5)%11-5) / 8
		}
	}
	return a.Write(folder)
}

// byteAlphabet is the text of each byte in a byte-level vocabulary.
func byteAlphabet() [256]string {
	var text [256]string
	next := rune(256)
	for b := range 256 {
		switch {
		case b >= '!' && b <= '~', b >= 0xa1 && b <= 0xac, b >= 0xae:
			text[b] = string(rune(b))
		default:
			text[b] = string(next)
			next++
		}
	}
	return text
}

func floatBytes(w []float32) []byte {
	var b []byte
	for _, x := range w {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return b
}

// writeTinyFolder writes the tiny model as a Hugging Face folder.
func writeTinyFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	w, err := safetensors.Create(filepath.Join(dir, "model.safetensors"))
	if err != nil {
		return err
	}
	defer w.Abort()
	type tensor struct {
		name string
		b    []byte
	}
	var all []tensor
	err = tinyWeights(func(name string, shape []int, x []float32) error {
		all = append(all, tensor{name, floatBytes(x)})
		return w.Declare(name, "F32", shape...)
	})
	if err != nil {
		return err
	}
	for _, t := range all {
		if err := w.WriteTensor(t.name, t.b); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	vocab := map[string]int{}
	for b, s := range byteAlphabet() {
		vocab[s] = b
	}
	special := func(id int, s string) map[string]any {
		return map[string]any{"id": id, "content": s, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true}
	}
	level := map[string]any{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true}
	files := map[string]any{
		"config.json": map[string]any{
			"architectures": []string{"LlamaForCausalLM"}, "model_type": "llama", "hidden_size": tinyWidth, "intermediate_size": tinyInner,
			"num_hidden_layers": tinyLayers, "num_attention_heads": tinyHeads, "num_key_value_heads": tinyKVHeads, "vocab_size": tinyVocab,
			"max_position_embeddings": tinyContext, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "tie_word_embeddings": true,
			"hidden_act": "silu", "bos_token_id": tinyBOS, "eos_token_id": tinyEOS,
		},
		"tokenizer.json": map[string]any{
			"version": "1.0", "added_tokens": []any{special(tinyBOS, "<s>"), special(tinyEOS, "</s>")}, "normalizer": nil,
			"pre_tokenizer": level, "post_processor": nil, "decoder": level,
			"model": map[string]any{"type": "BPE", "unk_token": nil, "byte_fallback": false, "vocab": vocab, "merges": []any{}},
		},
		"tokenizer_config.json": map[string]any{"bos_token": "<s>", "eos_token": "</s>", "add_bos_token": true, "chat_template": tinyTemplate},
	}
	for name, v := range files {
		b, err := json.Marshal(v)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// tinyNames are the GGUF names of the tiny model's tensors.
var tinyNames = map[string]string{
	"input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
	"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
	"mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
}

func tinyGGUFName(name string) string {
	switch name {
	case "model.embed_tokens.weight":
		return "token_embd.weight"
	case "model.norm.weight":
		return "output_norm.weight"
	}
	for hf, short := range tinyNames {
		var layer int
		if _, err := fmt.Sscanf(name, "model.layers.%d."+hf+".weight", &layer); err == nil {
			return fmt.Sprintf("blk.%d.%s.weight", layer, short)
		}
	}
	panic("no GGUF name of " + name)
}

// pairRows brings the rows of a query or key matrix into the order of a GGUF
// llama: what rotates together, rows i and i+d/2 of a head, are neighbours there.
func pairRows(w []float32) []float32 {
	const d = tinyWidth / tinyHeads
	out := make([]float32, 0, len(w))
	for head := 0; head < len(w); head += d * tinyWidth {
		for i := range d {
			row := i/2 + i%2*d/2
			out = append(out, w[head+row*tinyWidth:][:tinyWidth]...)
		}
	}
	return out
}

// tinyVocabulary is the metadata of the tiny model's tokenizer and template.
func tinyVocabulary() []gguf.KeyValue {
	var tokens []string
	var types []int32
	for _, s := range byteAlphabet() {
		tokens, types = append(tokens, s), append(types, 1)
	}
	tokens, types = append(tokens, "<s>", "</s>"), append(types, 3, 3)
	for len(tokens) < tinyVocab {
		tokens, types = append(tokens, fmt.Sprintf("[unused%d]", len(tokens))), append(types, 5)
	}
	return []gguf.KeyValue{
		{Key: "tokenizer.ggml.model", Value: gguf.ValueOf("gpt2")},
		{Key: "tokenizer.ggml.pre", Value: gguf.ValueOf("gpt-2")},
		{Key: "tokenizer.ggml.tokens", Value: gguf.ArrayOf(tokens)},
		{Key: "tokenizer.ggml.token_type", Value: gguf.ArrayOf(types)},
		{Key: "tokenizer.ggml.merges", Value: gguf.ArrayOf([]string{})},
		{Key: "tokenizer.ggml.bos_token_id", Value: gguf.ValueOf(uint32(tinyBOS))},
		{Key: "tokenizer.ggml.eos_token_id", Value: gguf.ValueOf(uint32(tinyEOS))},
		{Key: "tokenizer.ggml.add_bos_token", Value: gguf.ValueOf(true)},
		{Key: "tokenizer.chat_template", Value: gguf.ValueOf(tinyTemplate)},
	}
}

// writeTinyGGUF writes the tiny model as a GGUF file.
func writeTinyGGUF(path string) error {
	w, err := gguf.Create(path)
	if err != nil {
		return err
	}
	defer w.Abort()
	metadata := []gguf.KeyValue{
		{Key: "general.architecture", Value: gguf.ValueOf("llama")},
		{Key: "general.name", Value: gguf.ValueOf("Tiny random llama")},
		{Key: "general.file_type", Value: gguf.ValueOf(uint32(0))},
		{Key: "llama.block_count", Value: gguf.ValueOf(uint32(tinyLayers))},
		{Key: "llama.context_length", Value: gguf.ValueOf(uint32(tinyContext))},
		{Key: "llama.embedding_length", Value: gguf.ValueOf(uint32(tinyWidth))},
		{Key: "llama.feed_forward_length", Value: gguf.ValueOf(uint32(tinyInner))},
		{Key: "llama.attention.head_count", Value: gguf.ValueOf(uint32(tinyHeads))},
		{Key: "llama.attention.head_count_kv", Value: gguf.ValueOf(uint32(tinyKVHeads))},
		{Key: "llama.attention.layer_norm_rms_epsilon", Value: gguf.ValueOf(float32(1e-5))},
		{Key: "llama.rope.freq_base", Value: gguf.ValueOf(float32(10000))},
		{Key: "llama.vocab_size", Value: gguf.ValueOf(uint32(tinyVocab))},
	}
	for _, kv := range append(metadata, tinyVocabulary()...) {
		if err := w.Put(kv.Key, kv.Value); err != nil {
			return err
		}
	}
	type tensor struct {
		name string
		b    []byte
	}
	var all []tensor
	err = tinyWeights(func(name string, shape []int, x []float32) error {
		if strings.Contains(name, "q_proj") || strings.Contains(name, "k_proj") {
			x = pairRows(x)
		}
		name = tinyGGUFName(name)
		all = append(all, tensor{name, floatBytes(x)})
		return w.Declare(name, gguf.F32, shape...)
	})
	if err != nil {
		return err
	}
	for _, t := range all {
		if err := w.WriteTensor(t.name, t.b); err != nil {
			return err
		}
	}
	return w.Close()
}

// tinyFolder writes the tiny model into a folder of the test.
func tinyFolder(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "tiny")
	if err := writeTinyFolder(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}
