package jinja

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestValueJSON writes values as JSON.
func TestValueJSON(t *testing.T) {
	const text = `{"é<": [1, 1.5, null, true, "\"\n"], "b": {}}`
	v, err := ParseJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := v.MarshalJSON(); err != nil || string(got) != text {
		t.Errorf("got %s, %v, want %s", got, err, text)
	}
	deep, err := ParseJSON([]byte(strings.Repeat("[", 200) + strings.Repeat("]", 200)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := List(List(deep)).MarshalJSON(); !errors.Is(err, ErrLimit) {
		t.Errorf("nested 202 deep: got %v, want ErrLimit", err)
	}
}

// TestParseJSON: values as RFC 8259 has them, ints and floats apart.
func TestParseJSON(t *testing.T) {
	for text, want := range map[string]string{
		` {"b" : [ 1 , -2.5e3, 0, 1e400, -0.0 ] , "a":null,"b":true} `:   `{'b': True, 'a': None}`,
		`[1, 1.0, 123456789012345678901234567890, -1e-2, 0e5]`:           `[1, 1.0, 123456789012345678901234567890, -0.01, 0.0]`,
		`"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude0a\ud83d x\ud83d\u0041\uDE0A"`: "'\"\\\\/\\x08\\x0c\\n\\r\\té😊\ufffd x\ufffdA\ufffd'",
		`[]`: `[]`, `{}`: `{}`, `[[], {}, [false]]`: `[[], {}, [False]]`, "\t\r\n 5 ": `5`, `"é中😊"`: `'é中😊'`,
	} {
		v, err := ParseJSON([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got, err := newWriting().repr(v.object())
		if err != nil || got != want {
			t.Errorf("%s: got %s, %v, want %s", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", " ", "{", "[", "[1", "[1,", "[1,]", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "{\"a\":1,}", "{1:2}", "{a:1}", "nul", "tru", "fals", "NaN", "1 2", "01", "1.", "1e", "1e+", "-", ".5", "+1", "'a'",
		"\"", "\"a", "\"\\", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"\x01\"", "\"\xff\"", "[1 2]", "{\"a\" 1}", "{\"a\":1 \"b\":2}", "]", "}",
	} {
		if v, err := ParseJSON([]byte(text)); !errors.Is(err, ErrJSON) || json.Valid([]byte(text)) && text != "\"\xff\"" {
			t.Errorf("%q: got %v, %v, want ErrJSON", text, v, err)
		}
	}
	for what, text := range map[string]string{
		"deep": strings.Repeat("[", 201) + strings.Repeat("]", 201), "long": "1" + strings.Repeat("0", 4301), "many": "[" + strings.Repeat("1,", 1<<20) + "1]",
		"large": strings.Repeat(" ", 64<<20+1),
	} {
		if _, err := ParseJSON([]byte(text)); !errors.Is(err, ErrLimit) || !errors.Is(err, ErrJSON) {
			t.Errorf("%s: got %v, want ErrLimit", what, err)
		}
	}
}

// FuzzParseJSON compares with package encoding/json: what is JSON, and what it says.
func FuzzParseJSON(f *testing.F) {
	for _, s := range []string{`{"a": [1, 2.5, null, "\u00e9\ud83d\ude0a"], "a": {}}`, `[1e400, -0, 12345678901234567890]`, `"\ud83d"`, "[[[[", `{"a":}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := ParseJSON(text)
		if errors.Is(err, ErrLimit) {
			return
		}
		if valid := json.Valid(text) && utf8.Valid(text); valid != (err == nil) {
			t.Fatalf("%q: got %v, encoding/json says valid: %v", text, err, valid)
		}
		if err != nil {
			return
		}
		out, err := v.MarshalJSON()
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		again, err := ParseJSON(out)
		if strings.Contains(string(out), "Infinity") {
			return // a number beyond floats, as in Python
		}
		if err != nil {
			t.Fatalf("%q became %q: %v", text, out, err)
		}
		if twice, err := again.MarshalJSON(); err != nil || string(twice) != string(out) {
			t.Fatalf("%q became %q, then %q, %v", text, out, twice, err)
		}
	})
}
