package chat

import (
	"context"
	"fmt"

	"github.com/blitz-r1/blitz/jinja"
)

// The words of DeepSeek-V3.2's prompts, as its published encoder writes them.
const (
	deepseekBOS       = "<｜begin▁of▁sentence｜>"
	deepseekEOS       = "<｜end▁of▁sentence｜>"
	deepseekUser      = "<｜User｜>"
	deepseekAssistant = "<｜Assistant｜>"

	thinkOpen  = "<think>"
	thinkClose = "</think>"

	dsmlCallsBegin = "<｜DSML｜function_calls>"
	dsmlCallsEnd   = "</｜DSML｜function_calls>"

	// deepseekToolsHead and deepseekToolsTail stand around the schemas of the tools.
	deepseekToolsHead = `## Tools

You have access to a set of tools you can use to answer the user's question.
You can invoke functions by writing a "<｜DSML｜function_calls>" block like the following as part of your reply to the user:
<｜DSML｜function_calls>
<｜DSML｜invoke name="$FUNCTION_NAME">
<｜DSML｜parameter name="$PARAMETER_NAME" string="true|false">$PARAMETER_VALUE</｜DSML｜parameter>
...
</｜DSML｜invoke>
<｜DSML｜invoke name="$FUNCTION_NAME2">
...
</｜DSML｜invoke>
</｜DSML｜function_calls>

String and scalar parameters should be specified as is without any escaping or quotes, while lists and objects should use JSON format. The "string" attribute should be set to "true" for string type parameters and "false" for other types (numbers, booleans, arrays, objects).

If the thinking_mode is enabled, then after function results you should strongly consider outputting a thinking block. Here is an example:

<｜DSML｜function_calls>
...
</｜DSML｜function_calls>

<function_results>
...
</function_results>

<think>...thinking about results</think>

Here are the functions available in JSONSchema format:
<functions>
`
	deepseekToolsTail = "\n</functions>\n"

	deepseekSchemaHead = "## Response Format:\n\nYou MUST strictly adhere to the following schema to reply:\n"
)

// encodeDeepSeek32 writes the prompt of a conversation as DeepSeek-V3.2 was trained
// on it, for the variables that a template gets. Its published encoder differs from
// a template in what it takes, so this is how the two meet:
//
//   - thinking_mode is "thinking" or "chat"; thinking and enable_thinking say the
//     same with true and false. Without any of them the model thinks, as in the
//     published example.
//   - tools and response_format are those of the system message at the beginning,
//     which is added where there is none. Messages may have their own.
//   - The encoder always opens the model's turn after the last message of the user
//     or of the tools; add_generation_prompt false leaves that out.
//   - Reasoning from before the last message of the user is never written, whatever
//     drop_thinking says; that is so in the published encoder, too.
//   - add_default_bos_token false leaves out the BOS.
//
// A conversation that the model was not trained on is refused with a RaisedError.
func encodeDeepSeek32(ctx context.Context, variables *jinja.Dict) (string, error) {
	if variables == nil {
		variables = &jinja.Dict{}
	}
	e := deepseekEncoder{variables: variables, lastUser: -1}
	if err := e.read(); err != nil {
		return "", fmt.Errorf("chat: DeepSeek-V3.2: %w", err)
	}
	if v, ok := variables.Get("add_default_bos_token"); !ok || v.IsNone() || v.Truth() {
		if err := e.write(deepseekBOS); err != nil {
			return "", err
		}
	}
	for i := range e.messages {
		err := context.Cause(ctx)
		if err == nil {
			err = e.message(i)
		}
		if err != nil {
			return "", fmt.Errorf("chat: DeepSeek-V3.2: message %d: %w", i, err)
		}
	}
	return string(e.out), nil
}

// deepseekEncoder writes one conversation. What it does takes time in proportion to
// what it is given and writes, which jinja.DefaultLimits bound.
type deepseekEncoder struct {
	variables *jinja.Dict
	messages  []*jinja.Dict
	out       []byte
	lastUser  int  // index of the last message of a user or developer, -1: none
	thinking  bool // thinking_mode
	closed    bool // the model's turn is not opened at the end
	results   int  // of the calls of the last assistant message, so far
	calls     int  // of that message
}

