package openai

import (
	"strings"

	"github.com/blitz-r1/blitz/chat"
	"github.com/blitz-r1/blitz/internal/server/inference"
	"github.com/blitz-r1/blitz/internal/server/wire"
	"github.com/blitz-r1/blitz/jinja"
)

// Bounds of a message.
const (
	maxName  = 256     // bytes of a name or an id
	maxParts = 100_000 // of a content
)

// readMessages reads a conversation, and whether its last message is gone on with.
func readMessages(o *wire.Object, r *inference.Request) {
	if !need(o, "messages") {
		return
	}
	list := o.Array("messages", inference.MaxMessages)
	if o.Err() == nil && len(list) == 0 {
		o.Refuse("messages", "messages is empty")
	}
	r.Messages = make([]chat.Message, 0, len(list))
	called := map[string]string{} // the names of the tools that calls were for
	for i, v := range list {
		m := v.Object()
		if m == nil {
			return
		}
		message := readMessage(m)
		for _, call := range message.ToolCalls {
			called[call.ID] = call.Name
		}
		if message.Role == "tool" && message.Name == "" {
			message.Name = called[message.ToolCallID]
		}
		for _, name := range []string{"prefix", "partial"} { // DeepSeek's and Kimi's
			if m.True(name) {
				if i < len(list)-1 || message.Role != "assistant" {
					m.Refuse(name, "%s is for the last message alone, and for one of the assistant", m.Path(name))
				}
				r.Continue = true
			}
		}
		r.Messages = append(r.Messages, message)
		if o.Err() != nil {
			return
		}
	}
	readContinue(o, r)
}

// readContinue reads vLLM's way to ask for the last message to be gone on with.
func readContinue(o *wire.Object, r *inference.Request) {
	opens := o.Bool("add_generation_prompt")
	if o.True("continue_final_message") {
		r.Continue = true
		if opens != nil && *opens {
			o.Refuse("continue_final_message", "continue_final_message and add_generation_prompt are both true, and a message is either gone on with or begun")
		}
	} else if opens != nil && !*opens && !r.Continue {
		o.Refuse("add_generation_prompt", "add_generation_prompt is false, which goes with continue_final_message alone")
	}
	if !r.Continue || len(r.Messages) == 0 {
		return
	}
	last := r.Messages[len(r.Messages)-1]
	if text, _ := last.Content.Text(); last.Role != "assistant" || strings.TrimSpace(text) == "" || len(last.ToolCalls) > 0 {
		o.Refuse("messages", "the last message is to be gone on with, and is not one of the assistant with a text alone")
	}
}

// readMessage reads a message of a conversation.
func readMessage(m *wire.Object) chat.Message {
	need(m, "role")
	x := chat.Message{Role: m.OneOf("role", "system", "developer", "user", "assistant", "tool")}
	if x.Role == "developer" {
		x.Role = "system"
	}
	if x.Role == "" {
		m.Refuse("role", "%s is empty", m.Path("role"))
	}
	x.Name = readName(m, "name")
	if v, ok := m.Get("content"); ok {
		x.Content = readContent(v, x.Role)
	} else if x.Role == "user" || x.Role == "system" {
		m.Refuse("content", "%s is missing", m.Path("content"))
	}
	switch x.Role {
	case "assistant":
		if x.ReasoningContent = m.Text("reasoning_content"); x.ReasoningContent == "" {
			x.ReasoningContent = m.Text("reasoning")
		}
		x.ToolCalls = readCalls(m)
		if _, ok := get(m, "function_call"); ok {
			m.Refuse("function_call", "%s is not supported, want tool_calls", m.Path("function_call"))
		}
		if _, ok := get(m, "audio"); ok {
			m.Refuse("audio", "%s is not supported, the models here take text only", m.Path("audio"))
		}
	case "tool":
		x.ToolCallID = readName(m, "tool_call_id")
	}
	return x
}

// readName reads a name or an id.
func readName(o *wire.Object, name string) string {
	text := o.Text(name)
	if len(text) > maxName {
		o.Refuse(name, "%s has %d bytes, want at most %d", o.Path(name), len(text), maxName)
		return ""
	}
	return text
}

// readContent reads the content of a message: a text, or parts, which are lines of one.
// Most templates can print a text alone.
func readContent(v wire.Value, role string) jinja.Value {
	if v.IsText() {
		return jinja.String(v.Text())
	}
	if !v.IsArray() {
		v.Refuse("%s is neither a string nor a list of parts", v.Path())
		return jinja.Value{}
	}
	var texts []string
	for _, part := range v.Array(maxParts) {
		if part.IsText() {
			texts = append(texts, part.Text())
			continue
		}
		p := part.Object()
		if p == nil || !need(p, "type") {
			break
		}
		switch kind := p.Text("type"); {
		case kind == "text" && need(p, "text"):
			texts = append(texts, p.Text("text"))
		case kind == "refusal" && role == "assistant":
			texts = append(texts, p.Text("refusal"))
		default:
			p.Refuse("type", "%s is %s, and the models here take text only", p.Path("type"), wire.Quote(kind))
		}
	}
	return jinja.String(strings.Join(texts, "\n"))
}

// readCalls reads the calls of tools in a message of the assistant.
func readCalls(m *wire.Object) []chat.ToolCall {
	var calls []chat.ToolCall
	for _, v := range array(m, "tool_calls", inference.MaxTools) {
		c := v.Object()
		if c == nil {
			return nil
		}
		if kind := c.Text("type"); kind != "" && kind != "function" {
			c.Refuse("type", "%s is %s, want function", c.Path("type"), wire.Quote(kind))
		}
		if !need(c, "function") {
			return nil
		}
		f := c.Object("function")
		if f == nil || !need(f, "name") {
			return nil
		}
		call := chat.ToolCall{ID: readName(c, "id"), Name: readName(f, "name"), Arguments: "{}"}
		if v, ok := f.Get("arguments"); ok {
			switch {
			case v.IsObject(): // some clients send what they parsed
				call.Arguments = string(v.Raw())
			default:
				call.Arguments = v.Text()
			}
		}
		calls = append(calls, call)
	}
	return calls
}
