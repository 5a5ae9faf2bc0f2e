package e2e

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"

	"github.com/blitz-r1/blitz/internal/golden/puppet"
)

func openAI() openai.Client {
	return openai.NewClient(option.WithBaseURL(address+"/v1"), option.WithAPIKey("unused"), option.WithMaxRetries(0))
}

func ask(play string) openai.ChatCompletionNewParams {
	return openai.ChatCompletionNewParams{Model: model, Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("play " + play)}}
}

func TestOpenAIChat(t *testing.T) {
	c := openAI()
	r, err := c.Chat.Completions.New(t.Context(), ask("hello"))
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Choices[0]; got.Message.Content != puppet.Text("hello") || got.FinishReason != "stop" || r.Usage.TotalTokens != r.Usage.PromptTokens+r.Usage.CompletionTokens {
		t.Errorf("%+v %+v", got, r.Usage)
	}
}

func TestOpenAIStream(t *testing.T) {
	c := openAI()
	p := ask("count")
	p.StreamOptions.IncludeUsage = openai.Bool(true)
	s := c.Chat.Completions.NewStreaming(t.Context(), p)
	var all openai.ChatCompletionAccumulator
	pieces := 0
	for s.Next() {
		if !all.AddChunk(s.Current()) {
			t.Fatalf("a chunk that does not fit: %s", s.Current().RawJSON())
		}
		pieces++
	}
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	if got := all.Choices[0].Message.Content; got != puppet.Text("count") || pieces < 5 || all.Usage.CompletionTokens == 0 {
		t.Errorf("%q in %d pieces, usage %+v", got, pieces, all.Usage)
	}
}

func weather() []openai.ChatCompletionToolUnionParam {
	return []openai.ChatCompletionToolUnionParam{openai.ChatCompletionFunctionTool(openai.FunctionDefinitionParam{
		Name: "get_weather", Description: openai.String("the weather of a city"), Parameters: city,
	})}
}

