package chat_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/chat"
	"github.com/blitz-r1/blitz/chat/output"
	"github.com/blitz-r1/blitz/jinja"
)

// TestBuiltin renders a question with every built-in template: how its prompt ends,
// whether the model thinks then, and how it will write.
func TestBuiltin(t *testing.T) {
	for _, c := range []struct {
		release, format    string
		begin, end         string // of the prompt
		open               bool   // it ends inside reasoning
		openThinking, shut bool   // the same with --think=on and --think=off
	}{
		{"DeepSeek-V2", "", "<BOS>S\n\nUser: Q\n\n", "Assistant:", false, false, false},
		{"DeepSeek-V2.5", "deepseek-r1-0528", "<BOS>S<｜User｜>Q", "<｜Assistant｜>", false, false, false},
		{"DeepSeek-V3", "deepseek-r1-0528", "<BOS>S<｜User｜>Q", "<｜Assistant｜>", false, false, false},
		{"DeepSeek-R1", "deepseek-r1", "<BOS>S<｜User｜>Q", "<｜Assistant｜><think>\n", true, true, true},
		{"DeepSeek-R1-0528", "deepseek-r1-0528", "<BOS>S<｜User｜>Q", "<｜Assistant｜>", false, false, false},
		{"DeepSeek-V3.1", "deepseek-v3.1", "<BOS>S<｜User｜>Q", "<｜Assistant｜></think>", false, true, false},
		{"DeepSeek-V3.2", "deepseek-v3.2", "<｜begin▁of▁sentence｜>" + "S<｜User｜>Q", "<｜Assistant｜><think>", true, true, false},
		{"DeepSeek-V4", "deepseek-v4", "<｜begin▁of▁sentence｜>" + "S<｜User｜>Q", "<｜Assistant｜></think>", false, true, false},
		{"DeepSeek-V4-0731", "deepseek-v4", "<｜begin▁of▁sentence｜>" + "S<｜User｜>Q", "<｜Assistant｜></think>", false, true, false},
		{"Qwen2", "", "<|im_start|>system\nS<|im_end|>\n", "<|im_start|>assistant\n", false, false, false},
		{"Qwen2.5", "hermes", "<|im_start|>system\nS<|im_end|>\n", "<|im_start|>assistant\n", false, false, false},
		{"QwQ", "qwq", "<|im_start|>system\nS<|im_end|>\n", "<|im_start|>assistant\n<think>\n", true, true, true},
		{"Qwen3", "qwen3", "<|im_start|>system\nS<|im_end|>\n", "<|im_start|>assistant\n", false, false, false},
		{"Llama-3", "", "<BOS><|start_header_id|>system<|end_header_id|>\n\nS<|eot_id|>", "assistant<|end_header_id|>\n\n", false, false, false},
		{"Llama-3.1", "llama-3.1", "<BOS><|start_header_id|>system", "assistant<|end_header_id|>\n\n", false, false, false},
		{"Llama-3.2", "llama-3.1", "<BOS><|start_header_id|>system", "assistant<|end_header_id|>\n\n", false, false, false},
		{"Gemma-3", "", "<BOS><start_of_turn>user\nS\n\nQ<end_of_turn>\n", "<start_of_turn>model\n", false, false, false},
		{"GLM-4.7-Flash", "glm-4.7", "[gMASK]<sop><|system|>S<|user|>Q", "<|assistant|><think>", true, true, false},
		{"Kimi-K2", "kimi-k2", "<|im_system|>system<|im_middle|>S<|im_end|>", "<|im_assistant|>assistant<|im_middle|>", false, false, false},
		{"Kimi-K2-Thinking", "kimi-k2", "<|im_system|>system<|im_middle|>S<|im_end|>", "<|im_assistant|>assistant<|im_middle|>", false, false, false},
		{"Moonlight", "", "<|im_system|>system<|im_middle|>S<|im_end|><|im_user|>user<|im_middle|>Q<|im_end|>", "<|im_assistant|>assistant<|im_middle|>", false, false, false},
	} {
		b, err := chat.Builtin(c.release)
		if err != nil {
			t.Errorf("%s: %v", c.release, err)
			continue
		}
		if b.Release() != c.release || output.FormatOf(b) != c.format || b.Source() == "" {
			t.Errorf("%s: release %q, format %q, source %.20q, want format %q", c.release, b.Release(), output.FormatOf(b), b.Source(), c.format)
		}
		render := func(variables map[string]bool) string {
			d := &jinja.Dict{}
			d.Set("bos_token", jinja.String("<BOS>"))
			d.Set("eos_token", jinja.String("<EOS>"))
			for k, v := range variables {
				d.Set(k, jinja.Bool(v))
			}
			text, err := b.RenderChat(t.Context(), &chat.Chat{
				Messages:            []chat.Message{{Role: "system", Content: jinja.String("S")}, {Role: "user", Content: jinja.String("Q")}},
				AddGenerationPrompt: true, Variables: d,
			})
			if err != nil {
				t.Errorf("%s: %v", c.release, err)
			}
			return text
		}
		text := render(nil)
		if !strings.HasPrefix(text, c.begin) || !strings.HasSuffix(text, c.end) || output.OpensReasoning(text) != c.open {
			t.Errorf("%s: got %q, open %v, want %q … %q, open %v", c.release, text, output.OpensReasoning(text), c.begin, c.end, c.open)
		}
		for on, want := range map[bool]bool{true: c.openThinking, false: c.shut} {
			text := render(map[string]bool{"thinking": on, "enable_thinking": on})
			if output.OpensReasoning(text) != want {
				t.Errorf("%s: thinking %v: %q opens reasoning: got %v, want %v", c.release, on, text, output.OpensReasoning(text), want)
			}
		}
	}
}

// TestBuiltinNames: every name has its template, and others have none.
func TestBuiltinNames(t *testing.T) {
	for _, name := range chat.Builtins() {
		if b, err := chat.Builtin(name); err != nil || b.Release() != name {
			t.Errorf("%s: got %v, %v", name, b, err)
		}
	}
	if _, err := chat.Builtin("DeepSeek-V9"); !errors.Is(err, chat.ErrUnknownRelease) || !strings.Contains(err.Error(), "DeepSeek-V3.2") {
		t.Errorf("DeepSeek-V9: got %v, want chat.ErrUnknownRelease and the names", err)
	}
	own, err := chat.NewTemplate("{{ messages }}")
	if err != nil || own.Release() != "" || output.FormatOf(own) != "" || own.Reasons() {
		t.Errorf("a template of a file: got release %q, format %q, %v", own.Release(), output.FormatOf(own), err)
	}
}
