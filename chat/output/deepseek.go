package output

import "strings"

// Tokens of DeepSeek's vocabulary, from V2.5 to V3.1.
const (
	deepseekCallsBegin = "<｜tool▁calls▁begin｜>"
	deepseekCallBegin  = "<｜tool▁call▁begin｜>"
	deepseekSep        = "<｜tool▁sep｜>"
	deepseekCallEnd    = "<｜tool▁call▁end｜>"
	deepseekCallsEnd   = "<｜tool▁calls▁end｜>"
)

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
		{"deepseek-v3.1", Reasoning{}},
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
}

func detectDeepSeek(template string) string {
	has := func(s string) bool { return strings.Contains(template, s) }
	switch {
	case has(dsmlMark):
		return ""
	case has(deepseekSep) && !has("```"):
		return "deepseek-v3.1"
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
