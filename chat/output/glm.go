package output

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	argKeyOpen    = "<arg_key>"
	argKeyClose   = "</arg_key>"
	argValueOpen  = "<arg_value>"
	argValueClose = "</arg_value>"
)

// outputGLM is the format of GLM: 4.5 puts a newline after the name and between
// all tags, 4.7 and later write none. Values are written without their types:
// text as it is, everything else as JSON.
func outputGLM() *outputFormat {
	return &outputFormat{
		reasons: true,
		call:    []string{toolCallOpen},
		closers: []string{toolCallClose},
		ending:  []string{argKeyOpen, toolCallClose},
		params:  []string{argKeyOpen},
		start:   outputStart,
		begin:   outputFunction,
		open:    outputArgKey,
		next:    outputText,
		failed:  outputText,
	}
}

// outputFunction reads the name of a call. It ends at a newline or at the next
// tag. After a newline the next tag is waited for all the same: anything else
// shows that the text only speaks of <tool_call>.
func outputFunction(p *Parser, c string) {
	switch {
	case c == "":
		p.cutFunction()
	case len(p.tag) > 0 || c == "<":
		marker, more := p.match(p.format.ending, c)
		switch {
		case marker != "" && len(p.word) > 0:
			p.startFunction()
			if marker == toolCallClose {
				p.endCall(true)
				return
			}
			p.param.reset(marker)
			p.to(outputArgKey)
		case marker != "":
			p.held = append(p.held, marker...)
			p.failCall()
		case !more:
			p.untag(c)
			p.failCall()
		}
	case outputSpace(c) && (len(p.word) > 0 || c == "\n" || c == "\r"):
		p.held = append(p.held, c...)
		p.spaced = p.spaced || len(p.word) > 0
		p.lined = p.lined || len(p.word) > 0 && c == "\n"
	case p.spaced || !functionCharacter(c, len(p.word) == 0):
		p.unread(c)
		p.failCall()
	default:
		p.held = append(p.held, c...)
		p.word = append(p.word, c...)
	}
}

// functionCharacter reports whether c can stand in the name of a function, or
// begin it. Names of tool servers have dots, colons, slashes.
func functionCharacter(c string, first bool) bool {
	r, _ := utf8.DecodeRuneInString(c)
	if first {
		return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r)
	}
	return unicode.IsPrint(r) && !strings.ContainsRune("<>(){}[]\"'`,;=", r)
}

func (p *Parser) startFunction() {
	p.function = string(p.word)
	p.startCall(p.function, "")
}

// cutFunction ends the name at the end of the text: it is complete if a newline
// ended it.
func (p *Parser) cutFunction() {
	if !p.lined {
		p.held = append(p.held, p.tag...)
		p.failCall()
		return
	}
	p.startFunction()
	p.unread(string(p.tag))
	p.to(outputParams)
}

// outputArgKey reads the key of a parameter.
func outputArgKey(p *Parser, c string) {
	switch {
	case c == "":
	case len(p.tag) > 0 || c == "<":
		marker, more := p.match([]string{argKeyClose}, c)
		if marker != "" {
			p.param.key = strings.TrimFunc(string(p.param.value), outputSpaceRune)
			p.param.value = p.param.value[:0]
			p.to(outputArgGap)
		} else if !more {
			p.param.value = append(p.param.value, p.tag...)
			p.tag = p.tag[:0]
			p.unread(c)
		}
	default:
		p.param.value = append(p.param.value, c...)
	}
}

// outputArgGap waits for the value of a parameter.
func outputArgGap(p *Parser, c string) {
	switch {
	case c == "":
	case len(p.tag) > 0 || c == "<":
		marker, more := p.match([]string{argValueOpen}, c)
		if marker != "" {
			p.param.closing = argValueClose
			p.beginValue(p.tools[p.function][p.param.key])
		} else if !more {
			p.untag(c)
			p.endCall(false)
		}
	case !outputSpace(c):
		p.unread(c)
		p.endCall(false)
	}
}
