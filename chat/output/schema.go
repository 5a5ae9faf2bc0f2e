package output

import (
	"encoding/json"
	"fmt"
	"strings"
)

// outputKinds are the kinds of JSON value that a schema allows; none at all
// means that nothing is known.
type outputKinds uint8

const (
	paramText outputKinds = 1 << iota
	paramNumber
	paramBoolean
	paramNull
	paramObject
	paramArray

	paramAny outputKinds = 0
)

// maxSchemaSteps bounds the subschemas that are visited for one parameter, for
// references may lead in circles. What is not found within it is not known.
const maxSchemaSteps = 200

// allow reports whether a JSON value is taken as such. Text stands without
// quotes, so where the schema allows text a quoted value is text, quotes and
// all, and so is a value of a kind that the schema does not allow.
func (k outputKinds) allow(value string) bool {
	kind := paramKind(value)
	if k&paramText != 0 {
		return kind != paramText && k&kind != 0
	}
	return true
}

// paramKind is the kind of a JSON value by its first character.
func paramKind(value string) outputKinds {
	switch value[0] {
	case '"':
		return paramText
	case 't', 'f':
		return paramBoolean
	case 'n':
		return paramNull
	case '{':
		return paramObject
	case '[':
		return paramArray
	}
	return paramNumber
}

// outputTools reads the kinds of all parameters of the tools.
func outputTools(tools []json.RawMessage) (map[string]map[string]outputKinds, error) {
	kinds := map[string]map[string]outputKinds{}
	for i, raw := range tools {
		var wrapped struct {
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
		if tool.Name == "" {
			return nil, fmt.Errorf("output: %w: tools[%d]: no name, want {\"function\": {\"name\": …}}", ErrTools, i)
		}
		if _, ok := kinds[tool.Name]; ok {
			continue
		}
		kinds[tool.Name] = parameterKinds(tool.Parameters)
	}
	return kinds, nil
}

func parameterKinds(schema any) map[string]outputKinds {
	root, _ := schema.(map[string]any)
	properties, _ := root["properties"].(map[string]any)
	kinds := make(map[string]outputKinds, len(properties))
	for name, property := range properties {
		w := schemaWalk{root: root, steps: maxSchemaSteps}
		kinds[name] = w.kinds(property)
	}
	return kinds
}

// schemaWalk finds the kinds that a JSON Schema allows, as far as its keywords
// say so plainly.
type schemaWalk struct {
	root  map[string]any
	steps int
}

func (w *schemaWalk) kinds(schema any) outputKinds {
	s, ok := schema.(map[string]any)
	if w.steps--; !ok || w.steps < 0 {
		return paramAny
	}
	kinds := paramAny
	limit := func(k outputKinds) { // to what both allow
		if k == paramAny {
			return
		}
		if kinds == paramAny {
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
func (w *schemaWalk) union(branches []any) outputKinds {
	all := paramAny
	for _, b := range branches {
		k := w.kinds(b)
		if k == paramAny {
			return paramAny
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
func typeKinds(t any) outputKinds {
	switch t := t.(type) {
	case string:
		switch t {
		case "string":
			return paramText
		case "number", "integer":
			return paramNumber
		case "boolean":
			return paramBoolean
		case "null":
			return paramNull
		case "object":
			return paramObject
		case "array":
			return paramArray
		}
	case []any:
		all := paramAny
		for _, one := range t {
			name, _ := one.(string)
			k := typeKinds(name)
			if k == paramAny {
				return paramAny
			}
			all |= k
		}
		return all
	}
	return paramAny
}

// valueKinds are the kinds of the values of const and enum.
func valueKinds(values []any) outputKinds {
	all := paramAny
	for _, v := range values {
		switch v.(type) {
		case string:
			all |= paramText
		case float64:
			all |= paramNumber
		case bool:
			all |= paramBoolean
		case nil:
			all |= paramNull
		case map[string]any:
			all |= paramObject
		case []any:
			all |= paramArray
		}
	}
	return all
}
