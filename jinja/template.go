package jinja

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"
)

// Template is a template that was read. It does not change while it renders, so
// one Template may render in several goroutines at once.
type Template struct {
	// Limits bound each rendering. NewTemplate sets DefaultLimits.
	Limits Limits

	// Now is the clock of strftime_now. NewTemplate sets time.Now, which gives
	// local time.
	Now func() time.Time

	source string
	tree   *tree
}

// NewTemplate reads the source of a template. Its errors are *Error with
// ErrSyntax in the chain, or ErrLimit for a source of more than a megabyte.
//
// As in the reference, a filter or test that does not exist is an error here,
// unless it stands directly in an if, where it is an error once it is reached.
func NewTemplate(source string) (*Template, error) { return newTemplate(source, false) }

// NewChatTemplate is NewTemplate with what the templates of GGUF files may use
// besides, as llama.cpp has it: the filter from_json, which reads JSON.
func NewChatTemplate(source string) (*Template, error) { return newTemplate(source, true) }

func newTemplate(source string, chat bool) (*Template, error) {
	if len(source) > maxSource {
		return nil, &Error{1, faultf(faultLimit, "the source has %d bytes, want at most %d", len(source), maxSource)}
	}
	if !utf8.ValidString(source) {
		good := len(strings.ToValidUTF8(source, ""))
		return nil, &Error{1, faultf(faultSyntax, "the source is not UTF-8 (%d of %d bytes are wrong)", len(source)-good, len(source))}
	}
	tokens, err := tokenize(source)
	if err != nil {
		return nil, err
	}
	body, err := parse(tokens, chat)
	if err != nil {
		return nil, err
	}
	t, err := bind(body, chat)
	if err != nil {
		return nil, err
	}
	return &Template{Limits: DefaultLimits, Now: time.Now, source: source, tree: t}, nil
}

// Source returns the source of the template.
func (t *Template) Source() string { return t.source }

// Render runs the template on the given variables and returns the text. Its
// errors are *Error; in the chain is a *RaisedError if the template itself refused
// the conversation, ErrLimit if it ran into a limit, ErrRefused if it asked for
// something that templates do not get, and the cause of ctx if that is done.
func (t *Template) Render(ctx context.Context, variables *Dict) (string, error) {
	if variables == nil {
		variables = &Dict{}
	}
	r := &rendering{
		ctx:    ctx,
		tree:   t.tree,
		limits: t.Limits,
		steps:  t.Limits.Steps,
		next:   t.Limits.Steps,
		now:    t.Now,
		input:  variables,
	}
	return r.render()
}

// rendering is the state of one run of a template.
type rendering struct {
	ctx    context.Context
	tree   *tree
	limits Limits
	now    func() time.Time
	input  *Dict

	out *buffer

	steps   int64 // what is left
	next    int64 // with so many left the context is looked at
	settled int64 // see settle
	used    int64 // bytes counted since the last measurement, and measured then
	pending int   // expressions that are half evaluated
	calls   int   // macros and other calls inside one another
	pulls   int   // generators reading each other

	// Where values are alive, for settle.
	scopes  []*scope
	buffers []*buffer
	held    []object // what loops go over
}

func (r *rendering) render() (string, error) {
	vars := &variables{input: r.input, globals: globals}
	s := newScope(r.tree.routine, nil, vars)
	if r.tree.self != nil {
		s.set(*r.tree.self, &blocks{r.tree, vars})
	}
	r.out = &buffer{}
	r.buffers = []*buffer{r.out}
	r.scopes = []*scope{s}
	s.enter(&r.tree.frame)
	if _, err := r.run(r.tree.body, s); err != nil {
		return "", err
	}
	return string(r.out.text), nil
}
