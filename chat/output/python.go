package output

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"
)

// pythonCall is a call written as in Python, NAME.call(KEY=VALUE, …). Its arguments
// are given out as an object; what its values have in common with JSON is kept to the
// byte.
type pythonCall struct {
	key     []byte
	spaced  bool   // whitespace followed the key
	literal []byte // number or name being read
}

// readPython reads what follows <|python_tag|>: an object, or the name of a tool with
// ".call(" after it.
func readPython(m *machine, c string) {
	k := &m.call
	switch {
	case (c == "{" || c == "[") && len(k.word) == 0:
		m.beginBare(c)
	case c == "(" && len(k.word) > len(".call") && bytes.HasSuffix(k.word, []byte(".call")):
		m.held = append(m.held, c...)
		k.function = strings.TrimSuffix(string(k.word), ".call")
		k.python = pythonCall{key: k.python.key[:0], literal: k.python.literal}
		m.to(readPythonKey)
	case space(c) && len(k.word) == 0:
		m.held = append(m.held, c...)
	case c != "" && pythonCharacter(c):
		m.held = append(m.held, c...)
		k.word = append(k.word, c...)
	default:
		m.unread(c)
		m.failCall()
	}
}

// pythonCharacter reports whether c can stand in a dotted name.
func pythonCharacter(c string) bool {
	r, _ := utf8.DecodeRuneInString(c)
	return r == '_' || r == '-' || r == '.' || unicode.IsLetter(r) || unicode.IsDigit(r)
}

// readPythonKey waits for a key and its =, or for the end of the call. The call
// counts once either has come: before that it may be any Python.
func readPythonKey(m *machine, c string) {
	y := &m.call.python
	switch {
	case c == "":
		m.countPython()
	case c == ")" && len(y.key) == 0:
		m.countPython()
		m.endParams()
	case c == "=" && len(y.key) > 0:
		m.countPython()
		m.to(readPythonValue)
	case space(c):
		m.record(c)
		y.spaced = len(y.key) > 0
	case pythonCharacter(c) && !y.spaced:
		m.record(c)
		y.key = append(y.key, c...)
	default:
		m.breakCall(c)
	}
}

func (m *machine) countPython() {
	if !m.call.counted {
		m.count(m.call.function, "")
	}
}

// readPythonValue waits for the value of a key.
func readPythonValue(m *machine, c string) {
	y := &m.call.python
	switch {
	case c == "" || space(c):
	case c == `"` || c == "'" || c == "{" || c == "[":
		m.giveKey(string(y.key))
		m.json.reset()
		m.unread(c)
		m.to(readPythonJSON)
	case c == "," || c == ")":
		m.breakCall(c)
	default:
		m.unread(c)
		y.literal = y.literal[:0]
		m.to(readPythonLiteral)
	}
}

// readPythonJSON reads a string, a dict or a list.
func readPythonJSON(m *machine, c string) {
	if c == "" {
		m.give(m.json.cut())
		return
	}
	text, r := m.json.step(c)
	m.give(text)
	switch r {
	case jsonMore:
	case jsonLast:
		m.to(readPythonNext)
	default:
		m.breakCall(c)
	}
}

// readPythonLiteral reads a number or a name. A name that is none of Python's
// constants is text.
func readPythonLiteral(m *machine, c string) {
	y := &m.call.python
	switch {
	case c == "":
	case c == "," || c == ")" || space(c):
		m.unread(c)
		m.giveKey(string(y.key))
		m.give(pythonLiteral(string(y.literal)))
		m.to(readPythonNext)
	default:
		y.literal = append(y.literal, c...)
	}
}

// pythonLiteral is a literal of Python as JSON.
func pythonLiteral(s string) string {
	if s = pythonConstant(s); json.Valid([]byte(s)) {
		return s
	}
	return quoted(s)
}

// pythonConstant is s, or what JSON has for it where it is a constant of Python.
func pythonConstant(s string) string {
	switch s {
	case "True":
		return "true"
	case "False":
		return "false"
	case "None":
		return "null"
	}
	return s
}

// readPythonNext waits for the next key or the end of the call.
func readPythonNext(m *machine, c string) {
	switch {
	case c == "" || space(c):
	case c == ",":
		m.call.python.key, m.call.python.spaced = m.call.python.key[:0], false
		m.to(readPythonKey)
	case c == ")":
		m.endParams()
	default:
		m.breakCall(c)
	}
}
