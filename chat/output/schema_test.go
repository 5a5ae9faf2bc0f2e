package output

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// TestSchema reads values without types by the schema of their parameter.
func TestSchema(t *testing.T) {
	for _, c := range []struct{ schema, value, want string }{
		{`{}`, "12", `12`},
		{`{}`, "12 apples", `"12 apples"`},
		{`{}`, `"x"`, `"x"`},
		{`true`, "12", `12`},
		{`{"type": "string"}`, "12", `"12"`},
		{`{"type": "string"}`, `"x"`, `"\"x\""`},
		{`{"type": "integer"}`, "12", `12`},
		{`{"type": "number"}`, "x", `"x"`},
		{`{"type": "boolean"}`, "true", `true`},
		{`{"type": "boolean"}`, "True", `true`},
		{`{"type": "boolean"}`, " False ", `false`},
		{`{"type": ["integer", "null"]}`, "None", `null`},
		{`{"type": "integer"}`, "True", `"True"`},
		{`{"type": "string"}`, "True", `"True"`},
		{`{"type": ["boolean", "string"]}`, "True", `"True"`},
		{`{}`, "True", `"True"`},
		{`{"type": "object"}`, "{'a': [True, None, 'é\"']}", `{"a": [true, null, "é\""]}`},
		{`{"type": "object"}`, "{'a': 1} x", `"{'a': 1} x"`},
		{`{"type": "object"}`, "['a']", `"['a']"`},
		{`{"type": "object"}`, "{'a': ", `"{'a': "`},
		{`{"type": "array"}`, "['a']", `["a"]`},
		{`{"type": ["string", "null"]}`, "null", `null`},
		{`{"type": ["string", "null"]}`, "true", `"true"`},
		{`{"type": ["string", "none"]}`, "true", `true`},
		{`{"anyOf": [{"type": "string"}, {"type": "array"}]}`, "[1]", `[1]`},
		{`{"anyOf": [{"type": "string"}, {"type": "array"}]}`, "{}", `"{}"`},
		{`{"oneOf": [{"type": "string"}, {}]}`, "1", `1`},
		{`{"allOf": [{"type": ["string", "number"]}, {"type": "string"}]}`, "1", `"1"`},
		{`{"enum": ["1", "2"]}`, "1", `"1"`},
		{`{"enum": ["1", 2, true, null, [], {}]}`, "{}", `{}`},
		{`{"const": "1"}`, "1", `"1"`},
		{`{"$ref": "#/$defs/text"}`, "1", `"1"`},
		{`{"$ref": "#/$defs/a~1b~0c"}`, "1", `"1"`},
		{`{"$ref": "#/$defs/nothing/here"}`, "1", `1`},
		{`{"$ref": "other.json"}`, "1", `1`},
		{`{"$ref": "#"}`, "{}", `{}`},
		{`{"$ref": "#/$defs/circle"}`, "1", `1`},
	} {
		tool := fmt.Sprintf(`{"name": "f", "parameters": {"type": "object", "properties": {"k": %s}, "$defs": {"text": {"type": "string"}, "a/b~c": {"type": "string"}, "circle": {"$ref": "#/$defs/circle"}}}}`, c.schema)
		text := "<tool_call>f\n<arg_key>k</arg_key>\n<arg_value>" + c.value + "</arg_value>\n</tool_call>"
		out, err := Parse("glm-4.5", text, Options{Tools: []json.RawMessage{json.RawMessage(tool)}})
		if err != nil {
			t.Fatal(err)
		}
		if want := said("", "", "f", `{"k": `+c.want+"}"); show(out) != show(want) {
			t.Errorf("%s: %q: got %s, want %s", c.schema, c.value, show(out), show(want))
		}
	}
}

func TestTools(t *testing.T) {
	for tool, want := range map[string]string{
		`1`:                              "tools[1]: json: cannot unmarshal number",
		`{"function": 1}`:                "tools[1]: json: cannot unmarshal number",
		`{"type": "function"}`:           `tools[1]: no name, want {"function": {"name": …}}`,
		`{"function": {"name": ""}}`:     "tools[1]: no name",
		`{"type": "web_search"}`:         "",
		`{"name": "f"}`:                  "", // once more: the first counts
		`{"name": "g", "parameters": 1}`: "",
	} {
		_, err := NewParser("qwen3", Options{Tools: []json.RawMessage{json.RawMessage(`{"name": "f"}`), json.RawMessage(tool)}})
		if want == "" && err == nil {
			continue
		}
		if want == "" || !errors.Is(err, ErrTools) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", tool, err, want)
		}
	}
}
