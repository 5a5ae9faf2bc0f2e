package grammar

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// soup makes schemas of any keywords together, most of which nobody would write, and
// values of the same few names and constants.
type soup struct{ *rand.Rand }

var soupNames = []string{"a", "b", "c"}

func (s *soup) schema(depth int) string {
	if depth == 0 {
		return []string{`true`, `{"type":"integer"}`, `{"type":"string"}`, `{"const":1}`, `{"enum":["p","q",null]}`, `{"type":["null","boolean"]}`, `{"minimum":2}`, `{"type":"string","minLength":1}`, `{}`, `false`}[s.IntN(10)]
	}
	words := map[string]string{}
	for range 1 + s.IntN(4) {
		name, text := s.keyword(depth - 1)
		words[name] = text
	}
	var out []string
	for _, name := range strings.Fields("type enum const minimum maximum exclusiveMinimum multipleOf minLength maxLength pattern items prefixItems minItems maxItems uniqueItems contains minContains maxContains properties patternProperties additionalProperties required propertyNames minProperties maxProperties dependentRequired dependentSchemas allOf anyOf oneOf not if then else unevaluatedProperties") {
		if text, ok := words[name]; ok {
			out = append(out, `"`+name+`":`+text)
		}
	}
	return "{" + strings.Join(out, ",") + "}"
}

func (s *soup) schemas(depth, n int) string {
	parts := make([]string, n)
	for i := range parts {
		parts[i] = s.schema(depth)
	}
	return "[" + strings.Join(parts, ",") + "]"
}

func (s *soup) keyword(depth int) (name, text string) {
	number := fmt.Sprint(s.IntN(4))
	one := `"` + soupNames[s.IntN(3)] + `"`
	switch s.IntN(32) {
	case 0, 1, 2, 3:
		return "type", []string{`"object"`, `"array"`, `"string"`, `"integer"`, `"number"`, `["object","null"]`, `["string","integer"]`, `["array","boolean"]`}[s.IntN(8)]
	case 4:
		return "enum", []string{`[1,2,"p"]`, `["p","q","pq"]`, `[{"a":1},[1],null]`, `[0,1.5,3,true]`}[s.IntN(4)]
	case 5:
		return "const", s.value(1)
	case 6:
		return []string{"minimum", "maximum", "exclusiveMinimum"}[s.IntN(3)], number
	case 7:
		return "multipleOf", []string{"1", "2", "3", "0.5"}[s.IntN(4)]
	case 8:
		return []string{"minLength", "maxLength"}[s.IntN(2)], number
	case 9:
		return "pattern", []string{`"^p"`, `"q"`, `"^[pq]*$"`, `"x|y$"`}[s.IntN(4)]
	case 10, 11:
		return "items", s.schema(depth)
	case 12:
		return "prefixItems", s.schemas(depth, 1+s.IntN(2))
	case 13:
		return []string{"minItems", "maxItems"}[s.IntN(2)], number
	case 14:
		if s.IntN(2) == 0 {
			return []string{"minContains", "maxContains"}[s.IntN(2)], number
		}
		return "contains", s.schema(0)
	case 15, 16, 17, 18:
		var props []string
		for _, n := range soupNames {
			if s.IntN(2) == 0 {
				props = append(props, fmt.Sprintf(`%q:%s`, n, s.schema(depth)))
			}
		}
		return "properties", "{" + strings.Join(props, ",") + "}"
	case 19:
		return "patternProperties", `{"^[xy]":` + s.schema(depth) + `}`
	case 20:
		return "additionalProperties", []string{`true`, `false`, s.schema(depth)}[s.IntN(3)]
	case 21, 22:
		return "required", []string{`["a"]`, `["b"]`, `["a","c"]`}[s.IntN(3)]
	case 23:
		return []string{"minProperties", "maxProperties"}[s.IntN(2)], number
	case 24:
		return "dependentRequired", `{` + one + `:["b"]}`
	case 25:
		return []string{"allOf", "anyOf"}[s.IntN(2)], s.schemas(depth, 1+s.IntN(3))
	case 26:
		return "oneOf", s.schemas(depth, 1+s.IntN(3))
	case 27:
		return "not", s.schema(depth)
	case 28:
		return "unevaluatedProperties", `false`
	case 29:
		return "uniqueItems", `true`
	case 30:
		return []string{"if", "then", "else"}[s.IntN(3)], s.schema(depth)
	}
	if s.IntN(2) == 0 {
		return "dependentSchemas", `{` + one + `:` + s.schema(depth) + `}`
	}
	return "propertyNames", []string{`{"maxLength":1}`, `{"pattern":"^[abx]"}`, `{"enum":["a","x"]}`}[s.IntN(3)]
}

// value writes a value, the names of whose objects are in order.
func (s *soup) value(depth int) string {
	n := 8
	if depth == 0 {
		n = 6
	}
	switch s.IntN(n) {
	case 0:
		return []string{`null`, `true`, `false`}[s.IntN(3)]
	case 1, 2:
		return []string{`0`, `1`, `2`, `3`, `6`, `-4`, `1.5`, `2.25`}[s.IntN(8)]
	case 3, 4, 5:
		return []string{`""`, `"p"`, `"q"`, `"pq"`, `"qx"`, `"pppp"`}[s.IntN(6)]
	case 6:
		parts := make([]string, s.IntN(4))
		for i := range parts {
			parts[i] = s.value(depth - 1)
		}
		return "[" + strings.Join(parts, ",") + "]"
	}
	var parts []string
	for _, name := range []string{"a", "b", "c", "x", "zz"} {
		if s.IntN(3) == 0 {
			parts = append(parts, `"`+name+`":`+s.value(depth-1))
		}
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// TestSchemaSoup: of schemas of any keywords together, whatever is let through
// validates.
func TestSchemaSoup(t *testing.T) {
	n := seeds(t, 1000, 200)
	var compiled, took, walked, refused, void int
	for seed := range n {
		rng := rand.New(rand.NewPCG(41, uint64(seed)))
		s := &soup{rng}
		schema := s.schema(3)
		if schema[0] != '{' {
			continue
		}
		valid := validator(t, schema)
		g, err := Schema([]byte(schema), nil)
		switch {
		case errors.Is(err, ErrUnsupported):
			refused++
			continue
		case errors.Is(err, ErrEmpty):
			void++
			continue
		case err != nil:
			t.Fatalf("seed %d: %s: %v", seed, schema, err)
		}
		compiled++
		for range 40 {
			text := s.value(3)
			if takes(t, g, text) {
				took++
				if err := validates(valid, text); err != nil {
					t.Fatalf("seed %d: %s\ntakes %s\n%v", seed, schema, text, err)
				}
			}
		}
		for range 3 {
			if text, ended := wander(t, rng, g, 200); ended {
				walked++
				if err := validates(valid, text); err != nil {
					t.Fatalf("seed %d: %s\nlets through %s\n%v", seed, schema, text, err)
				}
			}
		}
	}
	t.Logf("%d schemas compiled, %d texts taken, %d walks, %d schemas refused, %d that nothing matches", compiled, took, walked, refused, void)
	if compiled < n/2 || took < n || walked < n/2 {
		t.Errorf("the corpus has become too small")
	}
}
