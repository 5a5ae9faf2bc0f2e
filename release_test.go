package blitz

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/blitz-r1/blitz/chat"
	"github.com/blitz-r1/blitz/gguf"
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

// writeVocabulary writes a GGUF file without tensors: 256 bytes, then the tokens.
func writeVocabulary(t *testing.T, arch string, names map[string]string, tokens ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "vocab.gguf")
	w, err := gguf.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	pieces := append(byteAlphabet(), tokens...)
	kinds := make([]int32, len(pieces))
	for i := range kinds {
		kinds[i] = 1
		if i >= 256 {
			kinds[i] = 3
		}
	}
	all := []gguf.KeyValue{
		{Key: "general.architecture", Value: gguf.ValueOf(arch)},
		{Key: "tokenizer.ggml.model", Value: gguf.ValueOf("gpt2")},
		{Key: "tokenizer.ggml.pre", Value: gguf.ValueOf("gpt-2")},
		{Key: "tokenizer.ggml.tokens", Value: gguf.ArrayOf(pieces)},
		{Key: "tokenizer.ggml.token_type", Value: gguf.ArrayOf(kinds)},
		{Key: "tokenizer.ggml.merges", Value: gguf.ArrayOf([]string{})},
	}
	for key, name := range names {
		all = append(all, gguf.KeyValue{Key: "general." + key, Value: gguf.ValueOf(name)})
	}
	for _, kv := range all {
		if err := w.Put(kv.Key, kv.Value); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFindTemplate(t *testing.T) {
	r1 := append(deepseekTokens[:4:4], "<think>", "</think>")
	qwen3 := append(chatMLTokens[:2:2], "<think>", "</think>")
	for _, c := range []struct {
		arch, name string
		tokens     []string
		want       string // "": none
	}{
		{"deepseek32", "", r1, "DeepSeek-V3.2"},
		{"deepseek32", "DeepSeek V3.2", r1, "DeepSeek-V3.2"},
		{"deepseek32", "DeepSeek-V3.2-Speciale", deepseekTokens, "DeepSeek-V3.2"},
		{"deepseek2", "DeepSeek V3.2", r1, "DeepSeek-V3.2"},
		{"deepseek32", "DeepSeek V3.2 Exp", r1, ""},
		{"deepseek32", "DeepSeek-V3.2-Base", r1, ""},
		{"deepseek32", "DeepSeek V3.2", []string{"<｜User｜>"}, ""},
		{"deepseek2", "DeepSeek V3.1", r1, "DeepSeek-V3.1"},
		{"deepseek2", "DeepSeek-V3.1-Terminus", r1, "DeepSeek-V3.1"},
		{"deepseek2", "DeepSeek-V3.1", deepseekTokens, ""},
		{"deepseek2", "DeepSeek-V3.1-Base", r1, ""},
		{"deepseek2", "DeepSeek R1", r1, "DeepSeek-R1"},
		{"deepseek2", "DeepSeek R1 BF16", r1, "DeepSeek-R1"},
		{"deepseek2", "DeepSeek R1 Zero", r1, ""},
		{"deepseek2", "Deepseek-R1-0528", r1, "DeepSeek-R1-0528"},
		{"qwen2", "DeepSeek R1 Distill Qwen 1.5B", r1, "DeepSeek-R1"},
		{"llama", "DeepSeek-R1-Distill-Llama-8B", r1, "DeepSeek-R1"},
		{"qwen3", "DeepSeek R1 0528 Qwen3 8B", r1, "DeepSeek-R1-0528"},
		{"qwen2", "DeepSeek R1 Distill Qwen 1.5B", chatMLTokens, ""},
		{"deepseek2", "DeepSeek V3", deepseekTokens, "DeepSeek-V3"},
		{"deepseek2", "DeepSeek-V3-0324", deepseekTokens, "DeepSeek-V3"},
		{"deepseek2", "DeepSeek V3 Base", deepseekTokens, ""},
		{"deepseek2", "DeepSeek-V2.5", deepseekTokens, "DeepSeek-V2.5"},
		{"deepseek2", "DeepSeek-V2-Lite-Chat", deepseekTokens[:2], "DeepSeek-V2"},
		{"deepseek2", "DeepSeek-V2-Lite", deepseekTokens[:2], ""},
		{"deepseek2", "DeepSeek-Coder-V2-Lite-Instruct", deepseekTokens[:2], "DeepSeek-V2"},
		{"deepseek2", "DeepSeek-Coder-V2-Lite-Base", deepseekTokens[:2], ""},
		{"deepseek2", "DeepSeek-V2-Chat-0628", deepseekTokens, ""},
		{"llama", "deepseek-llm-7b-chat", deepseekTokens[:2], "DeepSeek-V2"},
		{"llama", "deepseek-llm-7b-base", deepseekTokens[:2], ""},
		{"deepseek2", "", r1, ""},
		{"deepseek2", "some finetune", r1, ""},
		{"qwen2", "Qwen2 0.5B Instruct", chatMLTokens, "Qwen2"},
		{"qwen2", "Qwen2.5 7B Instruct", chatMLTokens, "Qwen2.5"},
		{"qwen2", "Qwen2.5 7B", chatMLTokens, ""},
		{"qwen2", "Qwen2.5 Math 7B Instruct", chatMLTokens, ""},
		{"qwen2", "QwQ 32B", chatMLTokens, "QwQ"},
		{"qwen2", "QwQ 32B Preview", chatMLTokens, ""},
		{"qwen3", "Qwen3 0.6B", qwen3, "Qwen3"},
		{"qwen3moe", "Qwen3 30B A3B", qwen3, "Qwen3"},
		{"qwen3moe", "Qwen3 30B A3B Instruct 2507", qwen3, ""},
		{"qwen3", "Qwen3 0.6B Base", qwen3, ""},
		{"llama", "Meta Llama 3 8B Instruct", llamaTokens, "Llama-3"},
		{"llama", "Meta Llama 3.1 8B Instruct", llamaTokens, "Llama-3.1"},
		{"llama", "Llama 3.3 70B Instruct", llamaTokens, "Llama-3.1"},
		{"llama", "Llama 3.2 1B Instruct", llamaTokens, "Llama-3.2"},
		{"llama", "Llama 3.2 1B", llamaTokens, ""},
		{"gemma3", "Gemma 3 270m It", []string{"<start_of_turn>", "<end_of_turn>"}, "Gemma-3"},
		{"gemma3", "Gemma-3-4b-Pt", []string{"<start_of_turn>", "<end_of_turn>"}, ""},
		{"deepseek2", "GLM 4.7 Flash", glmTokens, "GLM-4.7-Flash"},
		{"deepseek2", "Kimi K2 Instruct 0905", kimiTokens, "Kimi-K2"},
		{"deepseek2", "Kimi-K2-Thinking", kimiTokens, "Kimi-K2-Thinking"},
		{"deepseek2", "Kimi K2 Base", kimiTokens, ""},
		{"deepseek2", "Moonlight 16B A3B Instruct", kimiTokens, "Moonlight"},
	} {
		names := map[string]string{}
		if c.name != "" {
			names["name"] = c.name
		}
		checkTemplate(t, c.arch+" "+c.name, writeVocabulary(t, c.arch, names, c.tokens...), c.want)
	}
	checkTemplate(t, "a name in pieces", writeVocabulary(t, "qwen2",
		map[string]string{"basename": "DeepSeek-R1-Distill-Qwen", "size_label": "1.5B"}, r1...), "DeepSeek-R1")
	checkTemplate(t, "a base in pieces", writeVocabulary(t, "deepseek2",
		map[string]string{"name": "DeepSeek V3", "basename": "DeepSeek-V3", "finetune": "Base"}, r1...), "")
}

func checkTemplate(t *testing.T, name, path, want string) {
	t.Helper()
	tokens, err := OpenTokenizer(path)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	got, err := FindTemplate(path, tokens)
	switch {
	case want == "" && !errors.Is(err, ErrNoTemplate):
		t.Errorf("%s: got %v, %v, want ErrNoTemplate", name, got, err)
	case want != "" && err != nil:
		t.Errorf("%s: got %v, want that of %s", name, err, want)
	case want != "" && got.Release() != want:
		t.Errorf("%s: got that of %q, want that of %s", name, got.Release(), want)
	}
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

func TestFindTemplateFolder(t *testing.T) {
	for _, c := range []struct {
		name     string
		config   any
		template string
		tokens   []string
		want     string
	}{
		{"V3.2", map[string]any{"model_type": "deepseek_v32"}, "", deepseekTokens, "DeepSeek-V3.2"},
		{"another vocabulary", map[string]any{"model_type": "deepseek_v32"}, "", chatMLTokens, ""},
		{"V3 or R1", map[string]any{"model_type": "deepseek_v3", "_name_or_path": "deepseek-ai/DeepSeek-R1"}, "", deepseekTokens, ""},
		{"GLM", map[string]any{"model_type": "glm4_moe_lite"}, "", glmTokens, "GLM-4.7-Flash"},
		{"no type", map[string]any{}, "", deepseekTokens, ""},
	} {
		folder := t.TempDir()
		writeTokenizer(t, folder, c.template, c.tokens...)
		writeJSON(t, folder, "config.json", c.config)
		checkTemplate(t, c.name, folder, c.want)
		checkTemplate(t, c.name+", its tokenizer", filepath.Join(folder, "tokenizer.json"), c.want)
	}
	folder := t.TempDir()
	writeTokenizer(t, folder, "", deepseekTokens...)
	checkTemplate(t, "no config.json", folder, "")
	own := t.TempDir()
	writeTokenizer(t, own, "{{ messages[0]['content'] }}", deepseekTokens...)
	writeJSON(t, own, "config.json", map[string]any{"model_type": "deepseek_v32"})
	tokens, err := OpenTokenizer(own)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := FindTemplate(own, tokens); err != nil || got.Release() != "" || got.Source() != "{{ messages[0]['content'] }}" {
		t.Errorf("a template of its own: got %v, %v", got, err)
	}
}

// TestBuiltinNamesKnown: every template that a release names is there.
func TestBuiltinNamesKnown(t *testing.T) {
	for _, r := range releases {
		if _, err := chat.Builtin(r.template); err != nil {
			t.Error(err)
		}
	}
}
