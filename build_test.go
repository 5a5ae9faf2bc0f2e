package blitz

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
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

// writeJSON writes a file of a folder.
func writeJSON(t *testing.T, folder, name string, v any) {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name), b, 0o644); err != nil {
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
	writeJSON(t, folder, "tokenizer.json", map[string]any{
		"version": "1.0", "added_tokens": added, "normalizer": nil, "pre_tokenizer": level, "post_processor": nil, "decoder": level,
		"model": map[string]any{"type": "BPE", "unk_token": nil, "byte_fallback": false, "vocab": vocab, "merges": []any{}},
	})
	config := map[string]any{"bos_token": tokens[0], "eos_token": tokens[1], "add_bos_token": false}
	if template != "" {
		config["chat_template"] = template
	}
	writeJSON(t, folder, "tokenizer_config.json", config)
}
