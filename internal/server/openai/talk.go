package openai

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/blitz-r1/blitz/chat"
	"github.com/blitz-r1/blitz/internal/server/wire"
	"github.com/blitz-r1/blitz/jinja"
)

// turn is a message as it is put together: reasoning, text and calls of the model are one
// message, though they are items of their own.
type turn struct {
	role     string
	texts    []string
	thoughts []string
	calls    []chat.ToolCall
	id, name string // of the call that a turn of role tool answers
}

// talk is the conversation that items make up.
type talk struct {
	turns  []*turn
	called map[string]string // names of tools, by the ids of their calls
	find   func(id string) ([]byte, error)
	err    error // the first that is no fault of a field
}

func newTalk(find func(id string) ([]byte, error)) *talk {
	return &talk{called: map[string]string{}, find: find}
}

func (t *talk) fail(err error) {
	if t.err == nil {
		t.err = err
	}
}

// joined returns texts as lines of one.
func joined(texts []string) string { return strings.Join(texts, "\n") }

// say adds a message. Those of the model go on with its turn, and so do those of the
// system, since many templates know of one.
func (t *talk) say(role string, texts []string) {
	if role == "developer" {
		role = "system"
	}
	to := t.turn(role)
	to.texts = append(to.texts, texts...)
}

// turn returns the turn that a role is in, or a new one.
func (t *talk) turn(role string) *turn {
	if n := len(t.turns); n > 0 && t.turns[n-1].role == role && role != "user" {
		return t.turns[n-1]
	}
	next := &turn{role: role}
	t.turns = append(t.turns, next)
	return next
}

// think adds reasoning.
func (t *talk) think(parts []textPart) {
	to := t.turn("assistant")
	for _, p := range parts {
		to.thoughts = append(to.thoughts, p.Text)
	}
}

// call adds a call of a tool. One that was cut short can be answered by nobody.
func (t *talk) call(m callItem) {
	to := t.turn("assistant")
	if m.Status == incomplete {
		return
	}
	to.calls = append(to.calls, chat.ToolCall{Name: m.Name, Arguments: or(m.Arguments, "{}"), ID: m.CallID})
	t.called[m.CallID] = m.Name
}

// result adds what a call gave.
func (t *talk) result(m resultItem) {
	t.turns = append(t.turns, &turn{role: "tool", texts: []string{m.Output}, id: m.CallID, name: t.called[m.CallID]})
}

// again adds an item that was stored.
func (t *talk) again(item storedItem) storedItem {
	o, err := wire.Parse(item.body)
	if err == nil {
		t.readItem(o)
		err = o.Err()
	}
	if err != nil {
		t.fail(storeError(fmt.Errorf("item %s: %w", item.id, err)))
	}
	return item
}

// messages returns the conversation as templates want it.
func (t *talk) messages() []chat.Message {
	list := make([]chat.Message, 0, len(t.turns))
	for _, u := range t.turns {
		m := chat.Message{Role: u.role, ReasoningContent: joined(u.thoughts), ToolCalls: u.calls, ToolCallID: u.id, Name: u.name}
		if len(u.texts) > 0 || len(u.calls) == 0 {
			m.Content = jinja.String(joined(u.texts))
		}
		list = append(list, m)
	}
	return list
}

// isWhole says whether arguments are JSON.
func isWhole(arguments string) bool { return json.Valid([]byte(arguments)) }
