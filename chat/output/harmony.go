package output

import (
	"slices"
	"strings"

	"github.com/blitz-r1/blitz/grammar"
)

// Tokens of gpt-oss's vocabulary.
const (
	harmonyChannel   = "<|channel|>"
	harmonyMessage   = "<|message|>"
	harmonyConstrain = "<|constrain|>"
	harmonyCall      = "<|call|>"
	harmonyStart     = "<|start|>assistant"
)

// harmony is the format of gpt-oss: messages, each with a header that says what it is.
//
//	<|channel|>analysis<|message|>TEXT<|end|><|start|>assistant
//	<|channel|>commentary to=functions.NAME <|constrain|>json<|message|>{…}<|call|>
//
// What is to a recipient is a call, else analysis is reasoning and all other channels are
// content; those of one kind are joined by a newline. The recipient may stand before the
// channel, and the constraint may be missing. Tools that are no functions, as python, go by
// their own names, and their arguments may be any text. Text without a header is content.
var harmony = format{
	releases: []release{{"gpt-oss", Reasoning{}}},
	detect: func(template string) string {
		if strings.Contains(template, harmonyChannel) && strings.Contains(template, harmonyMessage) {
			return "gpt-oss"
		}
		return ""
	},
	headers:  true,
	sections: []string{harmonyChannel},
	calls:    []string{harmonyStart},
	closers:  []string{harmonyCall, "<|end|>", "<|return|>"},
	start:    readHarmonyStart,
	begin:    readHarmonyHeader,
	after:    readHarmonyGap,
	plain:    readHarmonyContent,
	hold:     holdHarmony,
}

// holdHarmony is what calls are held to.
func holdHarmony(h *holder) (grammar.Expr, error) {
	begin := grammar.Seq(grammar.Special(harmonyChannel), grammar.Literal("commentary to=functions."))
	call, err := h.each(func(t heldTool) (grammar.Expr, error) {
		arguments, err := h.arguments(t)
		if err != nil {
			return arguments, err
		}
		name, err := plainName(t)
		return grammar.Seq(name, grammar.Literal(" "), grammar.Special(harmonyConstrain), grammar.Literal("json"), grammar.Special(harmonyMessage), arguments), err
	})
	calls := h.several(grammar.Seq(begin, call), grammar.Seq(grammar.Special(harmonyCall), grammar.Special("<|start|>"), grammar.Literal("assistant")))
	if h.calls.Required {
		return calls, err
	}
	return grammar.Seq(grammar.Free(harmonyChannel+"commentary to="), grammar.Optional(calls)), err
}

// harmonyState is what is known of the messages so far.
type harmonyState struct {
	began    bool   // the message that is read has reasoning
	reasoned bool   // an earlier one has
	blank    []byte // whitespace of the reasoning that nothing followed yet
}

// harmonyMarks are the tokens that end what a message says.
var harmonyMarks = []string{harmonyCall, "<|end|>", "<|return|>", harmonyStart, harmonyChannel}

// readHarmonyStart waits for the first header.
func readHarmonyStart(m *machine, c string) {
	switch {
	case c == "":
		m.endText()
	case space(c):
		m.held = append(m.held, c...)
	case c == "<" || c == "t":
		m.unread(c)
		m.to(readHarmonyHeader)
	default:
		m.unread(c)
		m.to(readHarmonyContent)
	}
}

// harmonyBegins are what headers begin with, and maxHarmonyHeader how long they are at most.
var harmonyBegins = []string{harmonyChannel, "to=", harmonyConstrain, harmonyMessage}

const maxHarmonyHeader = 1024

// isHarmonyHeader says whether text may be a header or the begin of one.
func isHarmonyHeader(text []byte) bool {
	s := strings.TrimLeftFunc(string(text[:min(len(text), maxHarmonyHeader)]), isSpace)
	return len(text) < maxHarmonyHeader && slices.ContainsFunc(harmonyBegins, func(b string) bool {
		return strings.HasPrefix(s, b) || strings.HasPrefix(b, s)
	})
}

var harmonyHeaderEnd = []string{harmonyMessage}

// readHarmonyHeader reads a header, which is held: what turns out to be none is content.
func readHarmonyHeader(m *machine, c string) {
	if c == "" {
		m.held = append(m.held, m.tag...)
		m.tag = m.tag[:0]
		m.endText()
		return
	}
	if m.inMarker(c) {
		marker, more := m.match(harmonyHeaderEnd, c)
		if marker != "" {
			m.beginMessage(string(m.held))
			return
		}
		if more {
			return
		}
		m.held = append(m.held, m.tag...)
		m.tag = m.tag[:0]
		if c == "<" {
			m.unread(c)
			return
		}
	}
	if m.held = append(m.held, c...); !isHarmonyHeader(m.held) {
		m.settle()
		m.to(readHarmonyContent)
	}
}

