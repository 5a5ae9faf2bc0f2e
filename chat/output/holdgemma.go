package output

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/blitz-r1/blitz/grammar"
)

// holdGemma is what calls are held to.
func holdGemma(h *holder) (grammar.Expr, error) {
	g := &gemmaHolder{holder: h, rules: map[string]string{}}
	call, err := h.each(func(t heldTool) (grammar.Expr, error) {
		name, err := plainName(t)
		if err != nil {
			return name, err
		}
		arguments, err := g.arguments(t)
		return grammar.Seq(grammar.Special(gemmaCallOpen), grammar.Literal(gemmaCallBegin), name, arguments, grammar.Special(gemmaCallClose)), err
	})
	return h.behind(h.several(call, grammar.Expr{})), err
}

// gemmaHolder makes the expressions of values as Gemma writes them.
type gemmaHolder struct {
	*holder
	root  map[string]json.RawMessage // schema of the tool
	read  int                        // bytes of schemas that were taken apart, those within others again
	defs  map[string]gemmaSchema     // its definitions, by keyword
	rules map[string]string          // rules of what schemas refer to
	n     int                        // rules that were made
}

// rule returns a name that no rule has.
func (g *gemmaHolder) rule() string {
	g.n++
	return fmt.Sprintf("gemma-%d", g.n)
}

// arguments returns the arguments of a tool.
func (g *gemmaHolder) arguments(t heldTool) (grammar.Expr, error) {
	switch {
	case !t.strict:
		return g.anyObject()
	case len(t.schema) == 0:
		return grammar.Literal("{}"), nil
	}
	g.root, g.defs, g.rules, g.read = nil, map[string]gemmaSchema{}, map[string]string{}, 0
	return g.object(t.schema)
}

// maxGemmaRead bounds the bytes of schemas that are taken apart for a tool: each level of a
// schema is read again with what it is in.
const maxGemmaRead = 32 << 20

// spend counts what is read of a schema.
func (g *gemmaHolder) spend(schema json.RawMessage) error {
	if g.read += len(schema); g.read > maxGemmaRead {
		return fmt.Errorf("%w: over %d bytes of schemas within each other", grammar.ErrTooLarge, maxGemmaRead)
	}
	return nil
}

// gemmaText is a text between its tokens.
func gemmaText(text grammar.Expr) grammar.Expr {
	return grammar.Seq(grammar.Special(gemmaQuote), text, grammar.Special(gemmaQuote))
}

// The rules of any object and of any value.
const (
	gemmaObject = "gemma-object"
	gemmaValue  = "gemma-value"
)

// anyObject returns any object.
func (g *gemmaHolder) anyObject() (grammar.Expr, error) { return g.anyOf(gemmaObject) }

// anyOf returns one of the rules of any object and of any value.
func (g *gemmaHolder) anyOf(rule string) (grammar.Expr, error) {
	if !g.holder.rules.Has(rule) {
		plain, err := g.holder.rules.Schema(json.RawMessage(`{"type": ["number", "boolean", "null"]}`), g.limits)
		if err != nil {
			return plain, err
		}
		comma := grammar.Literal(",")
		list := grammar.Seq(grammar.Literal("["), parted(grammar.Ref(gemmaValue), comma), grammar.Literal("]"))
		member := grammar.Seq(bareKey(), grammar.Literal(":"), grammar.Ref(gemmaValue))
		g.holder.rules.Set(gemmaObject, grammar.Seq(grammar.Literal("{"), parted(member, comma), grammar.Literal("}")))
		g.holder.rules.Set(gemmaValue, grammar.Or(gemmaText(textWithout(gemmaQuote)), plain, list, grammar.Ref(gemmaObject)))
	}
	return grammar.Ref(rule), nil
}

// bareKey is a key without quotes.
func bareKey() grammar.Expr {
	letter := []grammar.Range{{Lo: 'A', Hi: 'Z'}, {Lo: '_', Hi: '_'}, {Lo: 'a', Hi: 'z'}}
	return grammar.Seq(grammar.Class(letter...), grammar.Repeat(grammar.Class(append(letter, grammar.Range{Lo: '0', Hi: '9'})...), 0, 63))
}

// isBareKey reports whether a key may stand without quotes.
func isBareKey(key string) bool {
	return key != "" && !strings.ContainsAny(key, "<>{}[]:,\"' \t\r\n") && strings.TrimFunc(key, isSpace) == key
}

