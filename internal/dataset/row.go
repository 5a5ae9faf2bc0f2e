package dataset

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"github.com/blitz-r1/blitz/chat"
	"github.com/blitz-r1/blitz/internal/message"
	"github.com/blitz-r1/blitz/jinja"
)

// Form is what a row holds.
type Form uint8

// The forms.
const (
	Text       Form = iota // {"text": …}
	Completion             // {"prompt": …, "completion": …}
	Chat                   // {"messages": […], "tools": […]}
	Pair                   // {"prompt": …, "chosen": …, "rejected": …}, and nothing of the others
)

func (f Form) String() string {
	return [...]string{"text", "prompt and completion", "messages", "chosen and rejected"}[f]
}

// Row is one example, as it stands in a file.
type Row struct {
	File string
	Line int // from 1
	Form Form

	Text               string
	Prompt, Completion string
	Messages           []chat.Message
	Tools              []jinja.Value
	given              int         // messages that are the prompt of a row of two lists: nothing of them is learned
	fields             *jinja.Dict // all that it holds: preferences are read when they are asked for

	// Digest is over what the row holds, in its order, however its file writes it: by it
	// rows are split, and found that stand there twice.
	Digest [sha256.Size]byte
}

// parseRow reads the JSON object of a row.
func parseRow(line []byte) (*Row, error) {
	v, err := jinja.ParseJSON(line)
	if err != nil {
		return nil, badRow("%v", err)
	}
	d, ok := v.Dict()
	if !ok {
		return nil, badRow("is no JSON object")
	}
	return newRow(d)
}

// newRow takes the fields of a row.
func newRow(d *jinja.Dict) (*Row, error) {
	given, d := d, &jinja.Dict{}
	for key, v := range given.All() { // what is null is not there
		if !v.IsNone() {
			d.Set(key, v)
		}
	}
	r := &Row{fields: d}
	text, err := json.Marshal(d.Value())
	if err != nil {
		return nil, badRow("%v", err)
	}
	r.Digest = sha256.Sum256(text)
	messages, hasMessages := d.Get("messages")
	prompt, hasPrompt := d.Get("prompt")
	completion, hasCompletion := d.Get("completion")
	whole, hasText := d.Get("text")
	_, hasChosen := d.Get("chosen")
	_, hasRejected := d.Get("rejected")
	switch {
	case hasMessages:
		r.Form = Chat
		if r.Messages, err = readMessages("messages", messages); err == nil {
			err = r.readTools(d)
		}
	case hasPrompt && hasCompletion:
		err = r.readCompletion(d, prompt, completion)
	case hasChosen && hasRejected:
		r.Form = Pair
	case hasChosen || hasRejected:
		err = badRow("has one of chosen and rejected, want both")
	case hasPrompt:
		err = badRow("has prompt and no completion")
	case hasText:
		r.Form = Text
		if r.Text, err = textOf("text", whole); err == nil && r.Text == "" {
			err = badRow("text is empty")
		}
	default:
		err = badRow("has none of messages, prompt with completion, text, chosen with rejected")
	}
	return r, err
}

// readCompletion reads a prompt and what follows it: two texts, or two lists of messages.
func (r *Row) readCompletion(d *jinja.Dict, prompt, completion jinja.Value) (err error) {
	if _, isList := completion.List(); isList {
		r.Form = Chat
		before, err := readMessages("prompt", prompt)
		if err != nil {
			return err
		}
		after, err := readMessages("completion", completion)
		if err != nil {
			return err
		}
		r.Messages, r.given = append(before, after...), len(before)
		return r.readTools(d)
	}
	r.Form = Completion
	if r.Prompt, err = textOf("prompt", prompt); err != nil {
		return err
	}
	if r.Completion, err = textOf("completion", completion); err == nil && r.Completion == "" {
		err = badRow("completion is empty")
	}
	return err
}

func textOf(key string, v jinja.Value) (string, error) {
	s, ok := v.Text()
	if !ok {
		return "", badRow("%s is no string", key)
	}
	return s, nil
}