// beginMessage begins what the header says.
func (m *machine) beginMessage(header string) {
	m.held = m.held[:0]
	_, channel, _ := strings.Cut(header, harmonyChannel)
	_, to, named := strings.Cut(header, "to=")
	if end := strings.IndexFunc(to, func(r rune) bool { return isSpace(r) || r == '<' }); end >= 0 {
		to = to[:end]
	}
	switch name := strings.TrimPrefix(to, "functions."); {
	case named && name != "" && len(m.format.calls) > 0:
		m.beginCall()
		m.count(name, "")
		m.to(readHarmonyArguments)
	case strings.HasPrefix(strings.TrimLeftFunc(channel, isSpace), "analysis"):
		m.harmony.began, m.harmony.blank = false, m.harmony.blank[:0]
		m.to(readHarmonyAnalysis)
	default:
		m.join = m.wrote
		m.trim = m.trim || m.wrote || m.harmony.reasoned
		m.to(readHarmonyContent)
	}
}

// readHarmonyContent reads what is content.
func readHarmonyContent(m *machine, c string) {
	switch {
	case c == "":
		m.endText()
	case m.inMarker(c):
		marker, more := m.match(harmonyMarks, c)
		if marker != "" {
			m.settle()
			m.endMessage(marker)
		} else if !more {
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

// endMessage ends a message at a marker, which may begin the next one.
func (m *machine) endMessage(marker string) {
	m.held = m.held[:0]
	switch marker {
	case harmonyStart:
		m.to(readHarmonyHeader)
	case harmonyChannel:
		m.held = append(m.held, marker...)
		m.to(readHarmonyHeader)
	default:
		m.to(readHarmonyGap)
	}
}

// readHarmonyAnalysis reads what is reasoning, without whitespace at its ends.
func readHarmonyAnalysis(m *machine, c string) {
	h := &m.harmony
	switch {
	case c == "":
	case m.inMarker(c):
		marker, more := m.match(harmonyMarks, c)
		if marker != "" {
			m.endMessage(marker)
		} else if !more {
			text := string(m.tag)
			m.tag = m.tag[:0]
			m.unread(c)
			m.giveAnalysis(text)
		}
	case !space(c):
		m.giveAnalysis(c)
	case h.began:
		h.blank = append(h.blank, c...)
	}
}

// giveAnalysis gives out reasoning.
func (m *machine) giveAnalysis(s string) {
	h := &m.harmony
	if s == "" {
		return
	}
	if !h.began && h.reasoned {
		m.out.text(DeltaReasoning, "\n")
	}
	h.began, h.reasoned = true, true
	m.out.text(DeltaReasoning, string(h.blank)+s)
	h.blank = h.blank[:0]
}

// readHarmonyGap reads what stands between messages.
func readHarmonyGap(m *machine, c string) {
	switch {
	case c == "" || len(m.tag) == 0 && space(c):
	case m.inMarker(c):
		marker, more := m.match(harmonyMarks, c)
		if marker != "" {
			m.endMessage(marker)
		} else if !more {
			m.untag(c)
			m.beginLoose()
		}
	default:
		m.unread(c)
		m.beginLoose()
	}
}

// beginLoose begins text that stands between messages: it is content.
func (m *machine) beginLoose() {
	m.join, m.trim = m.wrote, true
	m.to(readHarmonyLoose)
}

// readHarmonyLoose reads the first character of such text, which no marker begins with.
func readHarmonyLoose(m *machine, c string) {
	if c == "" {
		return
	}
	m.content(c)
	m.to(readHarmonyContent)
}

// readHarmonyArguments waits for the arguments of a call.
func readHarmonyArguments(m *machine, c string) {
	switch {
	case c == "" || len(m.tag) == 0 && space(c):
	case m.inMarker(c):
		marker, more := m.match(harmonyMarks, c)
		if marker != "" { // there are none
			m.endCall(true)
			m.endMessage(marker)
		} else if !more {
			m.untag(c)
			m.to(readHarmonyRaw)
		}
	case c == "{":
		m.json.reset()
		m.unread(c)
		m.to(readHarmonyJSON)
	default:
		m.unread(c)
		m.to(readHarmonyRaw)
	}
}

// readHarmonyJSON reads arguments that are an object.
func readHarmonyJSON(m *machine, c string) {
	if c == "" {
		m.give(m.json.cut())
		return
	}
	text, r := m.json.step(c)
	m.give(text)
	switch r {
	case jsonMore:
	case jsonLast:
		m.endCall(true)
	default:
		m.unread(c)
		m.endCall(false)
	}
}

// readHarmonyRaw reads arguments that are any text, up to the end of the message.
func readHarmonyRaw(m *machine, c string) {
	switch {
	case c == "":
		m.give(string(m.tag))
		m.tag = m.tag[:0]
	case m.inMarker(c):
		marker, more := m.match(harmonyMarks, c)
		if marker != "" {
			m.endCall(true)
			m.endMessage(marker)
		} else if !more {
			m.give(string(m.tag))
			m.tag = m.tag[:0]
			if c == "<" {
				m.unread(c)
			} else {
				m.give(c)
			}
		}
	default:
		m.give(c)
	}
}
