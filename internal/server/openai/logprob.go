package openai

import (
	"strings"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/chat/output"
	"github.com/blitz-r1/blitz/tokenizer"
)

// logprob is a token with its log-probability as chat completions have it.
type logprob struct {
	Token   string    `json:"token"`
	Logprob float32   `json:"logprob"`
	Bytes   []int     `json:"bytes"` // joined, those of all tokens are the text
	Top     []toplist `json:"top_logprobs"`
}

// toplist is a token that might have come in its place.
type toplist struct {
	Token   string  `json:"token"`
	Logprob float32 `json:"logprob"`
	Bytes   []int   `json:"bytes"`
}

// leastLogprob stands for what is less: JSON has no infinity, and OpenAI says so, too.
const leastLogprob = -9999

// bytesOf returns what a token says within a text.
func bytesOf(t *tokenizer.Tokenizer, id int32) []byte {
	if t == nil {
		return nil
	}
	raw, _ := t.AppendBytes(nil, id) // the engine gives no id that is none
	return raw
}

// numbers returns bytes as JSON has them.
func numbers(raw []byte) []int {
	list := make([]int, len(raw))
	for i, b := range raw {
		list[i] = int(b)
	}
	return list
}

func logprobOf(t *tokenizer.Tokenizer, token *blitz.Token) logprob {
	raw := bytesOf(t, token.ID)
	x := logprob{shown(raw), max(token.Logprob, leastLogprob), numbers(raw), []toplist{}}
	for _, c := range token.Top {
		raw := bytesOf(t, c.ID)
		x.Top = append(x.Top, toplist{shown(raw), max(c.Logprob, leastLogprob), numbers(raw)})
	}
	return x
}

// shown returns bytes as a text, which those of a part of a character are not.
func shown(raw []byte) string { return strings.ToValidUTF8(string(raw), "\ufffd") }

// holder keeps tokens until it is certain that their text is part of an answer: the bytes
// of a character until it is whole, what may be the beginning of a stop text or of a
// call until it is none. Tokens of reasoning and of calls are none of the answer's.
type holder struct {
	held  []blitz.Token
	other bool // what came last is no content
}

// add takes a token in, and returns those that are certain.
func (h *holder) add(t *blitz.Token) []blitz.Token {
	if t.End {
		return nil
	}
	h.held = append(h.held, *t)
	content, other := false, false
	for _, d := range t.Deltas {
		content = content || d.Kind == output.DeltaContent
		other = other || d.Kind != output.DeltaContent
	}
	switch {
	case content:
		if h.other {
			h.dropMarks()
		}
		h.other = other && t.Deltas[len(t.Deltas)-1].Kind != output.DeltaContent
		return h.take()
	case other:
		h.other = true
		h.held = h.held[:0]
	}
	return nil
}

// dropMarks drops the tokens that ended what is no content, but not those of a character
// that goes on.
func (h *holder) dropMarks() {
	from := len(h.held) - 1
	for from > 0 && h.held[from-1].Text == "" {
		from--
	}
	h.held = h.held[from:]
}

// take returns all that is held.
func (h *holder) take() []blitz.Token {
	list := h.held
	h.held = nil
	return list
}

// end returns what is left when an answer is over.
func (h *holder) end(f blitz.Finish) []blitz.Token {
	if f.Reason == blitz.FinishStopText || h.other {
		return nil
	}
	return h.take()
}
