package output

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/blitz-r1/blitz/grammar"
)

// ErrCalls is in the chain when the calls of a format, or of a tool, cannot be held to a
// form.
var ErrCalls = errors.New("calls cannot be held to a form")

// Calls say what of its tools a model has to call.
type Calls struct {
	Required bool   // a call, in place of text; else text may come before calls, or alone
	Only     string // the tool that may be called; "": any
	Single   bool   // one call at most
	// Strict holds arguments to the schemas of all tools, StrictTools to those of the tools
	// it names; else they are any JSON object, or any values.
	Strict      bool
	StrictTools []string
}

// IsZero says whether nothing is asked of calls.
func (c *Calls) IsZero() bool {
	return !c.Required && c.Only == "" && !c.Single && !c.HoldsArguments()
}

// HoldsArguments says whether the arguments of some tool are held to its schema.
func (c *Calls) HoldsArguments() bool { return c.Strict || len(c.StrictTools) > 0 }

// Grammar returns the grammar of what a model writes in a format, one of Formats, behind
// its reasoning, where its calls are to be as c says: a Parser reads each of them as a
// call. The tools are those of Options. l may be nil.
//
// The error wraps ErrUnknownFormat, ErrTools, ErrCalls, or those of package grammar,
// where what a tool's schema asks for cannot be held; the message names tool and
// keyword. In formats that write values without quotes (GLM, DSML) the schema has to be an
// object of listed properties, each of which is text or not; of text, enum and const
// are held.
func Grammar(format string, tools []json.RawMessage, c Calls, l *grammar.Limits) (*grammar.Grammar, error) {
	f, r, err := formatNamed(format)
	if err != nil {
		return nil, err
	}
	h := &holder{rules: &grammar.Rules{}, calls: c, limits: l, format: f, release: r.name}
	if err := h.read(tools); err != nil {
		return nil, err
	}
	all, err := f.hold(h)
	if err != nil {
		return nil, err
	}
	h.rules.Set("root", all)
	return grammar.Compile(h.rules, "root", l)
}

// holder makes the expression of calls. It is the part that all formats share.
type holder struct {
	rules   *grammar.Rules
	calls   Calls
	limits  *grammar.Limits
	format  *format
	release string
	tools   []heldTool
}

// heldTool is a tool that may be called.
type heldTool struct {
	name   string
	schema json.RawMessage // of its parameters; empty: it has none
	strict bool            // arguments hold to it
}

// read reads the tools that may be called.
func (h *holder) read(list []json.RawMessage) error {
	for i, raw := range list {
		var tool struct {
			Type       string          `json:"type"`
			Function   json.RawMessage `json:"function"`
			Name       string          `json:"name"`
			Parameters json.RawMessage `json:"parameters"`
		}
		err := json.Unmarshal(raw, &tool)
		if err == nil && len(tool.Function) > 0 {
			err = json.Unmarshal(tool.Function, &tool)
		}
		switch {
		case err != nil:
			return fmt.Errorf("output: %w: tools[%d]: %w", ErrTools, i, err)
		case tool.Name == "" && tool.Type != "" && tool.Type != "function":
			continue
		case tool.Name == "":
			return fmt.Errorf("output: %w: tools[%d]: no name, want {\"function\": {\"name\": …}}", ErrTools, i)
		case h.calls.Only != "" && tool.Name != h.calls.Only:
			continue
		case slices.ContainsFunc(h.tools, func(t heldTool) bool { return t.name == tool.Name }):
			return fmt.Errorf("output: %w: tools[%d]: a second tool %q", ErrTools, i, tool.Name)
		}
		if string(tool.Parameters) == "null" {
			tool.Parameters = nil
		}
		strict := h.calls.Strict || slices.Contains(h.calls.StrictTools, tool.Name)
		h.tools = append(h.tools, heldTool{tool.Name, tool.Parameters, strict})
	}
	switch {
	case len(h.tools) > 0:
		return nil
	case h.calls.Only != "":
		return fmt.Errorf("output: %w: no tool %q", ErrCalls, h.calls.Only)
	}
	return fmt.Errorf("output: %w: there are no tools", ErrCalls)
}

