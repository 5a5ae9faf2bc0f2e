package output

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/blitz-r1/blitz/grammar"
)

const (
	argKeyOpen    = "<arg_key>"
	argKeyClose   = "</arg_key>"
	argValueOpen  = "<arg_value>"
	argValueClose = "</arg_value>"
)

// releaseGLM47 is the release that writes no newlines.
const releaseGLM47 = "glm-4.7"

// glm is the format of GLM: 4.5 puts a newline after the name and between all tags,
// 4.7 and later write none.
//
//	<tool_call>NAME⏎<arg_key>KEY</arg_key>⏎<arg_value>VALUE</arg_value>⏎</tool_call>
//
// Values are written without their types: text as it is, everything else as JSON.
// Models forget a tag around a key or before a value, write one around a key twice,
// or the object of Hermes in the place of all that.
var glm = format{
	releases: []release{{"glm-4.5", Reasoning{Behind: "\n"}}, {releaseGLM47, Reasoning{}}},
	detect:   detectGLM,
	reasons:  true,
	asks:     true,
	calls:    []string{toolCallOpen},
	closers:  []string{toolCallClose},
	params:   []string{argKeyOpen},
	start:    readText,
	begin:    readFunction,
	param:    readArgKey,
	after:    readText,
	plain:    readText,
	hold:     holdGLM,
}

// holdGLM is what calls are held to. Parameters come in the order of the schema.
func holdGLM(h *holder) (grammar.Expr, error) {
	line := grammar.Literal("\n")
	if h.release == releaseGLM47 {
		line = grammar.Expr{}
	}
	call, err := h.each(func(t heldTool) (grammar.Expr, error) {
		name, err := plainName(t)
		if err != nil {
			return name, err
		}
		params, err := h.params(t, argValueClose)
		row := func(key, value grammar.Expr) grammar.Expr {
			return grammar.Seq(
				grammar.Special(argKeyOpen), key, grammar.Special(argKeyClose), line,
				grammar.Special(argValueOpen), value, grammar.Special(argValueClose), line,
			)
		}
		rows := t.rows(params, row(anyKey(), textWithout(argValueClose)), func(p heldParam) grammar.Expr { return row(grammar.Literal(p.key), p.value) })
		return grammar.Seq(name, line, rows), err
	})
	call = grammar.Seq(grammar.Special(toolCallOpen), call, grammar.Special(toolCallClose))
	return h.behind(h.several(call, blanks(1))), err
}

func detectGLM(template string) string {
	switch {
	case !strings.Contains(template, argKeyOpen):
		return ""
	case strings.Contains(template, argKeyClose+argValueOpen):
		return releaseGLM47
	}
	return "glm-4.5"
}

// functionEnds end the name of a call; the last one where the tag before a key was
// forgotten.
var functionEnds = []string{argKeyOpen, toolCallClose, argKeyClose}

// readFunction reads the name of a call. It ends at a newline or at the next
// tag. After a newline the next tag is waited for all the same: anything else
// shows that the text only speaks of <tool_call>.
func readFunction(m *machine, c string) {
	k := &m.call
	switch {
	case c == "":
		m.cutFunction()
	case m.inMarker(c):
		marker, more := m.match(functionEnds, c)
		switch {
		case marker != "":
			m.held = append(m.held, marker...)
			m.endFunction(marker)
		case !more:
			m.untag(c)
			m.failCall()
		}
	case c == "{" && len(k.word) == 0:
		m.held = append(m.held, c...)
		m.beginObject()
	case space(c) && (len(k.word) > 0 || c == "\n" || c == "\r"):
		m.held = append(m.held, c...)
		k.spaced = k.spaced || len(k.word) > 0
		k.lined = k.lined || len(k.word) > 0 && c == "\n"
	case k.spaced && !k.lined && m.tools.has(string(k.word)):
		m.held = append(m.held, c...)
		k.key = append(k.key, c...)
	case k.spaced || !functionCharacter(c, len(k.word) == 0):
		m.unread(c)
		m.failCall()
	default:
		m.held = append(m.held, c...)
		k.word = append(k.word, c...)
	}
}

// endFunction ends the name of a call at a tag. Where that is the one behind a key, the
// name runs into the key: the tools tell them apart.
func (m *machine) endFunction(marker string) {
	k := &m.call
	name, key := string(k.word), trimmed(k.key)
	if marker == argKeyClose && key == "" {
		name, key = m.tools.split(name)
	}
	switch {
	case name == "", (marker == argKeyClose) != (key != ""):
		m.failCall()
	case marker == argKeyClose:
		m.count(name, "")
		k.param.reset(argKeyOpen)
		k.param.key = key
		m.to(readArgGap)
	default:
		m.count(name, "")
		m.to(readParams)
		m.unread(marker)
	}
}

// functionCharacter reports whether c can stand in the name of a function, or
// begin it. Names of tool servers have dots, colons, slashes.
func functionCharacter(c string, first bool) bool {
	r, _ := utf8.DecodeRuneInString(c)
	if first {
		return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r)
	}
	return unicode.IsPrint(r) && !strings.ContainsRune("<>(){}[]\"'`,;=", r)
}

// cutFunction ends the name at the end of the text: it is complete if a newline
// ended it.
func (m *machine) cutFunction() {
	if !m.call.lined || len(m.call.key) > 0 {
		m.held = append(m.held, m.tag...)
		m.failCall()
		return
	}
	m.count(string(m.call.word), "")
	m.unread(string(m.tag))
	m.to(readParams)
}

// argKeyTags are the tags that end a key, or begin it again.
var argKeyTags = []string{argKeyClose, argValueOpen, argKeyOpen}

// readArgKey reads the key of a parameter.
func readArgKey(m *machine, c string) {
	v := &m.call.param
	switch {
	case c == "":
	case m.inMarker(c):
		marker, more := m.match(argKeyTags, c)
		switch {
		case marker == argKeyOpen && len(v.value) == 0: // once more
		case marker == argKeyOpen:
			v.value = append(v.value, marker...)
		case marker != "":
			v.key = trimmed(v.value)
			v.value = v.value[:0]
			m.to(readArgGap)
			if marker == argValueOpen {
				m.unread(marker)
			}
		case !more:
			v.value = append(v.value, m.tag...)
			m.tag = m.tag[:0]
			m.unread(c)
		}
	case len(v.value) > 0 || !space(c):
		v.value = append(v.value, c...)
	}
}

// argGapTags are the tags that may follow a key: the value's, and those before
// which there is none.
var argGapTags = []string{argValueOpen, argKeyClose, argKeyOpen, toolCallOpen, toolCallClose}

// readArgGap waits for the value of a parameter.
func readArgGap(m *machine, c string) {
	v := &m.call.param
	switch {
	case c == "":
	case m.inMarker(c):
		marker, more := m.match(argGapTags, c)
		switch {
		case marker == argValueOpen:
			m.beginValue(m.tools[m.call.function][v.key], argValueClose)
		case marker == argKeyClose: // once more
		case marker != "":
			m.unread(marker)
			m.endCall(false)
		case !more:
			m.untag(c)
			m.beginUnopened()
		}
	case !space(c):
		m.unread(c)
		m.beginUnopened()
	}
}

// beginUnopened starts reading a value without its opening tag. It ends at whatever
// tag comes next, for the closing one may be missing, too.
func (m *machine) beginUnopened() {
	m.beginValue(m.tools[m.call.function][m.call.param.key], argValueClose, argKeyOpen, toolCallClose)
}
