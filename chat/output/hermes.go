package output

import (
	"strings"

	"github.com/blitz-r1/blitz/grammar"
)

const (
	toolCallOpen  = "<tool_call>"
	toolCallClose = "</tool_call>"
)

// releaseHermes is the release whose templates know no reasoning.
const releaseHermes = "hermes"

// releaseGranite4 is Granite 4, which writes the same.
const releaseGranite4 = "granite-4"

// hermes is the format of Hermes, which Qwen took over: an object in tags.
//
//	<tool_call>⏎{"name": "NAME", "arguments": {…}}⏎</tool_call>
//
// The tags are tokens of Qwen's vocabulary and plain text in Hermes'; either way
// models write about them in their reasoning and their answers, so they count only
// before an object. Several objects in one tag are several calls, in a list or not.
var hermes = format{
	releases: []release{
		{"qwen3", Reasoning{Before: "\n", Behind: "\n\n"}},
		{"qwq", Reasoning{Before: "\n", Behind: "\n\n"}},
		{releaseHermes, Reasoning{Before: "\n", Behind: "\n\n"}},
		{releaseGranite4, Reasoning{Before: "\n", Behind: "\n\n"}},
	},
	detect:  detectHermes,
	reasons: true,
	calls:   []string{toolCallOpen},
	closers: []string{toolCallClose},
	start:   readText,
	begin:   readTagged,
	after:   readText,
	plain:   readText,
	hold:    holdHermes,
}

// holdHermes is what calls are held to: an object in each tag.
func holdHermes(h *holder) (grammar.Expr, error) {
	object, err := h.each(func(t heldTool) (grammar.Expr, error) { return h.object(t, "arguments") })
	call := grammar.Seq(grammar.Special(toolCallOpen), blanks(2), object, blanks(2), grammar.Special(toolCallClose))
	return h.behind(h.several(call, blanks(2))), err
}

func detectHermes(template string) string {
	has := func(s string) bool { return strings.Contains(template, s) }
	switch thinks := hasReasoning(template); {
	case has(toolCallOpen) && has(graniteTurn) && !thinks:
		return releaseGranite4
	case has(toolCallOpen) && has(`arguments`) && !has("<function=") && !thinks:
		return releaseHermes
	case thinks && !has("enable_thinking") && opensReasoning(template):
		return "qwq"
	case thinks:
		return "qwen3"
	}
	return ""
}

// readTagged waits for the object of a call. A list or a fence may stand around it,
// and the tag may have been written twice.
func readTagged(m *machine, c string) {
	switch {
	case c == "":
		m.held = append(m.held, m.tag...)
		m.failCall()
	case m.inMarker(c):
		marker, more := m.match(m.format.calls, c)
		if marker != "" {
			m.held = append(m.held, marker...)
		} else if !more {
			m.untag(c)
			m.failCall()
		}
	case c == "{":
		m.held = append(m.held, c...)
		m.beginObject()
	case c == "`", c == "[", space(c), m.call.fenced && c >= "a" && c <= "z":
		m.call.fenced = m.call.fenced || c == "`"
		m.held = append(m.held, c...)
	default:
		m.unread(c)
		m.failCall()
	}
}
