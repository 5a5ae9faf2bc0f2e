package output

import (
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	pythonOpen  = "<|python_start|>"
	pythonClose = "<|python_end|>"
)

// pythonic is the format of Llama 3.2 and 4 where they are asked for calls of Python: the
// whole text is a list of calls, with literals for keywords.
//
//	[NAME(KEY="VALUE", KEY=1), NAME()]
//
// Llama 4 may put <|python_start|> and <|python_end|> around it. Text that is no such list as
// a whole is content, so that nothing is given out of a list before the text ends.
var pythonic = format{
	releases: []release{{"llama-pythonic", Reasoning{}}},
	detect: func(template string) string {
		if strings.Contains(template, "[func_name1(params_name1=") {
			return "llama-pythonic"
		}
		return ""
	},
	bare:  true,
	start: readListStart,
	after: readListEnd,
	plain: readPlain,
	hold:  holdPythonic,
}

// pythonList is what is known of the list.
type pythonList struct {
	calls  []listedCall
	said   []byte // names and arguments of the calls, one behind another
	name   []byte // of a call or keyword that is being read
	spaced bool   // whitespace followed it
	word   []byte // a literal, or the text of one
	value  builder
	isKey  bool // the text is the key of a dict
	text   pythonString
	tagged bool // <|python_start|> came
}

// listedCall is a call of the list: where its name ends in what is said, and its arguments,
// which are the begin of an object, as far as keywords are complete.
type listedCall struct {
	name, end int32
	whole     bool
}

// keep holds c, a part of the list.
func (m *machine) keep(c string) { m.held = append(m.held, c...) }

// noList takes what was read as content, which c goes on with.
func (m *machine) noList(c string) {
	m.held = append(m.held, m.tag...)
	m.list = pythonList{}
	m.unread(c)
	m.failCall()
}

// endList gives out the calls where the text ends, in a list or behind it.
func (m *machine) endList() {
	calls, said := m.list.calls, string(m.list.said)
	m.list = pythonList{}
	if len(calls) == 0 {
		m.noList("")
		return
	}
	m.tag = m.tag[:0]
	at := int32(0)
	for _, call := range calls {
		m.beginCall()
		m.count(said[at:call.name], "")
		m.give(said[call.name:call.end])
		m.endCall(call.whole)
		at = call.end
	}
}

// blankInList reads what may stand between any parts of the list: whitespace, and the end of the
// text. It reports whether c is that.
func (m *machine) blankInList(c string) bool {
	switch {
	case c == "":
		m.endList()
	case space(c):
		m.keep(c)
		m.list.spaced = len(m.list.name) > 0
	default:
		return false
	}
	return true
}

// readListStart waits for the begin of a list.
func readListStart(m *machine, c string) {
	l := &m.list
	switch {
	case c == "":
		m.noList(c)
	case m.inMarker(c):
		marker, more := m.match([]string{pythonOpen}, c)
		switch {
		case marker != "" && !l.tagged:
			m.keep(marker)
			l.tagged = true
		case marker != "":
			m.keep(marker)
			m.noList("")
		case !more:
			m.noList(c)
		}
	case c == "[":
		m.keep(c)
		m.to(readListName)
	case space(c):
		m.space(c)
	default:
		m.noList(c)
	}
}

// readListName reads the name of the next call.
func readListName(m *machine, c string) {
	l := &m.list
	switch {
	case m.blankInList(c):
	case c == "(" && len(l.name) > 0:
		m.keep(c)
		l.said = append(l.said, l.name...)
		l.calls = append(l.calls, listedCall{int32(len(l.said)), int32(len(l.said)), false})
		m.beginKeyword()
	case c == "]" && len(l.calls) > 0 && len(l.name) == 0:
		m.keep(c)
		m.to(readListEnd)
	case !l.spaced && (nameCharacter(c, len(l.name) == 0) || c == "." && len(l.name) > 0):
		m.keep(c)
		l.name = append(l.name, c...)
	default:
		m.noList(c)
	}
}

// nameCharacter reports whether c may stand in a name of Python, or begin it.
func nameCharacter(c string, first bool) bool {
	r, _ := utf8.DecodeRuneInString(c)
	return r == '_' || unicode.IsLetter(r) || !first && unicode.IsDigit(r)
}

// beginKeyword begins the next keyword, or the end of the call.
func (m *machine) beginKeyword() {
	m.list.name, m.list.spaced = m.list.name[:0], false
	m.to(readListKeyword)
}

// call returns the call that is being read.
func (l *pythonList) call() *listedCall { return &l.calls[len(l.calls)-1] }

// readListKeyword reads the next keyword.
func readListKeyword(m *machine, c string) {
	l := &m.list
	switch {
	case m.blankInList(c):
	case c == ")" && len(l.name) == 0:
		m.keep(c)
		m.endListed()
	case c == "=" && len(l.name) > 0:
		m.keep(c)
		l.value.reset()
		m.to(readListValue)
	case !l.spaced && nameCharacter(c, len(l.name) == 0):
		m.keep(c)
		l.name = append(l.name, c...)
	default:
		m.noList(c)
	}
}

