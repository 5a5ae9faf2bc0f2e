package chat

import "strings"

// Chat is a conversation for a chat template, and what else the template gets
// to know.
type Chat struct {
	Messages []Message

	// Tools are the tools that may be called, in the form of the OpenAI API:
	// dicts with type and function. See Tool.Value and ParseJSON.
	Tools []Value

	// AddGenerationPrompt asks for the beginning of the model's turn at the end.
	AddGenerationPrompt bool

	// Variables are all others: bos_token, eos_token, enable_thinking,
	// documents and what else a template knows. May be nil.
	Variables *Dict
}

// Message is one turn of a conversation.
type Message struct {
	Role string // system, user, assistant, tool, or what the template knows

	// Content is a str, or a list of parts such as {"type": "text", "text": …}.
	Content Value

	ReasoningContent string
	ToolCalls        []ToolCall
	Name             string // of the tool that answers, or of a participant
	ToolCallID       string // of the call that is answered

	// Fields are further fields of the message. May be nil.
	Fields *Dict
}

// Tool is a function that a model may call.
type Tool struct {
	Name        string
	Description string
	Parameters  Value // a JSON Schema, None for a function without parameters
}

// Value returns the tool in the form of the OpenAI API.
func (t Tool) Value() Value {
	f := &Dict{}
	f.Set("name", String(t.Name))
	if t.Description != "" {
		f.Set("description", String(t.Description))
	}
	if !t.Parameters.IsNone() {
		f.Set("parameters", t.Parameters)
	}
	d := &Dict{}
	d.Set("type", String("function"))
	d.Set("function", f.Value())
	return d.Value()
}

// RenderChat renders a conversation. As in Hugging Face transformers, tools and
// documents are None when there are none. Where templates differ about what
// they want of a message with tool calls, the message is passed in the form
// that this template can print: arguments as a dict or as JSON text, no content
// as None or as an empty str. Errors are those of Render.
func (t *Template) RenderChat(c *Chat) (string, error) {
	hasCalls := false
	for i := range c.Messages {
		hasCalls = hasCalls || len(c.Messages[i].ToolCalls) > 0
	}
	var form callForm
	if hasCalls {
		form = t.callForm()
	}
	return t.Render(c.variables(form))
}

// callForm is how a message with tool calls is written.
type callForm struct {
	textArguments bool // arguments are JSON text, not a dict
	noneContent   bool // no content is None, not an empty str
}

func (c *Chat) variables(form callForm) *Dict {
	messages := make([]Value, len(c.Messages))
	for i := range c.Messages {
		messages[i] = c.Messages[i].value(form)
	}
	d := &Dict{}
	d.Set("messages", List(messages...))
	d.Set("tools", Value{})
	d.Set("documents", Value{})
	if len(c.Tools) > 0 {
		d.Set("tools", List(c.Tools...))
	}
	d.Set("add_generation_prompt", Bool(c.AddGenerationPrompt))
	d.Merge(c.Variables)
	return d
}

func (m *Message) value(form callForm) Value {
	d := &Dict{}
	d.Set("role", String(m.Role))
	switch {
	case !m.Content.IsNone():
		d.Set("content", m.Content)
	case len(m.ToolCalls) > 0 && form.noneContent:
		d.Set("content", Value{})
	default:
		d.Set("content", String(""))
	}
	if m.ReasoningContent != "" {
		d.Set("reasoning_content", String(m.ReasoningContent))
	}
	if len(m.ToolCalls) > 0 {
		calls := make([]Value, len(m.ToolCalls))
		for i, c := range m.ToolCalls {
			calls[i] = c.value(form)
		}
		d.Set("tool_calls", List(calls...))
	}
	if m.Name != "" {
		d.Set("name", String(m.Name))
	}
	if m.ToolCallID != "" {
		d.Set("tool_call_id", String(m.ToolCallID))
	}
	d.Merge(m.Fields)
	return d.Value()
}

// value is a call in the form of the OpenAI API. Arguments that are not a JSON
// object stay text.
func (c ToolCall) value(form callForm) Value {
	arguments := String(c.Arguments)
	if v, err := ParseJSON([]byte(c.Arguments)); err == nil && !form.textArguments {
		if _, ok := v.Dict(); ok {
			arguments = v
		}
	}
	f := &Dict{}
	f.Set("name", String(c.Name))
	f.Set("arguments", arguments)
	d := &Dict{}
	if c.ID != "" {
		d.Set("id", String(c.ID))
	}
	d.Set("type", String("function"))
	d.Set("function", f.Value())
	return d.Value()
}

// callForm finds, once, the form that the template can print, by rendering a
// short conversation in each.
func (t *Template) callForm() callForm {
	t.formOnce.Do(func() { t.form = t.findCallForm() })
	return t.form
}

// findCallForm returns the first form in which the name of a call is printed
// and the content that is not there is not printed as the word None. A template
// that prints no calls gets the form that most templates want.
func (t *Template) findCallForm() callForm {
	const name = "probe_call"
	c := &Chat{
		Messages: []Message{
			{Role: "user", Content: String("q")},
			{Role: "assistant", ToolCalls: []ToolCall{{Name: name, Arguments: `{"a": "b"}`, ID: "call00001"}}},
			{Role: "tool", Content: String("r"), Name: "probe_tool", ToolCallID: "call00001"},
		},
		Variables: &Dict{},
	}
	for _, token := range []string{"bos_token", "eos_token", "unk_token", "pad_token"} {
		c.Variables.Set(token, String(""))
	}
	render := func(form callForm) (nones int, ok bool) {
		text, err := t.Render(c.variables(form))
		return strings.Count(text, "None"), err == nil && strings.Contains(text, name)
	}
	for _, textArguments := range []bool{false, true} {
		nones, okNone := render(callForm{textArguments, true})
		others, okEmpty := render(callForm{textArguments, false})
		if okNone && (!okEmpty || nones <= others) {
			return callForm{textArguments, true}
		}
		if okEmpty {
			return callForm{textArguments, false}
		}
	}
	return callForm{}
}