// object returns the objects that a schema allows.
func (g *gemmaHolder) object(schema json.RawMessage) (grammar.Expr, error) {
	if err := g.spend(schema); err != nil {
		return grammar.Expr{}, err
	}
	p, err := readObjectSchema(schema, g.root)
	if err != nil {
		return grammar.Expr{}, err
	}
	g.root = p.root
	var all []heldMember
	for _, name := range p.names {
		if !isBareKey(name) {
			return grammar.Expr{}, fmt.Errorf("property %q cannot be written without quotes", name)
		}
		value, err := g.value(p.properties[name])
		if err != nil {
			return value, fmt.Errorf("property %q: %w", name, err)
		}
		all = append(all, heldMember{grammar.Seq(grammar.Literal(name+":"), value), p.required[name]})
	}
	members := g.members(g.rule(), all, grammar.Literal(","))
	return grammar.Seq(grammar.Literal("{"), members, grammar.Literal("}")), nil
}

// gemmaSchema is the schema of a value, by keyword. Those that are null are none, but for const.
type gemmaSchema map[string]json.RawMessage

// readGemmaSchema takes a schema apart; true is that of any value.
func readGemmaSchema(schema json.RawMessage) (s gemmaSchema, err error) {
	if strings.TrimSpace(string(schema)) == "true" {
		return nil, nil
	}
	if err := json.Unmarshal(schema, &s); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTools, err)
	}
	dropNull(s)
	return s, nil
}

// only refuses keywords that are none of these and hold something.
func (s gemmaSchema) only(allowed ...string) error {
	return only(s, "of a value that is no JSON", allowed...)
}

// take reads the value of a keyword, where it is there.
func (s gemmaSchema) take(keyword string, to any) error {
	if v, ok := s[keyword]; ok {
		if err := json.Unmarshal(v, to); err != nil {
			return fmt.Errorf("%s: %w: %w", keyword, ErrTools, err)
		}
	}
	return nil
}

// types returns the types that a value may have; none: any.
func (s gemmaSchema) types() (names []string, err error) {
	if v, ok := s["type"]; !ok || v[0] == '[' {
		return names, s.take("type", &names)
	}
	var one string
	err = s.take("type", &one)
	return []string{one}, err
}

// value returns the values that a schema allows.
func (g *gemmaHolder) value(schema json.RawMessage) (grammar.Expr, error) {
	if err := g.spend(schema); err != nil {
		return grammar.Expr{}, err
	}
	s, err := readGemmaSchema(schema)
	if err != nil {
		return grammar.Expr{}, err
	}
	types, err := s.types()
	if err != nil {
		return grammar.Expr{}, err
	}
	has := func(keyword string) bool { _, ok := s[keyword]; return ok }
	switch {
	case has("$ref"):
		var ref string
		if err := errors.Join(s.only("$ref"), s.take("$ref", &ref)); err != nil {
			return grammar.Expr{}, err
		}
		return g.reference(ref)
	case has("const"):
		if err := s.only("const", "type"); err != nil {
			return grammar.Expr{}, err
		}
		return gemmaConstants([]json.RawMessage{s["const"]}, types)
	case has("enum"):
		var list []json.RawMessage
		if err := errors.Join(s.only("enum", "type"), s.take("enum", &list)); err != nil {
			return grammar.Expr{}, err
		}
		return gemmaConstants(list, types)
	case has("anyOf"):
		var list []json.RawMessage
		if err := errors.Join(s.only("anyOf"), s.take("anyOf", &list)); err != nil {
			return grammar.Expr{}, err
		}
		return each(list, g.value)
	case len(types) == 0:
		if err := s.only(); err != nil {
			return grammar.Expr{}, err
		}
		return g.anyOf(gemmaValue)
	}
	allowed := []string{"type"}
	for _, kind := range types {
		allowed = append(allowed, gemmaKeywords[kind]...)
	}
	if err := s.only(allowed...); err != nil {
		return grammar.Expr{}, err
	}
	return each(types, func(kind string) (grammar.Expr, error) { return g.typed(s, kind) })
}

// each returns one of the expressions of some things.
func each[T any](list []T, one func(T) (grammar.Expr, error)) (grammar.Expr, error) {
	all := make([]grammar.Expr, len(list))
	for i, x := range list {
		var err error
		if all[i], err = one(x); err != nil {
			return all[i], err
		}
	}
	return grammar.Or(all...), nil
}

