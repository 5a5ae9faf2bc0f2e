package output

import (
	"strings"

	"github.com/blitz-r1/blitz/grammar"
)

// Tokens of DeepSeek's vocabulary, from V2.5 to V3.1.
const (
	deepseekCallsBegin = "<｜tool▁calls▁begin｜>"
	deepseekCallBegin  = "<｜tool▁call▁begin｜>"
	deepseekSep        = "<｜tool▁sep｜>"
	deepseekCallEnd    = "<｜tool▁call▁end｜>"
	deepseekCallsEnd   = "<｜tool▁calls▁end｜>"
)

// releaseV31 is the release that writes no types and no fences.
const releaseV31 = "deepseek-v3.1"

// deepseek is the format of V2.5 to V3.1, R1 included. A call is written in one of
// two forms, and models taught one write the other now and then:
//
//	function<sep>NAME⏎```json⏎{…}⏎```   V2.5, V3, R1, R1-0528
//	NAME<sep>{…}                         V3.1
//
// A fence ends where its JSON does, not at the next three backticks, which a string
// of the arguments may have. The distilled models, whose vocabulary has no such
// tokens, spell the first one in several ways.
var deepseek = format{
	releases: []release{
		{"deepseek-r1", Reasoning{Before: "\n", Behind: "\n\n"}},
		{"deepseek-r1-0528", Reasoning{Before: "\n", Behind: "\n\n", Opens: true}},
		{releaseV31, Reasoning{}},
	},
	detect:  detectDeepSeek,
	reasons: true,
	tokens:  true,
	sections: []string{
		deepseekCallsBegin, "<｜tool▁calls｜>", "<｜tool_calls_begin｜>",
		"<｜tool calls begin｜>", `<｜tool\_calls\_begin｜>`,
	},
	calls:    []string{deepseekCallBegin},
	closers:  []string{deepseekCallEnd, deepseekCallsEnd},
	ends:     []string{deepseekCallsEnd},
	start:    readText,
	begin:    readName,
	after:    readText,
	plain:    readText,
	nameEnds: []string{deepseekSep, deepseekCallEnd},
	named:    namedDeepSeek,
	fence:    true,
	hold:     holdDeepSeek,
}

// holdDeepSeek is what calls are held to: the form of the release.
func holdDeepSeek(h *holder) (grammar.Expr, error) {
	call, err := h.each(func(t heldTool) (grammar.Expr, error) {
		arguments, err := h.arguments(t)
		if err != nil {
			return arguments, err
		}
		name, err := plainName(t)
		if h.release == releaseV31 {
			return grammar.Seq(name, grammar.Special(deepseekSep), arguments), err
		}
		return grammar.Seq(
			grammar.Literal(deepseekType), grammar.Special(deepseekSep), name, grammar.Literal("\n```json\n"), arguments, grammar.Literal("\n```"),
		), err
	})
	call = grammar.Seq(grammar.Special(deepseekCallBegin), call, grammar.Special(deepseekCallEnd))
	section := grammar.Seq(grammar.Special(deepseekCallsBegin), h.several(call, blanks(1)), grammar.Special(deepseekCallsEnd))
	return h.behind(section), err
}

func detectDeepSeek(template string) string {
	has := func(s string) bool { return strings.Contains(template, s) }
	switch {
	case has(dsmlMark):
		return ""
	case has(deepseekSep) && !has("```"):
		return releaseV31
	case has(deepseekSep) || has("<｜Assistant｜>") && hasReasoning(template):
		if opensReasoning(template) {
			return "deepseek-r1"
		}
		return "deepseek-r1-0528"
	}
	return ""
}

// namedDeepSeek takes the name of a call, or its type in the form of V3.
func namedDeepSeek(m *machine, marker string) {
	name := trimmed(m.call.word)
	if name == deepseekType && marker == deepseekSep {
		m.call.word = m.call.word[:0]
		m.to(readTypedName)
		return
	}
	m.countNamed(name, "", marker)
}

// deepseekType is the type of all tools in the form of V3.
const deepseekType = "function"

// readTypedName reads the name behind a type. The end of the line ends it.
func readTypedName(m *machine, c string) {
	k := &m.call
	switch {
	case c == "":
		m.held = append(m.held, m.tag...)
		m.failCall()
	case m.inMarker(c):
		marker, more := m.match(m.format.nameEnds, c)
		if marker != "" {
			m.countTyped(marker)
		} else if !more {
			m.untag(c)
			m.failCall()
		}
	case m.beginsArguments(c), c == "\n" && len(k.word) > 0:
		m.unread(c)
		m.countTyped("")
	default:
		m.nameCharacter(c)
	}
}

// countTyped counts the call whose name was read. Without a name it is one in the
// form of V3.1, of a tool whose name looks like the type.
func (m *machine) countTyped(marker string) {
	name := trimmed(m.call.word)
	if name == "" {
		name = deepseekType
	}
	m.countNamed(name, "", marker)
}
