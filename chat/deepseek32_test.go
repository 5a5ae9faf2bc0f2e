package chat

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/jinja"
)

// encoder32 returns the built-in encoder of DeepSeek-V3.2.
func encoder32(t testing.TB) *Template {
	t.Helper()
	e, err := Builtin("DeepSeek-V3.2")
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// variablesOf reads the variables of a template from JSON.
func variablesOf(t testing.TB, text string) *jinja.Dict {
	t.Helper()
	v, err := jinja.ParseJSON([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	d, ok := v.Dict()
	if !ok {
		t.Fatalf("%s: no object", text)
	}
	return d
}

// TestDeepSeek32Published renders the test input that is published with the model.
func TestDeepSeek32Published(t *testing.T) {
	input, err := os.ReadFile("testdata/deepseek32/published.json")
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("testdata/deepseek32/published.txt")
	if err != nil {
		t.Fatal(err)
	}
	got, err := encoder32(t).Render(t.Context(), variablesOf(t, string(input)))
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.TrimSuffix(string(want), "\n"); got != want {
		i := 0
		for i < min(len(got), len(want)) && got[i] == want[i] {
			i++
		}
		t.Fatalf("byte %d: got %.80q, want %.80q", i, got[i:], want[i:])
	}
}

const (
	tool32 = `{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "é": [1, 2.50]}}}`
	user32 = `{"role": "user", "content": "q"}`
	call32 = `{"role": "assistant", "content": "c", "reasoning_content": "r", "tool_calls": [{"type": "function", "function": {"name": "f", "arguments": {"s": "a <b> \"c\"\n", "n": 1.0, "l": [true, null, "é"]}}}, {"function": {"name": "g", "arguments": "{}"}}]}`
	back32 = `{"role": "tool", "content": "one"}, {"role": "tool", "content": [{"type": "text", "text": "t"}, "wo"]}`
)

// calls32 is what call32 becomes.
const calls32 = "\n\n<｜DSML｜function_calls>\n<｜DSML｜invoke name=\"f\">\n" +
	"<｜DSML｜parameter name=\"s\" string=\"true\">a <b> \"c\"\n</｜DSML｜parameter>\n" +
	"<｜DSML｜parameter name=\"n\" string=\"false\">1.0</｜DSML｜parameter>\n" +
	"<｜DSML｜parameter name=\"l\" string=\"false\">[true, null, \"é\"]</｜DSML｜parameter>\n</｜DSML｜invoke>\n" +
	"<｜DSML｜invoke name=\"g\">\n\n</｜DSML｜invoke>\n</｜DSML｜function_calls><｜end▁of▁sentence｜>"

// tools32 is what tool32 becomes.
const tools32 = deepseekToolsHead + `{"name": "f", "parameters": {"type": "object", "é": [1, 2.5]}}` + deepseekToolsTail

func TestDeepSeek32(t *testing.T) {
	const bos, eos = deepseekBOS, deepseekEOS
	for _, c := range []struct{ name, input, want string }{
		{"the model thinks", `{"messages": [` + user32 + `]}`, bos + "<｜User｜>q<｜Assistant｜><think>"},
		{"thinking_mode", `{"messages": [` + user32 + `], "thinking_mode": "chat"}`, bos + "<｜User｜>q<｜Assistant｜></think>"},
		{
			"thinking_mode counts before thinking", `{"messages": [` + user32 + `], "thinking_mode": "thinking", "thinking": false}`,
			bos + "<｜User｜>q<｜Assistant｜><think>",
		},
		{"thinking", `{"messages": [` + user32 + `], "thinking": false}`, bos + "<｜User｜>q<｜Assistant｜></think>"},
		{"enable_thinking", `{"messages": [` + user32 + `], "enable_thinking": false}`, bos + "<｜User｜>q<｜Assistant｜></think>"},
		{"no turn of the model", `{"messages": [` + user32 + `], "add_generation_prompt": false}`, bos + "<｜User｜>q"},
		{"no BOS", `{"messages": [` + user32 + `], "add_default_bos_token": false}`, "<｜User｜>q<｜Assistant｜><think>"},
		{"nothing", `{"messages": []}`, bos},
		{"no messages", `{}`, bos},
		{
			"system", `{"messages": [{"role": "system", "content": "s"}, ` + user32 + `]}`,
			bos + "s<｜User｜>q<｜Assistant｜><think>",
		},
		{
			"tools of the conversation", `{"messages": [{"role": "system", "content": "s"}, ` + user32 + `], "tools": [` + tool32 + `]}`,
			bos + "s\n\n" + tools32 + "<｜User｜>q<｜Assistant｜><think>",
		},
		{
			"tools without a system message", `{"messages": [` + user32 + `], "tools": [` + tool32 + `]}`,
			bos + "\n\n" + tools32 + "<｜User｜>q<｜Assistant｜><think>",
		},
		{
			"tools of the message", `{"messages": [{"role": "system", "tools": [` + tool32 + `]}, ` + user32 + `], "tools": []}`,
			bos + "\n\n" + tools32 + "<｜User｜>q<｜Assistant｜><think>",
		},
		{
			"tools of both", `{"messages": [{"role": "system", "tools": [{"function": 1}]}, ` + user32 + `], "tools": [` + tool32 + `]}`,
			bos + "\n\n" + tools32 + "<｜User｜>q<｜Assistant｜><think>",
		},
		{
			"response format", `{"messages": [{"role": "system", "content": "s", "tools": [` + tool32 + `]}, ` + user32 + `], "response_format": {"a": "é"}}`,
			bos + "s\n\n" + tools32 + "\n\n" + deepseekSchemaHead + `{"a": "é"}` + "<｜User｜>q<｜Assistant｜><think>",
		},
		{
			"developer", `{"messages": [{"role": "developer", "content": "d", "tools": [` + tool32 + `], "response_format": {}}]}`,
			bos + "<｜User｜>\n\n" + tools32 + "\n\n# The user's message is: d<｜Assistant｜><think>",
		},
		{
			"an earlier developer", `{"messages": [{"role": "developer", "content": "d"}, {"role": "assistant", "content": "a", "reasoning_content": "r"}, ` + user32 + `]}`,
			bos + "<｜User｜>\n\n# The user's message is: d<｜Assistant｜></think>a" + eos + "<｜User｜>q<｜Assistant｜><think>",
		},
		{
			"earlier reasoning is dropped", `{"messages": [` + user32 + `, {"role": "assistant", "content": "a", "reasoning_content": "r"}, ` + user32 + `], "drop_thinking": false}`,
			bos + "<｜User｜>q<｜Assistant｜></think>a" + eos + "<｜User｜>q<｜Assistant｜><think>",
		},
		{
			"reasoning of the turn", `{"messages": [` + user32 + `, {"role": "assistant", "content": "a", "reasoning_content": "r"}]}`,
			bos + "<｜User｜>q<｜Assistant｜><think>r</think>a" + eos,
		},
		{
			"no reasoning in chat", `{"messages": [` + user32 + `, {"role": "assistant", "content": "a", "reasoning_content": "r"}], "thinking": false}`,
			bos + "<｜User｜>q<｜Assistant｜></think>a" + eos,
		},
		{
			"calls and their results", `{"messages": [` + user32 + `, ` + call32 + `, ` + back32 + `]}`,
			bos + "<｜User｜>q<｜Assistant｜><think>r</think>c" + calls32 +
				"\n\n<function_results>\n<result>one</result>\n<result>two</result>\n</function_results>\n\n<think>",
		},
		{
			"results in chat", `{"messages": [` + user32 + `, ` + call32 + `, ` + back32 + `], "thinking": false}`,
			bos + "<｜User｜>q<｜Assistant｜></think>c" + calls32 +
				"\n\n<function_results>\n<result>one</result>\n<result>two</result>\n</function_results>\n\n</think>",
		},
		{
			"results before the last question", `{"messages": [` + user32 + `, ` + call32 + `, ` + back32 + `, {"role": "assistant", "content": "a"}, ` + user32 + `]}`,
			bos + "<｜User｜>q<｜Assistant｜></think>c" + calls32 +
				"\n\n<function_results>\n<result>one</result>\n<result>two</result>\n</function_results>\n\n</think>a" + eos +
				"<｜User｜>q<｜Assistant｜><think>",
		},
		{
			"one result of two", `{"messages": [` + user32 + `, ` + call32 + `, {"role": "tool", "content": "one"}]}`,
			bos + "<｜User｜>q<｜Assistant｜><think>r</think>c" + calls32 + "\n\n<function_results>\n<result>one</result>",
		},
	} {
		got, err := encoder32(t).Render(t.Context(), variablesOf(t, c.input))
		if err != nil || got != c.want {
			t.Errorf("%s: got %q, %v, want %q", c.name, got, err, c.want)
		}
	}
}

func TestDeepSeek32Refuses(t *testing.T) {
	message := func(m string) string { return `{"messages": [` + user32 + `, ` + m + `]}` }
	for _, c := range []struct{ input, want string }{
		{`{"messages": {"a": 1}}`, "messages is dict, want a list"},
		{`{"messages": [1]}`, "messages[0] is int, want an object"},
		{`{"messages": [` + user32 + `], "thinking_mode": "deep"}`, `thinking_mode is "deep", want chat or thinking`},
		{`{"messages": [` + user32 + `], "tools": 1}`, "message 0: tools is int"},
		{`{"messages": [` + user32 + `], "tools": [{"name": "f"}]}`, "tools[0] has no function"},
		{message(`{"content": "x"}`), "message 1: it has no role"},
		{message(`{"role": "narrator", "content": "x"}`), `role "narrator", want system`},
		{message(`{"role": "user", "content": [1]}`), "part 0 of its content is no text"},
		{message(`{"role": "user", "content": [{"type": "image"}]}`), "part 0 of its content is no text"},
		{message(`{"role": "developer", "content": ""}`), "without content"},
		{message(`{"role": "assistant", "content": "a"}`), "want reasoning_content or tool_calls"},
		{message(`{"role": "tool", "content": "x"}`), "no call that it answers (0 calls before it)"},
		{message(call32 + `, ` + back32 + `, {"role": "tool", "content": "3"}`), "(2 calls before it)"},
		{message(call32 + `, ` + user32 + `, {"role": "tool", "content": "3"}`), "(0 calls before it)"},
		{message(`{"role": "assistant", "tool_calls": [{}]}`), "without a function"},
		{message(`{"role": "assistant", "tool_calls": [{"function": {}}]}`), "without a name"},
		{message(`{"role": "assistant", "tool_calls": [{"function": {"name": "f"}}]}`), "are NoneType, want an object"},
		{message(`{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "[]"}}]}`), "are list, want an object"},
		{message(`{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{"}}]}`), "arguments of a tool call: jinja: json"},
	} {
		got, err := encoder32(t).Render(t.Context(), variablesOf(t, c.input))
		var raised *jinja.RaisedError
		if err == nil || got != "" || !errors.As(err, &raised) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %q, %v, want no text and a jinja.RaisedError with %q", c.input, got, err, c.want)
		}
	}
}

func TestDeepSeek32Limits(t *testing.T) {
	long := `{"messages": [{"role": "user", "content": "` + strings.Repeat("x", int(jinja.DefaultLimits.Output)) + `"}]}`
	if _, err := encoder32(t).Render(t.Context(), variablesOf(t, long)); !errors.Is(err, jinja.ErrLimit) {
		t.Errorf("output: got %v, want ErrLimit", err)
	}
	deep := jinja.List()
	for range jinja.DefaultLimits.Depth + 1 {
		deep = jinja.List(deep)
	}
	function, variables := &jinja.Dict{}, &jinja.Dict{}
	function.Set("function", deep)
	variables.Set("tools", jinja.List(function.Value()))
	if _, err := encoder32(t).Render(t.Context(), variables); !errors.Is(err, jinja.ErrLimit) {
		t.Errorf("depth: got %v, want ErrLimit", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := encoder32(t).Render(ctx, variablesOf(t, `{"messages": [`+user32+`]}`)); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %v, want context.Canceled", err)
	}
}

// TestDeepSeek32Chat renders a conversation of this package's own types.
func TestDeepSeek32Chat(t *testing.T) {
	got, err := encoder32(t).RenderChat(t.Context(), &Chat{
		Messages: []Message{
			{Role: "user", Content: jinja.String("q")},
			{Role: "assistant", ReasoningContent: "r", ToolCalls: []ToolCall{{Name: "f", Arguments: `{"a": "b"}`}}},
			{Role: "tool", Content: jinja.String("x")},
		},
		AddGenerationPrompt: true,
	})
	want := deepseekBOS + "<｜User｜>q<｜Assistant｜><think>r</think>\n\n<｜DSML｜function_calls>\n<｜DSML｜invoke name=\"f\">\n" +
		"<｜DSML｜parameter name=\"a\" string=\"true\">b</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜function_calls>" + deepseekEOS +
		"\n\n<function_results>\n<result>x</result>\n</function_results>\n\n<think>"
	if err != nil || got != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

// FuzzDeepSeek32 renders what may be no conversation at all. What is rendered ends in
// the tag that says whether the model thinks, or in the end of a message.
func FuzzDeepSeek32(f *testing.F) {
	f.Add([]byte(`{"messages": [` + user32 + `, ` + call32 + `, ` + back32 + `], "tools": [` + tool32 + `]}`))
	f.Add([]byte(`{"messages": [{"role": "developer", "content": "d", "tools": [` + tool32 + `], "response_format": {"a": 1}}], "thinking": false}`))
	f.Add([]byte(`{"messages": [{"role": "tool"}, 1], "thinking_mode": null, "tools": {"a": []}}`))
	e := encoder32(f)
	f.Fuzz(func(t *testing.T, input []byte) {
		v, err := jinja.ParseJSON(input)
		if err != nil {
			return
		}
		d, ok := v.Dict()
		if !ok {
			return
		}
		text, err := e.Render(t.Context(), d)
		again, errAgain := e.Render(t.Context(), d)
		if text != again || (err == nil) != (errAgain == nil) {
			t.Fatalf("%s: got %q, %v, then %q, %v", input, text, err, again, errAgain)
		}
		var raised *jinja.RaisedError
		if err != nil && !errors.As(err, &raised) && !errors.Is(err, jinja.ErrLimit) {
			t.Fatalf("%s: error %v is of no kind", input, err)
		}
	})
}
