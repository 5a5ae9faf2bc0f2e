package output

import (
	"encoding/json"
	"fmt"
	"slices"
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
	g.root, g.rules = nil, map[string]string{}
	return g.object(t.schema)
}

// gemmaText is a text between its tokens.
func gemmaText(text grammar.Expr) grammar.Expr {
	return grammar.Seq(grammar.Special(gemmaQuote), text, grammar.Special(gemmaQuote))
}

// anyObject returns any object.
func (g *gemmaHolder) anyObject() (grammar.Expr, error) {
	const object, value = "gemma-object", "gemma-value"
	if !g.holder.rules.Has(object) {
		plain, err := g.holder.rules.Schema(json.RawMessage(`{"type": ["number", "boolean", "null"]}`), g.limits)
		if err != nil {
			return plain, err
		}
		comma := grammar.Literal(",")
		list := grammar.Seq(grammar.Literal("["), parted(grammar.Ref(value), comma), grammar.Literal("]"))
		member := grammar.Seq(bareKey(), grammar.Literal(":"), grammar.Ref(value))
		g.holder.rules.Set(object, grammar.Seq(grammar.Literal("{"), parted(member, comma), grammar.Literal("}")))
		g.holder.rules.Set(value, grammar.Or(gemmaText(textWithout(gemmaQuote)), plain, list, grammar.Ref(object)))
	}
	return grammar.Ref(object), nil
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

// gemmaSchema is what is known of the schema of a value.
type gemmaSchema struct {
	Type     any               `json:"type"`
	Ref      string            `json:"$ref"`
	Enum     []any             `json:"enum"`
	Const    any               `json:"const"`
	AnyOf    []json.RawMessage `json:"anyOf"`
	Items    json.RawMessage   `json:"items"`
	MinItems int               `json:"minItems"`
	MaxItems *int              `json:"maxItems"`
}

// value returns the values that a schema allows.
func (g *gemmaHolder) value(schema json.RawMessage) (grammar.Expr, error) {
	var known gemmaSchema
	if err := json.Unmarshal(schema, &known); err != nil {
		return grammar.Expr{}, fmt.Errorf("%w: %w", ErrTools, err)
	}
	switch {
	case known.Ref != "":
		return g.reference(known.Ref)
	case known.Const != nil:
		return gemmaConstants([]any{known.Const})
	case known.Enum != nil:
		return gemmaConstants(known.Enum)
	case known.AnyOf != nil:
		all := make([]grammar.Expr, len(known.AnyOf))
		for i, one := range known.AnyOf {
			var err error
			if all[i], err = g.value(one); err != nil {
				return all[i], err
			}
		}
		return grammar.Or(all...), nil
	}
	types, ok := known.Type.([]any)
	if !ok {
		types = []any{known.Type}
	}
	all := make([]grammar.Expr, len(types))
	for i, kind := range types {
		var err error
		if all[i], err = g.typed(schema, &known, kind); err != nil {
			return all[i], err
		}
	}
	return grammar.Or(all...), nil
}

// numberKeywords are those that hold numbers.
var numberKeywords = []string{"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}

// typed returns the values of one type that a schema allows.
func (g *gemmaHolder) typed(schema json.RawMessage, known *gemmaSchema, kind any) (grammar.Expr, error) {
	var own map[string]json.RawMessage
	if err := json.Unmarshal(schema, &own); err != nil {
		return grammar.Expr{}, fmt.Errorf("%w: %w", ErrTools, err)
	}
	allowed := textKeywords // and annotations
	switch kind {
	case "object":
		if len(own["properties"]) == 0 {
			return g.anyObject()
		}
		return g.object(schema)
	case "array":
		allowed = append([]string{"items", "minItems", "maxItems"}, textKeywords...)
	case "integer", "number":
		allowed = append(slices.Clone(numberKeywords), textKeywords...)
	case "string", "boolean", "null":
	default:
		return grammar.Expr{}, fmt.Errorf("type %v, want one that JSON Schema has", kind)
	}
	for _, keyword := range sortedKeys(own) {
		if _, several := known.Type.([]any); !several && !slices.Contains(allowed, keyword) {
			return grammar.Expr{}, fmt.Errorf("keyword %s of a value that is no JSON", keyword)
		}
	}
	switch kind {
	case "array":
		return g.list(known)
	case "string":
		return gemmaText(textWithout(gemmaQuote)), nil
	}
	plain := map[string]json.RawMessage{"type": json.RawMessage(quoted(kind.(string)))}
	for _, keyword := range numberKeywords {
		if v, ok := own[keyword]; ok {
			plain[keyword] = v
		}
	}
	text, err := json.Marshal(plain)
	if err != nil {
		return grammar.Expr{}, err
	}
	return g.holder.rules.Schema(text, g.limits)
}

// list returns the lists that a schema allows.
func (g *gemmaHolder) list(known *gemmaSchema) (grammar.Expr, error) {
	if _, err := g.anyObject(); err != nil {
		return grammar.Expr{}, err
	}
	item := grammar.Ref("gemma-value")
	if len(known.Items) > 0 {
		var err error
		if item, err = g.value(known.Items); err != nil {
			return item, fmt.Errorf("items: %w", err)
		}
	}
	name := g.rule()
	g.holder.rules.Set(name, item)
	item = grammar.Ref(name)
	least, most := max(known.MinItems, 0), grammar.Unbounded
	if known.MaxItems != nil {
		most = *known.MaxItems
	}
	if most != grammar.Unbounded && most < least {
		return item, fmt.Errorf("maxItems %d is below minItems %d", most, least)
	}
	if most == 0 {
		return grammar.Literal("[]"), nil
	}
	if most != grammar.Unbounded {
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
	var defs map[string]json.RawMessage
	if place != "$defs" && place != "definitions" || json.Unmarshal(g.root[place], &defs) != nil || len(defs[key]) == 0 {
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

// gemmaConstants is one of some values.
func gemmaConstants(values []any) (grammar.Expr, error) {
	all := make([]grammar.Expr, len(values))
	for i, v := range values {
		switch v := v.(type) {
		case string:
			if strings.Contains(v, gemmaQuote) {
				return grammar.Expr{}, fmt.Errorf("text %q has the token that ends texts", v)
			}
			all[i] = gemmaText(grammar.Literal(v))
		case map[string]any, []any:
			return grammar.Expr{}, fmt.Errorf("a constant that is an object or a list")
		default:
			text, err := json.Marshal(v)
			if err != nil {
				return grammar.Expr{}, err
			}
			all[i] = grammar.Literal(string(text))
		}
	}
	return grammar.Or(all...), nil
}
