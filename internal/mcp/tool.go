package mcp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/blitz-r1/blitz/internal/message"
	"github.com/blitz-r1/blitz/jinja"
)

// Bounds of what a server says of its tools.
const (
	MaxTools       = 128
	maxDescription = 8 << 10  // bytes
	maxSchema      = 32 << 10 // bytes
	maxDepth       = 32       // of a schema and of arguments
	maxNotes       = 32
)

// Tool is a tool of a server.
type Tool struct {
	Name        string          // as it is called here
	Description string          // the server's words
	Parameters  json.RawMessage // a JSON Schema, of an object

	own string // its name at the server
}

// CallName returns the name by which a model calls a tool: SERVER__TOOL.
func CallName(server, tool string) string { return server + between + tool }

// readTools returns the tools of a list that may be used, and says of the others why not.
// It fails where there are too many.
func readTools(s *Server, list []*sdk.Tool) (tools []Tool, notes []string, err error) {
	at := map[string]int{} // where the tool of a name is, -1: two wanted it
	note := func(own, format string, args ...any) {
		if len(notes) < maxNotes {
			notes = append(notes, fmt.Sprintf("the tool %s is left out: %s", message.Quote(own), fmt.Sprintf(format, args...)))
		}
	}
	for _, t := range list {
		if t == nil || s.Tools != nil && !slices.Contains(s.Tools, t.Name) {
			continue
		}
		tool, err := readTool(s, t)
		if err != nil {
			note(t.Name, "%v", err)
			continue
		}
		if i, taken := at[tool.Name]; taken {
			note(t.Name, "another tool is called %s here, too", tool.Name)
			if i >= 0 {
				note(tools[i].own, "another tool is called %s here, too", tool.Name)
				at[tool.Name] = -1
			}
			continue
		}
		if len(tools) == MaxTools {
			return nil, nil, fmt.Errorf("offers more than %d tools: name those that are wanted, tools = [\"…\"]", MaxTools)
		}
		at[tool.Name] = len(tools)
		tools = append(tools, tool)
	}
	tools = slices.DeleteFunc(tools, func(t Tool) bool { return at[t.Name] < 0 })
	for _, own := range s.Tools {
		if len(notes) < maxNotes && !slices.ContainsFunc(list, func(t *sdk.Tool) bool { return t != nil && t.Name == own }) {
			notes = append(notes, fmt.Sprintf("the settings allow a tool %s, which the server does not have", message.Quote(own)))
		}
	}
	return tools, notes, nil
}

// readTool reads one tool.
func readTool(s *Server, t *sdk.Tool) (Tool, error) {
	name, err := toolName(s.Name, t.Name)
	if err != nil {
		return Tool{}, err
	}
	out := Tool{Name: name, own: t.Name, Description: plain(cut(t.Description, maxDescription)), Parameters: json.RawMessage(`{"type":"object"}`)}
	if len(out.Description) < len(t.Description) && len(t.Description) > maxDescription {
		out.Description += "…"
	}
	if t.InputSchema == nil {
		return out, nil
	}
	if _, ok := t.InputSchema.(map[string]any); !ok {
		return Tool{}, fmt.Errorf("its schema is no object")
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(t.InputSchema); err != nil {
		return Tool{}, fmt.Errorf("its schema cannot be written: %w", err)
	}
	text := bytes.TrimSpace(b.Bytes())
	if len(text) > maxSchema {
		return Tool{}, fmt.Errorf("its schema has %d bytes, want at most %d", len(text), maxSchema)
	}
	if depth(text) > maxDepth {
		return Tool{}, fmt.Errorf("its schema is nested more than %d levels deep", maxDepth)
	}
	if odd := oddName(t.InputSchema); odd != "" {
		return Tool{}, fmt.Errorf("its schema has a name like a control token, %s", message.Quote(odd))
	}
	out.Parameters = text
	return out, nil
}

// controlLike are texts as the control tokens of models are spelled. In a schema, names of
// parameters stand in a prompt as they are.
var controlLike = regexp.MustCompile(`[<>\x{FF5C}]|\[/?[A-Za-z_]+\]`)

// oddName returns a name of a schema that is like a control token, "" where none is.
func oddName(v any) string {
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			if odd := oddName(x); odd != "" {
				return odd
			}
		}
	case map[string]any:
		for name, x := range v {
			texts := []string{name}
			if list, ok := x.([]any); ok && name == "required" {
				for _, x := range list {
					s, _ := x.(string)
					texts = append(texts, s)
				}
			}
			if s, ok := x.(string); ok && (name == "type" || name == "required") {
				texts = append(texts, s)
			}
			for _, s := range texts {
				if controlLike.MatchString(s) {
					return s
				}
			}
			if odd := oddName(x); odd != "" {
				return odd
			}
		}
	}
	return ""
}

// definition returns the tool as models are told of it, in the form of the OpenAI API.
func (t *Tool) definition(server string) (jinja.Value, error) {
	schema, err := jinja.ParseJSON(t.Parameters)
	if err != nil {
		return jinja.Value{}, err
	}
	f := &jinja.Dict{}
	f.Set("name", jinja.String(CallName(server, t.Name)))
	if t.Description != "" {
		f.Set("description", jinja.String(t.Description))
	}
	f.Set("parameters", schema)
	d := &jinja.Dict{}
	d.Set("type", jinja.String("function"))
	d.Set("function", f.Value())
	return d.Value(), nil
}

// depth returns how deep JSON is nested.
func depth(text []byte) (deepest int) {
	level, inString, escaped := 0, false, false
	for _, b := range text {
		switch {
		case escaped:
			escaped = false
		case inString:
			escaped, inString = b == '\\', b != '"'
		case b == '"':
			inString = true
		case b == '{' || b == '[':
			level++
			deepest = max(deepest, level)
		case b == '}' || b == ']':
			level--
		}
	}
	return deepest
}
