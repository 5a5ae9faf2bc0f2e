package ollama

import (
	"github.com/blitz-r1/blitz/chat"
	"github.com/blitz-r1/blitz/internal/server/inference"
	"github.com/blitz-r1/blitz/internal/server/wire"
	"github.com/blitz-r1/blitz/jinja"
)

// roles are whose a message can be.
var roles = []string{"system", "developer", "user", "assistant", "tool"}

// readMessages takes the turns of a conversation.
func readMessages(o *wire.Object) []chat.Message {
	var messages []chat.Message
	for _, v := range o.Array("messages", inference.MaxMessages) {
		m := v.Object()
		if m == nil {
			break
		}
		messages = append(messages, readMessage(m))
	}
	return messages
}

func readMessage(o *wire.Object) chat.Message {
	m := chat.Message{Role: o.OneOf("role", roles...), Content: jinja.String(o.Text("content")), ReasoningContent: o.Text("thinking")}
	switch m.Role {
	case "":
		o.Refuse("role", "%s is missing", o.Path("role"))
	case "developer":
		m.Role = "system"
	}
	refuseImages(o)
	m.Name, m.ToolCallID = o.Text("tool_name"), o.Text("tool_call_id")
	for _, v := range o.Array("tool_calls", inference.MaxTools) {
		call := v.Object()
		if call == nil {
			break
		}
		m.ToolCalls = append(m.ToolCalls, readCall(call))
	}
	return m
}

// readCall takes a call that the model made before.
func readCall(o *wire.Object) chat.ToolCall {
	call := chat.ToolCall{ID: o.Text("id"), Arguments: "{}"}
	f := o.Object("function")
	if f == nil {
		o.Refuse("function", "%s is missing", o.Path("function"))
		return call
	}
	if call.Name = f.Text("name"); call.Name == "" {
		f.Refuse("name", "%s is missing", f.Path("name"))
	}
	if v, ok := f.Get("arguments"); ok {
		if v.Object() != nil {
			call.Arguments = string(v.Raw())
		}
	}
	return call
}

// readTools takes what may be called.
func readTools(o *wire.Object) []jinja.Value {
	var tools []jinja.Value
	for _, v := range o.Array("tools", inference.MaxTools) {
		if tool, ok := readTool(v); ok {
			tools = append(tools, tool)
		}
	}
	return tools
}

// readTool takes a tool as it is, once it is known to be one.
func readTool(v wire.Value) (jinja.Value, bool) {
	o := v.Object()
	if o == nil {
		return jinja.Value{}, false
	}
	if kind := o.Text("type"); kind != "" && kind != "function" {
		o.Refuse("type", "%s is %s, want function", o.Path("type"), wire.Quote(kind))
	}
	f := o.Object("function")
	if f == nil {
		o.Refuse("function", "%s is missing", o.Path("function"))
		return jinja.Value{}, false
	}
	if f.Text("name") == "" {
		f.Refuse("name", "%s is missing", f.Path("name"))
	}
	f.Text("description")
	f.Object("parameters")
	tool, err := jinja.ParseJSON(v.Raw())
	if err != nil {
		v.Refuse("%s cannot be read: %v", v.Path(), err)
		return jinja.Value{}, false
	}
	if d, ok := tool.Dict(); ok && !o.Has("type") {
		d.Set("type", jinja.String("function"))
	}
	return tool, true
}
