package blitz

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"unicode"
	"unicode/utf8"

	"github.com/blitz-r1/blitz/chat"
	"github.com/blitz-r1/blitz/chat/output"
	"github.com/blitz-r1/blitz/tokenizer"
)

// Think says how much a model may reason before it answers.
type Think struct {
	Mode   ThinkMode `json:"mode"`
	Budget int       `json:"budget,omitempty"` // reasoning tokens of an answer in a conversation; 0: as many as it likes
}

// ThinkMode switches reasoning, for models that have it.
type ThinkMode uint8

// The modes.
const (
	ThinkDefault ThinkMode = iota // as the model's template does
	ThinkOn
	ThinkOff
)

var thinkModes = []string{"auto", "on", "off"}

// String returns auto, on or off.
func (m ThinkMode) String() string {
	if int(m) < len(thinkModes) {
		return thinkModes[m]
	}
	return fmt.Sprintf("ThinkMode(%d)", uint8(m))
}

// MarshalText writes the word of String.
func (m ThinkMode) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads the word of String.
func (m *ThinkMode) UnmarshalText(text []byte) error {
	i := slices.Index(thinkModes, string(text))
	if i < 0 {
		return fmt.Errorf("blitz: mode of reasoning %q, want one of %q", text, thinkModes)
	}
	*m = ThinkMode(i)
	return nil
}

// thinkSlack is how many tokens before the budget's end a sentence may end the
// reasoning.
const thinkSlack = 64

// withoutThinking has a prompt lead to the answer itself where the template does not
// do that: by reasoning that is empty, after which a model has nothing to reason about.
func withoutThinking(prompt string, t *chat.Template) string {
	written := output.ReasoningOf(output.FormatOf(t))
	empty := written.Before + written.Before + written.End + written.Behind
	if output.OpensReasoning(prompt) {
		return strings.TrimRight(prompt, "\n") + empty
	}
	source := t.Source()
	switched := strings.Contains(source, "thinking") // by a variable of the template
	if written.Opens && strings.Contains(source, written.End) && !switched {
		return prompt + written.Begin + empty // as the models would open it themselves
	}
	return prompt
}

// thinkBudget is the Guide that ends reasoning that takes too long: from thinkSlack
// tokens before the budget's end on, the end tag is put after the next sentence; at the
// end in any case, but not into a call. What is reasoning is what the parser of the format takes for it. Tags
// are no reasoning and are not counted.
type thinkBudget struct {
	tokens *tokenizer.Tokenizer
	stream *tokenizer.Stream
	parser *output.Parser // nil: the reasoning is over, or there is none
	tags   output.Reasoning
	budget int
	used   int         // reasoning tokens
	begun  bool        // there was more than whitespace
	text   string      // the last of the reasoning
	forced []int32     // the end tag, before it is put
	ended  atomic.Bool // it was put
}

// newThinkBudget returns the budget of one answer, which is read with those options.
func newThinkBudget(t *tokenizer.Tokenizer, format string, budget int, o output.Options) (*thinkBudget, error) {
	p, err := output.NewParser(format, o)
	if err != nil {
		return nil, err
	}
	return &thinkBudget{tokens: t, stream: t.NewStream(), parser: p, tags: output.ReasoningOf(format), budget: budget}, nil
}

// Begin is part of Guide.
func (b *thinkBudget) Begin([]int32) error { return nil }

// Mask lets all pass.
func (b *thinkBudget) Mask([]uint64) bool { return false }

// Forced returns the end tag when it is due.
func (b *thinkBudget) Forced() []int32 {
	ids := b.forced
	if ids != nil {
		b.forced = nil
		b.ended.Store(true)
	}
	return ids
}

// Accept counts a token.
func (b *thinkBudget) Accept(id int32) error {
	if b.parser == nil {
		return nil
	}
	piece, _ := b.stream.Next(id) // an id that only pads the vocabulary is no text
	was := b.parser.InReasoning()
	deltas := b.parser.Write(piece)
	switch is := b.parser.InReasoning(); {
	case was && !is, !is && len(deltas) > 0:
		b.parser = nil
		return nil
	case !was, !b.begun && strings.TrimSpace(piece) == b.tags.Begin:
		return nil // before the reasoning, or its opening tag
	}
	b.used++
	b.begun = b.begun || strings.TrimSpace(piece) != ""
	b.text += piece
	b.text = b.text[max(0, len(b.text)-32):]
	ends := piece != "" && b.begun && endsSentence(b.text) // not inside a character
	if b.parser.InCall() {
		return nil // a call ends the reasoning, unless more of it follows
	}
	if b.used >= b.budget || b.used >= b.budget-thinkSlack && ends {
		b.parser = nil
		b.forced = b.end()
	}
	return nil
}

// end returns the tokens that end the reasoning: what the text does not have of them
// yet, for a model whose end tag is several tokens may be in the middle of it.
func (b *thinkBudget) end() []int32 {
	stop := b.tags.End
	tag := b.tags.Before + stop
	for n := len(stop) - 1; n > 0; n-- {
		if strings.HasSuffix(b.text, stop[:n]) {
			tag = stop[n:]
			break
		}
	}
	if strings.HasSuffix(b.text, "\n") {
		tag = stop
	}
	ids, err := b.tokens.Encode(tag+b.tags.Behind, 0)
	if err != nil {
		return nil // a text as short as this is never refused
	}
	return ids
}

// endsSentence says whether text ends behind a sentence, or a line. A point behind a
// digit may be one of a number or a list.
func endsSentence(text string) bool {
	if strings.HasSuffix(text, "\n") {
		return true
	}
	text = strings.TrimRight(text, " \"')]*”’）」』")
	r, n := utf8.DecodeLastRuneInString(text)
	if r == '.' {
		r, _ := utf8.DecodeLastRuneInString(text[:len(text)-n])
		return !unicode.IsDigit(r)
	}
	return strings.ContainsRune("!?。！？…", r)
}
