package blitz

import (
	"bytes"
	"fmt"

	"github.com/blitz-r1/blitz/internal/engine"
)

// speculation fills in what an engine guesses with.
func (o *EngineOptions) speculation(m *Model, to *engine.Options) error {
	if m.net == nil || o.Draft != nil && o.Draft.net == nil {
		return fmt.Errorf("blitz: the model was opened without its weights: %w", ErrOption)
	}
	if o.Speculate != "" {
		var err error
		if to.Speculate, err = engine.ParseSpeculation(o.Speculate); err != nil {
			return fmt.Errorf("blitz: %w", err)
		}
	}
	if o.Draft == nil {
		return nil
	}
	to.Draft = o.Draft.net
	return sameVocabulary(m, o.Draft)
}

// sameVocabulary says whether a draft model's tokens are the model's: as far as both have
// a tokenizer, each has to be the same text. The error wraps ErrVocabulary.
func sameVocabulary(m, draft *Model) error {
	if V, D := m.VocabSize(), draft.VocabSize(); V != D {
		return fmt.Errorf("blitz: the draft model has a vocabulary of %d tokens, want %d: %w", D, V, ErrVocabulary)
	}
	if m.tokens == nil || draft.tokens == nil {
		return nil
	}
	var want, got []byte
	for id := range int32(m.VocabSize()) { // those of no text are errors, in both
		want, _ = m.tokens.AppendBytes(want[:0], id)
		got, _ = draft.tokens.AppendBytes(got[:0], id)
		if !bytes.Equal(want, got) {
			return fmt.Errorf("blitz: token %d of the draft model is %.40q, want %.40q: %w", id, got, want, ErrVocabulary)
		}
	}
	return nil
}