// endListed ends a call at its bracket.
func (m *machine) endListed() {
	l := &m.list
	call := l.call()
	if call.end > call.name {
		l.said = append(l.said, '}')
	}
	call.end, call.whole = int32(len(l.said)), true
	m.to(readListNextCall)
}

// readListNextCall waits for what follows a call.
func readListNextCall(m *machine, c string) {
	l := &m.list
	switch {
	case m.blankInList(c):
	case c == ",":
		m.keep(c)
		l.name, l.spaced = l.name[:0], false
		m.to(readListName)
	case c == "]":
		m.keep(c)
		m.to(readListEnd)
	default:
		m.noList(c)
	}
}

// readListEnd reads what may stand behind the list.
func readListEnd(m *machine, c string) {
	switch {
	case c == "":
		if len(m.list.calls) > 0 {
			m.endList()
		}
	case m.inMarker(c) && m.list.tagged:
		marker, more := m.match([]string{pythonClose}, c)
		if marker != "" {
			m.keep(marker)
			m.list.tagged = false
		} else if !more {
			m.noList(c)
		}
	case space(c):
		m.keep(c)
	default:
		m.noList(c)
	}
}

// readListValue waits for a value.
func readListValue(m *machine, c string) {
	l := &m.list
	switch {
	case m.blankInList(c):
	case c == `"` || c == "'":
		m.keep(c)
		l.word, l.isKey = l.word[:0], l.value.inObject() && l.value.wantsKey()
		l.text.begin(c)
		m.to(readListString)
	case (c == "[" || c == "{") && !l.value.wantsKey() && l.value.begin(c):
		m.keep(c)
	case (c == "]" || c == "}") && l.value.mayEnd() && l.value.end(c):
		m.keep(c)
		m.endListValue()
	case literalCharacter(c) && c != "(" && c != ")" && c != "=":
		m.unread(c)
		l.word, l.isKey = l.word[:0], l.value.inObject() && l.value.wantsKey()
		m.to(readListLiteral)
	default:
		m.noList(c)
	}
}

// readListString reads the rest of a string.
func readListString(m *machine, c string) {
	l := &m.list
	if c == "" {
		m.endList()
		return
	}
	m.keep(c)
	text, end := l.text.step(c)
	if l.word = append(l.word, text...); !end {
		return
	}
	if l.isKey {
		l.value.key(string(l.word))
		m.to(readListColon)
		return
	}
	l.value.value(quoted(string(l.word)))
	m.endListValue()
}

// readListLiteral reads a number or a constant.
func readListLiteral(m *machine, c string) {
	l := &m.list
	if c == "" {
		m.endList()
		return
	}
	if literalCharacter(c) && c != "(" && c != ")" && c != "=" {
		m.keep(c)
		l.word = append(l.word, c...)
		return
	}
	value := pythonNumber(pythonConstant(string(l.word)))
	switch {
	case !json.Valid([]byte(value)) || value[0] == '"':
		m.noList(c)
	case l.isKey:
		m.unread(c)
		l.value.key(value)
		m.to(readListColon)
	default:
		m.unread(c)
		l.value.value(value)
		m.endListValue()
	}
}

// pythonNumber writes a number as JSON does: digits on both sides of the point, no plus.
func pythonNumber(s string) string {
	sign, digits := "", strings.TrimPrefix(s, "+")
	if rest, ok := strings.CutPrefix(s, "-"); ok {
		sign, digits = "-", rest
	}
	if strings.HasPrefix(digits, ".") {
		digits = "0" + digits
	}
	if strings.HasSuffix(digits, ".") {
		digits += "0"
	}
	return sign + digits
}

// readListColon waits for what stands behind the key of a dict.
func readListColon(m *machine, c string) {
	switch {
	case m.blankInList(c):
	case c == ":":
		m.keep(c)
		m.to(readListValue)
	default:
		m.noList(c)
	}
}

// endListValue takes the value of the keyword if it is complete.
func (m *machine) endListValue() {
	l := &m.list
	m.to(readListNext)
	if len(l.value.open) > 0 {
		return
	}
	call, before := l.call(), ", "
	if call.end == call.name {
		before = "{"
	}
	l.said = append(l.said, before+quoted(string(l.name))+": "...)
	l.said = append(l.said, l.value.text...)
	call.end = int32(len(l.said))
}

// readListNext waits for what follows a value.
func readListNext(m *machine, c string) {
	l := &m.list
	switch {
	case m.blankInList(c):
	case c == "," && len(l.value.open) > 0:
		m.keep(c)
		m.to(readListValue)
	case c == ",":
		m.keep(c)
		m.beginKeyword()
	case c == ")" && len(l.value.open) == 0:
		m.keep(c)
		m.endListed()
	case (c == "]" || c == "}") && l.value.end(c):
		m.keep(c)
		m.endListValue()
	default:
		m.noList(c)
	}
}
