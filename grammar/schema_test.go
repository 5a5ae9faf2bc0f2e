package grammar

import (
	"testing"
)

func TestSchema(t *testing.T) {
	for _, c := range []struct {
		schema  string
		yes, no []string
	}{
		{
			`{"type":"object","properties":{"answer":{"enum":["yes","no"]}},"required":["answer"],"additionalProperties":false}`,
			[]string{`{"answer":"yes"}`, `{"answer": "no"}`, "{\n  \"answer\": \"no\"\n}"},
			[]string{`{}`, `{"answer":"maybe"}`, `{"answer":"yes","x":1}`},
		},
		{`true`, []string{`1`, `{"a":[1,2.5e+07,{"b":null}]}`, `"é\u00e9\ud83d\ude00"`}, []string{`{"a":}`, `"\ud800"`, `01`}},
		{`{"type":"integer","minimum":3,"maximum":120}`, []string{"3", "99", "120", "10"}, []string{"2", "121", "1.0", "-5", "03"}},
		{`{"type":"number","exclusiveMinimum":0,"maximum":1.5}`, []string{"0.1", "1.5", "1", "1.50", "0.0001"}, []string{"0", "0.0", "1.51", "2"}},
		{`{"type":"integer","multipleOf":7,"minimum":-20}`, []string{"-14", "0", "7", "700", "49"}, []string{"1", "8", "-21"}},
		{`{"oneOf":[{"type":"integer"},{"type":"number"}]}`, []string{"1.5"}, []string{"1", "1.0"}},
		{`{"type":"array","items":{"enum":["a","b"]},"uniqueItems":true}`, []string{`[]`, `["a"]`, `["b","a"]`}, []string{`["a","a"]`}},
		{`{"type":"object","properties":{"next":{"$ref":"#"},"v":{"type":"integer"}}}`, []string{`{}`, `{"next":{"next":{"v":1}},"v":2}`, `{"v":3}`}, []string{`{"v":1,"next":{}}`}},
		{`{"type":"string","pattern":"^(?=.*[A-Z])(?=.*\\d).{4,}$"}`, []string{`"aB3x"`, `"A1aaaaa"`}, []string{`"abcd"`, `"A1"`}},
		{`{"type":"string","format":"date-time"}`, []string{`"2024-02-29T12:00:00Z"`}, []string{`"2023-02-29T12:00:00Z"`, `"x"`}},
		{`{"type":"object","properties":{"a":{"type":"integer"}},"additionalProperties":{"type":"boolean"}}`, []string{`{"a":1,"b":true}`, `{"b":true,"c":false}`}, []string{`{"b":true,"a":1}`, `{"a":true}`, `{"b":1}`}},
		{`{"properties":{"b":{}},"minProperties":1,"maxProperties":1}`, []string{`{"b":1}`, `7`}, []string{`{}`, `{"b":1,"c":1}`}},
		{`{"type":["object","null"],"properties":{"b":{}},"minProperties":2,"maxProperties":1}`, []string{`null`}, []string{`{}`, `{"b":1}`, `{"b":1,"c":1}`}},
		{`{"type":"object","properties":{"a":{"type":"integer","enum":null,"minimum":null}},"required":null,"additionalProperties":null,"$defs":null,"allOf":null,"if":null}`, []string{`{"a":1}`, `{}`}, []string{`{"a":"x"}`}},
		{`{"const":null}`, []string{`null`}, []string{`1`}},
	} {
		g, err := Schema([]byte(c.schema), nil)
		if err != nil {
			t.Errorf("%s: %v", c.schema, err)
			continue
		}
		for _, s := range c.yes {
			if !takes(t, g, s) {
				t.Errorf("%s: %s is not taken", c.schema, s)
			}
		}
		for _, s := range c.no {
			if takes(t, g, s) {
				t.Errorf("%s: %s is taken", c.schema, s)
			}
		}
	}
}
