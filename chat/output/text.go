package output

import (
	"bytes"
	"slices"
	"strings"
)

// readText reads content and the markers in it. held has what becomes content
// unless a call follows: whitespace, and the begin of a section. Once a call
// has begun, its text is there too until its name is complete.
func readText(m *machine, c string) {
	switch {
	case c == "":
		m.endText()
	case m.inMarker(c):
		marker, more := m.match(m.markers(), c)
		if marker != "" {
			m.marker(marker)
		} else if !more { // nor does what was read of a marker begin another: see format
			m.unread(c)
			m.held = append(m.held, m.tag...)
			m.tag = m.tag[:0]
			m.settle()
		}
	case space(c):
		m.space(c)
	default:
		m.content(c)
	}
}

// readContent reads content in which there are no markers.
func readContent(m *machine, c string) {
	switch {
	case c == "":
		m.endText()
	case space(c):
		m.space(c)
	default:
		m.content(c)
	}
}

// markers are those that count where the text stands. Closing tags do after a
// call, until other text comes, and all through a section that has had a call.
func (m *machine) markers() []string {
	if m.after || m.section && m.sectionUsed {
		return m.openersAndClosers
	}
	return m.openers
}

// marker acts on a marker in the text.
func (m *machine) marker(s string) {
	if slices.Contains(m.format.closers, s) {
		m.section = m.section && !slices.Contains(m.format.ends, s)
		m.settle()
		m.edge()
		return
	}
	if m.format.tokens {
		m.endReasoning()
	}
	m.held = append(m.held, s...)
	if slices.Contains(m.format.calls, s) {
		m.beginCall()
		m.to(m.format.begin)
	} else {
		m.section, m.sectionUsed = true, false
	}
}

// edge is where whitespace is dropped on both sides: a call, its closing tags.
func (m *machine) edge() {
	m.held, m.trim, m.after, m.join = m.held[:0], true, true, m.wrote
}

// space reads whitespace of the text.
func (m *machine) space(c string) {
	if len(m.held) > 0 || !m.trim {
		m.held = append(m.held, c...)
	}
}

// content gives out what is held and c, which is no whitespace.
func (m *machine) content(c string) {
	m.giveHeld(len(m.held))
	m.giveText(c)
}

// settle gives out what is held, but for whitespace at its end.
func (m *machine) settle() {
	m.giveHeld(len(bytes.TrimRightFunc(m.held, isSpace)))
}

// giveHeld gives out the first n bytes of what is held.
func (m *machine) giveHeld(n int) {
	if n > 0 {
		m.giveText(string(m.held[:n]))
		m.held = m.held[:copy(m.held, m.held[n:])]
	}
}

// giveText gives out text.
func (m *machine) giveText(s string) {
	if m.kind == DeltaReasoning {
		m.reasoned += len(s)
	} else if m.join {
		m.out.text(m.kind, "\n")
	}
	m.wrote, m.join, m.trim, m.after = m.kind == DeltaContent, false, false, false
	m.out.text(m.kind, s)
}

// endText ends the text. A closing tag that was begun after a call is dropped,
// even where it could have become the begin of something else.
func (m *machine) endText() {
	if !m.after || !m.closing() {
		m.held = append(m.held, m.tag...)
	}
	m.tag = m.tag[:0]
	if m.kind == DeltaReasoning { // which is trimmed
		m.settle()
		return
	}
	m.giveHeld(len(m.held))
}

// closing reports whether what was read of a marker begins a closing tag.
func (m *machine) closing() bool {
	return len(m.tag) > 0 && slices.ContainsFunc(m.format.closers, func(s string) bool {
		return strings.HasPrefix(s, string(m.tag))
	})
}
