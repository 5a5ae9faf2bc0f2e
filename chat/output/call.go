package output

import (
	"bytes"
	"slices"
	"strings"
)

// beginCall starts reading what may be a call.
func (p *Parser) beginCall() {
	p.started, p.spaced, p.lined, p.fenced = false, false, false, false
	p.word = p.word[:0]
	p.param.reset("")
}

// record keeps c as long as what is read may prove to be text.
func (p *Parser) record(c string) {
	if !p.started {
		p.held = append(p.held, c...)
	}
}

// startCall counts a call. What was held belongs to it and is dropped.
func (p *Parser) startCall(name, id string) {
	p.held = p.held[:0]
	p.cut()
	p.out = append(p.out, Delta{Kind: DeltaCall, Index: p.calls, Name: name, ID: id})
	p.calls++
	p.started, p.given = true, false
}

// give gives out a piece of the arguments of the call.
func (p *Parser) give(s string) {
	if s != "" {
		p.gather(DeltaArguments)
		p.run = append(p.run, s...)
		p.given = true
	}
}

// endCall ends the call. Where it is whole, arguments that never came are {};
// where the model broke off or broke its form they stay as they are.
func (p *Parser) endCall(whole bool) {
	if whole && !p.given {
		p.give("{}")
	}
	p.edge()
	p.counted = true
	p.to(p.format.next)
}

// failCall gives up what looked like a call before its name was complete: it is
// content.
func (p *Parser) failCall() {
	p.settle(DeltaContent)
	p.to(p.format.failed)
}

// breakCall ends a call, or what looked like one, that c does not continue.
func (p *Parser) breakCall(c string) {
	p.unread(c)
	if p.started {
		p.endCall(false)
	} else {
		p.failCall()
	}
}

// outputName reads the name of a call up to one of the markers that end it.
// Names do not span lines.
func outputName(p *Parser, c string) {
	switch {
	case c == "":
		p.held = append(p.held, p.tag...)
		p.failCall()
	case len(p.tag) > 0 || c == "<":
		marker, more := p.match(p.format.ending, c)
		if marker != "" {
			p.held = append(p.held, marker...)
			p.named(marker)
		} else if !more {
			p.untag(c)
			p.failCall()
		}
	case c == "\n" && p.format.line && len(p.word) > 0:
		p.named(c)
	case !outputSpace(c) && endsLine(p.word):
		p.unread(c)
		p.failCall()
	default:
		p.held = append(p.held, c...)
		if len(p.word) > 0 || !outputSpace(c) {
			p.word = append(p.word, c...)
		}
	}
}

// endsLine reports whether the whitespace at the end of word has a newline.
func endsLine(word []byte) bool {
	return bytes.IndexByte(word[len(bytes.TrimRightFunc(word, outputSpaceRune)):], '\n') >= 0
}

// named starts the call whose name was ended by the marker: by the end of the
// call itself where it has no arguments.
func (p *Parser) named(marker string) {
	name, id := strings.TrimFunc(string(p.word), outputSpaceRune), ""
	if p.format.kimi {
		id, name = name, kimiName(name)
	}
	if name == "" {
		p.failCall()
		return
	}
	p.startCall(name, id)
	if slices.Contains(p.format.closers, marker) {
		p.endCall(true)
		return
	}
	p.to(outputValue)
}

// outputValue waits for the JSON of the arguments, which may stand in a fence.
func outputValue(p *Parser, c string) {
	switch {
	case c == "" && p.closing():
		p.endCall(true)
	case len(p.tag) > 0 || c == "<":
		marker, more := p.match(p.within, c)
		if marker != "" { // there are none
			p.endCall(true)
			p.marker(marker)
		} else if !more {
			p.untag(c)
			p.endCall(false)
		}
	case c == "" || outputSpace(c):
	case c == "`" && !p.format.fence:
		p.breakCall(c)
	case c == "`" && p.fenced: // nothing in it
		p.unread(c)
		p.endCall(true)
		p.closeFence()
	case c == "`":
		p.fenced = true
		p.to(outputFence)
	case c == `"`:
		p.unq.reset()
		p.to(outputTextValue)
	default:
		p.scan.reset()
		p.unread(c)
		p.to(outputJSONValue)
	}
}

// outputFence reads the rest of a fence's first line: ```json.
func outputFence(p *Parser, c string) {
	if c == "" || c == "`" || c >= "a" && c <= "z" || c >= "A" && c <= "Z" {
		return
	}
	p.unread(c)
	p.to(outputValue)
}

// outputTextValue reads arguments that are a JSON string: its value is taken.
func outputTextValue(p *Parser, c string) {
	if c == "" {
		return
	}
	s, end := p.unq.step(c)
	p.give(s)
	if end {
		p.endCall(true)
		p.closeFence()
	}
}

// outputJSONValue reads arguments that are any other JSON value.
func outputJSONValue(p *Parser, c string) {
	if c == "" {
		return
	}
	switch p.scan.step(c) {
	case scanMore:
		p.give(c)
		return
	case scanLast:
		p.give(c)
		p.endCall(true)
	case scanOver:
		p.unread(c)
		p.endCall(true)
	case scanBroken:
		p.unread(c)
		p.endCall(false)
	}
	p.closeFence()
}

// closeFence makes the end of a fence be read before what follows the call.
func (p *Parser) closeFence() {
	if p.format.fence {
		p.ticks = 0
		p.to(outputFenceEnd)
	}
}

// outputFenceEnd drops the end of a fence.
func outputFenceEnd(p *Parser, c string) {
	switch {
	case c == "" || outputSpace(c) && p.ticks == 0:
	case c == "`" && p.ticks < len("```"):
		p.ticks++
	default:
		p.unread(c)
		p.to(p.format.next)
	}
}
