package checkpoint

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/blitz-r1/blitz/chat"
)

// vocabulary writes a GGUF file of an architecture and of names.
func vocabulary(t *testing.T, arch string, names map[string]string, tokens ...string) string {
	t.Helper()
	keys := map[string]any{"general.architecture": arch}
	for key, name := range names {
		keys["general."+key] = name
	}
	return writeGGUF(t, filepath.Join(t.TempDir(), "vocab.gguf"), control(tokens...), keys)
}

func TestTemplateOfRelease(t *testing.T) {
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
		{"deepseek4", "DeepSeek-V4-Flash", r1, "DeepSeek-V4"},
		{"deepseek4", "DeepSeek-V4-Pro-0731", r1, "DeepSeek-V4-0731"},
		{"deepseek4", "DeepSeek-V4-Flash-Base", r1, ""},
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
		checkTemplate(t, c.arch+" "+c.name, vocabulary(t, c.arch, names, c.tokens...), c.want)
	}
	checkTemplate(t, "a name in pieces", vocabulary(t, "qwen2",
		map[string]string{"basename": "DeepSeek-R1-Distill-Qwen", "size_label": "1.5B"}, r1...), "DeepSeek-R1")
	checkTemplate(t, "a base in pieces", vocabulary(t, "deepseek2",
		map[string]string{"name": "DeepSeek V3", "basename": "DeepSeek-V3", "finetune": "Base"}, r1...), "")
}

func checkTemplate(t *testing.T, name, path, want string) {
	t.Helper()
	got, err := mustOpen(t, path).Template()
	switch {
	case want == "" && !errors.Is(err, ErrNoTemplate):
		t.Errorf("%s: got %v, %v, want ErrNoTemplate", name, got, err)
	case want != "" && err != nil:
		t.Errorf("%s: got %v, want that of %s", name, err, want)
	case want != "" && got.Release() != want:
		t.Errorf("%s: got that of %q, want that of %s", name, got.Release(), want)
	}
}

func TestTemplateOfFolder(t *testing.T) {
	for _, c := range []struct {
		name     string
		config   any
		template string
		tokens   []string
		want     string
	}{
		{"V3.2", map[string]any{"model_type": "deepseek_v32"}, "", deepseekTokens, "DeepSeek-V3.2"},
		{"V4", map[string]any{"model_type": "deepseek_v4"}, "", deepseekTokens, "DeepSeek-V4"},
		{"V4 of July", map[string]any{"model_type": "deepseek_v4", "dspark_block_size": 5}, "", deepseekTokens, "DeepSeek-V4-0731"},
		{"another vocabulary", map[string]any{"model_type": "deepseek_v32"}, "", chatMLTokens, ""},
		{"V3 or R1", map[string]any{"model_type": "deepseek_v3", "_name_or_path": "deepseek-ai/DeepSeek-R1"}, "", deepseekTokens, ""},
		{"GLM", map[string]any{"model_type": "glm4_moe_lite"}, "", glmTokens, "GLM-4.7-Flash"},
		{"no type", map[string]any{}, "", deepseekTokens, ""},
	} {
		folder := t.TempDir()
		writeTokenizer(t, folder, c.template, c.tokens...)
		write(t, folder, "config.json", c.config)
		checkTemplate(t, c.name, folder, c.want)
		checkTemplate(t, c.name+", its tokenizer", filepath.Join(folder, "tokenizer.json"), c.want)
	}
	folder := t.TempDir()
	writeTokenizer(t, folder, "", deepseekTokens...)
	checkTemplate(t, "no config.json", folder, "")
	own := t.TempDir()
	writeTokenizer(t, own, "{{ messages[0]['content'] }}", deepseekTokens...)
	write(t, own, "config.json", map[string]any{"model_type": "deepseek_v32"})
	if got, err := mustOpen(t, own).Template(); err != nil || got.Release() != "" || got.Source() != "{{ messages[0]['content'] }}" {
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
