package ollama

import (
	"strings"

	"github.com/blitz-r1/blitz"
)

// logprob is a token with the logarithm of its probability, and the best others.
type logprob struct {
	tokenLogprob
	Top []tokenLogprob `json:"top_logprobs,omitempty"`
}

type tokenLogprob struct {
	Token   string  `json:"token"`
	Logprob float32 `json:"logprob"`
	Bytes   []int   `json:"bytes"`
}

func newLogprob(t blitz.Token, m *blitz.Model) logprob {
	l := logprob{tokenLogprob: newTokenLogprob(t.ID, t.Logprob, m)}
	for _, c := range t.Top {
		l.Top = append(l.Top, newTokenLogprob(c.ID, c.Logprob, m))
	}
	return l
}

// newTokenLogprob has the bytes of a token, which make half characters whole when they
// are joined.
func newTokenLogprob(id int32, value float32, m *blitz.Model) tokenLogprob {
	raw, _ := m.Tokenizer().AppendBytes(nil, id) // an id that is no token was not drawn
	numbers := make([]int, len(raw))
	for i, b := range raw {
		numbers[i] = int(b)
	}
	return tokenLogprob{strings.ToValidUTF8(string(raw), "\uFFFD"), value, numbers}
}
