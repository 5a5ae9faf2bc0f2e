package e2e

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"

	"github.com/blitz-r1/blitz/internal/golden/puppet"
)

func claude() anthropic.Client {
	return anthropic.NewClient(option.WithBaseURL(address), option.WithAPIKey("unused"), option.WithMaxRetries(0))
}

func say(play string) anthropic.MessageNewParams {
	return anthropic.MessageNewParams{
		Model: model, MaxTokens: 400, Messages: []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock("play " + play))},
	}
}

// words returns the text of a message.
func words(m *anthropic.Message) string {
	var b strings.Builder
	for _, block := range m.Content {
		b.WriteString(block.Text)
	}
	return b.String()
}

func TestAnthropicMessage(t *testing.T) {
	c := claude()
	m, err := c.Messages.New(t.Context(), say("hello"))
	if err != nil {
		t.Fatal(err)
	}
	if words(m) != puppet.Text("hello") || m.StopReason != "end_turn" || m.Usage.InputTokens == 0 || m.Usage.OutputTokens == 0 {
		t.Errorf("%s", m.RawJSON())
	}
	n, err := c.Messages.CountTokens(t.Context(), anthropic.MessageCountTokensParams{Model: model, Messages: say("hello").Messages})
	if read := m.Usage.InputTokens + m.Usage.CacheReadInputTokens + m.Usage.CacheCreationInputTokens; err != nil || n.InputTokens != read {
		t.Errorf("counted %v, read %d: %v", n, read, err)
	}
}

func TestAnthropicStream(t *testing.T) {
	c := claude()
	s := c.Messages.NewStreaming(t.Context(), say("think"))
	var m anthropic.Message
	for s.Next() {
		if err := m.Accumulate(s.Current()); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	if len(m.Content) != 2 || m.Content[0].Type != "thinking" || m.Content[0].Thinking == "" || m.Content[0].Signature == "" || !strings.Contains(m.Content[1].Text, "nine") {
		t.Errorf("%+v", m.Content)
	}
}

func TestAnthropicTools(t *testing.T) {
	c := claude()
	p := say("tool")
	p.Tools = []anthropic.ToolUnionParam{{OfTool: &anthropic.ToolParam{
		Name: "get_weather", InputSchema: anthropic.ToolInputSchemaParam{Properties: city["properties"], Required: []string{"city"}},
	}}}
	m, err := c.Messages.New(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	call := m.Content[len(m.Content)-1]
	if call.Type != "tool_use" || call.Name != "get_weather" || !json.Valid(call.Input) || m.StopReason != "tool_use" {
		t.Fatalf("%s", m.RawJSON())
	}
	p.Messages = append(p.Messages, m.ToParam(), anthropic.NewUserMessage(anthropic.NewToolResultBlock(call.ID, "18 degrees", false)))
	if m, err = c.Messages.New(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if got := words(m); strings.TrimSpace(got) != strings.TrimSpace(puppet.Text("after")) {
		t.Errorf("behind the result: %q", got)
	}
}

func TestAnthropicStop(t *testing.T) {
	c := claude()
	p := say("stop")
	p.StopSequences = []string{"STOP"}
	m, err := c.Messages.New(t.Context(), p)
	if err != nil || m.StopReason != "stop_sequence" || m.StopSequence != "STOP" || strings.Contains(words(m), "STOP") {
		t.Errorf("%v, %v", m, err)
	}
}

func TestAnthropicErrors(t *testing.T) {
	c := claude()
	p := say("hello")
	p.Model = "nothing"
	_, err := c.Messages.New(t.Context(), p)
	var e *anthropic.Error
	if !errors.As(err, &e) || e.StatusCode != 404 || !strings.Contains(e.RawJSON(), "not_found_error") || e.RequestID == "" {
		t.Errorf("%v", err)
	}
}

func TestAnthropicModels(t *testing.T) {
	c := claude()
	page, err := c.Models.List(t.Context(), anthropic.ModelListParams{})
	if err != nil || len(page.Data) == 0 || !strings.HasPrefix(page.Data[0].ID, model) {
		t.Errorf("%v, %v", page, err)
	}
}
