package output

import (
	"strings"

	"github.com/blitz-r1/blitz/grammar"
)

const (
	qwenParamOpen  = "<parameter="
	qwenParamClose = "</parameter>"
)

// releaseQwenCoder is the release that does not reason.
const releaseQwenCoder = "qwen3-coder"

// qwenXML is the format of Qwen3-Coder and of Qwen3.5, which reasons: a function and its
// parameters as tags, each value on lines of its own.
//
//	<tool_call>⏎<function=NAME>⏎<parameter=KEY>⏎VALUE⏎</parameter>⏎</function>⏎</tool_call>
//
// Nothing is escaped: a value ends at the first closing tag that begins a line, and one
// newline at each of its ends is none of it. Written on one line it ends at the first closing
// tag at all. Types are the schema's.
var qwenXML = format{
	releases: []release{
		{releaseQwenCoder, Reasoning{Before: "\n", Behind: "\n\n"}},
		{"qwen3.5", Reasoning{Before: "\n", Behind: "\n\n"}},
	},
	detect:  detectQwenXML,
	reasons: true,
	asks:    true,
	lines:   true,
	calls:   []string{toolCallOpen},
	closers: []string{llamaFunctionClose, toolCallClose},
	params:  []string{qwenParamOpen},
	start:   readText,
	begin:   readQwenCall,
	param:   readQwenKey,
	after:   readText,
	plain:   readText,
	hold:    holdQwenXML,
}

func detectQwenXML(template string) string {
	has := func(s string) bool { return strings.Contains(template, s) }
	switch {
	case !has(toolCallOpen) || !has(llamaFunctionOpen) || !has(qwenParamOpen):
		return ""
	case hasReasoning(template):
		return "qwen3.5"
	}
	return releaseQwenCoder
}

// holdQwenXML is what calls are held to. Parameters come in the order of the schema.
func holdQwenXML(h *holder) (grammar.Expr, error) {
	call, err := h.each(func(t heldTool) (grammar.Expr, error) {
		name, err := plainName(t)
		if err != nil {
			return name, err
		}
		params, err := h.params(t, qwenParamClose)
		row := func(key, value grammar.Expr) grammar.Expr {
			return grammar.Seq(grammar.Literal(qwenParamOpen), key, grammar.Literal(">\n"), value, grammar.Literal("\n"+qwenParamClose+"\n"))
		}
		rows := t.rows(params, row(anyKey(), textWithout(qwenParamClose)), func(p heldParam) grammar.Expr { return row(grammar.Literal(p.key), p.value) })
		return grammar.Seq(grammar.Literal("\n"+llamaFunctionOpen), name, grammar.Literal(">\n"), rows, grammar.Literal(llamaFunctionClose+"\n")), err
	})
	call = grammar.Seq(grammar.Special(toolCallOpen), call, grammar.Special(toolCallClose))
	return h.behind(h.several(call, blanks(1))), err
}

// qwenFunction is the tag that has to follow that of a call.
var qwenFunction = []string{llamaFunctionOpen}

// readQwenCall waits for the tag of the function.
func readQwenCall(m *machine, c string) {
	switch {
	case c == "":
		m.held = append(m.held, m.tag...)
		m.failCall()
	case m.inMarker(c):
		marker, more := m.match(qwenFunction, c)
		if marker != "" {
			m.held = append(m.held, marker...)
			m.to(readQwenName)
		} else if !more {
			m.untag(c)
			m.failCall()
		}
	case space(c):
		m.held = append(m.held, c...)
	default:
		m.unread(c)
		m.failCall()
	}
}

// readQwenName reads the rest of the function's tag.
func readQwenName(m *machine, c string) {
	if m.endsFunction(c, ">") {
		m.count(trimmed(m.call.word), "")
		m.to(readParams)
	}
}

// readQwenKey reads the rest of a parameter's tag.
func readQwenKey(m *machine, c string) {
	v := &m.call.param
	switch {
	case c == "":
	case c == ">" && len(v.value) > 0:
		v.key = trimmed(v.value)
		m.beginValue(m.tools[m.call.function][v.key], qwenParamClose)
	case c == ">" || c == "<" || c == "\n":
		m.unread(c)
		m.endCall(false)
	default:
		v.value = append(v.value, c...)
	}
}
