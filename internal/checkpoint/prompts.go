package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/blitz-r1/blitz/internal/message"
)

// Prompts are texts that a publisher puts before texts of which vectors are made, by their
// names, as sentence-transformers has them.
type Prompts struct {
	Texts   map[string]string
	Default string // the name of the one that goes before a text where none is named; "": nothing does
	// Apart says that vectors are pooled without the states of the prompt.
	Apart bool
}

const (
	promptsName = "config_sentence_transformers.json"
	// mostPrompts bounds the prompts of a model, and maxPrompt the bytes of one.
	mostPrompts = 1024
	maxPrompt   = 1 << 16
)

// Prompts returns the prompts of the model's files; none where they have none, as GGUF files.
// The error wraps ErrFormat.
func (c *Checkpoint) Prompts() (*Prompts, error) {
	return c.prompts.get(func() (*Prompts, error) {
		p := &Prompts{Texts: map[string]string{}}
		if c.alone || c.gguf != nil {
			return p, nil
		}
		text, err := c.read(promptsName, maxModules)
		if errors.Is(err, fs.ErrNotExist) {
			return p, nil
		}
		var x struct {
			Prompts map[string]*string `json:"prompts"`
			Default *string            `json:"default_prompt_name"`
		}
		if err == nil {
			err = decodeModule(promptsName, text, &x)
		}
		if err != nil {
			return nil, err
		}
		if n := len(x.Prompts); n > mostPrompts {
			return nil, fmt.Errorf("%s: has %d prompts, want at most %d: %w", promptsName, n, mostPrompts, ErrFormat)
		}
		for name, prompt := range x.Prompts {
			if prompt == nil { // sentence-transformers takes it for none
				prompt = new(string)
			}
			if len(*prompt) > maxPrompt {
				return nil, fmt.Errorf("%s: prompt %.60q has %d bytes, want at most %d: %w", promptsName, name, len(*prompt), maxPrompt, ErrFormat)
			}
			p.Texts[name] = *prompt
		}
		if x.Default != nil {
			p.Default = *x.Default
			if _, there := p.Texts[p.Default]; !there && p.Default != "" {
				return nil, fmt.Errorf("%s: default_prompt_name is %.60q, want one of %s: %w", promptsName, p.Default, p.Listed(), ErrFormat)
			}
		}
		m, err := c.Modules()
		p.Apart = err == nil && m != nil && m.PromptApart
		return p, err
	})
}

// Names returns the names of the prompts, sorted.
func (p *Prompts) Names() []string {
	var names []string
	for name := range p.Texts {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// mostListed is how many names of prompts a message has.
const mostListed = 8

// Listed returns the first names as a message may have them.
func (p *Prompts) Listed() string {
	var quoted []string
	for i, name := range p.Names() {
		if i == mostListed {
			quoted = append(quoted, fmt.Sprintf("… %d in all", len(p.Texts)))
			break
		}
		quoted = append(quoted, message.Quote(name))
	}
	return strings.Join(quoted, ", ")
}
