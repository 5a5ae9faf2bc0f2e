package blitz

import (
	"errors"
	"fmt"
)

// ErrNoPrompt is a prompt that the model's files do not have.
var ErrNoPrompt = errors.New("has no prompt of that name")

// InputType says what a text is of which a vector is made, for models that put another prompt
// before a query than before what it is compared with.
type InputType uint8

// The kinds of texts.
const (
	InputText     InputType = iota // nobody says: the default prompt of the model's files, where there is one
	InputQuery                     // what is searched for
	InputDocument                  // what is searched through
)

// inputPrompts are the names that prompts for a kind of texts have, the first that is there
// with a text counts: those of sentence-transformers, and what the prompts themselves are
// called.
var inputPrompts = map[InputType][]string{
	InputQuery:    {"query", "search_query"},
	InputDocument: {"document", "passage", "corpus", "search_document"},
}

// EmbedPrompt returns what goes before a text of that kind, as sentence-transformers has it:
// nothing where the model's files have no prompt for it. The error wraps ErrNoPrompt where the
// prompt cannot be used as the files want.
func (m *Model) EmbedPrompt(kind InputType) (string, error) {
	if m.promptErr != nil {
		return "", m.promptErr
	}
	if kind == InputText {
		if m.prompts.Default == "" {
			return "", nil
		}
		return m.usable(m.prompts.Default)
	}
	for _, name := range inputPrompts[kind] {
		if m.prompts.Texts[name] != "" {
			return m.usable(name)
		}
	}
	return "", nil
}

// NamedPrompt returns what goes before a text by the name of a prompt in the model's files. The
// error wraps ErrNoPrompt.
func (m *Model) NamedPrompt(name string) (string, error) {
	if m.promptErr != nil {
		return "", m.promptErr
	}
	if _, there := m.prompts.Texts[name]; !there {
		return "", fmt.Errorf("blitz: the model %s %w: %.60q; it has %s", m.files.Name(), ErrNoPrompt, name, m.prompts.Listed())
	}
	return m.usable(name)
}

// usable returns the text of a prompt, unless it has to be read without being pooled.
func (m *Model) usable(name string) (string, error) {
	text := m.prompts.Texts[name]
	if text != "" && m.prompts.Apart {
		return "", fmt.Errorf("blitz: prompt %.60q of the model %s: include_prompt is false, and the states of prompts are always pooled: it %w that can be used", name, m.files.Name(), ErrNoPrompt)
	}
	return text, nil
}
