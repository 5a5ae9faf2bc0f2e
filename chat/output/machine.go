package output

import (
	"slices"
	"unicode"
	"unicode/utf8"
)

// machine reads content and calls, one character at a time, and never looks back
// further than what it holds.
type machine struct {
	format *format
	lead   string // of its markers
	tools  tools

	// How it reads.
	state  state
	moved  bool     // the state changed
	inputs []string // what is still to be read, the next last
	tag    []byte   // the part of a marker that was read

	// What it gives out.
	out      *deltas
	kind     DeltaKind // of the text: content, or reasoning as long as no call began
	draft    *deltas   // in reasoning: takes the place of out once a call begins
	reasoned int       // bytes given out as reasoning

	// The text between calls.
	held        []byte // undecided: see readText
	trim        bool   // whitespace is dropped here
	after       bool   // nothing but whitespace and closing tags since the last call
	wrote       bool   // there is content
	join        bool   // content so far and content to come need a newline between them
	section     bool   // a section of calls was begun
	sectionUsed bool   // and has had a call

	// The call that is being read.
	call    callState
	harmony harmonyState
	list    pythonList
	json    jsonValue  // an argument, or all of them
	str     jsonString // a string whose value is taken

	// Markers: see format.
	openers, openersAndClosers []string // of calls and sections
	between                    []string // the parameters of a call
}

// state reads the next character of the text, or "" for its end. It may put
// characters back and leave them to another state.
type state func(m *machine, c string)

func newMachine(f *format, t tools, out *deltas) *machine {
	m := &machine{format: f, lead: f.markersBegin(), tools: t, out: out, kind: DeltaContent, state: f.start}
	m.openers = slices.Concat(f.calls, f.sections)
	m.openersAndClosers = slices.Concat(m.openers, f.closers)
	m.between = slices.Concat(f.params, f.closers, f.calls)
	return m
}

// reason makes the text reasoning until a call begins; what comes from there on
// goes to draft.
func (m *machine) reason(draft *deltas) { m.kind, m.draft = DeltaReasoning, draft }

// endReasoning ends the text's being reasoning, where it is that: a call begins.
func (m *machine) endReasoning() {
	if m.kind == DeltaReasoning {
		m.kind, m.out = DeltaContent, m.draft
		m.held, m.trim = m.held[:0], true
	}
}

// read hands the characters of s to the states. A byte that is no character
// counts as one.
func (m *machine) read(s string) {
	m.unread(s)
	for len(m.inputs) > 0 {
		top := len(m.inputs) - 1
		s := m.inputs[top]
		if s == "" {
			m.inputs = m.inputs[:top]
			continue
		}
		n := 1
		if s[0] >= utf8.RuneSelf {
			_, n = utf8.DecodeRuneInString(s)
		}
		m.inputs[top] = s[n:]
		m.state(m, s[:n])
	}
}

// close tells the states that the text has ended.
func (m *machine) close() {
	for {
		m.moved = false
		m.state(m, "")
		if !m.moved && len(m.inputs) == 0 {
			return
		}
		m.read("")
	}
}

// unread puts s before what is still to be read.
func (m *machine) unread(s string) {
	if s != "" {
		m.inputs = append(m.inputs, s)
	}
}

// to changes the state. A marker that was partly read is forgotten; whoever
// wants it back calls untag first.
func (m *machine) to(s state) {
	m.state, m.moved, m.tag = s, true, m.tag[:0]
}

// match extends the marker that is being read by c. It returns the one of set
// that is complete by it, or whether one still can be. Where neither holds the
// marker stays as it was before c.
func (m *machine) match(set []string, c string) (marker string, more bool) {
	n := len(m.tag)
	for _, s := range set {
		if len(s) < n+len(c) || s[n:n+len(c)] != c || s[:n] != string(m.tag) {
			continue
		}
		if len(s) == n+len(c) {
			m.tag = m.tag[:0]
			return s, false
		}
		more = true
	}
	if more {
		m.tag = append(m.tag, c...)
	}
	return "", more
}

// inMarker reports whether c goes on with a marker or may begin one.
func (m *machine) inMarker(c string) bool { return len(m.tag) > 0 || c == m.lead }

// untag puts back c and, before it, the part of a marker that it does not
// continue.
func (m *machine) untag(c string) {
	m.unread(c)
	m.unread(string(m.tag))
	m.tag = m.tag[:0]
}

// isSpace reports whether r is whitespace as Python's str.strip has it: chat
// templates, which put the parts together again, trim with that.
func isSpace(r rune) bool { return unicode.IsSpace(r) || 0x1c <= r && r <= 0x1f }

// space reports whether the character c is whitespace.
func space(c string) bool {
	if len(c) == 1 && c[0] > ' ' {
		return false
	}
	r, _ := utf8.DecodeRuneInString(c)
	return isSpace(r)
}