// readMessages reads a list of messages in the form of the OpenAI API.
func readMessages(key string, v jinja.Value) ([]chat.Message, error) {
	list, ok := v.List()
	if !ok || len(list) == 0 {
		return nil, badRow("%s is no list of messages", key)
	}
	messages := make([]chat.Message, len(list))
	for i, x := range list {
		m, err := readMessage(fmt.Sprintf("%s[%d]", key, i), x)
		if err != nil {
			return nil, err
		}
		messages[i] = m
	}
	return messages, nil
}

// messageTexts are the keys of a message whose values are strings, and which of them have
// a field of chat.Message.
func messageTexts(m *chat.Message) map[string]*string {
	return map[string]*string{
		"role": &m.Role, "reasoning_content": &m.ReasoningContent, "name": &m.Name, "tool_call_id": &m.ToolCallID,
	}
}

func readMessage(place string, v jinja.Value) (m chat.Message, err error) {
	d, ok := v.Dict()
	if !ok {
		return m, badRow("%s is no object", place)
	}
	texts := messageTexts(&m)
	for key, x := range d.All() {
		switch to := texts[key]; {
		case x.IsNone():
		case to != nil:
			if *to, err = textOf(place+"."+message.Clean(key), x); err != nil {
				return m, err
			}
		case key == "content":
			m.Content = x
			_, isText := x.Text()
			_, isList := x.List()
			if !isText && !isList {
				return m, badRow("%s.content is neither a string nor a list of parts", place)
			}
		case key == "tool_calls":
			if m.ToolCalls, err = readCalls(place+".tool_calls", x); err != nil {
				return m, err
			}
		default:
			if m.Fields == nil {
				m.Fields = &jinja.Dict{}
			}
			m.Fields.Set(key, x)
		}
	}
	if m.Role == "" {
		return m, badRow("%s has no role", place)
	}
	if m.Content.IsNone() && len(m.ToolCalls) == 0 && m.ReasoningContent == "" {
		return m, badRow("%s has no content", place)
	}
	return m, nil
}

// readCalls reads what a message calls; arguments are an object, or the text of one.
func readCalls(place string, v jinja.Value) ([]chat.ToolCall, error) {
	list, ok := v.List()
	if !ok {
		return nil, badRow("%s is no list", place)
	}
	calls := make([]chat.ToolCall, len(list))
	for i, x := range list {
		d, ok := x.Dict()
		if !ok {
			return nil, badRow("%s[%d] is no object", place, i)
		}
		if id, ok := d.Get("id"); ok {
			calls[i].ID, _ = id.Text()
		}
		if f, ok := d.Get("function"); ok {
			if d, ok = f.Dict(); !ok {
				return nil, badRow("%s[%d].function is no object", place, i)
			}
		}
		name, _ := d.Get("name")
		if calls[i].Name, ok = name.Text(); !ok || calls[i].Name == "" {
			return nil, badRow("%s[%d] names no function", place, i)
		}
		arguments, _ := d.Get("arguments")
		if calls[i].Arguments, ok = arguments.Text(); ok {
			continue
		}
		text, err := json.Marshal(arguments)
		if _, isDict := arguments.Dict(); err != nil || !isDict {
			return nil, badRow("%s[%d].arguments is neither an object nor the text of one", place, i)
		}
		calls[i].Arguments = string(text)
	}
	return calls, nil
}

// readTools reads what may be called: a list, or the JSON text of one, as files of columns
// keep it.
func (r *Row) readTools(d *jinja.Dict) error {
	tools, ok := d.Get("tools")
	if !ok {
		return nil
	}
	if text, isText := tools.Text(); isText {
		if text == "" {
			return nil
		}
		v, err := jinja.ParseJSON([]byte(text))
		if err != nil {
			return badRow("tools: %v", err)
		}
		tools = v
	}
	list, ok := tools.List()
	if !ok {
		return badRow("tools is no list")
	}
	r.Tools = list
	return nil
}

// newTextRow returns the row that a text alone is.
func newTextRow(text string) (*Row, error) {
	d := &jinja.Dict{}
	d.Set("text", jinja.String(text))
	return newRow(d)
}
