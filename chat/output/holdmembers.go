package output

import (
	"encoding/json"
	"fmt"

	"github.com/blitz-r1/blitz/grammar"
)

// heldMember is a member of an object that a format does not write as JSON.
type heldMember struct {
	expr     grammar.Expr // key and value
	required bool
}

// members returns members in their order, parted by sep, of which those that are not
// required may be left out. name is one that no other rules begin with.
func (h *holder) members(name string, all []heldMember, sep grammar.Expr) grammar.Expr {
	rest := func(i int) string { return fmt.Sprintf("%s-rest-%d", name, i) }
	first := func(i int) string { return fmt.Sprintf("%s-first-%d", name, i) }
	h.rules.Set(rest(len(all)), grammar.Expr{})
	h.rules.Set(first(len(all)), grammar.Expr{})
	for i := len(all) - 1; i >= 0; i-- {
		member := fmt.Sprintf("%s-member-%d", name, i)
		h.rules.Set(member, all[i].expr)
		one := grammar.Seq(sep, grammar.Ref(member))
		begin := grammar.Seq(grammar.Ref(member), grammar.Ref(rest(i+1)))
		if !all[i].required {
			one = grammar.Optional(one)
			begin = grammar.Or(begin, grammar.Ref(first(i+1)))
		}
		h.rules.Set(rest(i), grammar.Seq(one, grammar.Ref(rest(i+1))))
		h.rules.Set(first(i), begin)
	}
	return grammar.Ref(first(0))
}

// parted returns none or several of something, parted by sep.
func parted(one, sep grammar.Expr) grammar.Expr {
	return grammar.Optional(grammar.Seq(one, grammar.Repeat(grammar.Seq(sep, one), 0, grammar.Unbounded)))
}

// parameterSchema is the schema of a tool's parameters, taken apart.
type parameterSchema struct {
	root       map[string]json.RawMessage
	names      []string // of the properties, in order
	properties map[string]json.RawMessage
	required   map[string]bool
}

// objectKeywords are those of an object's schema that are held, and its name.
var objectKeywords = []string{"type", "properties", "required", "additionalProperties", "$id"}

// readObjectSchema takes the schema of an object apart. root is the one that its references
// mean, nil where it is that itself.
func readObjectSchema(schema json.RawMessage, root map[string]json.RawMessage) (p parameterSchema, err error) {
	var own map[string]json.RawMessage
	var known struct {
		Properties map[string]json.RawMessage `json:"properties"`
		Required   []string                   `json:"required"`
		Type       any                        `json:"type"`
	}
	for _, to := range []any{&own, &known} {
		if err := json.Unmarshal(schema, to); err != nil {
			return p, fmt.Errorf("parameters are no JSON Schema of an object: %w: %w", ErrTools, err)
		}
	}
	dropNull(own)
	if err := only(own, "beside the properties, in a format that writes no JSON", objectKeywords...); err != nil {
		return p, err
	}
	if known.Type != nil && known.Type != "object" {
		return p, fmt.Errorf("parameters of type %v, want object", known.Type)
	}
	p = parameterSchema{root: root, properties: known.Properties, required: map[string]bool{}}
	if root == nil {
		p.root = own
	}
	if p.names, err = keysInOrder(own["properties"]); err != nil {
		return p, err
	}
	for _, name := range known.Required {
		if _, ok := known.Properties[name]; !ok {
			return p, fmt.Errorf("property %q is required and not described", name)
		}
		p.required[name] = true
	}
	return p, nil
}

// dropNull takes keywords away that are null: they count as not there, but for const.
func dropNull(schema map[string]json.RawMessage) {
	for keyword, v := range schema {
		if string(v) == "null" && keyword != "const" {
			delete(schema, keyword)
		}
	}
}
