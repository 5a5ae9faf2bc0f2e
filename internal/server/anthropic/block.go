package anthropic

import (
	"strings"

	"github.com/blitz-r1/blitz/chat"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// maxBlocks bounds the blocks of a message.
const maxBlocks = 1 << 17

// block adds a block of a message.
func (t *talk) block(role string, b *wire.Object) {
	if !need(b, "type") {
		return
	}
	switch kind := b.Text("type"); {
	case kind == "text":
		need(b, "text")
		to := t.turn(role)
		to.texts = append(to.texts, b.Text("text"))
	case kind == "thinking" && role == "assistant":
		b.Text("signature")
		to := t.turn(role)
		if text := b.Text("thinking"); text != "" {
			to.thoughts = append(to.thoughts, text)
		}
	case kind == "redacted_thinking" && role == "assistant":
		t.turn(role) // what another server hid cannot be shown to a model
	case kind == "tool_use" && role == "assistant":
		t.use(b)
	case kind == "tool_result" && role == "user":
		t.result(b)
	default:
		b.Refuse("type", "%s is %s, which a message of role %s cannot have here", b.Path("type"), wire.Quote(kind), role)
	}
}

// use adds a call of a tool.
func (t *talk) use(b *wire.Object) {
	need(b, "id")
	need(b, "name")
	id, name := b.Text("id"), b.Text("name")
	input := "{}"
	if b.Object("input") != nil {
		v, _ := b.Get("input")
		input = string(v.Raw())
	}
	t.tools[id] = name
	to := t.turn("assistant")
	to.calls = append(to.calls, chat.ToolCall{Name: name, Arguments: input, ID: id})
}

// result adds what a call gave. Each is a message of its own.
func (t *talk) result(b *wire.Object) {
	need(b, "tool_use_id")
	id := b.Text("tool_use_id")
	one := &turn{role: "tool", id: id, name: t.tools[id]}
	if v, ok := b.Get("content"); ok {
		one.texts = texts(v)
	}
	if b.True("is_error") { // which templates have no place for
		one.texts = append([]string{"Error:"}, one.texts...)
	}
	t.turns = append(t.turns, one)
}

// texts returns the texts of a string or of a list of blocks of text.
func texts(v wire.Value) []string {
	if v.IsText() {
		return []string{v.Text()}
	}
	if !v.IsArray() {
		v.Refuse("%s is neither a string nor a list of blocks", v.Path())
		return nil
	}
	var list []string
	for _, one := range v.Array(maxBlocks) {
		b := one.Object()
		if b == nil || !need(b, "type") {
			break
		}
		if kind := b.Text("type"); kind != "text" {
			b.Refuse("type", "%s is %s, and the models here take text only", b.Path("type"), wire.Quote(kind))
			break
		}
		need(b, "text")
		list = append(list, b.Text("text"))
	}
	return list
}

// names that tools may have, as the API has it.
func isToolName(name string) bool {
	const most = 128
	return name != "" && len(name) <= most && strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == ""
}
