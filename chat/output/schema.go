package output

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// jsonKinds are the kinds of JSON value that a schema allows; none at all means
// that nothing is known.
type jsonKinds uint8

const (
	kindText jsonKinds = 1 << iota
	kindNumber
	kindBoolean
	kindNull
	kindObject
	kindArray

	kindAny jsonKinds = 0
)

// ErrTools is in the chain when a tool of Options cannot be read.
var ErrTools = errors.New("bad tool")

// maxSchemaSteps bounds the subschemas that are visited for one parameter, for
// references may lead in circles. What is not found within it is not known.
const maxSchemaSteps = 200

// allow reports whether a JSON value is taken as such. Text stands without
// quotes, so where the schema allows text a quoted value is text, quotes and
// all, and so is a value of a kind that the schema does not allow.
func (k jsonKinds) allow(value string) bool {
	kind := kindOf(value)
	if k&kindText != 0 {
		return kind != kindText && k&kind != 0
	}
	return true
}

// kindOf is the kind of a JSON value by its first character.
func kindOf(value string) jsonKinds {
	switch value[0] {
	case '"':
		return kindText
	case 't', 'f':
		return kindBoolean
	case 'n':
		return kindNull
	case '{':
		return kindObject
	case '[':
		return kindArray
	}
	return kindNumber
}

// tools are the kinds of all parameters of all tools, by their names.
type tools map[string]map[string]jsonKinds

func (t tools) has(name string) bool {
	_, ok := t[name]
	return ok
}

// split takes the name of a tool and the key of one of its parameters apart, which
// stand without anything between. Where that can be read in two ways, or none, both are
// empty.
func (t tools) split(s string) (name, key string) {
	found := 0
	for n, params := range t {
		rest, ok := strings.CutPrefix(s, n)
		if _, known := params[rest]; ok && known {
			name, key = n, rest
			found++
		}
	}
	if found != 1 {
		return "", ""
	}
	return name, key
}

// readTools reads the kinds of all parameters of the tools. Tools that are no functions
// have no name and are passed over. The error is ErrTools.
func readTools(list []json.RawMessage) (tools, error) {
	t := tools{}
	for i, raw := range list {
		var wrapped struct {
			Type     string          `json:"type"`
			Function json.RawMessage `json:"function"`
		}
		var tool struct {
			Name       string `json:"name"`
			Parameters any    `json:"parameters"`
		}
		err := json.Unmarshal(raw, &wrapped)
		if len(wrapped.Function) > 0 {
			raw = wrapped.Function
		}
		if err == nil {
			err = json.Unmarshal(raw, &tool)
		}
		if err != nil {
			return nil, fmt.Errorf("output: %w: tools[%d]: %w", ErrTools, i, err)
		}
		if tool.Name == "" && wrapped.Type != "" && wrapped.Type != "function" {
			continue
		}
		if tool.Name == "" {
			return nil, fmt.Errorf("output: %w: tools[%d]: no name, want {\"function\": {\"name\": …}}", ErrTools, i)
		}
		if !t.has(tool.Name) {
			t[tool.Name] = parameterKinds(tool.Parameters)
		}
	}
	return t, nil
}

func parameterKinds(schema any) map[string]jsonKinds {
	root, _ := schema.(map[string]any)
	properties, _ := root["properties"].(map[string]any)
	all := make(map[string]jsonKinds, len(properties))
	for name, property := range properties {
		w := schemaWalk{root: root, steps: maxSchemaSteps}
		all[name] = w.kinds(property)
	}
	return all
}

// schemaWalk finds the kinds that a JSON Schema allows, as far as its keywords
// say so plainly.
type schemaWalk struct {
	root  map[string]any
	steps int
}

func (w *schemaWalk) kinds(schema any) jsonKinds {
	s, ok := schema.(map[string]any)
	if w.steps--; !ok || w.steps < 0 {
		return kindAny
	}
	kinds := kindAny
	limit := func(k jsonKinds) { // to what both allow
		if k == kindAny {
			return
		}
		if kinds == kindAny {
			kinds = k
		} else if kinds&k != 0 {
			kinds &= k
		}
	}
	if reference, ok := s["$ref"].(string); ok {
		limit(w.kinds(w.resolve(reference)))
	}
	limit(typeKinds(s["type"]))
	if value, ok := s["const"]; ok {
		limit(valueKinds([]any{value}))
	}
	if values, ok := s["enum"].([]any); ok {
		limit(valueKinds(values))
	}
	for _, keyword := range []string{"anyOf", "oneOf"} {
		branches, _ := s[keyword].([]any)
		limit(w.union(branches))
	}
	branches, _ := s["allOf"].([]any)
	for _, b := range branches {
		limit(w.kinds(b))
	}
	return kinds
}

// union is what any of the branches allows.
func (w *schemaWalk) union(branches []any) jsonKinds {
	all := kindAny
	for _, b := range branches {
		k := w.kinds(b)
		if k == kindAny {
			return kindAny
		}
		all |= k
	}
	return all
}

// resolve finds what a reference within the schema names, or nil.
func (w *schemaWalk) resolve(reference string) any {
	var at any = w.root
	if reference == "#" {
		return at
	}
	path, ok := strings.CutPrefix(reference, "#/")
	if !ok {
		return nil
	}
	for part := range strings.SplitSeq(path, "/") {
		if w.steps--; w.steps < 0 {
			return nil
		}
		object, ok := at.(map[string]any)
		if !ok {
			return nil
		}
		at = object[strings.NewReplacer("~1", "/", "~0", "~").Replace(part)]
	}
	return at
}

// typeKinds reads the keyword type: a name or a list of them.
func typeKinds(t any) jsonKinds {
	switch t := t.(type) {
	case string:
		switch t {
		case "string":
			return kindText
		case "number", "integer":
			return kindNumber
		case "boolean":
			return kindBoolean
		case "null":
			return kindNull
		case "object":
			return kindObject
		case "array":
			return kindArray
		}
	case []any:
		all := kindAny
		for _, one := range t {
			name, _ := one.(string)
			k := typeKinds(name)
			if k == kindAny {
				return kindAny
			}
			all |= k
		}
		return all
	}
	return kindAny
}

// valueKinds are the kinds of the values of const and enum.
func valueKinds(values []any) jsonKinds {
	all := kindAny
	for _, v := range values {
		switch v.(type) {
		case string:
			all |= kindText
		case float64:
			all |= kindNumber
		case bool:
			all |= kindBoolean
		case nil:
			all |= kindNull
		case map[string]any:
			all |= kindObject
		case []any:
			all |= kindArray
		}
	}
	return all
}
