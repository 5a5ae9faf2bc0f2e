package openai

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/server/inference"
	"github.com/blitz-r1/blitz/internal/server/wire"
	"github.com/blitz-r1/blitz/tokenizer"
)

// scores are the log-probabilities of a completion, an entry for each token.
type scores struct {
	Tokens   []string   `json:"tokens"`
	Logprobs []*float32 `json:"token_logprobs"` // nil: the first of a text has none
	Top      []*best    `json:"top_logprobs"`
	Offset   []int      `json:"text_offset"` // where a token begins, in characters
}

// best are the best tokens with their log-probabilities, greater first, each text once.
type best struct {
	texts    []string
	logprobs []float32
}

// MarshalJSON writes an object whose keys are in the order of b.
func (b *best) MarshalJSON() ([]byte, error) {
	out := []byte{'{'}
	for i, text := range b.texts {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(out, wire.Marshal(text)...), ':')
		out = append(out, wire.Marshal(b.logprobs[i])...)
	}
	return append(out, '}'), nil
}

func (b *best) add(text string, logprob float32) {
	for _, known := range b.texts {
		if known == text {
			return
		}
	}
	b.texts, b.logprobs = append(b.texts, text), append(b.logprobs, max(logprob, leastLogprob))
}

// completionWriter collects one answer.
type completionWriter struct {
	index   int
	answers *inference.Answers
	tokens  *tokenizer.Tokenizer // nil: the model gives ids only
	none    bool                 // no tokens are wanted
	holder  holder
	text    strings.Builder
	scores  *scores // nil: none are wanted
	offset  int     // characters so far
	finish  string  // "": it goes on
}

// writers returns what collects the answers. Where the prompts are part of the texts,
// they are in them.
func (a *completionAsk) writers(answers *inference.Answers) []*completionWriter {
	t := answers.Engine().Model().Tokenizer()
	list := make([]*completionWriter, answers.Len())
	for i := range list {
		c := &completionWriter{index: i, answers: answers, tokens: t, none: a.NoTokens}
		list[i] = c
		if a.scores {
			c.scores = newScores()
		}
		if !a.echo {
			continue
		}
		c.text.WriteString(a.prompt(i, t))
		for j, token := range answers.Echo(i) {
			c.score(&token, j > 0)
		}
	}
	return list
}

// prompt returns the text of the prompt of an answer.
func (a *completionAsk) prompt(i int, t *tokenizer.Tokenizer) string {
	p := a.Prompts[i/max(a.N, 1)]
	if p.Tokens == nil || t == nil {
		return p.Text
	}
	text, _ := t.Decode(p.Tokens) // the engine took them, so they are tokens
	return text
}

func newScores() *scores {
	return &scores{Tokens: []string{}, Logprobs: []*float32{}, Top: []*best{}, Offset: []int{}}
}

// add takes in what happened to the answer.
func (c *completionWriter) add(e *inference.Event) {
	var certain []blitz.Token
	switch {
	case e.Over:
		f := c.answers.Choice(c.index).Finish()
		certain = c.holder.end(f)
		if c.finish = f.String(); c.none {
			c.finish = "length"
		}
	case e.Token.End: // it has a log-probability, and at most the rest of the text
		c.text.WriteString(e.Token.Text)
		certain = append(c.holder.take(), e.Token)
	default:
		c.text.WriteString(e.Token.Text)
		certain = c.holder.add(&e.Token)
	}
	for i := range certain {
		c.score(&certain[i], true)
	}
}

// score adds the entry of a token.
func (c *completionWriter) score(t *blitz.Token, scored bool) {
	if c.scores == nil {
		return
	}
	raw := bytesOf(c.tokens, t.ID)
	text := named(raw)
	s := c.scores
	s.Tokens, s.Offset = append(s.Tokens, text), append(s.Offset, c.offset)
	for _, b := range raw {
		if utf8.RuneStart(b) {
			c.offset++
		}
	}
	if !scored {
		s.Logprobs, s.Top = append(s.Logprobs, nil), append(s.Top, nil)
		return
	}
	own := max(t.Logprob, leastLogprob)
	top := &best{}
	for _, candidate := range t.Top {
		top.add(named(bytesOf(c.tokens, candidate.ID)), candidate.Logprob)
	}
	top.add(text, own) // which may be none of the best
	s.Logprobs, s.Top = append(s.Logprobs, &own), append(s.Top, top)
}

// named returns bytes as a text; those that are none are spelled, so that different ones
// stay different.
func named(raw []byte) string {
	if utf8.Valid(raw) {
		return string(raw)
	}
	var b strings.Builder
	b.WriteString("bytes:")
	for _, c := range raw {
		fmt.Fprintf(&b, `\x%02x`, c)
	}
	return b.String()
}

// isEmpty says whether nothing came since take.
func (c *completionWriter) isEmpty() bool {
	return c.text.Len() == 0 && c.finish == "" && (c.scores == nil || len(c.scores.Tokens) == 0)
}

// take returns what came since it was last called. whole says that nothing more comes.
func (c *completionWriter) take(whole bool) completionChoice {
	x := completionChoice{Index: c.index, Text: c.text.String(), Logprobs: c.scores}
	c.text.Reset()
	if c.scores != nil {
		c.scores = newScores()
	}
	if whole {
		x.Finish = &c.finish
	}
	return x
}
