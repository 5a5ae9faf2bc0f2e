package chat

import (
	"context"
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

	form atomic.Pointer[callForm] // see callForm
}

// NewTemplate reads the source of a template. Its errors are those of
// jinja.NewTemplate.
func NewTemplate(source string) (*Template, error) {
	p, err := jinja.NewTemplate(source)
	if err != nil {
		return nil, err
	}
	return &Template{program: p}, nil
}

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
	if t.program == nil {
		return t.encode(ctx, variables)
	}
	return t.program.Render(ctx, variables)
}

// OpensTurn reports whether the template begins the model's turn at the end even where
// add_generation_prompt is not given.
func (t *Template) OpensTurn() bool { return t.program == nil }

// Reasons reports whether the template has to do with reasoning.
func (t *Template) Reasons() bool {
	return t.program == nil || strings.Contains(t.Source(), "think")
}
