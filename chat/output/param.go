package output

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"
)

// param is a parameter of a call in a format that has no JSON for its arguments.
type param struct {
	tag       string     // that began it
	attribute attributes // of the tag
	named     bool       // the parameter has a key
	key       string
	typed     string   // what the tag says of the type
	closing   []string // tags that end the value
	kinds     jsonKinds
	value     []byte // so far
	first     closed // the first closing tag that stands in a string of the value's JSON
}

// closed is where a closing tag stands in a value.
type closed struct {
	at  int // its begin
	tag string
}

func (v *param) reset(tag string) {
	*v = param{tag: tag, attribute: attributes{name: v.attribute.name[:0], value: v.attribute.value[:0]}, value: v.value[:0]}
}

// readParams reads what stands between the parameters of a call.
func readParams(m *machine, c string) {
	switch {
	case c == "":
		if m.closing() {
			m.endParams()
		}
	case m.inMarker(c):
		marker, more := m.match(m.between, c)
		switch {
		case slices.Contains(m.format.params, marker):
			m.call.param.reset(marker)
			m.to(m.format.param)
		case marker != "": // of this call, or of the next one
			m.endParams()
			m.marker(marker)
		case !more:
			m.untag(c)
			m.endCall(false)
		}
	case space(c):
	case c == "{" && m.format.direct && !m.call.given:
		m.unread(c)
		m.to(readArguments)
	default:
		m.unread(c)
		m.endCall(false)
	}
}

// endParams ends a call all of whose parameters were given out.
func (m *machine) endParams() {
	if m.call.given {
		m.give("}")
	}
	m.endCall(true)
}

// beginValue starts reading the value of a parameter, which is of one of the kinds
// and ends at a closing tag.
func (m *machine) beginValue(k jsonKinds, closing ...string) {
	v := &m.call.param
	v.kinds, v.closing, v.value, v.first = k, closing, v.value[:0], closed{}
	m.json.reset()
	m.to(readParamValue)
}

// readParamValue reads a value up to its closing tag. In a JSON object or array a
// closing tag may stand in a string; whether it does shows when the JSON goes on
// well. If it does not, the value was text that ended there.
func readParamValue(m *machine, c string) {
	v := &m.call.param
	switch {
	case c == "":
		if v.first.tag != "" {
			m.endValueAtFirst(string(m.tag))
		}
	case m.inMarker(c):
		tag, more := m.match(v.closing, c)
		switch {
		case tag == "" && !more:
			s := string(m.tag)
			m.tag = m.tag[:0]
			m.unread(c)
			m.extendValue(s)
		case tag == "":
		case m.format.lines && len(v.value) > 0 && v.value[0] == '\n' && v.value[len(v.value)-1] != '\n':
			m.extendValue(tag)
		case v.kinds != kindText && m.json.inNestedString() && !m.json.bad:
			if v.first.tag == "" {
				v.first = closed{len(v.value), tag}
			}
			m.extendValue(tag)
		default:
			m.endValue(tag)
		}
	default:
		m.extendValue(c)
	}
}

// extendValue adds s to the value.
func (m *machine) extendValue(s string) {
	v := &m.call.param
	v.value = append(v.value, s...)
	if v.kinds == kindText {
		return
	}
	for s != "" && !m.json.bad {
		_, n := utf8.DecodeRuneInString(s)
		if _, r := m.json.step(s[:n]); r == jsonOver {
			m.json.step(s[:n])
		}
		s = s[n:]
	}
	if m.json.bad && v.first.tag != "" {
		m.endValueAtFirst("")
	}
}

// endValue ends the value at its closing tag.
func (m *machine) endValue(tag string) {
	v := &m.call.param
	text := string(v.value)
	if v.kinds != kindText && m.json.complete() {
		if value := strings.Trim(text, " \t\r\n"); v.kinds.allow(value) {
			m.giveParam(value, tag)
			return
		}
	}
	if v.first.tag != "" {
		m.endValueAtFirst(tag)
		return
	}
	if value, ok := fromPython(text); ok && v.kinds != kindAny && v.kinds&kindText == 0 && v.kinds&kindOf(value) != 0 {
		m.giveParam(value, tag)
		return
	}
	m.giveParam(quoted(m.valueText(text)), tag)
}

// fromPython returns a constant, list or dict of Python as JSON: templates show them so where they
// write a value as text. ok is false of what is none.
func fromPython(text string) (value string, ok bool) {
	text = trimmed([]byte(text))
	if constant := pythonConstant(text); constant != text {
		return constant, true
	}
	if text == "" || text[0] != '{' && text[0] != '[' {
		return "", false
	}
	var v jsonValue
	var b strings.Builder
	for rest := text; rest != ""; {
		_, n := utf8.DecodeRuneInString(rest)
		s, r := v.step(rest[:n])
		b.WriteString(s)
		if rest = rest[n:]; r == jsonBroken || r != jsonMore && rest != "" {
			return "", false
		}
	}
	return b.String(), json.Valid([]byte(b.String()))
}

// valueText returns the text of a value as it was written.
func (m *machine) valueText(s string) string {
	if !m.format.lines {
		return s
	}
	return strings.TrimSuffix(strings.TrimPrefix(s, "\n"), "\n")
}

// endValueAtFirst ends the value, which is text, at the first closing tag and
// puts back what came after that: the rest of value, then more.
func (m *machine) endValueAtFirst(more string) {
	v := &m.call.param
	m.unread(more)
	m.unread(string(v.value[v.first.at+len(v.first.tag):]))
	m.giveParam(quoted(m.valueText(string(v.value[:v.first.at]))), v.first.tag)
}

// giveParam gives out a parameter, whose value is JSON and ended at a closing tag.
// What ended a value whose own tag was forgotten is read again.
func (m *machine) giveParam(value, tag string) {
	m.giveKey(m.call.param.key)
	m.give(value)
	m.to(readParams)
	if !strings.HasPrefix(tag, "</") || slices.Contains(m.format.closers, tag) {
		m.unread(tag)
	}
}

// giveKey gives out the key of the next argument.
func (m *machine) giveKey(key string) {
	before := ", "
	if !m.call.given {
		before = "{"
	}
	m.give(before + quoted(key) + ": ")
}
