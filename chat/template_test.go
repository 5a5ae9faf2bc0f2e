package chat_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/chat"
	"github.com/blitz-r1/blitz/chat/output"
	"github.com/blitz-r1/blitz/jinja"
)

// TestToolUse: the template named tool_use is used where there are tools.
func TestToolUse(t *testing.T) {
	both, err := chat.NewTemplates("plain {{ messages[0].content }}", "{{ tools|length }} tools, <tool_call> arguments {{ messages[0].content }}")
	if err != nil {
		t.Fatal(err)
	}
	c := &chat.Chat{Messages: []chat.Message{{Role: "user", Content: jinja.String("x")}}}
	if got, err := both.RenderChat(t.Context(), c); err != nil || got != "plain x" {
		t.Errorf("no tools: got %q, %v", got, err)
	}
	c.Tools = []jinja.Value{chat.Tool{Name: "f"}.Value()}
	if got, err := both.RenderChat(t.Context(), c); err != nil || got != "1 tools, <tool_call> arguments x" {
		t.Errorf("tools: got %q, %v", got, err)
	}
	if got := output.FormatOf(both); got != "hermes" {
		t.Errorf("format: got %q, want that of the template for tools", got)
	}
	if got, err := both.Render(t.Context(), nil); err == nil {
		t.Errorf("no variables: got %q, want the error of the template", got)
	}
	alone, err := chat.NewTemplates("", "{{ tools is none }}")
	if err != nil {
		t.Fatal(err)
	}
	c.Tools = nil
	if got, err := alone.RenderChat(t.Context(), c); err != nil || got != "True" {
		t.Errorf("tool_use alone: got %q, %v", got, err)
	}
	broken, err := chat.NewTemplates("plain", "{% if %}")
	if err != nil {
		t.Fatalf("a template for tools that is none: %v", err)
	}
	if got, err := broken.RenderChat(t.Context(), c); err != nil || got != "plain" {
		t.Errorf("broken, no tools: got %q, %v", got, err)
	}
	c.Tools = []jinja.Value{chat.Tool{Name: "f"}.Value()}
	if _, err := broken.RenderChat(t.Context(), c); !errors.Is(err, jinja.ErrSyntax) {
		t.Errorf("broken, tools: got %v, want ErrSyntax", err)
	}
}

// TestShortIDs: a template that wants ids of nine letters and digits gets such ones, for
// calls and their answers alike, whatever the ids of the conversation, or without any.
func TestShortIDs(t *testing.T) {
	const check = `{% if x is not defined or x|length != 9 %}{{ raise_exception('ids of nine letters') }}{% endif %}`
	source := `{% for m in messages %}{% for c in m.tool_calls or [] %}{% set x = c.id %}` + check + `{{ c.function.name }}={{ x }} {% endfor %}` +
		`{% if m.role == 'tool' %}{% set x = m.tool_call_id %}` + check + `{{ m.content }}={{ x }} {% endif %}{% endfor %}`
	strict, err := chat.NewTemplate(source)
	if err != nil {
		t.Fatal(err)
	}
	loose, err := chat.NewTemplate(strings.ReplaceAll(source, check, ""))
	if err != nil {
		t.Fatal(err)
	}
	conversation := func(a, b string) *chat.Chat {
		return &chat.Chat{Messages: []chat.Message{
			{Role: "assistant", ToolCalls: []chat.ToolCall{{Name: "f", Arguments: "{}", ID: a}, {Name: "g", Arguments: "{}", ID: b}}},
			{Role: "tool", Content: jinja.String("r"), ToolCallID: a},
			{Role: "tool", Content: jinja.String("s"), ToolCallID: b},
		}}
	}
	for _, ids := range [][2]string{{"call_0123456789abcdef", "call_x"}, {"abcdefgh0", "call_y"}, {"", ""}} {
		got, err := strict.RenderChat(t.Context(), conversation(ids[0], ids[1]))
		parts := strings.FieldsFunc(got, func(r rune) bool { return r == ' ' || r == '=' })
		if err != nil || len(parts) != 8 || parts[1] != parts[5] || parts[3] != parts[7] || parts[1] == parts[3] || ids[0] == "abcdefgh0" && parts[1] != ids[0] {
			t.Errorf("ids %q: got %q, %v", ids, got, err)
		}
	}
	if got, err := loose.RenderChat(t.Context(), conversation("call_a", "call_b")); err != nil || got != "f=call_a g=call_b r=call_a s=call_b " {
		t.Errorf("a template that takes any ids: got %q, %v", got, err)
	}
}

// TestTurnEnd: what stands behind an answer, found quickly or not at all.
func TestTurnEnd(t *testing.T) {
	loop := "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}"
	for source, want := range map[string]string{
		"{% for m in messages %}<{{ m.role }}>{{ m.content }}{{ eos_token }}\n{% endfor %}": "<EOS>\n",
		"{{ messages[0].content }}":             "",
		"{{ raise_exception('x') }}":            "",
		loop + "{{ messages[1].content }}<EOS>": "",
	} {
		tmpl, err := chat.NewTemplate(source)
		if err != nil {
			t.Fatal(err)
		}
		d := &jinja.Dict{}
		d.Set("eos_token", jinja.String("<EOS>"))
		if got := tmpl.TurnEnd(t.Context(), d); got != want {
			t.Errorf("%.60s: got %q, want %q", source, got, want)
		}
	}
	if got := encoder(t).TurnEnd(t.Context(), nil); !strings.HasPrefix(got, "<｜end▁of▁sentence｜>") {
		t.Errorf("DeepSeek-V3.2: got %q", got)
	}
}

// TestProbeCancelled: a context that ends while the form of calls is looked for is an
// error, and the form is looked for again.
func TestProbeCancelled(t *testing.T) {
	tmpl, err := chat.NewTemplate("{% for m in messages %}{% for c in m.tool_calls %}{{ c.function.name + c.function.arguments }}{% endfor %}{% endfor %}")
	if err != nil {
		t.Fatal(err)
	}
	c := &chat.Chat{Messages: []chat.Message{{Role: "assistant", ToolCalls: []chat.ToolCall{{Name: "f", Arguments: `{"a": 1}`}}}}}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := tmpl.RenderChat(ctx, c); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %v", err)
	}
	if got, err := tmpl.RenderChat(t.Context(), c); err != nil || got != `f{"a": 1}` {
		t.Errorf("then: got %q, %v, want the arguments as text", got, err)
	}
}
