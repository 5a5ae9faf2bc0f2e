package openai

import (
	"github.com/blitz-r1/blitz/internal/server/inference"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

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
		name, tool := inference.ReadFunction(f)
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
