package openai

import (
	"encoding/json"
	"slices"

	"github.com/blitz-r1/blitz/internal/server/inference"
	"github.com/blitz-r1/blitz/internal/server/wire"
	"github.com/blitz-r1/blitz/jinja"
)

// readTools reads the tools, whose functions stand in them as they are, and which of them
// have to be called.
func (a *responseAsk) readTools(o *wire.Object) {
	e := &a.echoed
	e.Parallel, e.ToolChoice, e.Tools = true, json.RawMessage(`"auto"`), []json.RawMessage{}
	var names []string
	for _, v := range array(o, "tools", inference.MaxTools) {
		t := v.Object()
		if t == nil {
			return
		}
		if kind := t.Text("type"); kind != "function" {
			t.Refuse("type", "%s is %s, want function: tools of another type run on their vendor's servers", t.Path("type"), wire.Quote(kind))
			return
		}
		name, tool := inference.ReadFunction(t)
		if slices.Contains(names, name) {
			t.Refuse("name", "%s is %s, which another tool is called, too", t.Path("name"), wire.Quote(name))
			return
		}
		names = append(names, name)
		a.Tools = append(a.Tools, tool)
		if t.True("strict") {
			a.Calls.Strict = append(a.Calls.Strict, name)
		}
		e.Tools = append(e.Tools, slices.Clone(v.Raw()))
	}
	if parallel := o.Bool("parallel_tool_calls"); parallel != nil {
		a.Calls.Single, e.Parallel = !*parallel, *parallel
	}
	a.Calls.Param = "tools"
	a.readChoice(o, names)
}

// readChoice reads which tool has to be called.
func (a *responseAsk) readChoice(o *wire.Object, names []string) {
	v, ok := get(o, "tool_choice")
	if !ok {
		return
	}
	a.echoed.ToolChoice = slices.Clone(v.Raw())
	if v.IsText() {
		a.choose(o, "tool_choice", o.OneOf("tool_choice", "none", "auto", "required"), names)
		return
	}
	c := v.Object()
	if c == nil {
		return
	}
	switch kind := c.Text("type"); kind {
	case "function":
		need(c, "name")
		a.choose(c, "name", "required", names)
		if a.Calls.Name = c.Text("name"); !slices.Contains(names, a.Calls.Name) {
			c.Refuse("name", "%s is %s, which none of the tools is called", c.Path("name"), wire.Quote(a.Calls.Name))
		}
	case "allowed_tools":
		need(c, "mode")
		a.choose(c, "mode", c.OneOf("mode", "auto", "required"), names)
		a.allow(c, names)
	default:
		c.Refuse("type", "%s is %s, want function or allowed_tools", c.Path("type"), wire.Quote(kind))
	}
}

// choose notes whether a call has to come.
func (a *responseAsk) choose(o *wire.Object, field, word string, names []string) {
	switch word {
	case "none":
		a.Calls.None = true
	case "required":
		a.Calls.Required, a.Calls.Param = true, "tool_choice"
		if len(names) == 0 {
			o.Refuse(field, "tool_choice asks for a call, and there are no tools")
		}
	}
}

// allow leaves those tools that may be called.
func (a *responseAsk) allow(c *wire.Object, names []string) {
	if !need(c, "tools") {
		return
	}
	var allowed []jinja.Value
	for _, v := range c.Array("tools", inference.MaxTools) {
		t := v.Object()
		if t == nil {
			return
		}
		i := slices.Index(names, t.Text("name"))
		if i < 0 || t.Text("type") != "function" {
			v.Refuse("%s is none of the tools", v.Path())
			return
		}
		allowed = append(allowed, a.Tools[i])
	}
	a.Tools = allowed
	if len(allowed) == 0 {
		a.Calls = inference.Calls{None: true}
	}
}
