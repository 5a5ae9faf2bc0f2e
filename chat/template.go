package chat

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/blitz-r1/blitz/jinja"
)

// Template writes conversations as prompts. It does not change while it renders,
// so one Template may render in several goroutines at once.
type Template struct {
	program *jinja.Template // nil: encode
	encode  func(ctx context.Context, variables *jinja.Dict) (string, error)
	release string // see Release

	toolUse    *Template // in place of this one where there are tools; nil: none
	toolUseErr error     // why that cannot be used

	form atomic.Pointer[callForm] // see callForm
}

// NewTemplate reads the source of a template, as jinja.NewChatTemplate does. Its
// errors are those of jinja.NewTemplate.
func NewTemplate(source string) (*Template, error) {
	p, err := jinja.NewChatTemplate(source)
	if err != nil {
		return nil, err
	}
	return New(p), nil
}

// NewTemplates is NewTemplate for a model that has a template of its own for
// conversations with tools, named tool_use in its files; "" stands for none. One of
// the two alone serves both. What is wrong with toolUse is an error only where there
// are tools.
func NewTemplates(source, toolUse string) (*Template, error) {
	if source == "" {
		source, toolUse = toolUse, ""
	}
	t, err := NewTemplate(source)
	if err == nil && toolUse != "" {
		t.toolUse, t.toolUseErr = NewTemplate(toolUse)
	}
	return t, err
}

// ToolUse returns the template that is used where there are tools; nil where that is
// this one, or cannot be used.
func (t *Template) ToolUse() *Template { return t.toolUse }

// New returns a template that runs a program: one with limits or a clock of its own,
// or one of jinja.NewTemplate, which is held to the reference.
func New(p *jinja.Template) *Template { return &Template{program: p} }

// Source returns the source of the template. That of the built-in one of a release
// that publishes none is a comment.
func (t *Template) Source() string {
	if t.program == nil {
		return "{# " + t.release + " publishes an encoder, not a template; the built-in one follows it. #}"
	}
	return t.program.Source()
}

// Release returns the release whose built-in template this is, "" for a template
// of another origin.
func (t *Template) Release() string { return t.release }

// Render writes the prompt for the given variables. Its errors are those of
// jinja.Template.Render; those of a release that publishes no template have no
// lines.
func (t *Template) Render(ctx context.Context, variables *jinja.Dict) (string, error) {
	if variables == nil {
		variables = &jinja.Dict{}
	}
	if t.toolUse != nil || t.toolUseErr != nil {
		if tools, _ := variables.Get("tools"); !tools.IsNone() {
			if t.toolUseErr != nil {
				return "", fmt.Errorf("chat: the template for tools: %w", t.toolUseErr)
			}
			return t.toolUse.Render(ctx, variables)
		}
	}
	if t.program == nil {
		return t.encode(ctx, variables)
	}
	return t.program.Render(ctx, variables)
}

// probeLimits are ample for a conversation of three messages. What a template does
// with one of our own is found out before anybody asks, so it has to be quick.
var probeLimits = jinja.Limits{Steps: 1_000_000, Memory: 16 << 20, Output: 1 << 20, Depth: jinja.DefaultLimits.Depth}

// probe renders a conversation of our own under probeLimits.
func (t *Template) probe(ctx context.Context, c *Chat, form callForm) (string, error) {
	if t.program == nil {
		return t.encode(ctx, c.variables(form))
	}
	p := *t.program
	p.Limits = probeLimits
	return p.Render(ctx, c.variables(form))
}

// TurnEnd returns what the template writes behind an answer of the model, which is
// where models were trained to end it; "" where that cannot be told. Variables are
// those of Chat.
func (t *Template) TurnEnd(ctx context.Context, variables *jinja.Dict) string {
	const answer = "An answer of the model."
	said := Message{Role: "assistant", Content: jinja.String(answer)}
	if t.program == nil {
		said.ReasoningContent = "A thought." // the encoder wants one
	}
	text, err := t.probe(ctx, &Chat{
		Messages:  []Message{{Role: "user", Content: jinja.String("A question.")}, said},
		Variables: variables,
	}, callForm{})
	if err != nil {
		return ""
	}
	_, behind, _ := strings.Cut(text, answer)
	return behind
}

// OpensTurn reports whether the template begins the model's turn at the end even where
// add_generation_prompt is not given.
func (t *Template) OpensTurn() bool { return t.program == nil }

// Reasons reports whether the template has to do with reasoning.
func (t *Template) Reasons() bool {
	return t.program == nil || strings.Contains(t.Source(), "think") || strings.Contains(t.Source(), "[THINK]")
}
