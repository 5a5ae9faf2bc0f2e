package e2e

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/ollama/ollama/api"

	"github.com/blitz-r1/blitz/internal/golden/puppet"
)

func ollama(t *testing.T) *api.Client {
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return api.NewClient(u, http.DefaultClient)
}

func TestOllamaChat(t *testing.T) {
	c := ollama(t)
	if err := c.Heartbeat(t.Context()); err != nil {
		t.Error(err)
	}
	var text strings.Builder
	pieces := 0
	var last api.ChatResponse
	err := c.Chat(t.Context(), &api.ChatRequest{Model: model, Messages: []api.Message{{Role: "user", Content: "play count"}}}, func(r api.ChatResponse) error {
		text.WriteString(r.Message.Content)
		pieces++
		last = r
		return nil
	})
	if err != nil || text.String() != puppet.Text("count") || pieces < 5 || !last.Done || last.DoneReason != "stop" || last.EvalCount == 0 || last.EvalDuration == 0 {
		t.Errorf("%q in %d pieces, %+v, %v", text.String(), pieces, last, err)
	}
}

func TestOllamaThinkAndFormat(t *testing.T) {
	c := ollama(t)
	var thinking, content strings.Builder
	collect := func(r api.ChatResponse) error {
		thinking.WriteString(r.Message.Thinking)
		content.WriteString(r.Message.Content)
		return nil
	}
	ask := &api.ChatRequest{Model: model, Messages: []api.Message{{Role: "user", Content: "play think"}}, Think: &api.ThinkValue{Value: true}}
	if err := c.Chat(t.Context(), ask, collect); err != nil || thinking.Len() == 0 || !strings.Contains(content.String(), "nine") {
		t.Errorf("%q, %q, %v", thinking.String(), content.String(), err)
	}
	content.Reset()
	ask = &api.ChatRequest{
		Model: model, Messages: []api.Message{{Role: "user", Content: "play hello"}}, Think: &api.ThinkValue{Value: false},
		Format: json.RawMessage(`{"type": "object", "properties": {"x": {"enum": ["a", "b"]}}, "required": ["x"], "additionalProperties": false}`),
	}
	var got struct{ X string }
	if err := c.Chat(t.Context(), ask, collect); err != nil || json.Unmarshal([]byte(content.String()), &got) != nil || got.X != "a" && got.X != "b" {
		t.Errorf("%q, %v", content.String(), err)
	}
}

func TestOllamaTools(t *testing.T) {
	var tools api.Tools
	text, err := json.Marshal([]any{map[string]any{"type": "function", "function": map[string]any{"name": "get_weather", "description": "the weather", "parameters": city}}})
	if err == nil {
		err = json.Unmarshal(text, &tools)
	}
	if err != nil {
		t.Fatal(err)
	}
	var calls []api.ToolCall
	err = ollama(t).Chat(t.Context(), &api.ChatRequest{Model: model, Messages: []api.Message{{Role: "user", Content: "play tool"}}, Tools: tools}, func(r api.ChatResponse) error {
		calls = append(calls, r.Message.ToolCalls...)
		return nil
	})
	if err != nil || len(calls) != 1 || calls[0].Function.Name != "get_weather" {
		t.Errorf("%+v, %v", calls, err)
	}
}

func TestOllamaGenerateAndEmbed(t *testing.T) {
	c := ollama(t)
	var text strings.Builder
	stream := false
	err := c.Generate(t.Context(), &api.GenerateRequest{Model: model, Prompt: "play hello", Stream: &stream}, func(r api.GenerateResponse) error {
		text.WriteString(r.Response)
		return nil
	})
	if err != nil || text.String() != puppet.Text("hello") {
		t.Errorf("%q, %v", text.String(), err)
	}
	e, err := c.Embed(t.Context(), &api.EmbedRequest{Model: model, Input: []string{"one", "two"}})
	if err != nil || len(e.Embeddings) != 2 {
		t.Errorf("%v, %v", e, err)
	}
}

func TestOllamaModels(t *testing.T) {
	c := ollama(t)
	list, err := c.List(t.Context())
	if err != nil || len(list.Models) != 1 || list.Models[0].Name != model+":latest" {
		t.Errorf("%+v, %v", list, err)
	}
	show, err := c.Show(t.Context(), &api.ShowRequest{Model: model})
	if err != nil || show.Details.Family != "llama" || show.Template == "" {
		t.Errorf("%+v, %v", show, err)
	}
	if v, err := c.Version(t.Context()); err != nil || !strings.Contains(v, ".") {
		t.Errorf("version %q, %v", v, err)
	}
	running, err := c.ListRunning(t.Context())
	if err != nil || len(running.Models) != 1 {
		t.Errorf("%+v, %v", running, err)
	}
	_, err = c.Show(t.Context(), &api.ShowRequest{Model: "nothing"})
	var status api.StatusError
	if !errors.As(err, &status) || status.StatusCode != 404 || !strings.Contains(status.ErrorMessage, "not found") {
		t.Errorf("an unknown model: %v", err)
	}
}
