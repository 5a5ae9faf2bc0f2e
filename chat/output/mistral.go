package output

import (
	"strings"

	"github.com/blitz-r1/blitz/grammar"
)

// Tokens of Mistral's vocabularies.
const (
	mistralCalls     = "[TOOL_CALLS]"
	mistralArguments = "[ARGS]"
	mistralID        = "[CALL_ID]"
)

// mistral is the format of Mistral's models since the eleventh version of their vocabulary:
//
//	[THINK]REASONING[/THINK]TEXT[TOOL_CALLS]NAME[ARGS]{…}[TOOL_CALLS]NAME[ARGS]{…}
//	[TOOL_CALLS]NAME[CALL_ID]ID[ARGS]{…}
//
// The eleventh has ids, the thirteenth none.
var mistral = format{
	releases: []release{{"mistral", Reasoning{Opens: true}}},
	detect: func(template string) string {
		if strings.Contains(template, mistralCalls) && strings.Contains(template, mistralArguments) {
			return "mistral"
		}
		return ""
	},
	lead:     "[",
	reasons:  true,
	think:    [2]string{"[THINK]", "[/THINK]"},
	tokens:   true,
	calls:    []string{mistralCalls},
	start:    readText,
	begin:    readName,
	after:    readText,
	plain:    readText,
	nameEnds: []string{mistralArguments, mistralID},
	named:    namedMistral,
	hold:     holdMistral,
}

// holdMistral is what calls are held to.
func holdMistral(h *holder) (grammar.Expr, error) {
	call, err := h.each(func(t heldTool) (grammar.Expr, error) {
		arguments, err := h.arguments(t)
		if err != nil {
			return arguments, err
		}
		name, err := plainName(t)
		return grammar.Seq(name, grammar.Special(mistralArguments), arguments), err
	})
	return h.behind(h.several(grammar.Seq(grammar.Special(mistralCalls), call), grammar.Expr{})), err
}

func namedMistral(m *machine, marker string) {
	if marker != mistralID {
		m.countNamed(trimmed(m.call.word), "", marker)
		return
	}
	m.to(readMistralID)
}

// mistralIDEnd ends the id of a call.
var mistralIDEnd = []string{mistralArguments}

// readMistralID reads the id of a call, whose name is complete.
func readMistralID(m *machine, c string) {
	k := &m.call
	switch {
	case c == "":
		m.countNamed(trimmed(k.word), "", "")
	case m.inMarker(c):
		marker, more := m.match(mistralIDEnd, c)
		if marker != "" {
			m.countNamed(trimmed(k.word), trimmed(k.key), marker)
		} else if !more {
			m.untag(c)
			m.failCall()
		}
	case c == "{":
		m.unread(c)
		m.countNamed(trimmed(k.word), trimmed(k.key), "")
	default:
		m.held = append(m.held, c...)
		k.key = append(k.key, c...)
	}
}

// mistralList is the format of Mistral's earlier models (version 3 and 7 of the vocabulary):
// a list of objects behind a token.
//
//	[TOOL_CALLS][{"name": "NAME", "arguments": {…}, "id": "ID"}, …]
var mistralList = format{
	releases: []release{{"mistral-v3", Reasoning{}}},
	detect: func(template string) string {
		if strings.Contains(template, mistralCalls) {
			return "mistral-v3"
		}
		return ""
	},
	lead:   "[",
	tokens: true,
	calls:  []string{mistralCalls},
	start:  readText,
	begin:  readMistralList,
	after:  readText,
	plain:  readText,
	hold:   holdMistralList,
}

// holdMistralList is what calls are held to. Ids are nine letters and digits, without which
// the models' templates refuse the conversation.
func holdMistralList(h *holder) (grammar.Expr, error) {
	letter := grammar.Class(grammar.Range{Lo: '0', Hi: '9'}, grammar.Range{Lo: 'A', Hi: 'Z'}, grammar.Range{Lo: 'a', Hi: 'z'})
	id := grammar.Seq(grammar.Literal(`, "id": "`), grammar.Repeat(letter, 9, 9), grammar.Literal(`"`))
	object, err := h.each(func(t heldTool) (grammar.Expr, error) { return h.objectWith(t, "arguments", grammar.Optional(id)) })
	list := grammar.Seq(grammar.Literal("["), h.several(object, grammar.Seq(grammar.Literal(","), blanks(1))), grammar.Literal("]"))
	return h.behind(grammar.Seq(grammar.Special(mistralCalls), blanks(1), list)), err
}

// readMistralList waits for the first object.
func readMistralList(m *machine, c string) {
	switch {
	case c == "{":
		m.held = append(m.held, c...)
		m.beginObject()
	case c == "[" && !m.call.spaced, c != "" && space(c):
		m.call.spaced = m.call.spaced || c == "["
		m.held = append(m.held, c...)
	default:
		m.unread(c)
		m.failCall()
	}
}
