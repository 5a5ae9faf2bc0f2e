package anthropic

import (
	"strings"

	"github.com/blitz-r1/blitz/chat"
	"github.com/blitz-r1/blitz/internal/server/inference"
	"github.com/blitz-r1/blitz/internal/server/wire"
	"github.com/blitz-r1/blitz/jinja"
)

// turn is what one side says until the other does. Messages of one role that follow each
// other are one turn, as the API has it.
type turn struct {
	role     string
	texts    []string
	thoughts []string
	calls    []chat.ToolCall
	id, name string // of the call whose result a turn of role tool is
}

// talk is a conversation as it is read.
type talk struct {
	turns []*turn
	tools map[string]string // names of tools, by the ids of their calls
}

// readTalk reads the system prompt and the messages.
func readTalk(o *wire.Object, a *ask) {
	t := &talk{tools: map[string]string{}}
	if v, ok := o.Get("system"); ok && !isEmpty(v) {
		t.turn("system").texts = texts(v)
	}
	if !need(o, "messages") {
		return
	}
	list := o.Array("messages", inference.MaxMessages)
	if len(list) == 0 {
		o.Refuse("messages", "messages is empty, want one at least")
	}
	for _, v := range list {
		if m := v.Object(); m != nil {
			t.read(m)
		}
	}
	a.Messages = t.messages()
	// An answer that the client began is gone on with.
	if n := len(t.turns); n > 0 && t.turns[n-1].role == "assistant" {
		a.Continue = true
		if len(t.turns[n-1].calls) > 0 {
			o.Refuse("messages", "messages ends with a tool_use, want its tool_result")
		}
	}
}

// turn returns the turn that a role is in: the last one, or a new one.
func (t *talk) turn(role string) *turn {
	if n := len(t.turns); n > 0 && t.turns[n-1].role == role {
		return t.turns[n-1]
	}
	last := &turn{role: role}
	t.turns = append(t.turns, last)
	return last
}

// read adds a message.
func (t *talk) read(m *wire.Object) {
	need(m, "role")
	role := m.OneOf("role", "user", "assistant", "system")
	if role == "" || !need(m, "content") {
		if role == "" {
			m.Refuse("role", "%s is empty", m.Path("role"))
		}
		return
	}
	v, _ := m.Get("content")
	switch {
	case v.IsText():
		to := t.turn(role)
		to.texts = append(to.texts, v.Text())
	case isEmpty(v):
		t.turn(role)
	case v.IsArray():
		for _, one := range v.Array(maxBlocks) {
			if b := one.Object(); b != nil {
				t.block(role, b)
			}
		}
	default:
		v.Refuse("%s is neither a string nor a list of blocks", v.Path())
	}
}

// messages returns the conversation as templates want it.
func (t *talk) messages() []chat.Message {
	list := make([]chat.Message, len(t.turns))
	for i, u := range t.turns {
		m := chat.Message{Role: u.role, ReasoningContent: strings.Join(u.thoughts, "\n"), ToolCalls: u.calls, ToolCallID: u.id, Name: u.name}
		if len(u.texts) > 0 || len(u.calls) == 0 {
			m.Content = jinja.String(strings.Join(u.texts, "\n"))
		}
		list[i] = m
	}
	return list
}
