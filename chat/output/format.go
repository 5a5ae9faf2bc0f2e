package output

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/blitz-r1/blitz/grammar"
)

// ErrUnknownFormat is in the chain when NewParser is asked for a format of
// output that it does not know.
var ErrUnknownFormat = errors.New("unknown output format")

// format is a way to write calls. Its markers are literal strings that begin with its lead
// and have no other.
type format struct {
	releases []release
	lead     string // the character that markers begin with; "": <

	// detect gives the name of the release that a chat template belongs to, "" if
	// it is none of these. Formats are asked in the order of the list.
	detect func(template string) string

	reasons bool      // there is reasoning between tags
	think   [2]string // these tags, which begin with the lead; none: <think> and </think>
	tokens  bool      // sections and calls begin with a token of the vocabulary's own
	asks    bool      // it asks the tools for names or types

	sections []string // begin a section of calls
	calls    []string // begin a call; models forget the section around it now and then
	closers  []string // end a call or a section
	ends     []string // those closers that end a section

	start state // reads the text from its start
	begin state // reads what follows the begin of a call
	after state // reads what follows a call
	plain state // reads text, and on where a call was none

	headers bool // messages have headers, in texts without calls too

	// Where a name stands between tokens and arguments are JSON (readName).
	nameEnds []string                        // end the name
	named    func(m *machine, marker string) // counts the call when one did, "" if its arguments began
	fence    bool                            // arguments may stand in a fence

	// Where arguments are tags (readParams).
	params []string // begin a parameter
	param  state    // reads what follows the begin of a parameter
	direct bool     // an object may stand in place of the parameters
	lines  bool     // values stand on lines of their own

	// Where the call is an object (readMember).
	bare bool // without a tag around it

	hold func(h *holder) (grammar.Expr, error) // what calls are held to: see Grammar
}

// release is a release of models, or a line of them, that writes a format. Releases of
// one format differ in what stands around their calls, which a parser does not ask.
type release struct {
	name string
	Reasoning
}

// Reasoning is how models write reasoning that they close, as they were trained.
type Reasoning struct {
	Begin  string // the tag before it
	End    string // and behind it
	Before string // what stands before the end tag
	Behind string // what stands between that and the answer
	Opens  bool   // they write the tag before it themselves, where the prompt does not
}

// formats are all there are; hermes comes last, for it takes every template that
// has think tags.
var formats = []*format{&deepseek, &dsml, &kimi, &glm, &harmony, &miniMax, &qwenXML, &granite, &mistral, &mistralList, &gemma, &pythonic, &llama, &hermes}

// Formats lists the names that NewParser knows.
func Formats() []string {
	var names []string
	for _, f := range formats {
		for _, r := range f.releases {
			names = append(names, r.name)
		}
	}
	return names
}

// ReasoningOf tells how the models of a format, one of Formats, write reasoning; of any
// other name it tells how most do.
func ReasoningOf(format string) Reasoning {
	f, r, err := formatNamed(format)
	if err != nil {
		return Reasoning{Begin: thinkOpen, End: thinkClose, Before: "\n", Behind: "\n\n"}
	}
	how := r.Reasoning
	how.Begin, how.End = f.thinkTags()
	return how
}

// thinkTags returns the tags around reasoning.
func (f *format) thinkTags() (begin, end string) {
	if f.think[0] == "" {
		return thinkOpen, thinkClose
	}
	return f.think[0], f.think[1]
}

// markersBegin returns the character that markers begin with.
func (f *format) markersBegin() string {
	if f.lead == "" {
		return "<"
	}
	return f.lead
}

// Reasons reports whether the models of a format, one of Formats, may write reasoning.
func Reasons(format string) bool {
	f, _, err := formatNamed(format)
	return err == nil && f.reasons
}

// MayReason reports whether they do so unasked: their templates know of reasoning.
func MayReason(format string) bool {
	return Reasons(format) && !slices.Contains([]string{releaseHermes, releaseGranite3, releaseGranite4, releaseQwenCoder, releaseGemma4}, format)
}

// AsksTools reports whether a format, one of Formats, makes something of Options.Tools.
func AsksTools(format string) bool {
	f, _, err := formatNamed(format)
	return err == nil && f.asks
}

// formatNamed gives the format and the release with a name. The error is
// ErrUnknownFormat.
func formatNamed(name string) (*format, release, error) {
	for _, f := range formats {
		for _, r := range f.releases {
			if r.name == name {
				return f, r, nil
			}
		}
	}
	return nil, release{}, fmt.Errorf("output: %w %q, want one of %s", ErrUnknownFormat, name, strings.Join(Formats(), ", "))
}

// withoutCalls returns the format of a text in which nothing is a call.
func (f *format) withoutCalls() *format {
	text := *f
	text.tokens, text.sections, text.calls, text.closers, text.ends, text.start = false, nil, nil, nil, nil, readContent
	if f.headers {
		text.start = f.start
	}
	return &text
}
