package blitz

import (
	"context"
	"iter"
	"strings"
	"time"

	"github.com/blitz-r1/blitz/chat/output"
	"github.com/blitz-r1/blitz/internal/engine"
	"github.com/blitz-r1/blitz/tokenizer"
)

// Token is one token of an answer, and the text that became certain with it.
type Token struct {
	ID      int32
	Text    string         // as the model writes it, tags included; "" inside a character
	Deltas  []output.Delta // the same, taken apart into reasoning, content and calls
	Logprob float32        // where asked for
	Top     []Candidate    // the best tokens, greater first, where asked for
}

// Candidate is a token that might have been drawn.
type Candidate struct {
	ID      int32
	Text    string
	Logprob float32
}

// Content returns what the token adds to the answer itself.
func (t *Token) Content() string { return t.part(output.DeltaContent) }

// Reasoning returns what the token adds to the reasoning.
func (t *Token) Reasoning() string { return t.part(output.DeltaReasoning) }

func (t *Token) part(kind output.DeltaKind) string {
	var b strings.Builder
	for _, d := range t.Deltas {
		if d.Kind == kind {
			b.WriteString(d.Text)
		}
	}
	return b.String()
}

// Answer is an answer under way. One goroutine reads it.
type Answer struct {
	stream    *engine.Stream
	cancelled func() error // of the context
	cancel    context.CancelFunc
	tokens    *tokenizer.Tokenizer // nil: ids only
	text      *tokenizer.Stream
	parser    *output.Parser // nil: all is content
	stop      []string
	held      string // text that may be the beginning of a stop text
	prompt    []int32

	output  output.Collector
	ids     []int32
	finish  string
	err     error
	over    bool // no more tokens are wanted
	ended   bool // the last of the text was handed out
	started time.Time
	stats   Stats
}

// Stats are the counts and times of an answer.
type Stats struct {
	PromptTokens int           `json:"prompt_tokens"`
	CachedTokens int           `json:"cached_tokens"` // of the prompt, not computed again
	OutputTokens int           `json:"output_tokens"`
	Prefill      time.Duration `json:"prefill_ns"` // from the request to the first token
	Decode       time.Duration `json:"decode_ns"`  // from the first token to the last
}

// PrefillRate returns the tokens of the prompt computed in a second.
func (s Stats) PrefillRate() float64 { return rate(s.PromptTokens-s.CachedTokens, s.Prefill) }

// DecodeRate returns the tokens drawn in a second, behind the first.
func (s Stats) DecodeRate() float64 { return rate(s.OutputTokens-1, s.Decode) }

func rate(n int, d time.Duration) float64 {
	if n <= 0 || d <= 0 {
		return 0
	}
	return float64(n) / d.Seconds()
}

// Tokens returns the tokens as they come. A caller that stops early ends the answer,
// and one that comes again gets none.
func (a *Answer) Tokens() iter.Seq[*Token] {
	return func(yield func(*Token) bool) {
		defer a.cancel()
		first := time.Time{}
		for !a.over {
			t, ok := a.stream.Next()
			if !ok {
				break
			}
			if a.cancelled() != nil { // what the engine is ahead is not wanted
				a.finish = "cancel"
				break
			}
			now := time.Now()
			if first.IsZero() {
				first = now
				a.stats.Prefill = now.Sub(a.started)
			}
			a.stats.Decode = now.Sub(first)
			a.ids = append(a.ids, t.ID)
			if !yield(a.token(t)) {
				a.finish, a.over, a.ended = "cancel", true, true
				return
			}
		}
		a.end(yield)
	}
}

// token decodes one token.
func (a *Answer) token(t engine.Token) *Token {
	out := &Token{ID: t.ID, Logprob: t.Logprob}
	if a.tokens == nil {
		return out
	}
	piece, _ := a.text.Next(t.ID) // an id that only pads the vocabulary is no text
	out.Text = a.beforeStop(piece)
	out.Deltas = a.split(out.Text)
	for _, c := range t.Top {
		piece, _ := a.tokens.Decode([]int32{c.ID})
		out.Top = append(out.Top, Candidate{ID: c.ID, Text: piece, Logprob: c.Logprob})
	}
	return out
}

// beforeStop takes text in and returns what is certain not to be part of a stop
// text. A stop text ends the answer.
func (a *Answer) beforeStop(piece string) string {
	if len(a.stop) == 0 {
		return piece
	}
	text := a.held + piece
	first := -1
	for _, s := range a.stop {
		if i := strings.Index(text, s); s != "" && i >= 0 && (first < 0 || i < first) {
			first = i
		}
	}
	if first >= 0 {
		a.held, a.over, a.finish = "", true, "stop"
		return text[:first]
	}
	keep := 0
	for _, s := range a.stop {
		for n := min(len(s)-1, len(text)); n > keep; n-- {
			if strings.HasSuffix(text, s[:n]) {
				keep = n
			}
		}
	}
	a.held = text[len(text)-keep:]
	return text[:len(text)-keep]
}

// split takes text apart into deltas and collects them.
func (a *Answer) split(text string) []output.Delta {
	if text == "" {
		return nil
	}
	var deltas []output.Delta
	if a.parser != nil {
		deltas = a.parser.Write(text)
	} else {
		deltas = []output.Delta{{Kind: output.DeltaContent, Text: text}}
	}
	a.output.Add(deltas)
	return deltas
}

// end hands out what was held back and notes why the answer ended.
func (a *Answer) end(yield func(*Token) bool) {
	if a.ended {
		return
	}
	a.over, a.ended = true, true
	a.stats.PromptTokens, a.stats.CachedTokens = a.stream.Prompt()
	a.stats.OutputTokens = len(a.ids)
	if a.finish == "" {
		finish, err := a.stream.Finish()
		a.finish = finish.String()
		if a.err == nil && finish != engine.FinishCancel {
			a.err = err
		}
	}
	last := &Token{ID: -1}
	if a.tokens != nil {
		last.Text = a.held
		if rest := a.text.Flush(); a.finish == "length" || a.finish == "cancel" {
			last.Text += rest
		}
		last.Deltas = a.split(last.Text)
	}
	if a.parser != nil {
		deltas := a.parser.Close()
		a.output.Add(deltas)
		last.Deltas = append(last.Deltas, deltas...)
	}
	if len(last.Deltas) > 0 {
		yield(last)
	}
}

// Wait reads the answer to its end.
func (a *Answer) Wait() {
	for range a.Tokens() {
	}
}

// Output returns reasoning, content and calls so far.
func (a *Answer) Output() output.Output { return a.output.Output() }

// IDs returns the tokens so far.
func (a *Answer) IDs() []int32 { return a.ids }

// PromptIDs returns the tokens of the prompt.
func (a *Answer) PromptIDs() []int32 { return a.prompt }

// Finish returns why the answer ended: stop, length or cancel; "" while it goes on.
func (a *Answer) Finish() string { return a.finish }

// Err returns the error that ended the answer, nil where it ended well.
func (a *Answer) Err() error { return a.err }

// Stats returns counts and times; they are whole at the end.
func (a *Answer) Stats() Stats { return a.stats }
