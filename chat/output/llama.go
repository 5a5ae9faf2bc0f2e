package output

import (
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"
)

const llamaPythonTag = "<|python_tag|>"

// outputLlama is the format of Llama 3.1 to 3.3. A call has no tags: the whole
// text is an object, {"name": …, "parameters": {…}}, or several with semicolons
// between, or TOOL.call(key="value") for the tools that Llama knows by itself.
// <|python_tag|> may stand before either and has to before the latter. Text that
// starts in any other way is content to its end.
func outputLlama() *outputFormat {
	return &outputFormat{
		bare:   true,
		start:  outputBare,
		next:   outputAfterBare,
		failed: outputPlain,
	}
}

// outputBare waits for the begin of a call.
func outputBare(p *Parser, c string) {
	switch {
	case c == "":
		p.held = append(p.held, p.tag...)
		p.failCall()
	case len(p.tag) > 0 || c == "<":
		marker, more := p.match([]string{llamaPythonTag}, c)
		if marker != "" {
			p.held = append(p.held, marker...)
			p.to(outputPython)
		} else if !more {
			p.untag(c)
			p.failCall()
		}
	case outputSpace(c):
		p.space(c)
	case c == "{":
		p.held = append(p.held, c...)
		p.beginObject()
	default:
		p.unread(c)
		p.failCall()
	}
}

// outputAfterBare reads what follows a call: a semicolon before the next one.
func outputAfterBare(p *Parser, c string) {
	switch {
	case c == "" || outputSpace(c):
	case c == ";":
		p.beginCall()
		p.to(outputBare)
	default:
		p.unread(c)
		p.to(outputPlain)
	}
}

// outputPlain reads content to the end of the text.
func outputPlain(p *Parser, c string) {
	if c == "" {
		p.endText()
		return
	}
	p.content(c)
}

// outputPython reads what follows <|python_tag|>: an object, or the name of a tool
// with ".call(" after it.
func outputPython(p *Parser, c string) {
	name, called := strings.CutSuffix(string(p.word), ".call")
	switch {
	case c == "{" && len(p.word) == 0:
		p.held = append(p.held, c...)
		p.beginObject()
	case c == "(" && called && name != "":
		p.held = append(p.held, c...)
		p.function = name
		p.python = outputPythonCall{key: p.python.key[:0], literal: p.python.literal}
		p.to(outputPythonKey)
	case outputSpace(c) && len(p.word) == 0:
		p.held = append(p.held, c...)
	case c != "" && pythonNameCharacter(c):
		p.held = append(p.held, c...)
		p.word = append(p.word, c...)
	default:
		p.unread(c)
		p.failCall()
	}
}

// pythonNameCharacter reports whether c can stand in a dotted name.
func pythonNameCharacter(c string) bool {
	r, _ := utf8.DecodeRuneInString(c)
	return r == '_' || r == '-' || r == '.' || unicode.IsLetter(r) || unicode.IsDigit(r)
}

// outputPythonCall is a call written as in Python. Its arguments are given out
// as an object; what its values have in common with JSON is kept to the byte.
type outputPythonCall struct {
	key     []byte
	spaced  bool   // whitespace followed the key
	quote   string // that ends the string being read
	escaped bool   // after a backslash there
	literal []byte // number or name being read
}

// outputPythonKey waits for a key and its =, or for the end of the call. The call
// counts once either has come: before that it may be any Python.
func outputPythonKey(p *Parser, c string) {
	y := &p.python
	switch {
	case c == "":
		p.startPython()
	case c == ")" && len(y.key) == 0:
		p.startPython()
		p.endParams()
	case c == "=" && len(y.key) > 0:
		p.startPython()
		p.to(outputPythonValue)
	case outputSpace(c):
		p.record(c)
		y.spaced = len(y.key) > 0
	case pythonNameCharacter(c) && !y.spaced:
		p.record(c)
		y.key = append(y.key, c...)
	default:
		p.breakCall(c)
	}
}

func (p *Parser) startPython() {
	if !p.started {
		p.startCall(p.function, "")
	}
}

// outputPythonValue waits for the value of a key.
func outputPythonValue(p *Parser, c string) {
	y := &p.python
	switch {
	case c == "" || outputSpace(c):
	case c == `"` || c == "'":
		p.giveKey(string(y.key))
		p.give(`"`)
		y.quote = c
		p.to(outputPythonText)
	case c == "{" || c == "[":
		p.giveKey(string(y.key))
		p.scan.reset()
		p.unread(c)
		p.to(outputPythonJSON)
	case c == "," || c == ")":
		p.breakCall(c)
	default:
		p.unread(c)
		y.literal = y.literal[:0]
		p.to(outputPythonLiteral)
	}
}

// outputPythonText reads a string. Where the escapes of Python and JSON differ it is
// written anew.
func outputPythonText(p *Parser, c string) {
	y := &p.python
	switch {
	case c == "":
	case y.escaped:
		y.escaped = false
		switch {
		case c == "'":
			p.give(c)
		case strings.Contains(`"\/bfnrtu`, c):
			p.give(`\` + c)
		default:
			p.give(`\\` + outputEscape(c))
		}
	case c == `\`:
		y.escaped = true
	case c == y.quote:
		p.give(`"`)
		p.to(outputPythonNext)
	default:
		p.give(outputEscape(c))
	}
}

// outputEscape is c as it stands in a JSON string.
func outputEscape(c string) string {
	if c != `"` && c >= " " {
		return c
	}
	s := outputQuote(c)
	return s[1 : len(s)-1]
}

// outputPythonJSON reads a dict or list, which is taken as written.
func outputPythonJSON(p *Parser, c string) {
	if c == "" {
		return
	}
	switch p.scan.step(c) {
	case scanMore:
		p.give(c)
	case scanLast:
		p.give(c)
		p.to(outputPythonNext)
	default:
		p.breakCall(c)
	}
}

// outputPythonLiteral reads a number or a name. A name that is none of Python's
// constants is text.
func outputPythonLiteral(p *Parser, c string) {
	y := &p.python
	switch {
	case c == "":
	case c == "," || c == ")" || outputSpace(c):
		p.unread(c)
		p.giveKey(string(y.key))
		p.give(pythonLiteral(string(y.literal)))
		p.to(outputPythonNext)
	default:
		y.literal = append(y.literal, c...)
	}
}

func pythonLiteral(s string) string {
	switch s {
	case "True":
		return "true"
	case "False":
		return "false"
	case "None":
		return "null"
	}
	if json.Valid([]byte(s)) {
		return s
	}
	return outputQuote(s)
}

// outputPythonNext waits for the next key or the end of the call.
func outputPythonNext(p *Parser, c string) {
	switch {
	case c == "" || outputSpace(c):
	case c == ",":
		p.python.key, p.python.spaced = p.python.key[:0], false
		p.to(outputPythonKey)
	case c == ")":
		p.endParams()
	default:
		p.breakCall(c)
	}
}
