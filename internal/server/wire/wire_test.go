package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestParseRefuses(t *testing.T) {
	for _, body := range []string{
		"", " ", "null", "[]", `"x"`, "1", "{", "{}{}", "{} x", `{"a":1,"a":2}`, `{"a":1,"\u0061":2}`, `{"a":NaN}`, `{"a":Infinity}`, `{"a":1e999}`,
		`{"a":01}`, `{"a":.5}`, `{"a":1.}`, `{"a":+1}`, `{"a":"` + "\xff" + `"}`, `{"a":"` + "\n" + `"}`, `{"a":"\x"}`, `{"a":"\u12"}`, `{"a":'b'}`, `{a:1}`,
		`{"a":1,}`, `{"a":[1,]}`, `{"a":tru}`, "\ufeff{}", `{"a":` + strings.Repeat("[", 64) + strings.Repeat("]", 64) + `}`,
		`{"a":` + strings.Repeat("[", 5<<20), manyFields(MaxFields + 1), `{"a":` + strings.Repeat(`{"a":`, 1<<20), `{"a":` + strings.Repeat("9", 500) + `}`,
	} {
		_, err := Parse([]byte(body))
		var e *Error
		if !errors.As(err, &e) || e.Kind != Invalid || len(e.Message) > 300 {
			t.Errorf("%.40q: %v, want a short error of kind Invalid", body, err)
		}
	}
}

// manyFields returns an object of n fields.
func manyFields(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"%d":0`, i)
	}
	return "{" + b.String()[1:] + "}"
}

func TestParseManyFields(t *testing.T) {
	if o, err := Parse([]byte(manyFields(MaxFields))); err != nil || len(o.Names()) != MaxFields {
		t.Error(err)
	}
}

func TestObject(t *testing.T) {
	o, err := Parse([]byte(` {"s": "a\n\u00e9\ud83e\udd9c\ud800x", "n": null, "b": true, "i": 3.0, "f": 1.5e0, "list": [1, "x", [], {}], "ids": [0, 5], "o": {"x": {"y": -1}}} `))
	if err != nil {
		t.Fatal(err)
	}
	if got := o.Text("s"); got != "a\né🦜\ufffdx" {
		t.Errorf("s is %q", got)
	}
	if o.Has("n") || o.Has("nothing") || o.Text("n") != "" || !o.True("b") || *o.Int("i", 0, 3) != 3 || *o.Number("f", 0, 2) != 1.5 {
		t.Error("a field was not read")
	}
	if list := o.Array("list", 4); len(list) != 4 || list[3].Path() != "list[3]" || !list[2].IsArray() {
		t.Error("the list was not read")
	}
	ids, _ := o.Get("ids")
	if got := ids.IDs(2); len(got) != 2 || got[1] != 5 {
		t.Errorf("ids are %v", got)
	}
	if err := o.Err(); err != nil {
		t.Fatal(err)
	}
	o.Object("o").Object("x").Int("y", 0, 9)
	o.Text("b") // the first thing that is wrong counts
	var e *Error
	if !errors.As(o.Err(), &e) || e.Param != "o.x.y" || !strings.Contains(e.Message, "o.x.y is -1, want 0 to 9") {
		t.Errorf("error %v", o.Err())
	}
}

func TestObjectRefuses(t *testing.T) {
	for body, take := range map[string]func(*Object){
		`{"p":1}`:                    func(o *Object) { o.Text("p") },
		`{"p":"1"}`:                  func(o *Object) { o.Int("p", 0, 9) },
		`{"p":true}`:                 func(o *Object) { o.Number("p", 0, 9) },
		`{"p":1.5}`:                  func(o *Object) { o.Int("p", 0, 9) },
		`{"p":1e300}`:                func(o *Object) { o.Int("p", 0, 9) },
		`{"p":99999999999999999999}`: func(o *Object) { o.Int("p", 0, 9) },
		`{"p":[1,2,3]}`:              func(o *Object) { o.Array("p", 2) },
		`{"p":{}}`:                   func(o *Object) { o.Array("p", 2) },
		`{"p":[]}`:                   func(o *Object) { o.Object("p") },
		`{"p":0}`:                    func(o *Object) { o.Bool("p") },
		`{"p":"c"}`:                  func(o *Object) { o.OneOf("p", "a", "b") },
		`{"p":[1,-1]}`:               func(o *Object) { v, _ := o.Get("p"); v.IDs(9) },
		`{"p":[1,"x"]}`:              func(o *Object) { v, _ := o.Get("p"); v.IDs(9) },
		`{"p":[1,4294967296]}`:       func(o *Object) { v, _ := o.Get("p"); v.IDs(9) },
		`{"p":[1,2]}`:                func(o *Object) { v, _ := o.Get("p"); v.IDs(1) },
		`{"p":"` + strings.Repeat("x", 1<<20) + `"}`: func(o *Object) { o.OneOf("p", "a") },
	} {
		o, err := Parse([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		take(o)
		var e *Error
		if !errors.As(o.Err(), &e) || e.Param != "p" || len(e.Message) > 300 {
			t.Errorf("%.40s: %v, want a short error about p", body, o.Err())
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"a": [1, -2.5e3, "x\u00e9\\", true, null, {"b": {}}]}`))
	f.Add([]byte(`{"a":1,"a":2}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		o, err := Parse(body)
		if err != nil {
			return
		}
		if !json.Valid(body) {
			t.Fatalf("%q is no JSON", body)
		}
		walk(o, func(v Value) {
			if !json.Valid(v.Raw()) {
				t.Fatalf("%s of %q is %q", v.Path(), body, v.Raw())
			}
			var want string
			if v.IsText() && json.Unmarshal(v.Raw(), &want) == nil && want != v.Text() {
				t.Fatalf("%s is %q, want %q", v.Path(), v.Text(), want)
			}
			if !bytes.Equal(bytes.TrimSpace(v.Raw()), v.Raw()) {
				t.Fatalf("%s is %q", v.Path(), v.Raw())
			}
		})
	})
}

func walk(o *Object, visit func(Value)) {
	for _, name := range o.Names() {
		v := o.fields[name]
		visit(v)
		if v.IsObject() {
			walk(v.Object(), visit)
		}
		if v.IsArray() {
			for _, one := range v.Array(1 << 30) {
				visit(one)
				if one.IsObject() {
					walk(one.Object(), visit)
				}
			}
		}
	}
}