func TestOpenAITools(t *testing.T) {
	c := openAI()
	p := ask("tool")
	p.Tools = weather()
	r, err := c.Chat.Completions.New(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	calls := r.Choices[0].Message.ToolCalls
	if len(calls) != 1 || calls[0].Function.Name != "get_weather" || !json.Valid([]byte(calls[0].Function.Arguments)) || r.Choices[0].FinishReason != "tool_calls" {
		t.Fatalf("%+v", r.Choices[0])
	}
	p.Messages = append(p.Messages, r.Choices[0].Message.ToParam(), openai.ToolMessage("18 degrees", calls[0].ID))
	if r, err = c.Chat.Completions.New(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if got := r.Choices[0].Message.Content; strings.TrimSpace(got) != strings.TrimSpace(puppet.Text("after")) {
		t.Errorf("behind the result: %q", got)
	}
}

func TestOpenAISchema(t *testing.T) {
	c := openAI()
	p := ask("hello")
	p.MaxCompletionTokens = openai.Int(300)
	p.ReasoningEffort = "none"
	p.ResponseFormat = openai.ChatCompletionNewParamsResponseFormatUnion{OfJSONSchema: &openai.ResponseFormatJSONSchemaParam{
		JSONSchema: openai.ResponseFormatJSONSchemaJSONSchemaParam{Name: "colour", Strict: openai.Bool(true), Schema: map[string]any{
			"type": "object", "properties": map[string]any{"colour": map[string]any{"enum": []string{"red", "green"}}}, "required": []string{"colour"}, "additionalProperties": false,
		}},
	}}
	r, err := c.Chat.Completions.New(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	var got struct{ Colour string }
	if err := json.Unmarshal([]byte(r.Choices[0].Message.Content), &got); err != nil || got.Colour != "red" && got.Colour != "green" {
		t.Errorf("%q: %v", r.Choices[0].Message.Content, err)
	}
}

func TestOpenAIErrors(t *testing.T) {
	c := openAI()
	for name, p := range map[string]openai.ChatCompletionNewParams{
		"model_not_found": {Model: "nothing", Messages: ask("hello").Messages},
		"":                {Model: model, Messages: ask("hello").Messages, Temperature: openai.Float(99)},
	} {
		_, err := c.Chat.Completions.New(t.Context(), p)
		var e *openai.Error
		if !errors.As(err, &e) || e.Code != name || e.Message == "" || e.StatusCode != map[bool]int{true: 400, false: 404}[name == ""] {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOpenAIResponses(t *testing.T) {
	c := openAI()
	first, err := c.Responses.New(t.Context(), responses.ResponseNewParams{Model: model, Input: responses.ResponseNewParamsInputUnion{OfString: openai.String("play hello")}})
	if err != nil {
		t.Fatal(err)
	}
	if got := first.OutputText(); got != puppet.Text("hello") {
		t.Errorf("%q", got)
	}
	s := c.Responses.NewStreaming(t.Context(), responses.ResponseNewParams{
		Model: model, Input: responses.ResponseNewParamsInputUnion{OfString: openai.String("play count")}, PreviousResponseID: openai.String(first.ID),
	})
	var text strings.Builder
	var last string
	number := int64(0)
	for s.Next() {
		e := s.Current()
		if e.SequenceNumber != number {
			t.Errorf("%s has number %d, want %d", e.Type, e.SequenceNumber, number)
		}
		number++
		if last = e.Type; e.Type == "response.output_text.delta" {
			text.WriteString(e.Delta)
		}
	}
	if err := s.Err(); err != nil || text.String() != puppet.Text("count") || last != "response.completed" {
		t.Errorf("%q, the last event is %s: %v", text.String(), last, err)
	}
	again, err := c.Responses.Get(t.Context(), first.ID, responses.ResponseGetParams{})
	if err != nil || again.OutputText() != first.OutputText() {
		t.Errorf("stored: %v, %v", again, err)
	}
	if err := c.Responses.Delete(t.Context(), first.ID); err != nil {
		t.Error(err)
	}
}

func TestOpenAIEmbeddingsAndModels(t *testing.T) {
	c := openAI()
	e, err := c.Embeddings.New(t.Context(), openai.EmbeddingNewParams{Model: model, Input: openai.EmbeddingNewParamsInputUnion{OfArrayOfStrings: []string{"one", "two"}}})
	if err != nil || len(e.Data) != 2 || len(e.Data[0].Embedding) == 0 {
		t.Errorf("%v, %v", e, err)
	}
	found := false
	page, err := c.Models.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range page.Data {
		found = found || strings.HasPrefix(m.ID, model)
	}
	if !found {
		t.Errorf("models: %+v", page.Data)
	}
}

func TestOpenAIBatch(t *testing.T) {
	c := openAI()
	lines := `{"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "puppet", "messages": [{"role": "user", "content": "play hello"}]}}
{"custom_id": "b", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "puppet", "messages": [{"role": "user", "content": "play count"}]}}
`
	f, err := c.Files.New(t.Context(), openai.FileNewParams{File: openai.File(strings.NewReader(lines), "lines.jsonl", "application/jsonl"), Purpose: "batch"})
	if err != nil {
		t.Fatal(err)
	}
	b, err := c.Batches.New(t.Context(), openai.BatchNewParams{InputFileID: f.ID, Endpoint: "/v1/chat/completions", CompletionWindow: "24h"})
	if err != nil {
		t.Fatal(err)
	}
	for range 600 { // gives up only where it hangs
		if b, err = c.Batches.Get(t.Context(), b.ID); err != nil {
			t.Fatal(err)
		}
		if b.Status == "completed" || b.Status == "failed" {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if b.Status != "completed" || b.RequestCounts.Completed != 2 {
		t.Fatalf("%+v", b)
	}
	r, err := c.Files.Content(t.Context(), b.OutputFileID)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil || strings.Count(string(text), "\n") != 2 || !strings.Contains(string(text), `"custom_id":"a"`) || !strings.Contains(string(text), `"custom_id":"b"`) {
		t.Errorf("%s, %v", text, err)
	}
}
