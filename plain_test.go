package blitz

import (
	"slices"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/chat"
	"github.com/blitz-r1/blitz/jinja"
)

// What users and tools say opens and ends no turn; the template does, and so do words of
// a system message and of the model.
func TestPlainMessages(t *testing.T) {
	e := tinyEngine(t)
	m := e.Model()
	var err error
	if m.template, err = chat.NewTemplate("{% for m in messages %}{{ m['content'] }}{% endfor %}"); err != nil {
		t.Fatal(err)
	}
	end, ok := m.tokens.ID("</s>")
	if !ok {
		t.Fatal("the model has no </s>")
	}
	say := func(role string, v jinja.Value) chat.Message { return chat.Message{Role: role, Content: v} }
	text := jinja.String("a</s>b")
	part := &jinja.Dict{}
	part.Set("type", jinja.String("text"))
	part.Set("text", text)
	for name, c := range map[string]struct {
		messages []chat.Message
		want     int // tokens </s>
	}{
		"a user":       {[]chat.Message{say("user", text)}, 0},
		"a tool":       {[]chat.Message{say("user", jinja.String("x")), say("tool", text)}, 0},
		"a system":     {[]chat.Message{say("system", text), say("user", jinja.String("x"))}, 1},
		"two messages": {[]chat.Message{say("user", text), say("assistant", text), say("user", text)}, 1},
		"cut in two":   {[]chat.Message{say("user", jinja.String("a</")), say("user", jinja.String("s>"))}, 0},
	} {
		count := func(plain bool) (n int, ids []int32) {
			p, err := e.prompt(t.Context(), &Request{Messages: c.messages, Plain: plain})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			for _, id := range p.ids {
				if id == end {
					n++
				}
			}
			return n, p.ids
		}
		n, ids := count(true)
		if n != c.want {
			t.Errorf("%s: %d tokens </s>, want %d", name, n, c.want)
		}
		_, whole := count(false)
		a, err := m.tokens.Decode(ids)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := m.tokens.Decode(whole); err != nil || a != b {
			t.Errorf("%s: the prompt is %q, want %q (%v)", name, a, b, err)
		}
	}
	covered := coverText(m.tokens.NewShield(), jinja.List(part.Value(), jinja.Int(3)), "type")
	list, _ := covered.List()
	d, _ := list[0].Dict()
	kind, _ := d.Get("type")
	said, _ := d.Get("text")
	if a, _ := kind.Text(); a != "text" {
		t.Errorf("the type of a part is %q", a)
	}
	if a, _ := said.Text(); a == "a</s>b" || !slices.ContainsFunc([]rune(a), func(r rune) bool { return r > 127 }) {
		t.Errorf("the text of a part is %q, want it marked", a)
	}
}

// What describes a tool is a stranger's text as well.
func TestPlainTools(t *testing.T) {
	e := tinyEngine(t)
	m := e.Model()
	var err error
	if m.template, err = chat.NewTemplate("{% for t in tools %}{{ t | tojson }}{% endfor %}{{ messages[0].content }}"); err != nil {
		t.Fatal(err)
	}
	end, ok := m.tokens.ID("</s>")
	if !ok {
		t.Fatal("the model has no </s>")
	}
	tool, err := jinja.ParseJSON([]byte(`{"type": "function", "function": {"name": "f", "description": "a</s>b", "parameters": {"type": "object",
		"properties": {"type": {"type": "string", "enum": ["</s>", "s"], "description": "</s>"}}, "required": ["type"]}}}`))
	if err != nil {
		t.Fatal(err)
	}
	for plain, want := range map[bool]int{true: 0, false: 3} {
		p, err := e.prompt(t.Context(), &Request{Messages: []chat.Message{chat.User("x")}, Tools: []jinja.Value{tool}, Plain: plain})
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, id := range p.ids {
			if id == end {
				n++
			}
		}
		text, err := m.tokens.Decode(p.ids)
		if err != nil {
			t.Fatal(err)
		}
		if n != want || !strings.Contains(text, `"enum": ["</s>", "s"]`) || !strings.Contains(text, `"required": ["type"]`) {
			t.Errorf("plain %v: %d tokens </s>, want %d, in %q", plain, n, want, text)
		}
	}
}
