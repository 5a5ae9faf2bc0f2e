package output

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/blitz-r1/blitz/grammar"
)

// heldParam is a parameter of a tool in a format that has tags for them.
type heldParam struct {
	key      string
	required bool
	text     bool         // the value is text as it is, else JSON
	value    grammar.Expr // without what is around it
}

// annotations are keywords that hold nothing, and those of definitions.
var annotations = []string{
	"title", "description", "examples", "default", "deprecated", "readOnly", "writeOnly", "$comment", "$schema", "$defs", "definitions",
}

// only refuses keywords of a schema that are none of these, and no annotations: behind their
// name stands where they are.
func only(schema map[string]json.RawMessage, where string, allowed ...string) error {
	for _, keyword := range sortedKeys(schema) {
		if !slices.Contains(allowed, keyword) && !slices.Contains(annotations, keyword) {
			return fmt.Errorf("keyword %s %s", keyword, where)
		}
	}
	return nil
}

// params returns the parameters of a tool, in the order of its schema, where they are
// held. Text ends where closing stands.
func (h *holder) params(t heldTool, closing string) ([]heldParam, error) {
	if len(t.schema) == 0 || !t.strict {
		return nil, nil
	}
	p, err := readObjectSchema(t.schema, nil)
	if err != nil {
		return nil, err
	}
	var root any
	if err := json.Unmarshal(t.schema, &root); err != nil {
		return nil, err
	}
	kinds := parameterKinds(root)
	all := make([]heldParam, len(p.names))
	var values []string // of those that are JSON
	var at []int
	for i, name := range p.names {
		if strings.ContainsAny(name, "<>\"\n\r") || strings.TrimSpace(name) != name || name == "" {
			return nil, fmt.Errorf("property %q cannot be written in a tag", name)
		}
		k := kinds[name]
		all[i] = heldParam{key: name, required: p.required[name], text: k == kindText}
		switch {
		case k == kindText:
			if all[i].value, err = textValue(p.properties[name], closing); err != nil {
				return nil, fmt.Errorf("property %q: %w", name, err)
			}
		case k == kindAny || k&kindText != 0:
			return nil, fmt.Errorf("property %q: it may be text or something else, which tags do not tell apart", name)
		default:
			values, at = append(values, name), append(at, i)
		}
	}
	exprs, err := h.rules.Properties(t.schema, values, h.limits)
	if err != nil {
		return nil, err
	}
	for i, e := range exprs {
		all[at[i]].value = e
	}
	return all, nil
}

// textValue returns the texts, without quotes, that a schema allows.
func textValue(schema json.RawMessage, closing string) (grammar.Expr, error) {
	var own map[string]json.RawMessage
	var known struct {
		Enum  []string `json:"enum"`
		Const *string  `json:"const"`
	}
	for _, to := range []any{&own, &known} {
		if err := json.Unmarshal(schema, to); err != nil {
			return grammar.Expr{}, fmt.Errorf("%w: %w", ErrTools, err)
		}
	}
	if err := only(own, "of text that stands without quotes", "type", "enum", "const"); err != nil {
		return grammar.Expr{}, err
	}
	all := []grammar.Expr{textWithout(closing)}
	if _, ok := own["enum"]; ok {
		all = append(all, literals(known.Enum))
	}
	if known.Const != nil {
		all = append(all, grammar.Literal(*known.Const))
	}
	return grammar.And(all...), nil
}

// literals is one of some texts.
func literals(texts []string) grammar.Expr {
	all := make([]grammar.Expr, len(texts))
	for i, t := range texts {
		all[i] = grammar.Literal(t)
	}
	return grammar.Or(all...)
}

// textWithout is any text in which a tag does not stand.
func textWithout(closing string) grammar.Expr {
	text := grammar.Repeat(grammar.Any(), 0, grammar.Unbounded)
	return grammar.Without(text, grammar.Seq(text, grammar.Literal(closing), text))
}

// keysInOrder returns the keys of a JSON object, in their order.
func keysInOrder(object json.RawMessage) ([]string, error) {
	if len(object) == 0 {
		return nil, nil
	}
	d := json.NewDecoder(bytes.NewReader(object))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, fmt.Errorf("properties are no object: %w", ErrTools)
	}
	var keys []string
	seen := map[string]bool{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrTools, err)
		}
		if name := key.(string); !seen[name] {
			seen[name], keys = true, append(keys, name)
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrTools, err)
		}
	}
	return keys, nil
}

// sortedKeys returns the keys of a map in order.
func sortedKeys(m map[string]json.RawMessage) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// rows returns parameters in their order, of which those that are not required may be
// left out; any where they are not held.
func (t *heldTool) rows(params []heldParam, anyOf grammar.Expr, one func(p heldParam) grammar.Expr) grammar.Expr {
	if !t.strict {
		return grammar.Repeat(anyOf, 0, grammar.Unbounded)
	}
	all := make([]grammar.Expr, len(params))
	for i, p := range params {
		if all[i] = one(p); !p.required {
			all[i] = grammar.Optional(all[i])
		}
	}
	return grammar.Seq(all...)
}

// anyKey is the name of a parameter in a tag.
func anyKey() grammar.Expr {
	return grammar.Repeat(grammar.NotClass(grammar.Range{Lo: 0, Hi: ' '}, grammar.Range{Lo: '"', Hi: '"'}, grammar.Range{Lo: '<', Hi: '<'}, grammar.Range{Lo: '>', Hi: '>'}, grammar.Range{Lo: 0x7F, Hi: 0xA0}), 1, 64)
}
