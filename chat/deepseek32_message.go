package chat

import (
	"strings"

	"github.com/blitz-r1/blitz/jinja"
)

// message writes message i.
func (e *deepseekEncoder) message(i int) error {
	m := e.messages[i]
	role := roleOf(m)
	if role != "tool" {
		e.results, e.calls = 0, 0
	}
	switch role {
	case "system":
		content, err := e.content(m)
		if err != nil {
			return err
		}
		if err := e.write(content); err != nil {
			return err
		}
		return e.provisions(m)
	case "user":
		content, err := e.content(m)
		if err != nil {
			return err
		}
		if err := e.write(deepseekUser, content); err != nil {
			return err
		}
		return e.open(i, deepseekAssistant)
	case "developer":
		return e.developer(i, m)
	case "assistant":
		return e.assistant(i, m)
	case "tool":
		return e.tool(i, m)
	}
	v, _ := m.Get("role")
	if _, ok := v.Text(); !ok {
		return raise("it has no role")
	}
	return raise("role %s, want system, developer, user, assistant or tool", shown(v))
}

// open opens the model's turn behind message i: with <think> where reasoning comes
// next, with </think> where none does.
func (e *deepseekEncoder) open(i int, before string) error {
	switch last := i == len(e.messages)-1; {
	case last && e.closed:
		return nil
	case e.thinking && i >= e.lastUser:
		return e.write(before, thinkOpen)
	}
	return e.write(before, thinkClose)
}

// content returns the content of a message: a str, or the texts of its parts.
func (e *deepseekEncoder) content(m *jinja.Dict) (string, error) {
	v, _ := m.Get("content")
	if v.IsNone() {
		return "", nil
	}
	parts, ok := v.List()
	if !ok {
		return v.Print()
	}
	var b strings.Builder
	for i, part := range parts {
		if d, ok := part.Dict(); ok {
			part, _ = d.Get("text")
		}
		s, ok := part.Text()
		if !ok {
			return "", raise("part %d of its content is no text", i)
		}
		b.WriteString(s)
	}
	return b.String(), nil
}

// provisions writes the tools of a message, and the schema of the answer.
func (e *deepseekEncoder) provisions(m *jinja.Dict) error {
	return e.provide(m, deepseekToolsHead, deepseekToolsTail)
}

// provide is provisions with those words around the schemas of the tools.
func (e *deepseekEncoder) provide(m *jinja.Dict, head, tail string) error {
	tools, err := dicts(m, "tools")
	if err != nil {
		return err
	}
	for i, t := range tools {
		f, ok := t.Get("function")
		if !ok {
			return raise("tools[%d] has no function", i)
		}
		before := "\n"
		if i == 0 {
			before = "\n\n" + head
		}
		if err := e.write(before); err != nil {
			return err
		}
		if err := e.json(f); err != nil {
			return err
		}
	}
	if len(tools) > 0 {
		if err := e.write(tail); err != nil {
			return err
		}
	}
	format, _ := m.Get("response_format")
	if !format.Truth() {
		return nil
	}
	if err := e.write("\n\n", deepseekSchemaHead); err != nil {
		return err
	}
	return e.json(format)
}

// developer writes a message that stands for the user's, with tools of its own.
func (e *deepseekEncoder) developer(i int, m *jinja.Dict) error {
	content, err := e.content(m)
	if err != nil {
		return err
	}
	if content == "" {
		return raise("a developer's message without content")
	}
	if err := e.write(deepseekUser); err != nil {
		return err
	}
	if err := e.provisions(m); err != nil {
		return err
	}
	if err := e.write("\n\n# The user's message is: ", content); err != nil {
		return err
	}
	return e.open(i, deepseekAssistant)
}

