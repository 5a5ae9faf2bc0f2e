package output

import "strings"

// callObject is a call written as an object, {"name": …, "arguments": {…}}, with
// its keys in any order and perhaps others. Of a key that comes twice the first
// counts, for what was given out cannot be taken back. Read as meant are doubled
// braces, the quotes of Python, the name under "function", and the object itself
// there, as the OpenAI API has it.
type callObject struct {
	key     []byte
	name    []byte
	early   []byte // arguments that came before the name
	named   bool
	given   bool // there are arguments
	foreign bool // a key was none that calls have
	into    bool // the value being read is the arguments
	started bool // it has a key
	inner   bool // it is the value of "function"
	surplus bool // the arguments stood in doubled braces, and one more may come
}

// beginObject starts reading an object after its opening brace.
func (m *machine) beginObject() {
	o := &m.call.object
	*o = callObject{key: o.key[:0], name: o.name[:0], early: o.early[:0]}
	m.to(readMember)
}

// readMember waits for the next key or the end of the object.
func readMember(m *machine, c string) {
	o := &m.call.object
	surplus := o.surplus
	if !space(c) {
		o.surplus = false
	}
	switch {
	case c == "":
		m.cutObject(true)
	case space(c) || c == "," || c == "{" && !o.started || c == "}" && surplus:
		m.record(c)
	case c == `"` || c == "'":
		m.record(c)
		o.started, o.key = true, o.key[:0]
		m.str.begin(c)
		m.to(readKey)
	case c == "}" && o.inner:
		m.record(c)
		o.inner = false
	case c == "}" && o.given && !o.named: // closed once too often: the name is to come
		m.record(c)
	case c == "}":
		m.record(c)
		m.endObject()
	default:
		m.breakCall(c)
	}
}

// endObject ends the object at its closing brace.
func (m *machine) endObject() {
	if !m.call.counted {
		m.failCall()
		return
	}
	m.endCall(true)
	if !m.format.bare {
		m.to(readAfterObject)
	}
}

// readAfterObject reads what may stand between an object and the end of its tag:
// further objects, brackets and fences that are closed there or once too often.
func readAfterObject(m *machine, c string) {
	fenced := m.call.fenced
	switch {
	case c == "{":
		m.beginCall()
		m.call.fenced = fenced
		m.held = append(m.held, c...)
		m.beginObject()
	case space(c) || strings.Contains("}],;", c) || c == "`" && fenced:
	default:
		m.unread(c)
		m.to(readText)
	}
}

func readKey(m *machine, c string) {
	o := &m.call.object
	if c == "" {
		m.cutObject(argumentsKey(string(o.key), true))
		return
	}
	m.record(c)
	text, end := m.str.step(c)
	o.key = append(o.key, text...)
	if !end {
		return
	}
	if k := string(o.key); k != "name" && k != "type" && k != "function" && !argumentsKey(k, false) {
		o.foreign = true
	}
	m.to(readColon)
}

// argumentsKey reports whether key is, or begins, a key of arguments: models of
// either spelling write the other now and then.
func argumentsKey(key string, begins bool) bool {
	if begins {
		return strings.HasPrefix("arguments", key) || strings.HasPrefix("parameters", key)
	}
	return key == "arguments" || key == "parameters"
}

func readColon(m *machine, c string) {
	o := &m.call.object
	switch {
	case c == "":
		m.cutObject(argumentsKey(string(o.key), false))
	case space(c):
		m.record(c)
	case c == ":":
		m.record(c)
		if o.into = argumentsKey(string(o.key), false) && !o.given; o.into {
			o.given = true
			m.countObject()
		}
		m.to(readMemberValue)
	default:
		m.breakCall(c)
	}
}

// readMemberValue waits for the value of a key.
func readMemberValue(m *machine, c string) {
	o := &m.call.object
	function := string(o.key) == "function"
	quote := c == `"` || c == "'"
	name := !o.named && (string(o.key) == "name" || function && quote)
	switch {
	case c == "":
		m.cutObject(false)
	case space(c):
		m.record(c)
	case name && quote:
		m.record(c)
		m.str.begin(c)
		m.to(readNameValue)
	case name:
		m.breakCall(c)
	case o.into && quote:
		m.record(c)
		m.str.begin(c)
		m.to(readMemberText)
	case function && c == "{" && !o.named && !o.given:
		m.record(c)
		o.inner = true
		m.to(readMember)
	default:
		m.json.reset()
		m.unread(c)
		m.to(readMemberJSON)
	}
}

func readNameValue(m *machine, c string) {
	o := &m.call.object
	if c == "" {
		m.cutObject(false)
		return
	}
	m.record(c)
	text, end := m.str.step(c)
	o.name = append(o.name, text...)
	if !end {
		return
	}
	if len(o.name) == 0 {
		m.failCall()
		return
	}
	o.named = true
	m.countObject()
	m.to(readMember)
}

// countObject counts the call once its name is complete. Without a tag around
// it an object with a name alone is no call: there it takes arguments, too.
func (m *machine) countObject() {
	o := &m.call.object
	if m.call.counted || !o.named || m.format.bare && !o.given {
		return
	}
	m.count(string(o.name), "")
	m.give(string(o.early))
}

// readMemberText reads arguments that are a JSON string: its value is taken.
func readMemberText(m *machine, c string) {
	if c == "" {
		m.cutObject(false)
		return
	}
	m.record(c)
	text, end := m.str.step(c)
	m.giveMember(text)
	if end {
		m.to(readMember)
	}
}

// readMemberJSON reads any other value, and gives it out if it is the
// arguments.
func readMemberJSON(m *machine, c string) {
	o := &m.call.object
	if c == "" {
		if o.into {
			m.giveMember(m.json.cut())
		}
		m.cutObject(false)
		return
	}
	text, r := m.json.step(c)
	if o.into {
		m.giveMember(text)
	}
	switch r {
	case jsonMore, jsonLast:
		m.record(c)
		if r == jsonLast {
			o.surplus = m.json.doubled
			m.to(readMember)
		}
	case jsonOver:
		m.unread(c)
		m.to(readMember)
	case jsonBroken:
		if o.into && m.call.counted {
			m.unread(c)
			m.breakArguments(c)
		} else {
			m.breakCall(c)
		}
	}
}

func (m *machine) giveMember(s string) {
	if m.call.counted {
		m.give(s)
	} else {
		m.call.object.early = append(m.call.object.early, s...)
	}
}

// cutObject ends an object at the end of the text. Without a tag around it, one
// whose name is complete counts if its arguments may come next.
func (m *machine) cutObject(mayCome bool) {
	o := &m.call.object
	if !m.call.counted && o.named && !o.foreign && mayCome {
		m.count(string(o.name), "")
	}
	if !m.call.counted {
		m.failCall()
	}
}
