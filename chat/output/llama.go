package output

import "strings"

const llamaPythonTag = "<|python_tag|>"

// llama is the format of Llama 3.1 to 3.3. A call has no tags: the whole text is an
// object, or several with semicolons between.
//
//	{"name": "NAME", "parameters": {…}}; {"name": …}
//	<|python_tag|>NAME.call(KEY="VALUE")
//
// The second form is that of the tools that Llama knows by itself; <|python_tag|> may
// stand before the first, too. Models forget the semicolon or write a list. Text that
// starts in any other way is content to its end.
var llama = format{
	releases: []release{{"llama-3.1", Reasoning{}}},
	detect:   detectLlama,
	bare:     true,
	start:    readBare,
	after:    readAfterBare,
	plain:    readPlain,
}

func detectLlama(template string) string {
	has := func(s string) bool { return strings.Contains(template, s) }
	if has(llamaPythonTag) || has("<|start_header_id|>") && has(`"parameters"`) {
		return "llama-3.1"
	}
	return ""
}

// pythonTags are the tags that may begin a text.
var pythonTags = []string{llamaPythonTag}

// readBare waits for the begin of a call.
func readBare(m *machine, c string) {
	switch {
	case c == "":
		m.held = append(m.held, m.tag...)
		m.failCall()
	case m.inMarker(c):
		marker, more := m.match(pythonTags, c)
		if marker != "" {
			m.held = append(m.held, marker...)
			m.to(readPython)
		} else if !more {
			m.untag(c)
			m.failCall()
		}
	case space(c):
		m.space(c)
	default:
		m.beginBare(c)
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