// tool writes the result of a call. Results stand in the order of the calls.
func (e *deepseekEncoder) tool(i int, m *jinja.Dict) error {
	if e.results++; e.results > e.calls {
		return raise("a tool's result, and no call that it answers (%d calls before it)", e.calls)
	}
	content, err := e.content(m)
	if err != nil {
		return err
	}
	if e.results == 1 {
		if err := e.write("\n\n<function_results>"); err != nil {
			return err
		}
	}
	if err := e.write("\n<result>", content, "</result>"); err != nil {
		return err
	}
	if e.results < e.calls {
		return nil
	}
	if err := e.write("\n</function_results>"); err != nil {
		return err
	}
	return e.open(i, "\n\n")
}

// assistant writes what the model said: its reasoning where that still counts, its
// answer and its calls.
func (e *deepseekEncoder) assistant(i int, m *jinja.Dict) error {
	calls, err := dicts(m, "tool_calls")
	if err != nil {
		return err
	}
	if e.thinking && i > e.lastUser {
		reasoning := ""
		for _, name := range []string{"reasoning", "reasoning_content"} {
			v, _ := m.Get(name)
			if s, _ := v.Text(); s != "" {
				reasoning = s
			}
		}
		if reasoning == "" && len(calls) == 0 {
			return raise("after the user's last message the model thinks: want reasoning_content or tool_calls")
		}
		if err := e.write(reasoning, thinkClose); err != nil {
			return err
		}
	}
	content, err := e.content(m)
	if err != nil {
		return err
	}
	if err := e.write(content); err != nil {
		return err
	}
	if err := e.section(calls, dsmlCallsBegin, dsmlCallsEnd); err != nil {
		return err
	}
	e.calls = len(calls)
	return e.write(deepseekEOS)
}

// section writes calls, where there are some.
func (e *deepseekEncoder) section(calls []*jinja.Dict, begin, end string) error {
	for k, call := range calls {
		before := "\n"
		if k == 0 {
			before = "\n\n" + begin + "\n"
		}
		if err := e.write(before); err != nil {
			return err
		}
		if err := e.call(call); err != nil {
			return err
		}
	}
	if len(calls) == 0 {
		return nil
	}
	return e.write("\n", end)
}

// call writes a call: a parameter a line, text as it is and everything else as JSON.
func (e *deepseekEncoder) call(call *jinja.Dict) error {
	v, _ := call.Get("function")
	f, ok := v.Dict()
	if !ok {
		return raise("a tool call without a function")
	}
	v, _ = f.Get("name")
	name, ok := v.Text()
	if !ok {
		return raise("a tool call without a name")
	}
	arguments, err := deepseekArguments(f)
	if err != nil {
		return err
	}
	if err := e.write(`<｜DSML｜invoke name="`, name, "\">\n"); err != nil {
		return err
	}
	before := ""
	for name, value := range arguments.All() {
		if err := e.write(before); err != nil {
			return err
		}
		if err := e.parameter(name, value); err != nil {
			return err
		}
		before = "\n"
	}
	return e.write("\n</｜DSML｜invoke>")
}

func (e *deepseekEncoder) parameter(name string, value jinja.Value) error {
	s, isText := value.Text()
	typed := "false"
	if isText {
		typed = "true"
	}
	if err := e.write(`<｜DSML｜parameter name="`, name, `" string="`, typed, `">`); err != nil {
		return err
	}
	var err error
	if isText {
		err = e.write(s)
	} else {
		err = e.json(value)
	}
	if err != nil {
		return err
	}
	return e.write("</｜DSML｜parameter>")
}

// deepseekArguments returns those of a function: an object, or the JSON text of one.
func deepseekArguments(f *jinja.Dict) (*jinja.Dict, error) {
	v, _ := f.Get("arguments")
	if s, ok := v.Text(); ok {
		var err error
		if v, err = jinja.ParseJSON([]byte(s)); err != nil {
			return nil, raise("arguments of a tool call: %v", err)
		}
	}
	d, ok := v.Dict()
	if !ok {
		return nil, raise("arguments of a tool call are %s, want an object", v.TypeName())
	}
	return d, nil
}
