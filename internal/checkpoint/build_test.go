package checkpoint

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/blitz-r1/blitz/gguf"
	"github.com/blitz-r1/blitz/safetensors"
)

// byteAlphabet is the text of each byte in a byte-level vocabulary.
func byteAlphabet() []string {
	text := make([]string, 256)
	next := rune(256)
	for b := range text {
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

// piece is a token behind those of the bytes, and its type in a GGUF file.
type piece struct {
	text string
	kind int32
}

// control are pieces of type 3.
func control(texts ...string) (pieces []piece) {
	for _, s := range texts {
		pieces = append(pieces, piece{s, 3})
	}
	return pieces
}

// writeGGUF writes a GGUF file without tensors: 256 bytes, then pieces, and further
// metadata.
func writeGGUF(t *testing.T, path string, pieces []piece, more map[string]any) string {
	t.Helper()
	w, err := gguf.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	texts := byteAlphabet()
	kinds := make([]int32, 256)
	for i := range kinds {
		kinds[i] = 1
	}
	for _, p := range pieces {
		texts, kinds = append(texts, p.text), append(kinds, p.kind)
	}
	all := map[string]any{
		"general.architecture": "llama", "tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": "gpt-2",
		"tokenizer.ggml.tokens": texts, "tokenizer.ggml.token_type": kinds, "tokenizer.ggml.merges": []string{},
	}
	for key, v := range more {
		all[key] = v
	}
	for key, v := range all {
		var value gguf.Value
		switch v := v.(type) {
		case string:
			value = gguf.ValueOf(v)
		case int:
			value = gguf.ValueOf(int32(v))
		case float64:
			value = gguf.ValueOf(float32(v))
		case []string:
			value = gguf.ArrayOf(v)
		case []int32:
			value = gguf.ArrayOf(v)
		case nil:
			continue
		default:
			t.Fatalf("key %s: %T", key, v)
		}
		if err := w.Put(key, value); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// writeSafetensors writes a file with one tensor.
func writeSafetensors(t *testing.T, path string) {
	t.Helper()
	w, err := safetensors.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	_ = w.Declare("a", safetensors.F32, 2) // the first error stays, and Close returns it
	_ = w.WriteTensor("a", make([]byte, 8))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// write writes a file: a string as it is, other values as JSON.
func write(t *testing.T, folder, name string, v any) {
	t.Helper()
	text, ok := v.(string)
	if !ok {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		text = string(b)
	}
	path := filepath.Join(folder, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// writeTokenizer writes a tokenizer of bytes and of tokens from 256 on, and a chat
// template where there is one.
func writeTokenizer(t *testing.T, folder, template string, tokens ...string) {
	t.Helper()
	vocab := map[string]int{}
	for b, s := range byteAlphabet() {
		vocab[s] = b
	}
	added := []any{}
	for i, s := range tokens {
		added = append(added, map[string]any{"id": 256 + i, "content": s, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": s != "<think>" && s != "</think>"})
	}
	level := map[string]any{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true}
	write(t, folder, "tokenizer.json", map[string]any{
		"version": "1.0", "added_tokens": added, "normalizer": nil, "pre_tokenizer": level, "post_processor": nil, "decoder": level,
		"model": map[string]any{"type": "BPE", "unk_token": nil, "byte_fallback": false, "vocab": vocab, "merges": []any{}},
	})
	config := map[string]any{"add_bos_token": false}
	if len(tokens) > 1 {
		config["bos_token"], config["eos_token"] = tokens[0], tokens[1]
	}
	if template != "" {
		config["chat_template"] = template
	}
	write(t, folder, "tokenizer_config.json", config)
}

// mustOpen opens a path, and closes it with the test.
func mustOpen(t *testing.T, path string) *Checkpoint {
	t.Helper()
	c, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}
