package output

import (
	"encoding/json"
	"strings"
	"testing"
)

// readValue hands a text to a jsonValue and returns what came of it, and what the value
// did not take.
func readValue(s string) (text, rest string, v *jsonValue) {
	v = &jsonValue{}
	v.reset()
	for i, c := range strings.Split(s, "") {
		more, r := v.step(c)
		text += more
		switch r {
		case jsonLast:
			return text, strings.Join(strings.Split(s, "")[i+1:], ""), v
		case jsonOver, jsonBroken:
			return text, strings.Join(strings.Split(s, "")[i:], ""), v
		}
	}
	return text + v.cut(), "", v
}

func TestJSONValue(t *testing.T) {
	for _, c := range []struct{ in, text, rest string }{
		// JSON comes out to the byte.
		{`{}x`, `{}`, `x`},
		{`{"a" : [1, -2.5e+3 ,"x\u00e9\"\\/\n{"], "b":{"c":null}} `, `{"a" : [1, -2.5e+3 ,"x\u00e9\"\\/\n{"], "b":{"c":null}}`, ` `},
		{`"a, b" c`, `"a, b"`, ` c`},
		{`12 `, `12`, ` `},
		{`true<`, `true`, `<`},
		{"[\n  1,\n  2\n]", "[\n  1,\n  2\n]", ""},
		// Slips are mended.
		{`{{"a": 1}}`, `{"a": 1}`, `}`},
		{`{ {"a": {{ "b": {{}} }}, "c": 2}`, `{ "a": { "b": {} }, "c": 2}`, ``},
		{`{'a': True, "b": [False, None]}`, `{"a": true, "b": [false, null]}`, ``},
		{`{"a": 'it\'s "x"\n'}`, `{"a": "it's \"x\"\n"}`, ``},
		{`["\d\'\` + "\n" + `"]`, `["\\d'\\\n"]`, ``},
		{"[\"a\tb\nc\x01\"]", `["a\tb\nc\u0001"]`, ``},
		{`[1, 2 , ]`, `[1, 2  ]`, ``},
		{`{"a": 1,}`, `{"a": 1}`, ``},
		{`null `, ``, ` `},
		{`None<`, ``, `<`},
		// What is broken off or broken comes out as it is.
		{`{"a": [1, `, `{"a": [1, `, ``},
		{`{"a": "x\`, `{"a": "x\`, ``},
		{`{"a": tru`, `{"a": tru`, ``},
		{`nul`, `nul`, ``},
		{`null`, ``, ``},
		{`{"a": 1<`, `{"a": 1`, `<`},
		{"[1`", `[1`, "`"},
		{`{"a" 1: 2]`, `{"a" 1: 2]`, ``},
		{`["\uZZ"]`, `["\uZZ"]`, ``},
		{`]`, ``, `]`},
		{`, 1`, ``, `, 1`},
	} {
		text, rest, v := readValue(c.in)
		if text != c.text || rest != c.rest {
			t.Errorf("%q: got %q and %q left, want %q and %q", c.in, text, rest, c.text, c.rest)
		}
		if valid := json.Valid([]byte(c.in[:len(c.in)-len(c.rest)])); valid != v.complete() {
			t.Errorf("%q: taken for JSON: %v, want %v", c.in, v.complete(), valid)
		}
	}
}

func TestJSONMissing(t *testing.T) {
	for in, want := range map[string]string{
		`{"a": {"b": [1<`: "]}}", `{"a": [<`: "]}", `{"a": 1, <`: "}", `{<`: "}",
		`{"a": <`: "", `{"a"<`: "", `{"a": "x<`: "", `{{"a": 1<`: "", `{"a": x<`: "", `{}<`: "",
	} {
		if _, _, v := readValue(in); string(v.missing) != want {
			t.Errorf("%q: got %q, want %q", in, v.missing, want)
		}
	}
}

func TestJSONString(t *testing.T) {
	for in, want := range map[string]string{
		`"a\"b\\c\/d"`: `a"b\c/d`, `"\b\f\n\r\t"`: "\b\f\n\r\t", `"\u00e9\u4e2D"`: "é中", `"\ud83d\ude0a"`: "😊",
		`"\ud83d"`: "\ufffd", `"\ud83dx"`: "\ufffdx", `"\ud83d\n"`: "\ufffd\n", `"\ud83d\ud83d\ude0a"`: "\ufffd😊", `"\ude0a"`: "\ufffd",
		`"\q\u12x"`: `\q\u12x`, `"\u12"`: `\u12`, `'it\'s "x"'`: `it's "x"`, `"it\'s"`: `it\'s`, `""`: "",
	} {
		var s jsonString
		s.begin(in[:1])
		got, ended := "", false
		for _, c := range strings.Split(in[1:], "") {
			if ended {
				t.Fatalf("%s: ended before %q", in, c)
			}
			var text string
			text, ended = s.step(c)
			got += text
		}
		if got != want || !ended {
			t.Errorf("%s: got %q, ended %v, want %q", in, got, ended, want)
		}
	}
}
