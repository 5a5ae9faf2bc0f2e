package output

import (
	"bytes"
	"slices"
	"strings"
)

// callState is the call that is being read.
type callState struct {
	open     bool   // its begin was read, and not its end
	counted  bool   // its name is complete: it was given out
	given    bool   // and some of its arguments
	word     []byte // its name, while that is being read
	function string // its name
	spaced   bool   // whitespace followed its name
	lined    bool   // with a newline
	key      []byte // text behind it that may be a key
	fenced   bool   // its arguments stand in a fence
	ticks    int    // backticks of the fence's end

	object callObject // where the call is an object
	param  param      // where arguments are tags
	python pythonCall // where they are Python's
	gemma  gemmaCall  // where they are Gemma's
}

// beginCall starts reading what may be a call.
func (m *machine) beginCall() {
	k := &m.call
	k.open, k.counted, k.given = true, false, false
	k.word, k.key, k.function = k.word[:0], k.key[:0], ""
	k.spaced, k.lined, k.fenced, k.ticks = false, false, false, 0
	k.param.reset("")
}

// inCall reports whether the text ends inside a call, a section that was just begun,
// or behind a call with nothing but whitespace and closing tags since.
func (m *machine) inCall() bool {
	return m.call.open || m.after || m.section && len(m.held) > 0
}

// record keeps c as long as what is read may prove to be text.
func (m *machine) record(c string) {
	if !m.call.counted {
		m.held = append(m.held, c...)
	}
}

// count counts the call, whose name is complete. What was held belongs to it and
// is dropped.
func (m *machine) count(name, id string) {
	m.endReasoning()
	m.held = m.held[:0]
	m.out.call(name, id)
	m.call.counted, m.call.function = true, name
}

// give gives out a piece of the arguments of the call.
func (m *machine) give(s string) {
	if s != "" {
		m.out.text(DeltaArguments, s)
		m.call.given = true
	}
}

// endCall ends the call. Where it is whole, arguments that never came are {};
// where the model broke off or broke its form they stay as they are.
func (m *machine) endCall(whole bool) {
	if whole && !m.call.given {
		m.give("{}")
	}
	m.edge()
	m.call.open, m.sectionUsed = false, true
	m.to(m.format.after)
}

// endCallAt ends the call, which is whole, at a marker.
func (m *machine) endCallAt(marker string) {
	m.endCall(true)
	m.marker(marker)
}

// failCall gives up what looked like a call before its name was complete: it is
// text.
func (m *machine) failCall() {
	m.settle()
	m.call.open = false
	m.to(m.format.plain)
}

// breakCall ends a call, or what looked like one, that c does not continue.
func (m *machine) breakCall(c string) {
	m.unread(c)
	if m.call.counted {
		m.endCall(false)
	} else {
		m.failCall()
	}
}

// readName reads the name of a call up to one of the markers that end it, or up
// to its arguments, before which models forget the marker now and then. Names do
// not span lines.
func readName(m *machine, c string) {
	k := &m.call
	switch {
	case c == "":
		m.held = append(m.held, m.tag...)
		m.failCall()
	case m.inMarker(c):
		marker, more := m.match(m.format.nameEnds, c)
		if marker != "" {
			m.held = append(m.held, marker...)
			m.format.named(m, marker)
		} else if !more {
			m.untag(c)
			m.failCall()
		}
	case len(k.word) > 0 && m.beginsArguments(c):
		m.unread(c)
		m.format.named(m, "")
	case !space(c) && endsLine(k.word):
		m.unread(c)
		m.failCall()
	default:
		m.nameCharacter(c)
	}
}

// endsFunction reads the next character of the name of a function that stands where nothing else
// may, and reports whether it is end, which is behind a name. What is no name is text.
func (m *machine) endsFunction(c, end string) bool {
	k := &m.call
	switch {
	case c == end && len(k.word) > 0:
		return true
	case c != "" && functionCharacter(c, len(k.word) == 0):
		m.held = append(m.held, c...)
		k.word = append(k.word, c...)
	default:
		m.unread(c)
		m.failCall()
	}
	return false
}

// nameCharacter adds c to the name, which has no whitespace at its start.
func (m *machine) nameCharacter(c string) {
	m.held = append(m.held, c...)
	if len(m.call.word) > 0 || !space(c) {
		m.call.word = append(m.call.word, c...)
	}
}

// trimmed is text without whitespace around it.
func trimmed(text []byte) string { return strings.TrimFunc(string(text), isSpace) }

// endsLine reports whether the whitespace at the end of word has a newline.
func endsLine(word []byte) bool {
	return bytes.IndexByte(word[len(bytes.TrimRightFunc(word, isSpace)):], '\n') >= 0
}

// countNamed counts the call whose name was ended by the marker: by the end of
// the call itself where it has no arguments.
func (m *machine) countNamed(name, id, marker string) {
	if name == "" {
		m.failCall()
		return
	}
	m.count(name, id)
	if slices.Contains(m.format.closers, marker) {
		m.endCallAt(marker)
		return
	}
	m.to(readArguments)
}
