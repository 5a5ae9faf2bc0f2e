package checkpoint

import (
	"errors"
	"fmt"

	"github.com/blitz-r1/blitz/chat"
	"github.com/blitz-r1/blitz/chat/output"
	"github.com/blitz-r1/blitz/jinja"
	"github.com/blitz-r1/blitz/tokenizer"
)

// ErrNoTemplate says that a model has no chat template.
var ErrNoTemplate = errors.New("the model has no chat template")

// Tokenizer returns the model's tokenizer, read when first asked for. The error wraps
// tokenizer.ErrNoTokenizer where there is none.
func (c *Checkpoint) Tokenizer() (*tokenizer.Tokenizer, error) { return c.tokens.get(c.readTokenizer) }

func (c *Checkpoint) readTokenizer() (*tokenizer.Tokenizer, error) {
	switch {
	case c.gguf != nil:
		t, err := tokenizer.FromGGUF(c.gguf)
		if err == nil {
			return t, nil
		}
		err = fmt.Errorf("%s: %w", c.gguf.Name(), err)
		if !errors.Is(err, tokenizer.ErrNoTokenizer) || c.alone {
			return nil, err
		}
		if t, beside := tokenizer.FromFS(folderFS{c}); beside == nil {
			c.note("%s has no tokenizer: that beside it is used", c.gguf.Name())
			return t, nil
		}
		return nil, err
	case c.files.Kind == Tokenizer && c.alone:
		return tokenizer.Open(c.path)
	}
	t, err := tokenizer.FromFS(folderFS{c})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.folder, err)
	}
	return t, nil
}

// template is a chat template, or why one that is there cannot be used.
type template struct {
	use    *chat.Template
	format string
}

// Template returns the chat template: that of the model's files, else the built-in one
// of its release. The error wraps ErrNoTemplate where there is neither, or says why
// that of the files cannot be used.
func (c *Checkpoint) Template() (*chat.Template, error) {
	t, err := c.template.get(c.readTemplate)
	return t.use, err
}

// Format returns the form in which the model writes reasoning and tool calls, which its
// template tells even where it cannot be used; see output.Formats. "": plain text.
func (c *Checkpoint) Format() string {
	t, _ := c.template.get(c.readTemplate)
	return t.format
}

func (c *Checkpoint) readTemplate() (template, error) {
	t, err := c.Tokenizer()
	if err != nil {
		return template{}, err
	}
	source := t.ChatTemplate()
	toolUse, _ := t.NamedTemplate("tool_use")
	if source != "" || toolUse != "" {
		use, err := chat.NewTemplates(source, toolUse)
		if err != nil {
			return template{format: output.DetectFormat(source)}, err
		}
		return template{use, output.FormatOf(use)}, nil
	}
	arch, names := c.declared()
	for i := range releases {
		if r := &releases[i]; r.is(arch, names) && r.speaks(t) {
			use, err := chat.Builtin(r.template)
			if err != nil {
				return template{}, err
			}
			return template{use, output.FormatOf(use)}, nil
		}
	}
	return template{}, ErrNoTemplate
}

// TemplateVariables returns what every chat template gets to know of a tokenizer:
// bos_token, eos_token, unk_token and pad_token, where there are such.
func TemplateVariables(t *tokenizer.Tokenizer) *jinja.Dict {
	d := &jinja.Dict{}
	for _, v := range []struct {
		name string
		id   int32
	}{{"bos_token", t.BOS()}, {"eos_token", t.EOS()}, {"unk_token", t.Unknown()}, {"pad_token", t.Pad()}} {
		if piece, ok := t.Token(v.id); ok && v.id >= 0 {
			d.Set(v.name, jinja.String(piece))
		}
	}
	return d
}
