package blitz

import (
	"strings"
	"unicode/utf8"

	"github.com/blitz-r1/blitz/tokenizer"
)

// The tags around reasoning, as the models of the R1 kind write them.
const (
	thinkStart = "<think>"
	thinkStop  = "</think>"
	thinkEnd   = thinkStop + "\n\n"
)

// thinkSlack is how many tokens before the budget's end a sentence may end the
// reasoning.
const thinkSlack = 64

// thinkBudget ends reasoning that takes too long: from thinkSlack tokens before the
// budget's end on, the end tag is put after the next sentence; at the end in any
// case.
type thinkBudget struct {
	stream *tokenizer.Stream
	end    []int32 // the tokens of the end tag
	budget int
	used   int
	text   string // the last of what was written
	state  thinkState
}

type thinkState uint8

const (
	thinkBefore thinkState = iota // nothing but whitespace so far
	thinkInside
	thinkOver
)

func newThinkBudget(t *tokenizer.Tokenizer, budget int, open bool) (*thinkBudget, error) {
	end, err := t.Encode("\n"+thinkEnd, 0)
	if err != nil {
		return nil, err
	}
	b := &thinkBudget{stream: t.NewStream(), end: end, budget: budget}
	if open {
		b.state = thinkInside
	}
	return b, nil
}

// after returns the tokens to put behind the one just drawn.
func (b *thinkBudget) after(id int32) []int32 {
	if b.state == thinkOver {
		return nil
	}
	piece, err := b.stream.Next(id)
	if err != nil {
		b.state = thinkOver
		return nil
	}
	b.text += piece
	if b.state == thinkBefore {
		rest := strings.TrimSpace(b.text)
		if !strings.HasPrefix(rest, thinkStart) {
			if !strings.HasPrefix(thinkStart, rest) {
				b.state = thinkOver // an answer without reasoning
			}
			return nil
		}
		b.state = thinkInside
	}
	if strings.Contains(b.text, thinkStop) {
		b.state = thinkOver
		return nil
	}
	b.text = b.text[max(0, len(b.text)-4*len(thinkStop)):]
	b.used++
	if b.used >= b.budget || b.used >= b.budget-thinkSlack && endsSentence(b.text) {
		b.state = thinkOver
		return b.end
	}
	return nil
}

// endsSentence says whether text ends behind a sentence.
func endsSentence(text string) bool {
	trimmed := strings.TrimRight(text, " \"')]*")
	if strings.HasSuffix(text, "\n") {
		return true
	}
	r, _ := utf8.DecodeLastRuneInString(trimmed)
	return strings.ContainsRune(".!?。！？…", r)
}
