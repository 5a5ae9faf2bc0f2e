package chat_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/chat"
	"github.com/blitz-r1/blitz/chat/output"
	"github.com/blitz-r1/blitz/jinja"
)

// encoder returns the built-in encoder of DeepSeek-V3.2.
func encoder(t testing.TB) *chat.Template {
	t.Helper()
	e, err := chat.Builtin("DeepSeek-V3.2")
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// answer32 renders an answer and returns what the model wrote of it.
func answer32(t testing.TB, m chat.Message) string {
	t.Helper()
	c := &chat.Chat{Messages: []chat.Message{{Role: "user", Content: jinja.String("q")}}, AddGenerationPrompt: true}
	prompt, err := encoder(t).RenderChat(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	c.Messages = append(c.Messages, m)
	whole, err := encoder(t).RenderChat(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	answer, ok := strings.CutPrefix(whole, prompt)
	if !ok {
		t.Fatalf("%q does not begin with %q", whole, prompt)
	}
	return strings.TrimSuffix(answer, "<｜end▁of▁sentence｜>")
}

// TestDeepSeek32RoundTrip parses what was rendered.
func TestDeepSeek32RoundTrip(t *testing.T) {
	for _, c := range []struct {
		name, reasoning, content string
		calls                    []chat.ToolCall
	}{
		{"answer", "Let me see.", "It is 4 < 5.", nil},
		{"call", "Let me see.", "", []chat.ToolCall{{Name: "f", Arguments: `{"a": "b"}`}}},
		{"answer and calls", "r", "I ask.", []chat.ToolCall{
			{Name: "f", Arguments: `{"s": "two\nlines, </b> \"quotes\" \\ é 中", "n": -1.5e-7, "b": false, "z": null, "l": [1, {"k": "v"}]}`},
			{Name: "g", Arguments: `{}`},
		}},
		{"reasoning about tags", "a <｜DSML｜invoke in passing, <think> too", "a", nil},
	} {
		m := chat.Message{Role: "assistant", ReasoningContent: c.reasoning, Content: jinja.String(c.content), ToolCalls: c.calls}
		text := answer32(t, m)
		got, err := output.Parse("deepseek-v3.2", text, output.Options{Open: true})
		if err != nil {
			t.Fatal(err)
		}
		if s := got.ReasoningContent; s == nil || *s != c.reasoning {
			t.Errorf("%s: reasoning of %q: got %v, want %q", c.name, text, s, c.reasoning)
		}
		if s := got.Content; (s == nil) != (c.content == "") || s != nil && *s != c.content {
			t.Errorf("%s: content of %q: got %v, want %q", c.name, text, s, c.content)
		}
		if len(got.ToolCalls) != len(c.calls) {
			t.Fatalf("%s: calls of %q: got %v, want %v", c.name, text, got.ToolCalls, c.calls)
		}
		for i, call := range got.ToolCalls {
			if call.Name != c.calls[i].Name || !sameJSON(t, call.Arguments, c.calls[i].Arguments) {
				t.Errorf("%s: call %d of %q: got %v, want %v", c.name, i, text, call, c.calls[i])
			}
		}
	}
}

func sameJSON(t testing.TB, a, b string) bool {
	t.Helper()
	var x, y any
	if err := json.Unmarshal([]byte(a), &x); err != nil {
		t.Errorf("%s: %v", a, err)
	}
	if err := json.Unmarshal([]byte(b), &y); err != nil {
		t.Errorf("%s: %v", b, err)
	}
	return reflect.DeepEqual(x, y)
}
