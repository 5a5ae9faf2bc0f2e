package chat

import (
	"embed"
	"errors"
	"fmt"
	"strings"
)

// ErrUnknownRelease is in the chain when Builtin is asked for a release that it
// does not know.
var ErrUnknownRelease = errors.New("no built-in template")

//go:embed builtin/*.jinja
var builtinSources embed.FS

// releases are the names of the built-in templates, and the files of those that
// are templates. DeepSeek-V3.2 and V4 publish programs that write prompts in place of
// a template, and so does this package: see deepseek32.go and deepseek4.go.
var releases = []struct{ name, file string }{
	{"DeepSeek-V2", "deepseek-v2"}, // DeepSeek LLM, V2-Lite and Coder-V2, too
	{"DeepSeek-V2.5", "deepseek-v2.5"},
	{"DeepSeek-V3", "deepseek-v3"}, // V3-0324, too
	{"DeepSeek-R1", "deepseek-r1"}, // the distilled models, too
	{"DeepSeek-R1-0528", "deepseek-r1-0528"},
	{"DeepSeek-V3.1", "deepseek-v3.1"},
	{"DeepSeek-V3.2", ""},
	{"DeepSeek-V4", ""},
	{"DeepSeek-V4-0731", ""},
	{"Qwen2", "qwen2"},
	{"Qwen2.5", "qwen2.5"},
	{"QwQ", "qwq"},
	{"Qwen3", "qwen3"},
	{"Llama-3", "llama-3"},
	{"Llama-3.1", "llama-3.1"}, // 3.3, too
	{"Llama-3.2", "llama-3.2"},
	{"Gemma-3", "gemma-3"},
	{"GLM-4.7-Flash", "glm-4.7-flash"},
	{"Kimi-K2", "kimi-k2"},
	{"Kimi-K2-Thinking", "kimi-k2-thinking"},
	{"Moonlight", "moonlight"},
}

// Builtins lists the releases that Builtin knows.
func Builtins() []string {
	names := make([]string, len(releases))
	for i, r := range releases {
		names[i] = r.name
	}
	return names
}

// Builtin returns the template of a release, one of Builtins, for files of its
// models that carry none. They are as published, but for the blanks that V2.5's
// writes before a prompt; those of DeepSeek-V3.2 and V4 follow the published encoders. The
// error is ErrUnknownRelease.
func Builtin(release string) (*Template, error) {
	for _, r := range releases {
		switch {
		case r.name != release:
			continue
		case r.file == "":
			encode := encodeDeepSeek32
			if _, is4 := deepseek4Efforts[r.name]; is4 {
				encode = encodeDeepSeek4(r.name)
			}
			return &Template{release: r.name, encode: encode}, nil
		}
		source, err := builtinSources.ReadFile("builtin/" + r.file + ".jinja")
		if err != nil {
			return nil, fmt.Errorf("chat: %w", err)
		}
		t, err := NewTemplate(string(source))
		if err != nil {
			return nil, err
		}
		t.release = r.name
		return t, nil
	}
	return nil, fmt.Errorf("chat: %w of %q, want one of %s", ErrUnknownRelease, release, strings.Join(Builtins(), ", "))
}
