package output

import (
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// The tags around reasoning.
const (
	thinkOpen  = "<think>"
	thinkClose = "</think>"
)

// Options say what a Parser cannot see in the text itself.
type Options struct {
	// Open: the prompt ended in <think>, so the text starts inside the
	// reasoning. llama-3.1 has no reasoning and ignores it.
	// Of a format with other tags: in that of its reasoning.
	Open bool

	// Tools are the tools of the request, each as the OpenAI API has them,
	// {"type": "function", "function": {"name", "parameters"}}, or the inner
	// object alone. They tell the types of parameters where the model does not
	// write them (GLM, DSML now and then), and which part of an id is the name
	// where the model wrote the id in another form than it was taught (Kimi).
	Tools []json.RawMessage

	// NoCalls: there is nothing to call, so that what looks like a call is content as
	// it is written.
	NoCalls bool
}

// Parser splits what a model writes into reasoning, content and tool calls
// while it streams. However the text is cut into chunks, at any byte, the
// increments add up to the same Output; nothing that was given out is ever
// taken back, and nothing is held that is certain. The time is linear in the
// text. Memory holds what is undecided: whitespace that a following call would
// drop, the start of a tag, a call whose name is not complete, a value whose
// closing tag has not come, reasoning from the first call in it on.
//
// The rules, where <think> and </think> are the tags of the format:
//
//   - Reasoning is there when the prompt opened it (Options.Open) or the text
//     starts, after whitespace, with <think>. It ends at the first </think>, and
//     whatever stands before that is reasoning, calls that the model drafts
//     included. Any other <think> or </think> is content as written.
//   - Models sometimes forget </think>. Where the text ends without it and a call
//     was begun, the reasoning ended where the first call begins. A token that
//     only calls begin with (DeepSeek, Kimi) ends it even if no call follows.
//   - Reasoning is trimmed at both ends. In content, whitespace after the
//     reasoning and around calls is dropped, and text from before and after calls
//     is joined by one newline. All else is content to the byte.
//   - A call counts as soon as its name is complete. Before that, and where
//     something only looks like a call, the text is content.
//   - Arguments are the JSON value to the byte, or its text where it is a string;
//     none at all, or null, are {}. Formats without JSON (DSML, GLM) get an
//     object, in the order of the parameters, each given out when it is complete.
//   - Slips that models are known for are read as meant where there is no doubt;
//     the files of the formats and jsonValue tell which.
//   - Where the text ends inside a call, its arguments stay as they are, which
//     is mostly no valid JSON; nobody may run such a call. A closing tag that
//     was begun counts as written.
//
// A Parser is good for one text. It may not be used by several goroutines at
// once.
type Parser struct {
	format *format
	tools  tools

	part    part
	blank   bool   // in reasoning: nothing but whitespace and <think> yet
	tag     []byte // what was read of <think> or </think>
	open    string // these tags
	end     string
	held    []byte   // at the start: whitespace. In reasoning: what was not given out
	machine *machine // reads the answer; before that the reasoning, as if it were one
	draft   deltas   // in reasoning: what the text is from the first call on, if it ends so
	out     deltas
	partial []byte // the beginning of a character that a chunk cut
	closed  bool
}

// part is where a text stands.
type part uint8

const (
	atStart part = iota // before anything but whitespace
	inReasoning
	inAnswer
)

// NewParser makes a parser for a format, one of Formats. The error is
// ErrUnknownFormat or ErrTools.
func NewParser(format string, o Options) (*Parser, error) {
	f, _, err := formatNamed(format)
	if err != nil {
		return nil, err
	}
	t, err := readTools(o.Tools)
	if err != nil {
		return nil, err
	}
	if o.NoCalls {
		f = f.withoutCalls()
	}
	p := &Parser{format: f, tools: t}
	p.open, p.end = f.thinkTags()
	switch {
	case !f.reasons:
		p.beginAnswer(false)
	case o.Open:
		p.beginReasoning()
	}
	return p, nil
}

// Parse reads a whole text. Its errors are those of NewParser.
func Parse(format, text string, o Options) (Output, error) {
	p, err := NewParser(format, o)
	if err != nil {
		return Output{}, err
	}
	var c Collector
	c.Add(p.Write(text))
	c.Add(p.Close())
	return c.Output(), nil
}

// Write reads the next chunk of the text and returns what became certain by it,
// nil if nothing did. Chunks may be cut anywhere, inside a character too.
// After Close it reads nothing.
func (p *Parser) Write(chunk string) []Delta {
	if p.closed {
		return nil
	}
	if len(p.partial) > 0 {
		chunk = string(p.partial) + chunk
	}
	n := wholeCharacters(chunk)
	p.partial = append(p.partial[:0], chunk[n:]...)
	p.read(chunk[:n])
	return p.out.take()
}

// Close says that the text has ended, whether the model ended it or a limit
// did, and returns the rest of the output.
func (p *Parser) Close() []Delta {
	if p.closed {
		return nil
	}
	p.closed = true
	p.read(string(p.partial))
	if p.part == atStart {
		p.noReasoning()
	}
	p.machine.read(string(p.tag)) // no tag came of it
	p.machine.close()
	return append(p.out.take(), p.draft.take()...)
}

// InReasoning reports whether what was read so far ends inside the reasoning, as far
// as that is decided: see Undecided.
func (p *Parser) InReasoning() bool { return p.part == inReasoning }

// Undecided reports whether the end of the reasoning so far may be a call that ends it.
func (p *Parser) Undecided() bool {
	m := p.machine
	return p.part == inReasoning && (m.kind == DeltaContent || m.inCall() || len(m.tag) > 0 || len(p.tag) > 0)
}

// InCall reports whether what was read so far ends inside a call, or behind one and
// no other text came since. In reasoning, an end tag put there would make it reasoning.
func (p *Parser) InCall() bool { return p.part != atStart && p.machine.inCall() }

// wholeCharacters is the length of s without a character that is cut at its
// end.
func wholeCharacters(s string) int {
	for i := len(s) - 1; i >= 0 && i > len(s)-utf8.UTFMax; i-- {
		if utf8.RuneStart(s[i]) {
			if !utf8.FullRuneInString(s[i:]) {
				return i
			}
			break
		}
	}
	return len(s)
}

func (p *Parser) read(s string) {
	for s != "" {
		switch p.part {
		case atStart:
			s = p.readStart(s)
		case inReasoning:
			s = p.readReasoning(s)
		case inAnswer:
			p.machine.read(s)
			return
		}
	}
	if p.part == inReasoning {
		p.release()
	}
}

// readStart reads the start of s, up to where it shows whether the text starts
// with reasoning, and returns the rest.
func (p *Parser) readStart(s string) string {
	if len(p.tag) == 0 {
		text := strings.TrimLeftFunc(s, isSpace)
		p.held = append(p.held, s[:len(s)-len(text)]...)
		if s = text; s == "" {
			return ""
		}
	}
	tag, ok := p.extendTag(s[0], p.open)
	if !ok {
		p.noReasoning()
		return s
	}
	if tag != "" {
		p.beginReasoning()
	}
	return s[1:]
}

// noReasoning begins the answer with what was held: a text without reasoning is
// content to the byte.
func (p *Parser) noReasoning() {
	held := string(p.held) + string(p.tag)
	p.tag = p.tag[:0]
	p.beginAnswer(false)
	p.machine.read(held)
}

func (p *Parser) beginReasoning() {
	p.part, p.blank, p.held = inReasoning, true, p.held[:0]
	p.machine = newMachine(p.format, p.tools, &p.out)
	p.machine.reason(&p.draft)
}

// beginAnswer begins what is no reasoning, without whitespace at its start if trim
// says so.
func (p *Parser) beginAnswer(trim bool) {
	p.part = inAnswer
	p.machine = newMachine(p.format, p.tools, &p.out)
	p.machine.trim = trim
}

// readReasoning reads some of the start of s and returns the rest.
func (p *Parser) readReasoning(s string) string {
	if len(p.tag) == 0 {
		text, _, _ := strings.Cut(s, p.end[:1])
		p.reason(text)
		if s = s[len(text):]; s == "" {
			return ""
		}
	}
	tags := []string{p.end, p.open}
	if !p.blank {
		tags = tags[:1]
	}
	tag, ok := p.extendTag(s[0], tags...)
	if !ok {
		text := string(p.tag)
		p.tag = p.tag[:0]
		p.reason(text)
		return s
	}
	if tag == p.end { // and <think> is only repeated by a model whose prompt had it
		p.endReasoning()
	}
	return s[1:]
}

// reason reads a piece of the reasoning.
func (p *Parser) reason(s string) {
	if p.blank {
		s = strings.TrimLeftFunc(s, isSpace)
		p.blank = s == ""
	}
	p.held = append(p.held, s...)
	p.machine.read(s)
}

// endReasoning ends the reasoning at its closing tag: what was held is the end of
// it, and what the machine made of that is forgotten.
func (p *Parser) endReasoning() {
	p.release()
	p.out.text(DeltaReasoning, strings.TrimRightFunc(string(p.held), isSpace))
	p.held, p.draft = nil, deltas{}
	p.beginAnswer(true)
}

// release forgets what of the reasoning the machine has given out.
func (p *Parser) release() {
	if n := p.machine.reasoned; n > 0 {
		p.held, p.machine.reasoned = p.held[:copy(p.held, p.held[n:])], 0
	}
}

// extendTag adds c to the tag that is being read. It returns the one of tags that
// is complete by it, or "", and whether c belongs to any.
func (p *Parser) extendTag(c byte, tags ...string) (complete string, ok bool) {
	n := len(p.tag)
	for _, tag := range tags {
		if len(tag) <= n || tag[:n] != string(p.tag) || tag[n] != c {
			continue
		}
		if len(tag) == n+1 {
			p.tag = p.tag[:0]
			return tag, true
		}
		ok = true
	}
	if ok {
		p.tag = append(p.tag, c)
	}
	return "", ok
}
