package blitz

import (
	"bytes"
	"fmt"
	"sync"

	"github.com/blitz-r1/blitz/grammar"
	"github.com/blitz-r1/blitz/tokenizer"
)

// vocabulary is a model's tokens as grammars read them. It is made once, when a grammar
// first asks for it.
type vocabulary struct {
	once         sync.Once
	first, later *grammar.Vocabulary // the first token of an answer, and all others
	err          error
}

// Vocabulary returns the model's tokens as grammars read them. The error wraps
// tokenizer.ErrNoTokenizer where the model has none, or tells what no grammar can take.
func (m *Model) Vocabulary() (*grammar.Vocabulary, error) {
	v := m.grammarTokens()
	return v.later, v.err
}

func (m *Model) grammarTokens() *vocabulary {
	v := &m.vocabulary
	v.once.Do(func() {
		if m.tokens == nil {
			v.err = fmt.Errorf("blitz: a grammar, and the model gives token ids only: %w", tokenizer.ErrNoTokenizer)
			return
		}
		tokens, special := tokenBytes(m.tokens, m.VocabSize())
		if v.later, v.err = grammar.NewVocabulary(tokens, special, m.stops); v.err != nil {
			return
		}
		v.first = v.later
		if takesSpace(m.tokens, tokens, special) {
			for id, t := range tokens {
				if !special[id] {
					tokens[id] = bytes.TrimPrefix(t, []byte(" "))
				}
			}
			v.first, v.err = grammar.NewVocabulary(tokens, special, m.stops)
		}
	})
	return v
}

// tokenBytes returns what each of V tokens says within a text, and which of them are no
// part of a text.
func tokenBytes(t *tokenizer.Tokenizer, V int) (tokens [][]byte, special []bool) {
	tokens, special = make([][]byte, V), make([]bool, V)
	for id := range int32(min(V, t.VocabSize())) {
		tokens[id], _ = t.AppendBytes(nil, id) // the id is in the vocabulary
		special[id] = t.IsControl(id) || id == t.Unknown()
	}
	return tokens, special
}

// takesSpace says whether a space is taken from the begin of a text.
func takesSpace(t *tokenizer.Tokenizer, tokens [][]byte, special []bool) bool {
	for id, b := range tokens {
		if special[id] || len(b) < 2 || b[0] != ' ' || b[1] <= ' ' || b[1] > '~' {
			continue
		}
		s := t.NewStream()
		text, err := s.Next(int32(id))
		return err == nil && text+s.Flush() == string(b[1:])
	}
	return false
}
