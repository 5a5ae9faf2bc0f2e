package output

import (
	"bytes"
	"slices"
	"strings"
)

const (
	thinkOpen  = "<think>"
	thinkClose = "</think>"
)

// outputStart reads up to where it shows whether the text starts with reasoning.
func outputStart(p *Parser, c string) {
	switch {
	case c == "":
		p.untag(c)
		p.to(outputText)
	case len(p.tag) > 0 || c == "<":
		marker, more := p.match([]string{thinkOpen}, c)
		if marker != "" {
			p.beginReasoning()
		} else if !more {
			p.untag(c)
			p.to(outputText)
		}
	case outputSpace(c):
		p.held = append(p.held, c...)
	default:
		p.unread(c)
		p.to(outputText)
	}
}

func (p *Parser) beginReasoning() {
	p.held, p.thinks, p.leading = p.held[:0], true, true
	p.to(outputReasoning)
}

// outputReasoning reads reasoning. Whitespace is held until more of it follows.
func outputReasoning(p *Parser, c string) {
	switch {
	case c == "":
		p.held = append(p.held, p.tag...)
		p.tag = p.tag[:0]
		p.settle(DeltaReasoning)
		p.held = p.held[:0]
	case len(p.tag) > 0 || c == "<":
		p.reasoningTag(c)
	case !outputSpace(c):
		p.leading = false
		p.giveHeld(DeltaReasoning, len(p.held))
		p.run = append(p.run, c...)
	case !p.leading:
		p.held = append(p.held, c...)
	}
}

// reasoningTag reads a marker in the reasoning, or what begins like one.
func (p *Parser) reasoningTag(c string) {
	set := p.thought[0]
	if p.leading {
		set = p.thought[1]
	}
	marker, more := p.match(set, c)
	switch {
	case marker == thinkOpen: // repeated by a model whose prompt had it
	case marker != "":
		p.held, p.trim, p.thinks = p.held[:0], true, false
		p.to(outputText)
		if marker != thinkClose {
			p.marker(marker)
		}
	case !more:
		p.unread(c)
		p.release()
		p.settle(DeltaReasoning)
	}
}

// outputText reads content and the markers in it. held has what becomes content
// unless a call follows: whitespace, and the begin of a section. Once a call
// has begun, its text is there too until its name is complete.
func outputText(p *Parser, c string) {
	switch {
	case c == "":
		p.endText()
	case len(p.tag) > 0 || c == "<":
		marker, more := p.match(p.markers(), c)
		switch {
		case marker != "":
			p.marker(marker)
		case len(p.tag) == 0:
			p.content(c)
		case !more:
			p.unread(c)
			p.release()
			p.settle(DeltaContent)
		}
	case outputSpace(c):
		p.space(c)
	default:
		p.content(c)
	}
}

// markers are those that count where the text stands. Closing tags do after a
// call, until other text comes, and all through a section that has had a call.
func (p *Parser) markers() []string {
	in, close := 0, 0
	if p.inside {
		in = 1
	}
	if p.after || p.inside && p.counted {
		close = 1
	}
	return p.live[in][close]
}

// marker acts on a marker in the text.
func (p *Parser) marker(m string) {
	switch {
	case slices.Contains(p.format.call, m):
		p.held = append(p.held, m...)
		p.beginCall()
		p.to(p.format.begin)
	case slices.Contains(p.format.section, m):
		p.held = append(p.held, m...)
		p.inside, p.counted = true, false
	default:
		if slices.Contains(p.format.ends, m) {
			p.inside = false
		}
		p.settle(DeltaContent)
		p.edge()
	}
}

// edge is where whitespace is dropped on both sides: a call, its closing tags.
func (p *Parser) edge() {
	p.held, p.trim, p.after, p.join = p.held[:0], true, true, p.wrote
}

// release moves the part of a marker that was read to held, as text. What could
// begin another marker is put back.
func (p *Parser) release() {
	n := len(p.tag)
	if i := bytes.IndexByte(p.tag[1:], '<'); i >= 0 {
		n = i + 1
	}
	p.unread(string(p.tag[n:]))
	p.held = append(p.held, p.tag[:n]...)
	p.tag = p.tag[:0]
}

// space reads whitespace of the content.
func (p *Parser) space(c string) {
	if len(p.held) > 0 || !p.trim {
		p.held = append(p.held, c...)
	}
}

// content gives out what is held and c, which is no whitespace.
func (p *Parser) content(c string) {
	p.giveHeld(DeltaContent, len(p.held))
	p.run = append(p.run, c...)
}

// settle gives out what is held, but for whitespace at its end.
func (p *Parser) settle(kind DeltaKind) {
	n := len(bytes.TrimRightFunc(p.held, outputSpaceRune))
	if n > 0 {
		p.leading = false
		p.giveHeld(kind, n)
	}
}

// giveHeld gives out the first n bytes of what is held.
func (p *Parser) giveHeld(kind DeltaKind, n int) {
	p.gather(kind)
	p.run = append(p.run, p.held[:n]...)
	p.held = p.held[:copy(p.held, p.held[n:])]
}

// endText ends the content. A closing tag that was begun after a call is
// dropped, even where it could have become the begin of something else.
func (p *Parser) endText() {
	if !p.after || !p.closing() {
		p.held = append(p.held, p.tag...)
	}
	p.tag = p.tag[:0]
	if len(p.held) > 0 {
		p.giveHeld(DeltaContent, len(p.held))
	}
}

// closing reports whether what was read of a marker begins a closing tag.
func (p *Parser) closing() bool {
	return len(p.tag) > 0 && slices.ContainsFunc(p.format.closers, func(m string) bool {
		return strings.HasPrefix(m, string(p.tag))
	})
}
