package output

import (
	"strings"

	"github.com/blitz-r1/blitz/grammar"
)

const (
	llamaPythonTag     = "<|python_tag|>"
	llamaFunctionOpen  = "<function="
	llamaFunctionClose = "</function>"
)

// llama is the format of Llama 3.1 to 3.3. A call has no tags: the whole text is an
// object, or several with semicolons between.
//
//	{"name": "NAME", "parameters": {…}}; {"name": …}
//	<|python_tag|>NAME.call(KEY="VALUE")
//
// The second form is that of the tools that Llama knows by itself; <|python_tag|> may
// stand before the first, too. Models forget the semicolon, write a list, or what other
// prompts ask of them, <function=NAME>{…}</function>. Text that starts in any other way
// is content to its end.
var llama = format{
	releases: []release{{"llama-3.1", Reasoning{}}},
	detect:   detectLlama,
	bare:     true,
	calls:    []string{llamaFunctionOpen},
	closers:  []string{llamaFunctionClose},
	begin:    readFunctionTag,
	start:    readBare,
	after:    readAfterBare,
	plain:    readPlain,
	hold:     holdLlama,
}

// holdLlama is what calls are held to. Text begins with nothing that begins a call.
func holdLlama(h *holder) (grammar.Expr, error) {
	object, err := h.each(func(t heldTool) (grammar.Expr, error) { return h.object(t, "parameters") })
	calls := grammar.Seq(grammar.Optional(grammar.Special(llamaPythonTag)), h.several(object, grammar.Seq(grammar.Literal(";"), blanks(1))))
	if h.calls.Required {
		return calls, err
	}
	begin := grammar.NotClass(grammar.Range{Lo: 0, Hi: ' '}, grammar.Range{Lo: '<', Hi: '<'}, grammar.Range{Lo: '[', Hi: '['}, grammar.Range{Lo: '{', Hi: '{'}, grammar.Range{Lo: 0x7F, Hi: 0xA0}, grammar.Range{Lo: 0x1680, Hi: 0x1680}, grammar.Range{Lo: 0x2000, Hi: 0x202F}, grammar.Range{Lo: 0x205F, Hi: 0x205F}, grammar.Range{Lo: 0x3000, Hi: 0x3000})
	tag := grammar.Seq(grammar.Literal("<"), grammar.NotClass(grammar.Range{Lo: 'f', Hi: 'f'}, grammar.Range{Lo: '|', Hi: '|'}))
	text := grammar.Optional(grammar.Seq(grammar.Or(begin, tag), grammar.Free()))
	return grammar.Seq(blanks(4), grammar.Or(text, calls)), err
}

func detectLlama(template string) string {
	has := func(s string) bool { return strings.Contains(template, s) }
	if has(llamaPythonTag) || has("<|start_header_id|>") && has(`"parameters"`) {
		return "llama-3.1"
	}
	return ""
}

// llamaOpeners are the tags that may begin a text.
var llamaOpeners = []string{llamaPythonTag, llamaFunctionOpen}

// readBare waits for the begin of a call.
func readBare(m *machine, c string) {
	switch {
	case c == "":
		m.held = append(m.held, m.tag...)
		m.failCall()
	case m.inMarker(c):
		marker, more := m.match(llamaOpeners, c)
		switch {
		case marker != "":
			m.held = append(m.held, marker...)
			m.to(readPython)
			if marker == llamaFunctionOpen {
				m.to(readFunctionTag)
			}
		case !more:
			m.untag(c)
			m.failCall()
		}
	case space(c):
		m.space(c)
	default:
		m.beginBare(c)
	}
}

// readFunctionTag reads the rest of <function=NAME>, and on to the object behind it.
func readFunctionTag(m *machine, c string) {
	k := &m.call
	switch {
	case c == "{" && k.spaced:
		m.unread(c)
		m.countNamed(trimmed(k.word), "", "")
	case c == ">" && !k.spaced, c != "" && k.spaced && space(c):
		m.held = append(m.held, c...)
		k.spaced = true
	case c != "" && !k.spaced && functionCharacter(c, len(k.word) == 0):
		m.held = append(m.held, c...)
		k.word = append(k.word, c...)
	default:
		m.unread(c)
		m.failCall()
	}
}

// beginBare begins an object, which may be the first of a list.
func (m *machine) beginBare(c string) {
	switch c {
	case "{":
		m.held = append(m.held, c...)
		m.beginObject()
	case "[":
		m.held = append(m.held, c...)
	default:
		m.unread(c)
		m.failCall()
	}
}

// readAfterBare reads what follows a call: what parts it from the next one, and
// brackets that are closed once too often.
func readAfterBare(m *machine, c string) {
	switch {
	case c == "", c == "}", c == "]", space(c):
	case m.inMarker(c):
		marker, more := m.match(m.openersAndClosers, c)
		switch {
		case marker != "":
			m.marker(marker)
		case !more:
			m.untag(c)
			m.to(readPlain)
		}
	case c == ";", c == ",":
		m.beginCall()
		m.to(readBare)
	case c == "{":
		m.beginCall()
		m.unread(c)
		m.to(readBare)
	default:
		m.unread(c)
		m.to(readPlain)
	}
}

// readPlain reads content to the end of the text.
func readPlain(m *machine, c string) {
	if c == "" {
		m.endText()
		return
	}
	m.content(c)
}
