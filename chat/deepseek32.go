package chat

import "fmt"

// The words of DeepSeek-V3.2's prompts, as its published encoder writes them.
const (
	deepseekBOS       = "<｜begin▁of▁sentence｜>"
	deepseekEOS       = "<｜end▁of▁sentence｜>"
	deepseekUser      = "<｜User｜>"
	deepseekAssistant = "<｜Assistant｜>"

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
func encodeDeepSeek32(r *rendering) error {
	e := deepseekEncoder{r: r, lastUser: -1}
	if err := e.read(); err != nil {
		return err
	}
	if v, ok := r.input.text("add_default_bos_token"); !ok || v == none || truth(v) {
		if err := r.write(deepseekBOS); err != nil {
			return err
		}
	}
	for i := range e.messages {
		if err := e.message(i); err != nil {
			return fmt.Errorf("chat: DeepSeek-V3.2: message %d: %w", i, err)
		}
	}
	return nil
}

// deepseekEncoder writes one conversation.
type deepseekEncoder struct {
	r        *rendering
	messages []*Dict
	lastUser int  // index of the last message of a user or developer, -1: none
	thinking bool // thinking_mode
	closed   bool // the model's turn is not opened at the end
	results  int  // of the calls of the last assistant message, so far
	calls    int  // of that message
}

// raise refuses a conversation.
func raise(format string, a ...any) error { return &RaisedError{fmt.Sprintf(format, a...)} }

// read reads the variables.
func (e *deepseekEncoder) read() error {
	in := e.r.input
	list, err := e.dicts(in, "messages")
	if err != nil {
		return fmt.Errorf("chat: DeepSeek-V3.2: %w", err)
	}
	if e.thinking, err = deepseekThinking(in); err != nil {
		return fmt.Errorf("chat: DeepSeek-V3.2: %w", err)
	}
	if v, ok := in.text("add_generation_prompt"); ok && v != none {
		e.closed = !truth(v)
	}
	e.messages = deepseekSystem(in, list)
	for i, m := range e.messages {
		if role := roleOf(m); role == "user" || role == "developer" {
			e.lastUser = i
		}
	}
	return nil
}

// deepseekThinking says whether the variables ask for reasoning.
func deepseekThinking(in *Dict) (bool, error) {
	if v, ok := in.text("thinking_mode"); ok && v != none {
		switch s, _ := stringOf(v); s {
		case "thinking":
			return true, nil
		case "chat":
			return false, nil
		default:
			return false, raise("thinking_mode is %s, want chat or thinking", shown(v))
		}
	}
	for _, name := range []string{"thinking", "enable_thinking"} {
		if v, ok := in.text(name); ok && v != none {
			return truth(v), nil
		}
	}
	return true, nil
}

// shown is a value in an error: a str, cut where it is long, or its type.
func shown(v object) string {
	s, ok := stringOf(v)
	if !ok {
		return typeName(v)
	}
	return fmt.Sprintf("%.40q", s)
}

// deepseekSystem gives the tools and the response format of the conversation to the
// system message that begins it.
func deepseekSystem(in *Dict, messages []*Dict) []*Dict {
	system := &Dict{}
	given := false
	begins := len(messages) > 0 && roleOf(messages[0]) == "system"
	if begins {
		system.Merge(messages[0])
	} else {
		system.setText("role", "system")
	}
	for _, name := range []string{"tools", "response_format"} {
		v, ok := in.text(name)
		if ok && truth(v) {
			system.setText(name, v)
			given = true
		}
	}
	switch {
	case !given:
		return messages
	case begins:
		return append([]*Dict{system}, messages[1:]...)
	}
	return append([]*Dict{system}, messages...)
}

// roleOf returns the role of a message.
func roleOf(m *Dict) string {
	v, _ := m.text("role")
	s, _ := stringOf(v)
	return s
}

// dicts returns a field that is a list of dicts; none where it is not there.
func (e *deepseekEncoder) dicts(d *Dict, name string) ([]*Dict, error) {
	v, ok := d.text(name)
	if !ok || !truth(v) {
		return nil, nil
	}
	l, ok := v.(*list)
	if !ok {
		return nil, raise("%s is %s, want a list of objects", name, typeName(v))
	}
	if err := e.r.work(len(l.items) * bytesAtStep); err != nil {
		return nil, err
	}
	out := make([]*Dict, len(l.items))
	for i, o := range l.items {
		if out[i], ok = o.(*Dict); !ok {
			return nil, raise("%s[%d] is %s, want an object", name, i, typeName(o))
		}
	}
	return out, nil
}

// write writes texts.
func (e *deepseekEncoder) write(texts ...string) error {
	for _, s := range texts {
		if err := e.r.write(s); err != nil {
			return err
		}
	}
	return nil
}

// json writes a value as the encoder does: separators ", " and ": ", characters
// beyond ASCII as they are.
func (e *deepseekEncoder) json(v object) error {
	j := jsonWriter{w: writer{r: e.r}, item: ", ", colon: ": "}
	if err := j.value(v, 0); err != nil {
		return err
	}
	return e.r.write(string(j.w.text))
}
