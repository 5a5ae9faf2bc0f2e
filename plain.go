package blitz

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/blitz-r1/blitz/chat"
	"github.com/blitz-r1/blitz/chat/output"
	"github.com/blitz-r1/blitz/jinja"
	"github.com/blitz-r1/blitz/tokenizer"
)

// plainPrompt makes the prompt of a conversation whose users' and tools' words are no
// control tokens, whatever they spell. Neither are the words that describe tools, which may
// be a stranger's, but for names of parameters, by which templates find things.
func (m *Model) plainPrompt(ctx context.Context, r *Request) (prompt, error) {
	given, err := json.Marshal([]any{r.Messages, r.Tools, r.Variables})
	if err != nil {
		return prompt{}, fmt.Errorf("blitz: messages: %w", err)
	}
	shield := m.tokens.NewShield(string(given))
	covered := *r
	covered.Messages = make([]chat.Message, len(r.Messages))
	for i, msg := range r.Messages {
		if msg.Role == "user" || msg.Role == "tool" {
			msg.Content = coverText(shield, msg.Content, "type")
		}
		covered.Messages[i] = msg
	}
	if r.Tools != nil {
		covered.Tools = make([]jinja.Value, len(r.Tools))
		for i, tool := range r.Tools {
			covered.Tools[i] = coverText(shield, tool, "type", "required")
		}
	}
	text, err := m.Render(ctx, &covered)
	if err != nil {
		return prompt{}, err
	}
	parts := shield.Parts(text)
	ids, err := m.tokens.EncodeParts(parts, 0)
	if len(parts) > 0 && parts[len(parts)-1].Plain { // what a user says opens no reasoning
		text = ""
	}
	return prompt{ids, true, output.OpensReasoning(text)}, err
}

// coverText marks the text of a message: a string, or those of its parts, which may be
// of other kinds, too. What stands under some keys says how the rest is read, and stays.
func coverText(shield *tokenizer.Shield, v jinja.Value, but ...string) jinja.Value {
	if text, ok := v.Text(); ok {
		return jinja.String(shield.Cover(text))
	}
	if list, ok := v.List(); ok {
		covered := make([]jinja.Value, len(list))
		for i, x := range list {
			covered[i] = coverText(shield, x, but...)
		}
		return jinja.List(covered...)
	}
	if d, ok := v.Dict(); ok {
		covered := &jinja.Dict{}
		for key, x := range d.All() {
			if !slices.Contains(but, key) || isDict(x) { // a parameter may be called so, too
				x = coverText(shield, x, but...)
			}
			covered.Set(key, x)
		}
		return covered.Value()
	}
	return v
}

func isDict(v jinja.Value) bool {
	_, ok := v.Dict()
	return ok
}
