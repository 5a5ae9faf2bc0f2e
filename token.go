package blitz

import (
	"strings"

	"github.com/blitz-r1/blitz/chat/output"
)

// Token is one token of an answer, and the text that became certain with it.
type Token struct {
	ID      int32
	Forced  bool           // put there by a Guide, not drawn
	End     bool           // the end token, which is no text
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
func (t Token) Content() string { return t.part(output.DeltaContent) }

// Reasoning returns what the token adds to the reasoning.
func (t Token) Reasoning() string { return t.part(output.DeltaReasoning) }

func (t Token) part(kind output.DeltaKind) string {
	var b strings.Builder
	for _, d := range t.Deltas {
		if d.Kind == kind {
			b.WriteString(d.Text)
		}
	}
	return b.String()
}
