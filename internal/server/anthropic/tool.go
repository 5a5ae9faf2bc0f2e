package anthropic

import (
	"github.com/blitz-r1/blitz/internal/server/inference"
	"github.com/blitz-r1/blitz/internal/server/wire"
	"github.com/blitz-r1/blitz/jinja"
)

// readTools reads the tools and which of them have to be called.
func readTools(o *wire.Object, a *ask) {
	names := map[string]bool{}
	for _, v := range o.Array("tools", inference.MaxTools) {
		t := v.Object()
		if t == nil {
			return
		}
		name, tool := readTool(t)
		if names[name] {
			t.Refuse("name", "%s is %s, which another tool is called, too", t.Path("name"), wire.Quote(name))
		}
		names[name] = true
		a.Tools = append(a.Tools, tool)
		if t.True("strict") {
			a.Calls.Strict = append(a.Calls.Strict, name)
		}
	}
	readToolChoice(o, names, a)
}

// readTool returns a tool as templates want it.
func readTool(t *wire.Object) (string, jinja.Value) {
	if kind := t.Text("type"); kind != "" && kind != "custom" {
		t.Refuse("type", "%s is %s, a tool of its vendor's servers, want custom", t.Path("type"), wire.Quote(kind))
	}
	need(t, "name")
	name := t.Text("name")
	if !isToolName(name) {
		t.Refuse("name", "%s is %s, want 1 to 128 letters, digits, _ and -", t.Path("name"), wire.Quote(name))
	}
	f := &jinja.Dict{}
	f.Set("name", jinja.String(name))
	if text := t.Text("description"); text != "" {
		f.Set("description", jinja.String(text))
	}
	if need(t, "input_schema") && t.Object("input_schema") != nil {
		v, _ := t.Get("input_schema")
		schema, err := jinja.ParseJSON(v.Raw())
		if err != nil {
			v.Refuse("%s is too large", v.Path())
		}
		f.Set("parameters", schema)
	}
	d := &jinja.Dict{}
	d.Set("type", jinja.String("function"))
	d.Set("function", f.Value())
	return name, d.Value()
}

// readToolChoice reads which tool has to be called.
func readToolChoice(o *wire.Object, names map[string]bool, a *ask) {
	v, ok := o.Get("tool_choice")
	if !ok || isEmpty(v) {
		return
	}
	c := v.Object()
	if c == nil {
		return
	}
	a.Calls.Param = "tool_choice"
	need(c, "type")
	a.Calls.Single = c.True("disable_parallel_tool_use")
	switch kind := c.OneOf("type", "auto", "any", "tool", "none"); kind {
	case "none":
		a.Calls.None = true
	case "any", "tool":
		// What is forced is one call: whether there is more to do is the model's own choice,
		// when it has the result.
		a.Calls.Required, a.Calls.Single = true, true
		if len(names) == 0 {
			c.Refuse("type", "tool_choice.type is %s, and there are no tools", kind)
		}
		if kind == "tool" && need(c, "name") {
			if a.Calls.Name = c.Text("name"); !names[a.Calls.Name] {
				c.Refuse("name", "tool_choice.name is %s, which none of the tools is called", wire.Quote(a.Calls.Name))
			}
		}
	}
}
