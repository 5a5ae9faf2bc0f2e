package output

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/blitz-r1/blitz/grammar"
)

// holdPythonic is what calls are held to: values are written as JSON, which the parser reads
// as it reads Python's. Text begins with nothing that begins a list.
func holdPythonic(h *holder) (grammar.Expr, error) {
	n := 0
	call, err := h.each(func(t heldTool) (grammar.Expr, error) {
		if !isDottedName(t.name) {
			return grammar.Expr{}, fmt.Errorf("its name %q is none of Python", t.name)
		}
		n++
		keywords, err := h.keywords(t, fmt.Sprintf("keywords-%d", n))
		return grammar.Seq(grammar.Literal(t.name+"("), keywords, grammar.Literal(")")), err
	})
	comma := grammar.Seq(grammar.Literal(","), blanks(1))
	calls := grammar.Seq(grammar.Literal("["), h.several(call, comma), grammar.Literal("]"))
	if h.calls.Required {
		return calls, err
	}
	begin := grammar.NotClass(grammar.Range{Lo: 0, Hi: ' '}, grammar.Range{Lo: '<', Hi: '<'}, grammar.Range{Lo: '[', Hi: '['}, grammar.Range{Lo: 0x7F, Hi: 0xA0}, grammar.Range{Lo: 0x1680, Hi: 0x1680}, grammar.Range{Lo: 0x2000, Hi: 0x202F}, grammar.Range{Lo: 0x205F, Hi: 0x205F}, grammar.Range{Lo: 0x3000, Hi: 0x3000})
	tag := grammar.Seq(grammar.Literal("<"), grammar.NotClass(grammar.Range{Lo: '|', Hi: '|'}))
	text := grammar.Optional(grammar.Seq(grammar.Or(begin, tag), grammar.Free()))
	return grammar.Seq(blanks(4), grammar.Or(text, calls)), err
}

// keywords returns the keywords of a tool. name is one that no other rules begin with.
func (h *holder) keywords(t heldTool, name string) (grammar.Expr, error) {
	comma := grammar.Seq(grammar.Literal(","), blanks(1))
	if !t.strict {
		value, err := h.rules.Schema(json.RawMessage(`{"type": ["string", "number", "boolean", "null", "array", "object"]}`), h.limits)
		return parted(grammar.Seq(bareKey(), grammar.Literal("="), value), comma), err
	}
	if len(t.schema) == 0 {
		return grammar.Expr{}, nil
	}
	p, err := readObjectSchema(t.schema, nil)
	if err != nil {
		return grammar.Expr{}, err
	}
	for _, key := range p.names {
		if !isDottedName(key) || strings.Contains(key, ".") {
			return grammar.Expr{}, fmt.Errorf("property %q is no keyword of Python", key)
		}
	}
	values, err := h.rules.Properties(t.schema, p.names, h.limits)
	if err != nil {
		return grammar.Expr{}, err
	}
	all := make([]heldMember, len(values))
	for i, key := range p.names {
		all[i] = heldMember{grammar.Seq(grammar.Literal(key+"="), values[i]), p.required[key]}
	}
	return h.members(name, all, comma), nil
}

// isDottedName reports whether s is a name of Python, or several with dots between.
func isDottedName(s string) bool {
	for _, part := range strings.Split(s, ".") {
		if part == "" {
			return false
		}
		for i, r := range part {
			if !nameCharacter(string(r), i == 0) {
				return false
			}
		}
	}
	return true
}
