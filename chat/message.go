package chat

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"github.com/blitz-r1/blitz/jinja"
)

// Chat is a conversation for a chat template, and what else the template gets
// to know.
type Chat struct {
	Messages []Message

	// Tools are the tools that may be called, in the form of the OpenAI API:
	// dicts with type and function. See Tool.Value and jinja.ParseJSON.
	Tools []jinja.Value

	// AddGenerationPrompt asks for the beginning of the model's turn at the end.
	AddGenerationPrompt bool

	// Variables are all others: bos_token, eos_token, enable_thinking,
	// documents and what else a template knows. May be nil.
	Variables *jinja.Dict
}

// Message is one turn of a conversation.
type Message struct {
	Role string // system, user, assistant, tool, or what the template knows

	// Content is a str, or a list of parts such as {"type": "text", "text": …}.
	Content jinja.Value

	ReasoningContent string
	ToolCalls        []ToolCall
	Name             string // of the tool that answers, or of a participant
	ToolCallID       string // of the call that is answered

	// Fields are further fields of the message. May be nil.
	Fields *jinja.Dict
}

// User is what the user says.
func User(text string) Message { return Message{Role: "user", Content: jinja.String(text)} }

// System tells the model how to behave, before all others.
func System(text string) Message { return Message{Role: "system", Content: jinja.String(text)} }

// Assistant is what the model said.
func Assistant(text string) Message {
	return Message{Role: "assistant", Content: jinja.String(text)}
}

// Called is a turn in which the model called tools.
func Called(calls ...ToolCall) Message { return Message{Role: "assistant", ToolCalls: calls} }

// Result is what a call of a tool gave.
func Result(call ToolCall, text string) Message {
	return Message{Role: "tool", Name: call.Name, ToolCallID: call.ID, Content: jinja.String(text)}
}

// RenderChat renders a conversation. As in Hugging Face transformers, tools and
// documents are None when there are none. Where templates differ about what
// they want of a message with tool calls, the message is passed in the form
// that this template can print: arguments as a dict or as JSON text, no content
// as None or as an empty str. Errors are those of Render.
func (t *Template) RenderChat(ctx context.Context, c *Chat) (string, error) {
	if len(c.Tools) > 0 && t.toolUse != nil {
		return t.toolUse.RenderChat(ctx, c)
	}
	hasCalls := false
	for i := range c.Messages {
		hasCalls = hasCalls || len(c.Messages[i].ToolCalls) > 0
	}
	var form callForm
	if hasCalls {
		var err error
		if form, err = t.callForm(ctx); err != nil {
			return "", err
		}
	}
	return t.Render(ctx, c.variables(form))
}

// callForm is how a message with tool calls is written.
type callForm struct {
	textArguments bool // arguments are JSON text, not a dict
	noneContent   bool // no content is None, not an empty str
	shortIDs      bool // ids are nine letters and digits, as Mistral's templates want them
}

// id returns the id of a call in that form, the same one of the same id.
func (f callForm) id(id string) string {
	if !f.shortIDs || isShortID(id) {
		return id
	}
	const letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	sum := sha256.Sum256([]byte(id))
	short := make([]byte, shortID)
	for i := range short {
		short[i] = letters[int(sum[i])%len(letters)]
	}
	return string(short)
}

// withIDs returns messages whose calls and answers all have ids. Answers come in the order of
// the calls that they have none of.
func withIDs(messages []Message) []Message {
	all := slices.Clone(messages)
	var open []string // calls that are not answered
	n := 0
	for i := range all {
		m := &all[i]
		m.ToolCalls = slices.Clone(m.ToolCalls)
		for j := range m.ToolCalls {
			if m.ToolCalls[j].ID == "" {
				m.ToolCalls[j].ID = fmt.Sprintf("call%05d", n)
				open = append(open, m.ToolCalls[j].ID)
				n++
			}
		}
		if m.Role == "tool" && m.ToolCallID == "" && len(open) > 0 {
			m.ToolCallID, open = open[0], open[1:]
		}
	}
	return all
}

// shortID is how long the ids of Mistral's calls are.
const shortID = 9

func isShortID(id string) bool {
	for _, c := range []byte(id) {
		if !('0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z') {
			return false
		}
	}
	return len(id) == shortID
}

