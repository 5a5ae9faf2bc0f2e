package output

import (
	"encoding/json"
	"strings"
)

// Tokens of Gemma's vocabulary.
const (
	gemmaCallOpen  = "<|tool_call>"
	gemmaCallClose = "<tool_call|>"
	gemmaQuote     = `<|"|>`
)

// releaseGemma4 reasons only where it is told to.
const releaseGemma4 = "gemma4"

// gemma is the format of Gemma 4: keys are bare, and a token stands for the quotes of texts,
// in which anything else may stand.
//
//	<|channel>thought⏎REASONING⏎<channel|>TEXT<|tool_call>call:NAME{KEY:VALUE,…}<tool_call|>
//
// Values are <|"|>TEXT<|"|>, numbers, true, false, null, [VALUE,…] and {KEY:VALUE,…}. Read
// as meant are quotes around keys, JSON's quotes, and text without any.
var gemma = format{
	releases: []release{{releaseGemma4, Reasoning{Before: "\n"}}},
	detect: func(template string) string {
		if strings.Contains(template, gemmaCallOpen) {
			return releaseGemma4
		}
		return ""
	},
	reasons: true,
	think:   [2]string{"<|channel>thought", "<channel|>"},
	tokens:  true,
	calls:   []string{gemmaCallOpen},
	closers: []string{gemmaCallClose},
	start:   readText,
	begin:   readGemmaCall,
	after:   readText,
	plain:   readText,
	hold:    holdGemma,
}

// gemmaCall is what is known of a call's arguments. A parameter is given out when it is
// complete.
type gemmaCall struct {
	key   []byte  // of the parameter
	value builder // of the parameter
	word  []byte  // the key, text, number or name that is being read
	isKey bool    // that is a key
	some  bool    // parameters were given out
}

// gemmaCallBegin stands before a name.
const gemmaCallBegin = "call:"

// readGemmaCall reads what stands before the name of a call.
func readGemmaCall(m *machine, c string) {
	k := &m.call
	switch n := len(k.key); {
	case c != "" && n < len(gemmaCallBegin) && c == gemmaCallBegin[n:n+1]:
		m.held = append(m.held, c...)
		if k.key = append(k.key, c...); len(k.key) == len(gemmaCallBegin) {
			m.to(readGemmaName)
		}
	case c != "" && n == 0 && space(c):
		m.held = append(m.held, c...)
	default:
		m.unread(c)
		m.failCall()
	}
}

// readGemmaName reads the name of a call.
func readGemmaName(m *machine, c string) {
	if !m.endsFunction(c, "{") {
		return
	}
	m.count(trimmed(m.call.word), "")
	m.give("{")
	g := &m.call.gemma
	*g = gemmaCall{key: g.key[:0], value: g.value, word: g.word[:0]}
	g.value.reset()
	m.to(readGemmaKey)
}

// gemmaMarks are the tokens that may stand outside text.
var gemmaMarks = []string{gemmaQuote, gemmaCallClose}

// gemmaMark reads a token outside text and reports whether it is a quote. What is none
// breaks the call off.
func (m *machine) gemmaMark(c string) bool {
	marker, more := m.match(gemmaMarks, c)
	switch {
	case marker == gemmaCallClose:
		m.breakCall(marker)
	case marker == "" && !more:
		m.untag(c)
		m.endCall(false)
	}
	return marker == gemmaQuote
}

// readGemmaKey waits for the next key, or the end of its object.
func readGemmaKey(m *machine, c string) {
	g := &m.call.gemma
	switch {
	case c == "" || len(m.tag) == 0 && space(c):
	case m.inMarker(c):
		if m.gemmaMark(c) {
			m.beginGemmaText(true)
		}
	case c == `"`:
		m.beginGemmaString(true)
	case c == "}":
		m.endGemmaBracket(c)
	case c == ":" || c == "," || c == "{" || c == "[" || c == "]":
		m.breakCall(c)
	default:
		g.word, g.isKey = append(g.word[:0], c...), true
		m.to(readGemmaWord)
	}
}

// readGemmaValue waits for a value, or the end of a list.
func readGemmaValue(m *machine, c string) {
	g := &m.call.gemma
	switch {
	case c == "" || len(m.tag) == 0 && space(c):
	case m.inMarker(c):
		if m.gemmaMark(c) {
			m.beginGemmaText(false)
		}
	case c == `"`:
		m.beginGemmaString(false)
	case c == "{" || c == "[":
		if !g.value.begin(c) {
			m.breakCall(c)
			return
		}
		if c == "{" {
			m.to(readGemmaKey)
		}
	case c == "]":
		m.endGemmaBracket(c)
	case c == ":" || c == "," || c == "}":
		m.breakCall(c)
	default:
		g.word, g.isKey = append(g.word[:0], c...), false
		m.to(readGemmaWord)
	}
}

