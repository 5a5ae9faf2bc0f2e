package main

import (
	"encoding/json"
	"fmt"
)

// pointing is what a tool is pointed at.
type pointing struct {
	url   string // of the server, without a path
	model string
	key   string // a stand-in where the owner needs none: tools want some
	ctx   int    // positions that the model has; 0: unknown
}

// setup is how a tool is started.
type setup struct {
	argv []string
	env  []string // NAME=VALUE
	file *settingsFile
}

// tool is a program that blitz launch knows.
type tool struct {
	name    string
	program string // on the PATH
	what    string
	install string // where it comes from
	point   func(p *pointing) setup
}

// tools are those that launch knows, in the order of their names. What their settings
// are called is from their documentation, as of November 2026.
var tools = []tool{
	{"aider", "aider", "pair programming in the terminal", "https://aider.chat", pointAider},
	{"claude", "claude", "Claude Code", "https://claude.com/claude-code", pointClaude},
	{"codex", "codex", "OpenAI Codex", "https://github.com/openai/codex", pointCodex},
	{"crush", "crush", "coding agent of Charm", "https://github.com/charmbracelet/crush", pointCrush},
	{"goose", "goose", "agent of Block", "https://block.github.io/goose", pointGoose},
	{"opencode", "opencode", "coding agent in the terminal", "https://opencode.ai", pointOpencode},
	{"zed", "zed", "editor", "https://zed.dev", pointZed},
}

func pointAider(p *pointing) setup {
	return setup{
		argv: []string{"--model", "openai/" + p.model},
		env:  []string{"OPENAI_API_BASE=" + p.url + "/v1", "OPENAI_API_KEY=" + p.key},
	}
}

// Claude Code asks several models, by how hard the work is.
func pointClaude(p *pointing) setup {
	return setup{env: []string{
		"ANTHROPIC_BASE_URL=" + p.url, "ANTHROPIC_AUTH_TOKEN=" + p.key, "ANTHROPIC_API_KEY=",
		"ANTHROPIC_MODEL=" + p.model, "ANTHROPIC_DEFAULT_OPUS_MODEL=" + p.model, "ANTHROPIC_DEFAULT_SONNET_MODEL=" + p.model,
		"ANTHROPIC_DEFAULT_HAIKU_MODEL=" + p.model, "CLAUDE_CODE_SUBAGENT_MODEL=" + p.model,
		"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1",
	}}
}

func pointCodex(p *pointing) setup {
	return setup{
		argv: []string{
			"-c", `model_provider="blitz"`,
			"-c", fmt.Sprintf(`model_providers.blitz={name="Blitz", base_url=%q, env_key="BLITZ_KEY", wire_api="responses"}`, p.url+"/v1"),
			"-c", `web_search="disabled"`, // the server has no such tool
			"-m", p.model,
		},
		env: []string{"BLITZ_KEY=" + p.key},
	}
}

// Crush looks for a provider of this kind in its environment.
func pointCrush(p *pointing) setup {
	return setup{env: []string{"OPENAI_API_ENDPOINT=" + p.url + "/v1", "OPENAI_API_KEY=" + p.key, "CRUSH_DISABLE_METRICS=1"}}
}

func pointGoose(p *pointing) setup {
	return setup{
		argv: []string{"session"},
		env:  []string{"GOOSE_PROVIDER=openai", "GOOSE_MODEL=" + p.model, "OPENAI_HOST=" + p.url, "OPENAI_API_KEY=" + p.key},
	}
}

func pointOpencode(p *pointing) setup {
	config := map[string]any{
		"provider": map[string]any{"blitz": map[string]any{
			"npm": "@ai-sdk/openai-compatible", "name": "Blitz",
			"options": map[string]any{"baseURL": p.url + "/v1", "apiKey": p.key},
			"models":  map[string]any{p.model: map[string]any{"name": p.model}},
		}},
		"model": "blitz/" + p.model, "small_model": "blitz/" + p.model,
	}
	text, err := json.Marshal(config)
	if err != nil {
		panic(err) // strings only
	}
	return setup{env: []string{"OPENCODE_CONFIG_CONTENT=" + string(text)}}
}

// Zed has no settings but its file. It speaks to a server of Ollama's kind.
func pointZed(p *pointing) setup {
	model := map[string]any{"name": p.model, "display_name": p.model}
	if p.ctx > 0 {
		model["max_tokens"] = p.ctx
	}
	return setup{file: &settingsFile{
		path: []string{"zed", "settings.json"},
		merge: map[string]any{
			"language_models": map[string]any{"ollama": map[string]any{"api_url": p.url, "available_models": []any{model}}},
			"agent":           map[string]any{"default_model": map[string]any{"provider": "ollama", "model": p.model}},
		},
	}}
}
