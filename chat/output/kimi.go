package output

import (
	"strings"

	"github.com/blitz-r1/blitz/grammar"
)

// Tokens of Kimi's vocabulary.
const (
	kimiCallsBegin    = "<|tool_calls_section_begin|>"
	kimiCallBegin     = "<|tool_call_begin|>"
	kimiArgumentBegin = "<|tool_call_argument_begin|>"
	kimiCallEnd       = "<|tool_call_end|>"
	kimiCallsEnd      = "<|tool_calls_section_end|>"
)

// kimi is the format of Kimi-K2:
//
//	<|tool_call_begin|>ID<|tool_call_argument_begin|>{…}<|tool_call_end|>
//
// Instead of a name it writes the id of the call, functions.NAME:INDEX; the index
// goes on through a conversation, and the template puts the id of an earlier call
// back as it was. The tokens of a section are written in the singular, too.
var kimi = format{
	releases: []release{{"kimi-k2", Reasoning{Opens: true}}},
	detect:   detectKimi,
	reasons:  true,
	asks:     true,
	tokens:   true,
	sections: []string{kimiCallsBegin, "<|tool_call_section_begin|>"},
	calls:    []string{kimiCallBegin},
	closers:  []string{kimiCallEnd, kimiCallsEnd, "<|tool_call_section_end|>"},
	ends:     []string{kimiCallsEnd, "<|tool_call_section_end|>"},
	start:    readText,
	begin:    readName,
	after:    readText,
	plain:    readText,
	nameEnds: []string{kimiArgumentBegin, kimiCallEnd},
	named:    namedKimi,
	hold:     holdKimi,
}

// holdKimi is what calls are held to.
func holdKimi(h *holder) (grammar.Expr, error) {
	index := grammar.Repeat(grammar.Class(grammar.Range{Lo: '0', Hi: '9'}), 1, maxIndexDigits)
	call, err := h.each(func(t heldTool) (grammar.Expr, error) {
		arguments, err := h.arguments(t)
		if err != nil {
			return arguments, err
		}
		name, err := plainName(t)
		return grammar.Seq(grammar.Literal("functions."), name, grammar.Literal(":"), index, grammar.Special(kimiArgumentBegin), arguments), err
	})
	call = grammar.Seq(grammar.Special(kimiCallBegin), call, grammar.Special(kimiCallEnd))
	section := grammar.Seq(grammar.Special(kimiCallsBegin), h.several(call, grammar.Expr{}), grammar.Special(kimiCallsEnd))
	return h.behind(section), err
}

func detectKimi(template string) string {
	if strings.Contains(template, kimiCallsBegin) {
		return "kimi-k2"
	}
	return ""
}

func namedKimi(m *machine, marker string) {
	id := trimmed(m.call.word)
	m.countNamed(kimiName(id, m.tools), id, marker)
}

// kimiName is the name in an id: what stands between "functions." and the last colon.
// Names may have dots and colons themselves.
//
// An id of another form was changed by a program between, functions_NAME_INDEX, and the
// model goes on with what it saw; or the model forgot the dot or the colon. There
// the part is taken that is the name of a tool, so far as the tools are known.
func kimiName(id string, t tools) string {
	rest, dotted := strings.CutPrefix(id, "functions.")
	names := namesWithIndex(rest, false)
	if rest, ok := strings.CutPrefix(id, "functions"); ok && !dotted {
		name := strings.TrimLeft(rest, ":_-")
		if strings.Trim(name, "0123456789") != "" {
			names = append(namesWithIndex(name, name != rest), names...)
		}
	}
	for _, name := range names {
		if t.has(name) {
			return name
		}
	}
	return names[0]
}

// maxIndexDigits bounds the index of a call in an id.
const maxIndexDigits = 6

// namesWithIndex are the names that s, a name and an index, may mean, the likeliest
// first. Where no colon stands between, s may as well be a name alone, unless it was
// rewritten, the colon, too.
func namesWithIndex(s string, rewritten bool) []string {
	if i := strings.LastIndexByte(s, ':'); i >= 0 {
		return []string{strings.TrimFunc(s[:i], isSpace), s}
	}
	names := []string{s}
	for n := range min(maxIndexDigits, len(s)) {
		end := len(s) - 1 - n
		if s[end] < '0' || s[end] > '9' {
			break
		}
		name := strings.TrimRight(s[:end], "_-.")
		if rewritten && len(name) < end {
			return []string{name, s}
		}
		names = append(names, name)
	}
	return names
}
