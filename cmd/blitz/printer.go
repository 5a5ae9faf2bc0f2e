package main

import (
	"bufio"
	"encoding/json"
	"io"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/chat/output"
)

// The tags around parts of an answer that is written as plain text.
const (
	tagThink    = "<think>\n"
	tagThinkEnd = "\n</think>\n\n"
	tagCall     = "<tool_call>\n"
	tagCallEnd  = "}\n</tool_call>"
)

// printer writes an answer as it comes: reasoning dimmed on a terminal, between tags
// elsewhere, or not at all; then the content, and calls between tags.
type printer struct {
	wrapper
	style  bool             // reasoning is dimmed
	hide   bool             // reasoning is left out
	screen bool             // control characters are shown, not obeyed
	part   output.DeltaKind // that is being written; 0: none so far
	last   byte             // that was written
	begin  func()           // called before the first of it is written; nil: nothing is
}

// newPrinter returns a printer on a stream.
func newPrinter(w io.Writer, screen, style, hide bool) *printer {
	return &printer{wrapper: wrapper{w: bufio.NewWriter(w), width: widthOf(w)}, screen: screen, style: style, hide: hide}
}

// token writes what a token adds.
func (p *printer) token(t blitz.Token) error {
	for _, d := range t.Deltas {
		p.delta(d)
	}
	return p.w.Flush()
}

func (p *printer) delta(d output.Delta) {
	if d.Kind == output.DeltaReasoning && p.hide {
		return
	}
	if p.begin != nil {
		p.begin()
		p.begin = nil
	}
	switch d.Kind {
	case output.DeltaCall:
		p.leave()
		if p.last != 0 && p.last != '\n' {
			p.write("\n")
		}
		name, err := json.Marshal(d.Name)
		if err != nil {
			panic(err) // a string has always a JSON form
		}
		p.write(tagCall + `{"name": ` + string(name) + `, "arguments": `)
	case output.DeltaReasoning, output.DeltaContent:
		if d.Kind != p.part {
			p.leave()
			p.enter(d.Kind)
		}
	}
	p.part = d.Kind
	p.write(d.Text)
}

// enter begins a part.
func (p *printer) enter(kind output.DeltaKind) {
	switch {
	case kind == output.DeltaReasoning && p.style:
		p.w.WriteString(styleDim)
	case kind == output.DeltaReasoning:
		p.write(tagThink)
	}
}

// leave ends the part that is being written.
func (p *printer) leave() {
	switch p.part {
	case output.DeltaReasoning:
		if p.style {
			p.w.WriteString(styleNone)
			p.write("\n\n")
		} else {
			p.write(tagThinkEnd)
		}
	case output.DeltaCall, output.DeltaArguments:
		p.write(tagCallEnd + "\n")
	}
	p.part = 0
}

func (p *printer) write(s string) {
	if p.screen {
		s = printableText(s)
	}
	p.wrapper.write(s) // a failure comes back from Flush
	if s != "" {
		p.last = s[len(s)-1]
	}
}

// end ends the answer, with a line end where it has none.
func (p *printer) end() error {
	if p.part != output.DeltaContent {
		p.leave()
	}
	if p.last != '\n' {
		p.write("\n")
	}
	p.last, p.part = 0, 0
	return p.w.Flush()
}
