package output

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ErrUnknownFormat is in the chain when NewParser is asked for a format of
// output that it does not know.
var ErrUnknownFormat = errors.New("unknown output format")

// ErrTools is in the chain when a tool of Options cannot be read.
var ErrTools = errors.New("bad tool")

// Options says what a Parser cannot see in the text itself.
type Options struct {
	// Open: the prompt ended in <think>, so the text starts inside the
	// reasoning. llama-3.1 has no reasoning and ignores it.
	Open bool

	// Tools are the tools of the request, each as the OpenAI API has them,
	// {"type": "function", "function": {"name", "parameters"}}, or the inner
	// object alone. Formats that write values without their types (GLM) look
	// up the types of parameters here; the others do without.
	Tools []json.RawMessage
}

// DeltaKind says what a Delta adds to.
type DeltaKind uint8

// The kinds of Delta.
const (
	DeltaReasoning DeltaKind = iota + 1 // Text belongs to the reasoning
	DeltaContent                        // Text belongs to the answer
	DeltaCall                           // call number Index begins; Name and ID are set
	DeltaArguments                      // Text belongs to the arguments of call number Index
)

// Delta is an increment of the output. Calls are numbered from 0 in the order
// of the text, and the arguments of a call come after its DeltaCall and before
// the next one. Text holds whole characters, unless the model wrote broken
// UTF-8.
type Delta struct {
	Kind  DeltaKind
	Index int    // number of the call
	Name  string // of the function that is called
	ID    string // of the call, as the model wrote it (only kimi-k2 does), or ""
	Text  string
}

// Parser splits what a model writes into reasoning, content and tool calls
// while it streams. However the text is cut into chunks, at any byte, the
// increments add up to the same Output; nothing that was given out is ever
// taken back, and nothing is held that is certain. The time is linear in the
// text, and memory holds what is undecided: whitespace that a following call
// would drop, the start of a tag, a call whose name is not complete, a value
// whose closing tag has not come.
//
// The rules:
//
//   - Reasoning is there when the prompt opened it (Options.Open) or the
//     text starts, after whitespace, with <think>. It ends at the first </think>.
//     Where calls begin with a token of the vocabulary's own (DeepSeek, Kimi),
//     that token ends it too: such models sometimes forget to close it. Any
//     other <think> or </think> is content as written.
//   - Reasoning is trimmed at both ends. In content, whitespace after the
//     reasoning and around calls is dropped, and text from before and after calls
//     is joined by one newline. All else is content to the byte.
//   - A call counts as soon as its name is complete. Before that, and where
//     something only looks like a call, the text is content.
//   - Arguments are the JSON value to the byte, or its text where it is a string;
//     none at all are {}. Formats without JSON (DSML, GLM) get an object, in
//     the order of the parameters, each given out when it is complete.
//   - Where the text ends inside a call, its arguments stay as they are, which
//     is mostly no valid JSON; nobody may run such a call. A closing tag that
//     was begun counts as written.
//
// A Parser is good for one text. It may not be used by several goroutines at
// once.
type Parser struct {
	format *outputFormat
	tools  map[string]map[string]outputKinds // type of each parameter of each tool

	state   outputState
	moved   bool     // the state changed
	inputs  []string // what is still to be read, the next last
	partial []byte   // the beginning of a character that a chunk cut
	closed  bool

	out  []Delta
	kind DeltaKind // what run adds to
	run  []byte

	// Of the text between calls.
	held    []byte         // undecided: see outputText
	tag     []byte         // the part of a marker that was read
	live    [2][2][]string // markers in text: outside and inside a section, without and with closing tags
	thought [2][]string    // markers in reasoning, and at its start
	thinks  bool           // the text is inside the reasoning
	leading bool           // in reasoning: nothing but whitespace yet
	trim    bool           // in content: whitespace is dropped here
	after   bool           // nothing but whitespace and closing tags since the last call
	join    bool           // content so far and content to come need a newline between them
	wrote   bool           // there is content
	inside  bool           // a section of calls was begun
	counted bool           // and has had a call

	// Of the call that is being read.
	calls    int      // calls so far, this one included
	started  bool     // it was counted
	given    bool     // some of its arguments were given out
	word     []byte   // its name, while that is being read
	function string   // its name
	spaced   bool     // whitespace followed its name
	lined    bool     // with a newline
	fenced   bool     // a fence was opened
	ticks    int      // backticks of its end
	within   []string // markers between its parameters
	scan     outputScan
	unq      outputUnquote
	object   outputObject
	param    outputParam
	python   outputPythonCall
}

// outputState reads the next character of the text, or "" for its end. It may
// put characters back and leave them to another state.
type outputState func(p *Parser, c string)

// outputFormat is what differs between formats. Markers are literal strings.
type outputFormat struct {
	reasons bool
	section []string    // begin a section of calls, and end unclosed reasoning
	call    []string    // begin a call; inside a section only, where the format has sections
	closers []string    // end a call or a section
	ends    []string    // those closers that end a section
	start   outputState // reads the text from its start
	begin   outputState // reads what follows the begin of a call
	next    outputState // reads what follows a call
	failed  outputState // reads on where a call was none
	ending  []string    // end the name of a call
	line    bool        // a newline ends it, too
	kimi    bool        // the name is a part of an id
	fence   bool        // arguments may stand in a fence
	bare    bool        // a call is an object without a tag, with name and arguments
	params  []string    // begin a parameter
	open    outputState // reads what follows the begin of a parameter
	direct  bool        // an object may stand in place of the parameters
}

// Formats lists the names that NewParser knows.
func Formats() []string {
	return []string{
		"deepseek-r1", "deepseek-r1-0528", "deepseek-v3.1", "deepseek-v3.2", "kimi-k2",
		"qwen3", "qwq", "hermes", "glm-4.5", "glm-4.7", "llama-3.1",
	}
}

