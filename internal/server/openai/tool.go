package openai

import (
	"github.com/blitz-r1/blitz/internal/server/inference"
	"github.com/blitz-r1/blitz/internal/server/wire"
	"github.com/blitz-r1/blitz/jinja"
)

// maxToolName bounds the name of a tool, in bytes.
const maxToolName = 128

// readTools reads the tools of a conversation, and which of them have to be called.
func readTools(o *wire.Object, r *inference.Request) {
	names := map[string]bool{}
	for _, v := range array(o, "tools", inference.MaxTools) {
		t := v.Object()
		if t == nil {
			return
		}
		if kind := t.Text("type"); kind != "function" {
			t.Refuse("type", "%s is %s, want function: tools of another type run on their vendor's servers", t.Path("type"), wire.Quote(kind))
			return
		}
		if !need(t, "function") {
			return
		}
		f := t.Object("function")
		if f == nil {
			return
		}
		name, tool := readFunction(f)
		if o.Err() != nil {
			return
		}
		if names[name] {
			f.Refuse("name", "%s is %s, which another tool is called, too", f.Path("name"), wire.Quote(name))
		}
		names[name] = true
		r.Tools = append(r.Tools, tool)
		if f.True("strict") {
			r.Calls.Strict = append(r.Calls.Strict, name)
		}
	}
	if single := o.Bool("parallel_tool_calls"); single != nil {
		r.Calls.Single = !*single
	}
	r.Calls.Param = "tools"
	readChoice(o, names, &r.Calls)
}

// readFunction reads a function that may be called, and returns it as templates want it.
func readFunction(f *wire.Object) (string, jinja.Value) {
	if !need(f, "name") {
		return "", jinja.Value{}
	}
	name := f.Text("name")
	if !isToolName(name) {
		f.Refuse("name", "%s is %s, want 1 to %d letters, digits, _, - and .", f.Path("name"), wire.Quote(name), maxToolName)
	}
	x := &jinja.Dict{}
	x.Set("name", jinja.String(name))
	if text := f.Text("description"); text != "" {
		x.Set("description", jinja.String(text))
	}
	if v, ok := f.Get("parameters"); ok && f.Object("parameters") != nil {
		schema, err := jinja.ParseJSON(v.Raw())
		if err != nil {
			v.Refuse("%s is too large", v.Path())
		}
		x.Set("parameters", schema)
	}
	d := &jinja.Dict{}
	d.Set("type", jinja.String("function"))
	d.Set("function", x.Value())
	return name, d.Value()
}

func isToolName(name string) bool {
	for _, c := range []byte(name) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '-', c == '.':
		default:
			return false
		}
	}
	return name != "" && len(name) <= maxToolName
}

// readChoice reads which tool has to be called: a word, or an object that names one, which
// is then called once.
func readChoice(o *wire.Object, names map[string]bool, c *inference.Calls) {
	v, ok := get(o, "tool_choice")
	if !ok {
		return
	}
	if v.IsText() {
		switch o.OneOf("tool_choice", "none", "auto", "required") {
		case "none":
			c.None = true
		case "required":
			c.Required = true
		}
	} else if t := v.Object(); t != nil {
		if kind := t.Text("type"); kind != "function" {
			t.Refuse("type", "%s is %s, want function", t.Path("type"), wire.Quote(kind))
		}
		if f := t.Object("function"); f != nil && need(f, "name") {
			if c.Name = f.Text("name"); !names[c.Name] {
				f.Refuse("name", "%s is %s, which none of the tools is called", f.Path("name"), wire.Quote(c.Name))
			}
		} else if f == nil {
			t.Refuse("function", "%s is missing", t.Path("function"))
		}
		c.Required, c.Single = true, true
	}
	if c.Required {
		c.Param = "tool_choice"
		if len(names) == 0 {
			v.Refuse("tool_choice asks for a call, and there are no tools")
		}
	}
}