func (c *Chat) variables(form callForm) *jinja.Dict {
	messages := make([]jinja.Value, len(c.Messages))
	all := c.Messages
	if form.shortIDs {
		all = withIDs(all)
	}
	for i := range all {
		messages[i] = all[i].value(form)
	}
	d := &jinja.Dict{}
	d.Set("messages", jinja.List(messages...))
	d.Set("tools", jinja.Value{})
	d.Set("documents", jinja.Value{})
	if len(c.Tools) > 0 {
		d.Set("tools", jinja.List(c.Tools...))
	}
	d.Set("add_generation_prompt", jinja.Bool(c.AddGenerationPrompt))
	d.Merge(c.Variables)
	return d
}

func (m *Message) value(form callForm) jinja.Value {
	d := &jinja.Dict{}
	d.Set("role", jinja.String(m.Role))
	switch {
	case !m.Content.IsNone():
		d.Set("content", m.Content)
	case len(m.ToolCalls) > 0 && form.noneContent:
		d.Set("content", jinja.Value{})
	default:
		d.Set("content", jinja.String(""))
	}
	if m.ReasoningContent != "" {
		d.Set("reasoning_content", jinja.String(m.ReasoningContent))
	}
	if len(m.ToolCalls) > 0 {
		calls := make([]jinja.Value, len(m.ToolCalls))
		for i, c := range m.ToolCalls {
			calls[i] = c.value(form)
		}
		d.Set("tool_calls", jinja.List(calls...))
	}
	if m.Name != "" {
		d.Set("name", jinja.String(m.Name))
	}
	if m.ToolCallID != "" {
		d.Set("tool_call_id", jinja.String(form.id(m.ToolCallID)))
	}
	d.Merge(m.Fields)
	return d.Value()
}

// value is a call in the form of the OpenAI API. Arguments that are not a JSON
// object stay text.
func (c ToolCall) value(form callForm) jinja.Value {
	arguments := jinja.String(c.Arguments)
	if v, err := jinja.ParseJSON([]byte(c.Arguments)); err == nil && !form.textArguments {
		if _, ok := v.Dict(); ok {
			arguments = v
		}
	}
	f := &jinja.Dict{}
	f.Set("name", jinja.String(c.Name))
	f.Set("arguments", arguments)
	d := &jinja.Dict{}
	if c.ID != "" {
		d.Set("id", jinja.String(form.id(c.ID)))
	}
	d.Set("type", jinja.String("function"))
	d.Set("function", f.Value())
	return d.Value()
}

// callForm finds, once, the form that the template can print, by rendering a
// short conversation in each.
func (t *Template) callForm(ctx context.Context) (callForm, error) {
	if form := t.form.Load(); form != nil {
		return *form, nil
	}
	form, ok := t.findCallForm(ctx, "call00001")
	if ok {
		_, any := t.findCallForm(ctx, "call_0123456789abcdef")
		form.shortIDs = !any
	}
	if err := context.Cause(ctx); err != nil {
		return form, fmt.Errorf("chat: %w", err) // it may have been the reason for a refusal
	}
	t.form.Store(&form)
	return form, nil
}

// findCallForm returns the first form in which the name of a call is printed
// and the content that is not there is not printed as the word None. A template
// that prints no calls gets the form that most templates want. id is that of the call.
func (t *Template) findCallForm(ctx context.Context, id string) (form callForm, ok bool) {
	const name = "probe_call"
	c := &Chat{
		Messages: []Message{
			{Role: "user", Content: jinja.String("q")},
			{Role: "assistant", ToolCalls: []ToolCall{{Name: name, Arguments: `{"a": "b"}`, ID: id}}},
			{Role: "tool", Content: jinja.String("r"), Name: "probe_tool", ToolCallID: id},
		},
		Variables: &jinja.Dict{},
	}
	for _, token := range []string{"bos_token", "eos_token", "unk_token", "pad_token"} {
		c.Variables.Set(token, jinja.String(""))
	}
	render := func(form callForm) (nones int, ok bool) {
		text, err := t.probe(ctx, c, form)
		return strings.Count(text, "None"), err == nil && strings.Contains(text, name)
	}
	for _, textArguments := range []bool{false, true} {
		none, empty := callForm{textArguments: textArguments, noneContent: true}, callForm{textArguments: textArguments}
		nones, okNone := render(none)
		others, okEmpty := render(empty)
		if okNone && (!okEmpty || nones <= others) {
			return none, true
		}
		if okEmpty {
			return empty, true
		}
	}
	return callForm{}, false
}
