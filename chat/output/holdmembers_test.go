package output

import (
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/grammar"
)

// strictTool is a list of one tool with these parameters.
func strictTool(parameters string) []json.RawMessage {
	return []json.RawMessage{json.RawMessage(`{"name": "f", "parameters": ` + parameters + `}`)}
}

// sharedDefinitions returns parameters of n properties, each of which refers to one of n
// definitions.
func sharedDefinitions(n int) string {
	var properties, defs []string
	for i := range n {
		properties = append(properties, fmt.Sprintf(`"p%d": {"$ref": "#/$defs/d%d"}`, i, i))
		defs = append(defs, fmt.Sprintf(`"d%d": {"type": "integer", "title": "%s"}`, i, strings.Repeat("x", 200)))
	}
	return `{"type": "object", "properties": {` + strings.Join(properties, ", ") + `}, "$defs": {` + strings.Join(defs, ", ") + `}}`
}

// TestGrammarDefinitions: definitions are read once for all properties that refer to them, and
// the limits are of a tool, not of each property.
func TestGrammarDefinitions(t *testing.T) {
	bytes := func(format string, n int) uint64 {
		tools := strictTool(sharedDefinitions(n))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := Grammar(format, tools, Calls{Required: true, Strict: true}, nil); err != nil {
			t.Fatalf("%s: %v", format, err)
		}
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	for _, format := range []string{"glm-4.5", "deepseek-v3.2", "minimax-m2", "qwen3-coder", "llama-pythonic", "gemma4"} {
		bytes(format, 20)
		if small, large := bytes(format, 40), bytes(format, 240); large > 14*small {
			t.Errorf("%s: 240 properties take %d bytes, 40 take %d", format, large, small)
		}
	}
	for _, format := range []string{"glm-4.5", "llama-pythonic"} {
		_, err := Grammar(format, strictTool(sharedDefinitions(100)), Calls{Required: true, Strict: true}, &grammar.Limits{Work: 100})
		if !errors.Is(err, grammar.ErrTooLarge) {
			t.Errorf("%s: 100 properties in 100 steps: %v", format, err)
		}
	}
}

// TestGrammarGemma: values of Gemma's form are held to each keyword of their schema, or the
// keyword is refused.
func TestGrammarGemma(t *testing.T) {
	v, _ := holdVocabulary(t)
	const text = gemmaQuote
	for _, c := range []struct{ schema, takes, refuses string }{
		{`{"type": ["string", "null"]}`, "null", "1"},
		{`{"type": ["integer", "null"], "minimum": 3}`, "3", "2}"},
		{`{"type": "object", "additionalProperties": false}`, "{}", "{a"},
		{`{"type": "object", "required": []}`, "{a:1}", "[1]"},
		{`{"type": "object"}`, "{a:1}", "[1]"},
		{`{"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}`, "{a:1}", "{}"},
		{`{"type": "integer", "enum": [1, 2.5, 30000000000000000001]}`, "30000000000000000001", "2.5"},
		{`{"enum": ["a", null]}`, text + "a" + text, text + "b"},
		{`{"const": null}`, "null", "1"},
		{`{"const": null, "type": ["string", "null"]}`, "null", text},
		{`{}`, "[1,{a:true}]", "]"},
		{`true`, "{a:null}", "]"},
		{`{"type": "array", "items": null, "maxItems": 1}`, "[null]", "[1,"},
		{`{"type": "array", "items": {"$ref": "#/$defs/n"}, "minItems": 2}`, "[1,2]", "[1]"},
		{`{"anyOf": [{"type": "boolean"}, {"type": "null"}], "default": null, "title": "A"}`, "true", "1"},
	} {
		g, err := Grammar("gemma4", strictTool(`{"properties": {"k": `+c.schema+`}, "required": ["k"], "$defs": {"n": {"type": "integer"}}}`), Calls{Required: true, Strict: true}, nil)
		if err != nil {
			t.Errorf("%s: %v", c.schema, err)
			continue
		}
		const before = gemmaCallOpen + gemmaCallBegin + "f{k:"
		u := g.Guide(v)
		if err := u.Write(before + c.takes + "}" + gemmaCallClose); err != nil || !u.MayEnd() {
			t.Errorf("%s: %s: %v", c.schema, c.takes, err)
		}
		if u = g.Guide(v); u.Write(before+c.refuses) == nil && u.Write("}"+gemmaCallClose) == nil {
			t.Errorf("%s lets %s through", c.schema, c.refuses)
		}
	}
	deep := strings.Repeat(`{"type": "object", "properties": {"a": `, 3000) + `{"type": "null"}` + strings.Repeat(`}}`, 3000)
	for schema, want := range map[string]string{
		`{"type": ["string", "null"], "pattern": "^a"}`:                   "pattern",
		`{"type": "object", "required": ["a"]}`:                           "not listed",
		`{"type": "object", "additionalProperties": {"type": "integer"}}`: "not listed",
		`{"type": "object", "minProperties": 1}`:                          "minProperties",
		`{"anyOf": [{"type": "string"}], "pattern": "a"}`:                 "pattern",
		`{"enum": ["ab", "b"], "maxLength": 1}`:                           "maxLength",
		`{"const": 1, "enum": [2]}`:                                       "enum",
		`{"const": 1, "type": "string"}`:                                  "type",
		`{"type": "array", "minItems": 2, "maxItems": 1}`:                 "maxItems 1",
		`{"type": "array", "minItems": "2"}`:                              "minItems",
		`{"type": "text"}`:                                                "text",
		`{"type": 1}`:                                                     "type",
		`{"$ref": "#/$defs/n", "minimum": 1}`:                             "minimum",
		`{"$ref": "#/$defs/other"}`:                                       "other",
		`{"$ref": "#/$defs/ring"}`:                                        "",
		`{"enum": [{}]}`:                                                  "object",
		`false`:                                                           "",
		deep:                                                              "bytes",
	} {
		_, err := Grammar("gemma4", strictTool(`{"properties": {"k": `+schema+`}, "required": ["k"], "$defs": {"n": {"type": "integer"}, "ring": {"$ref": "#/$defs/ring"}}}`), Calls{Required: true, Strict: true}, nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80s: %v, want %q", schema, err, want)
		}
	}
}

// TestGrammarNull: keywords that are null are none, as some clients write what they leave out.
func TestGrammarNull(t *testing.T) {
	for _, format := range Formats() {
		for _, parameters := range []string{`{"type": "object", "properties": null, "required": null}`, `null`} {
			if _, err := Grammar(format, strictTool(parameters), Calls{Required: true, Strict: true}, nil); err != nil {
				t.Errorf("%s: %s: %v", format, parameters, err)
			}
		}
	}
}

// TestGrammarAnnotations: what a schema says beside what it holds to is refused nowhere.
func TestGrammarAnnotations(t *testing.T) {
	const said = `"title": "A", "description": "a", "default": "a", "examples": ["a"], "deprecated": true, "readOnly": true, "writeOnly": false, "$comment": "a"`
	parameters := `{"type": "object", "$id": "a", ` + said + `, "properties": {"k": {"type": "string", ` + said + `}, "n": {"type": "integer", ` + said + `}}}`
	for _, format := range Formats() {
		if _, err := Grammar(format, strictTool(parameters), Calls{Required: true, Strict: true}, nil); err != nil {
			t.Errorf("%s: %v", format, err)
		}
	}
}