// readGemmaWord reads a key or a value without quotes.
func readGemmaWord(m *machine, c string) {
	g := &m.call.gemma
	switch {
	case c == "":
	case g.isKey && c == ":":
		m.gemmaKey(trimmed(g.word))
		m.to(readGemmaValue)
	case c == "<" || c == "{" || c == "[", g.isKey && (c == "," || c == "}" || c == "]"):
		m.breakCall(c)
	case c == "," || c == "}" || c == "]":
		m.unread(c)
		word := pythonConstant(trimmed(g.word))
		if !json.Valid([]byte(word)) {
			word = quoted(word)
		}
		m.gemmaValue(word)
	default:
		g.word = append(g.word, c...)
	}
}

// beginGemmaText begins a text behind the token before it.
func (m *machine) beginGemmaText(isKey bool) {
	g := &m.call.gemma
	g.word, g.isKey = g.word[:0], isKey
	m.to(readGemmaText)
}

// gemmaTextEnd ends a text.
var gemmaTextEnd = []string{gemmaQuote}

// readGemmaText reads a text up to the token behind it.
func readGemmaText(m *machine, c string) {
	g := &m.call.gemma
	switch {
	case c == "":
	case m.inMarker(c):
		marker, more := m.match(gemmaTextEnd, c)
		if marker != "" {
			m.endGemmaText()
		} else if !more {
			g.word = append(g.word, m.tag...)
			m.tag = m.tag[:0]
			if c == "<" {
				m.unread(c)
			} else {
				g.word = append(g.word, c...)
			}
		}
	default:
		g.word = append(g.word, c...)
	}
}

// beginGemmaString begins a text in JSON's quotes.
func (m *machine) beginGemmaString(isKey bool) {
	g := &m.call.gemma
	g.word, g.isKey = g.word[:0], isKey
	m.str.begin(`"`)
	m.to(readGemmaString)
}

// readGemmaString reads a text in JSON's quotes.
func readGemmaString(m *machine, c string) {
	if c == "" {
		return
	}
	text, end := m.str.step(c)
	m.call.gemma.word = append(m.call.gemma.word, text...)
	if end {
		m.endGemmaText()
	}
}

// endGemmaText ends a text: a key, which a colon follows, or a value.
func (m *machine) endGemmaText() {
	g := &m.call.gemma
	if g.isKey {
		m.gemmaKey(string(g.word))
		m.to(readGemmaColon)
		return
	}
	m.gemmaValue(quoted(string(g.word)))
}

// readGemmaColon waits for what stands behind a key in quotes.
func readGemmaColon(m *machine, c string) {
	switch {
	case c == "" || space(c):
	case c == ":":
		m.to(readGemmaValue)
	default:
		m.breakCall(c)
	}
}

// gemmaKey takes a key: of a parameter, or of an object in its value.
func (m *machine) gemmaKey(key string) {
	g := &m.call.gemma
	if len(g.value.open) == 0 {
		g.key = append(g.key[:0], key...)
		return
	}
	g.value.key(key)
}

// gemmaValue takes a value, JSON, that has no brackets.
func (m *machine) gemmaValue(value string) {
	m.call.gemma.value.value(value)
	m.giveGemma()
}

// endGemmaBracket closes a bracket: of a value, or of the call.
func (m *machine) endGemmaBracket(c string) {
	g := &m.call.gemma
	switch {
	case g.value.end(c):
		m.giveGemma()
	case len(g.value.open) == 0 && c == "}":
		m.give("}")
		m.endCall(true)
	default:
		m.breakCall(c)
	}
}

// giveGemma gives out the parameter if its value is complete.
func (m *machine) giveGemma() {
	g := &m.call.gemma
	m.to(readGemmaNext)
	if len(g.value.open) > 0 {
		return
	}
	before := ""
	if g.some {
		before = ", "
	}
	m.give(before + quoted(string(g.key)) + ": " + string(g.value.text))
	g.some = true
	g.value.reset()
}

// readGemmaNext waits for what follows a value.
func readGemmaNext(m *machine, c string) {
	g := &m.call.gemma
	switch {
	case c == "" || len(m.tag) == 0 && space(c):
	case m.inMarker(c):
		if m.gemmaMark(c) { // a text would have to stand behind a comma
			m.breakCall(gemmaQuote)
		}
	case c == ",":
		m.to(readGemmaValue)
		if len(g.value.open) == 0 || g.value.inObject() {
			m.to(readGemmaKey)
		}
	case c == "}" || c == "]":
		m.endGemmaBracket(c)
	default:
		m.breakCall(c)
	}
}