// raise refuses a conversation.
func raise(format string, a ...any) error {
	return &jinja.RaisedError{Message: fmt.Sprintf(format, a...)}
}

// read reads the variables.
func (e *deepseekEncoder) read() error {
	list, err := dicts(e.variables, "messages")
	if err != nil {
		return err
	}
	if e.thinking, err = deepseekThinking(e.variables, true); err != nil {
		return err
	}
	if v, _ := e.variables.Get("add_generation_prompt"); !v.IsNone() {
		e.closed = !v.Truth()
	}
	e.messages = deepseekSystem(e.variables, list)
	for i, m := range e.messages {
		if role := roleOf(m); role == "user" || role == "developer" {
			e.lastUser = i
		}
	}
	return nil
}

// deepseekThinking says whether the variables ask for reasoning; unsaid counts where they do
// not say.
func deepseekThinking(in *jinja.Dict, unsaid bool) (bool, error) {
	if v, _ := in.Get("thinking_mode"); !v.IsNone() {
		switch s, _ := v.Text(); s {
		case "thinking":
			return true, nil
		case "chat":
			return false, nil
		default:
			return false, raise("thinking_mode is %s, want chat or thinking", shown(v))
		}
	}
	for _, name := range []string{"thinking", "enable_thinking"} {
		if v, _ := in.Get(name); !v.IsNone() {
			return v.Truth(), nil
		}
	}
	return unsaid, nil
}

// shown is a value in an error: a str, cut where it is long, or its type.
func shown(v jinja.Value) string {
	s, ok := v.Text()
	if !ok {
		return v.TypeName()
	}
	return fmt.Sprintf("%.40q", s)
}

// deepseekSystem gives the tools and the response format of the conversation to the
// system message that begins it.
func deepseekSystem(in *jinja.Dict, messages []*jinja.Dict) []*jinja.Dict {
	system := &jinja.Dict{}
	given := false
	begins := len(messages) > 0 && roleOf(messages[0]) == "system"
	if begins {
		system.Merge(messages[0])
	} else {
		system.Set("role", jinja.String("system"))
	}
	for _, name := range []string{"tools", "response_format"} {
		if v, _ := in.Get(name); v.Truth() {
			system.Set(name, v)
			given = true
		}
	}
	switch {
	case !given:
		return messages
	case begins:
		return append([]*jinja.Dict{system}, messages[1:]...)
	}
	return append([]*jinja.Dict{system}, messages...)
}

// roleOf returns the role of a message.
func roleOf(m *jinja.Dict) string {
	v, _ := m.Get("role")
	s, _ := v.Text()
	return s
}

// dicts returns a field that is a list of dicts; none where it is not there.
func dicts(d *jinja.Dict, name string) ([]*jinja.Dict, error) {
	v, _ := d.Get(name)
	if !v.Truth() {
		return nil, nil
	}
	values, ok := v.List()
	if !ok {
		return nil, raise("%s is %s, want a list of objects", name, v.TypeName())
	}
	out := make([]*jinja.Dict, len(values))
	for i, v := range values {
		if out[i], ok = v.Dict(); !ok {
			return nil, raise("%s[%d] is %s, want an object", name, i, v.TypeName())
		}
	}
	return out, nil
}

// write writes texts.
func (e *deepseekEncoder) write(texts ...string) error {
	for _, s := range texts {
		if int64(len(e.out)+len(s)) > jinja.DefaultLimits.Output {
			return fmt.Errorf("the prompt has more than %d bytes: %w", jinja.DefaultLimits.Output, jinja.ErrLimit)
		}
		e.out = append(e.out, s...)
	}
	return nil
}

// json writes a value as the encoder does: separators ", " and ": ", characters
// beyond ASCII as they are.
func (e *deepseekEncoder) json(v jinja.Value) error {
	text, err := v.MarshalJSON()
	if err != nil {
		return err
	}
	return e.write(string(text))
}