// outputFormatOf gives the format with this name, or nil. Releases that differ
// in what their prompts open, not in what they write, share one.
func outputFormatOf(name string) *outputFormat {
	switch name {
	case "deepseek-r1", "deepseek-r1-0528":
		return outputDeepSeekR1()
	case "deepseek-v3.1":
		return outputDeepSeekV31()
	case "deepseek-v3.2":
		return outputDSML()
	case "kimi-k2":
		return outputKimi()
	case "qwen3", "qwq", "hermes":
		return outputHermes()
	case "glm-4.5", "glm-4.7":
		return outputGLM()
	case "llama-3.1":
		return outputLlama()
	}
	return nil
}

// NewParser makes a parser for a format, one of Formats. The error is
// ErrUnknownFormat, with the nearest names, or ErrTools.
func NewParser(format string, o Options) (*Parser, error) {
	f := outputFormatOf(format)
	if f == nil {
		return nil, fmt.Errorf("output: %w %q, want one of %s%s", ErrUnknownFormat, format,
			strings.Join(Formats(), ", "), nearestFormats(format))
	}
	tools, err := outputTools(o.Tools)
	if err != nil {
		return nil, err
	}
	p := &Parser{format: f, tools: tools, state: f.start}
	if o.Open && f.reasons {
		p.beginReasoning()
	}
	open, in := f.section, slices.Concat(f.call, f.section)
	if len(f.section) == 0 {
		open = f.call
	}
	p.live = [2][2][]string{{open, slices.Concat(open, f.closers)}, {in, slices.Concat(in, f.closers)}}
	p.thought[0] = append([]string{thinkClose}, f.section...)
	p.thought[1] = append([]string{thinkOpen}, p.thought[0]...)
	p.within = slices.Concat(f.params, f.closers, f.call)
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
	p.unread(chunk[:n])
	p.read()
	return p.take()
}

// Close says that the text has ended, whether the model ended it or a limit
// did, and returns the rest of the output.
func (p *Parser) Close() []Delta {
	if p.closed {
		return nil
	}
	p.closed = true
	p.unread(string(p.partial))
	for {
		p.read()
		p.moved = false
		p.state(p, "")
		if !p.moved && len(p.inputs) == 0 {
			return p.take()
		}
	}
}

// InReasoning reports whether what was read so far ends inside the reasoning.
func (p *Parser) InReasoning() bool { return p.thinks }

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

// read hands the characters that are to be read to the states. A byte that is
// no character counts as one.
func (p *Parser) read() {
	for len(p.inputs) > 0 {
		top := len(p.inputs) - 1
		s := p.inputs[top]
		if s == "" {
			p.inputs = p.inputs[:top]
			continue
		}
		n := 1
		if s[0] >= utf8.RuneSelf {
			_, n = utf8.DecodeRuneInString(s)
		}
		p.inputs[top] = s[n:]
		p.state(p, s[:n])
	}
}

// unread puts s before what is still to be read.
func (p *Parser) unread(s string) {
	if s != "" {
		p.inputs = append(p.inputs, s)
	}
}

// to changes the state. A marker that was partly read is forgotten; whoever
// wants it back calls untag first.
func (p *Parser) to(state outputState) {
	p.state, p.moved, p.tag = state, true, p.tag[:0]
}

// match extends the marker that is being read by c. It returns the one of set
// that is complete by it, or whether one still can be. Where neither holds the
// marker stays as it was before c.
func (p *Parser) match(set []string, c string) (marker string, more bool) {
	n := len(p.tag)
	for _, m := range set {
		if len(m) < n+len(c) || m[n:n+len(c)] != c || m[:n] != string(p.tag) {
			continue
		}
		if len(m) == n+len(c) {
			p.tag = p.tag[:0]
			return m, false
		}
		more = true
	}
	if more {
		p.tag = append(p.tag, c...)
	}
	return "", more
}

// untag puts back c and, before it, the part of a marker that it does not
// continue.
func (p *Parser) untag(c string) {
	p.unread(c)
	p.unread(string(p.tag))
	p.tag = p.tag[:0]
}

// gather makes run the place for more text of a kind.
func (p *Parser) gather(kind DeltaKind) {
	if p.kind != kind {
		p.cut()
		p.kind = kind
	}
	if kind == DeltaContent {
		if p.join {
			p.run = append(p.run, '\n')
		}
		p.wrote, p.join, p.trim, p.after = true, false, false, false
	}
}

// cut ends the increment that is being gathered.
func (p *Parser) cut() {
	if len(p.run) > 0 {
		d := Delta{Kind: p.kind, Text: string(p.run)}
		if p.kind == DeltaArguments {
			d.Index = p.calls - 1
		}
		p.out = append(p.out, d)
	}
	p.kind, p.run = 0, p.run[:0]
}

// take returns the increments since the last one.
func (p *Parser) take() []Delta {
	p.cut()
	out := p.out
	p.out = nil
	return out
}

// outputSpace reports whether the character c is whitespace as Python's
// str.strip has it: chat templates, which put the parts together again, trim
// with that.
func outputSpace(c string) bool {
	if len(c) == 1 && c[0] > ' ' {
		return false
	}
	r, _ := utf8.DecodeRuneInString(c)
	return outputSpaceRune(r)
}

func outputSpaceRune(r rune) bool { return unicode.IsSpace(r) || 0x1c <= r && r <= 0x1f }

// outputJSONSpace reports whether c is whitespace of JSON.
func outputJSONSpace(c string) bool { return c == " " || c == "\n" || c == "\r" || c == "\t" }