// each returns the calls of all tools, one of which is called.
func (h *holder) each(one func(t heldTool) (grammar.Expr, error)) (grammar.Expr, error) {
	all := make([]grammar.Expr, len(h.tools))
	for i, t := range h.tools {
		e, err := one(t)
		if err != nil {
			return e, fmt.Errorf("output: tool %q: %w: %w", t.name, ErrCalls, err)
		}
		name := fmt.Sprintf("call-%d", i)
		h.rules.Set(name, e)
		all[i] = grammar.Ref(name)
	}
	return grammar.Or(all...), nil
}

// several returns one call or, where they may be, more, with something between.
func (h *holder) several(call, between grammar.Expr) grammar.Expr {
	if h.calls.Single {
		return call
	}
	return grammar.Seq(call, grammar.Repeat(grammar.Seq(between, call), 0, grammar.Unbounded))
}

// behind returns calls, or, where none is required, text that has no marker of calls,
// with calls behind it or without.
func (h *holder) behind(calls grammar.Expr) grammar.Expr {
	if h.calls.Required {
		return calls
	}
	return grammar.Seq(grammar.Free(slices.Concat(h.format.sections, h.format.calls)...), grammar.Optional(calls))
}

// arguments returns the JSON of a tool's arguments.
func (h *holder) arguments(t heldTool) (grammar.Expr, error) {
	switch {
	case !t.strict:
		return h.rules.JSON(), nil
	case len(t.schema) == 0:
		return grammar.Literal("{}"), nil
	}
	schema, err := objectSchema(t.schema)
	if err != nil {
		return grammar.Expr{}, err
	}
	return h.rules.Schema(schema, h.limits)
}

// objectSchema returns the schema of parameters, which are those of an object even where
// it does not say so.
func objectSchema(schema json.RawMessage) (json.RawMessage, error) {
	var root map[string]json.RawMessage
	if err := json.Unmarshal(schema, &root); err != nil {
		return nil, fmt.Errorf("parameters are no JSON Schema of an object: %w: %w", ErrTools, err)
	}
	if _, ok := root["type"]; ok {
		return schema, nil
	}
	text := strings.TrimLeft(string(schema), " \t\r\n")
	if len(root) == 0 {
		return json.RawMessage(`{"type": "object"}`), nil
	}
	return json.RawMessage(`{"type": "object", ` + text[1:]), nil
}

// object returns a call written as an object: its name, then its arguments under a key.
func (h *holder) object(t heldTool, key string) (grammar.Expr, error) {
	return h.objectWith(t, key, grammar.Expr{})
}

// objectWith is object with something behind the arguments.
func (h *holder) objectWith(t heldTool, key string, more grammar.Expr) (grammar.Expr, error) {
	arguments, err := h.arguments(t)
	if err != nil {
		return arguments, err
	}
	var name strings.Builder
	e := json.NewEncoder(&name)
	e.SetEscapeHTML(false)
	if err := e.Encode(t.name); err != nil {
		return arguments, err
	}
	return grammar.Seq(
		grammar.Literal("{"), blanks(1), grammar.Literal(`"name":`), blanks(1), grammar.Literal(strings.TrimSpace(name.String())+","), blanks(1),
		grammar.Literal(`"`+key+`":`), blanks(1), arguments, more, blanks(1), grammar.Literal("}"),
	), nil
}

// blanks is white space that a format may have, up to so many characters.
func blanks(n int) grammar.Expr {
	return grammar.Repeat(grammar.Class(grammar.Range{Lo: '\n', Hi: '\n'}, grammar.Range{Lo: ' ', Hi: ' '}), 0, n)
}

// plainName returns a tool's name where it stands without quotes. The error says why it
// cannot.
func plainName(t heldTool) (grammar.Expr, error) {
	for i, r := range t.name {
		if !functionCharacter(string(r), i == 0) || isSpace(r) {
			return grammar.Expr{}, fmt.Errorf("%q in its name cannot be written", r)
		}
	}
	return grammar.Literal(t.name), nil
}