// gemmaKeywords are those of each type that are held.
var gemmaKeywords = map[string][]string{
	"object":  {"properties", "required", "additionalProperties"},
	"array":   {"items", "minItems", "maxItems"},
	"number":  {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"},
	"integer": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"},
}

// typed returns the values of one type that a schema allows.
func (g *gemmaHolder) typed(s gemmaSchema, kind string) (grammar.Expr, error) {
	switch kind {
	case "object":
		return g.typedObject(s)
	case "array":
		return g.list(s)
	case "string":
		return gemmaText(textWithout(gemmaQuote)), nil
	case "integer", "number", "boolean", "null":
	default:
		return grammar.Expr{}, fmt.Errorf("type %q, want one that JSON Schema has", kind)
	}
	plain := map[string]json.RawMessage{"type": json.RawMessage(quoted(kind))}
	for _, keyword := range gemmaKeywords[kind] {
		if v, ok := s[keyword]; ok {
			plain[keyword] = v
		}
	}
	text, err := json.Marshal(plain)
	if err != nil {
		return grammar.Expr{}, err
	}
	return g.holder.rules.Schema(text, g.limits)
}

// typedObject returns the objects that a schema allows. One that lists no properties, and does
// not refuse others, is of any object.
func (g *gemmaHolder) typedObject(s gemmaSchema) (grammar.Expr, error) {
	others := string(s["additionalProperties"])
	var required []string
	if err := s.take("required", &required); err != nil {
		return grammar.Expr{}, err
	}
	if _, listed := s["properties"]; !listed && others != "false" {
		if others != "" && others != "true" || len(required) > 0 {
			return grammar.Expr{}, fmt.Errorf("an object whose properties are not listed")
		}
		return g.anyObject()
	}
	own := map[string]json.RawMessage{}
	for _, keyword := range gemmaKeywords["object"] {
		if v, ok := s[keyword]; ok {
			own[keyword] = v
		}
	}
	text, err := json.Marshal(own)
	if err != nil {
		return grammar.Expr{}, err
	}
	return g.object(text)
}

// list returns the lists that a schema allows.
func (g *gemmaHolder) list(s gemmaSchema) (grammar.Expr, error) {
	least, most := 0, grammar.Unbounded
	if err := errors.Join(s.take("minItems", &least), s.take("maxItems", &most)); err != nil {
		return grammar.Expr{}, err
	}
	_, bounded := s["maxItems"]
	least = max(least, 0)
	if bounded && most < least {
		return grammar.Expr{}, fmt.Errorf("maxItems %d is below minItems %d", most, least)
	}
	if most == 0 {
		return grammar.Literal("[]"), nil
	}
	item, err := g.anyOf(gemmaValue)
	if items, ok := s["items"]; ok {
		item, err = g.value(items)
	}
	if err != nil {
		return item, fmt.Errorf("items: %w", err)
	}
	name := g.rule()
	g.holder.rules.Set(name, item)
	item = grammar.Ref(name)
	if bounded {
		most--
	}
	some := grammar.Seq(item, grammar.Repeat(grammar.Seq(grammar.Literal(","), item), max(least-1, 0), most))
	if least == 0 {
		some = grammar.Optional(some)
	}
	return grammar.Seq(grammar.Literal("["), some, grammar.Literal("]")), nil
}

// reference returns the values of a schema that is referred to.
func (g *gemmaHolder) reference(ref string) (grammar.Expr, error) {
	if name, ok := g.rules[ref]; ok {
		return grammar.Ref(name), nil
	}
	place, key, _ := strings.Cut(strings.TrimPrefix(ref, "#/"), "/")
	defs, ok := g.defs[place]
	if !ok {
		_ = gemmaSchema(g.root).take(place, &defs) // what is none has no definitions
		g.defs[place] = defs
	}
	if place != "$defs" && place != "definitions" || len(defs[key]) == 0 {
		return grammar.Expr{}, fmt.Errorf("$ref %q leads to no definition", ref)
	}
	name := g.rule()
	g.rules[ref] = name // it may refer to itself
	value, err := g.value(defs[key])
	if err != nil {
		return value, fmt.Errorf("$ref %q: %w", ref, err)
	}
	g.holder.rules.Set(name, value)
	return grammar.Ref(name), nil
}

// gemmaConstants is one of some values: of those, where types are told, that have one of them.
func gemmaConstants(values []json.RawMessage, types []string) (grammar.Expr, error) {
	var all []grammar.Expr
	for _, v := range values {
		kind := kindOf(string(v))
		switch {
		case len(types) > 0 && !slices.ContainsFunc(types, func(t string) bool { return isOfType(v, kind, t) }):
		case kind == kindObject || kind == kindArray:
			return grammar.Expr{}, fmt.Errorf("a constant that is an object or a list")
		case kind != kindText:
			all = append(all, grammar.Literal(string(v)))
		default:
			var text string
			if err := json.Unmarshal(v, &text); err != nil {
				return grammar.Expr{}, fmt.Errorf("%w: %w", ErrTools, err)
			}
			if strings.Contains(text, gemmaQuote) {
				return grammar.Expr{}, fmt.Errorf("text %q has the token that ends texts", text)
			}
			all = append(all, gemmaText(grammar.Literal(text)))
		}
	}
	if len(all) == 0 {
		return grammar.Expr{}, fmt.Errorf("constants of which none has the type")
	}
	return grammar.Or(all...), nil
}

// isOfType reports whether a value of a kind has a type of JSON Schema.
func isOfType(v json.RawMessage, kind jsonKinds, name string) bool {
	if name != "integer" {
		return kind == typeKinds(name)
	}
	x, err := strconv.ParseFloat(string(v), 64)
	return kind == kindNumber && err == nil && x == math.Trunc(x)
}
