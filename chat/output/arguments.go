package output

// beginsArguments reports whether c begins arguments, and can be no part of a name.
func (m *machine) beginsArguments(c string) bool {
	return c == "{" || c == "`" && m.format.fence
}

// readArguments waits for the JSON of the arguments, which may stand in a fence.
func readArguments(m *machine, c string) {
	k := &m.call
	switch {
	case c == "" && m.closing():
		m.endCall(true)
	case c != "" && m.inMarker(c):
		marker, more := m.match(m.between, c)
		if marker != "" { // there are none
			m.endCallAt(marker)
		} else if !more {
			m.untag(c)
			m.endCall(false)
		}
	case c == "" || space(c):
	case c == "`" && !m.format.fence:
		m.breakCall(c)
	case c == "`" && k.fenced: // nothing in it
		m.unread(c)
		m.endArguments()
	case c == "`":
		k.fenced = true
		m.to(readFence)
	case c == `"` || c == "'":
		m.str.begin(c)
		m.to(readArgumentsText)
	default:
		m.json.reset()
		m.unread(c)
		m.to(readArgumentsJSON)
	}
}

// readFence reads the rest of a fence's first line: ```json.
func readFence(m *machine, c string) {
	if c == "" || c == "`" || c >= "a" && c <= "z" || c >= "A" && c <= "Z" {
		return
	}
	m.unread(c)
	m.to(readArguments)
}

// readArgumentsText reads arguments that are a JSON string: its value is taken.
func readArgumentsText(m *machine, c string) {
	if c == "" {
		return
	}
	text, end := m.str.step(c)
	m.give(text)
	if end {
		m.endArguments()
	}
}

// readArgumentsJSON reads arguments that are any other JSON value.
func readArgumentsJSON(m *machine, c string) {
	if c == "" {
		m.give(m.json.cut())
		return
	}
	text, r := m.json.step(c)
	m.give(text)
	switch r {
	case jsonLast:
		m.endArguments()
	case jsonOver:
		m.unread(c)
		m.endArguments()
	case jsonBroken:
		m.unread(c)
		m.breakArguments(c)
	}
}

// breakArguments ends arguments, JSON, that c does not continue. Before the end of
// the call or of its fence brackets that were not closed are: models forget them.
func (m *machine) breakArguments(c string) {
	switch {
	case c == "<":
		m.to(readForgotten)
	case c == "`" && m.call.fenced:
		m.give(string(m.json.missing))
		m.endArguments()
	default:
		m.endCall(false)
	}
}

// readForgotten reads the tag at which arguments broke off.
func readForgotten(m *machine, c string) {
	if c == "" {
		if m.closing() {
			m.give(string(m.json.missing))
			m.endCall(true)
		}
		return
	}
	marker, more := m.match(m.format.closers, c)
	switch {
	case marker != "":
		m.give(string(m.json.missing))
		m.endCallAt(marker)
	case !more:
		m.untag(c)
		m.endCall(false)
	}
}

// endArguments ends a call, which is whole, behind its arguments.
func (m *machine) endArguments() {
	m.endCall(true)
	if len(m.format.closers) > 0 { // else text may follow at once
		m.to(readAfterArguments)
	}
}

// readAfterArguments reads what may stand between the arguments and the end of the
// call: a brace too many, the end of the fence.
func readAfterArguments(m *machine, c string) {
	switch {
	case c == "" || space(c) || c == "}":
	case c == "`" && m.format.fence && m.call.ticks < len("```"):
		m.call.ticks++
	default:
		m.unread(c)
		m.to(m.format.after)
	}
}
