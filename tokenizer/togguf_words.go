package tokenizer

import (
	"fmt"
	"slices"
	"strings"
)

// The tokenizers of encoders as GGUF files have them: BERT's WordPiece and SentencePiece's
// Unigram. What such a file says of how text is prepared is little: the settings are found by
// trying them.

// wordPiece writes a WordPiece: pieces that begin a word get a blank in front, those that go
// on lose their prefix. Text must be prepared as BERT's is.
func (w *ggufWriter) wordPiece(m *wordPiece) error {
	t := w.t
	lower, accents, err := t.preparesAsBERT()
	if err != nil {
		return err
	}
	if m.maxChars != maxWordChars {
		return fmt.Errorf("%w: a WordPiece of words of %d characters, want %d", ErrUnsupported, m.maxChars, maxWordChars)
	}
	if len(t.prefix) != 1 || len(t.suffix) != 1 {
		return fmt.Errorf("%w: a WordPiece with %d tokens before a text and %d behind it, want one each", ErrUnsupported, len(t.prefix), len(t.suffix))
	}
	if m.prefix != "" {
		w.spell = func(piece string) string {
			if rest, goesOn := strings.CutPrefix(piece, m.prefix); goesOn && rest != "" {
				return rest
			}
			return blank + piece
		}
	}
	w.put("model", "bert")
	w.put("pre", "default")
	w.tokens()
	w.put("normalizer.lowercase", lower)
	w.put("normalizer.strip_accents", accents)
	return nil
}

// preparesAsBERT finds out whether letters are made small and accents taken away.
func (t *Tokenizer) preparesAsBERT() (lower, accents bool, err error) {
	probe := splitProbe()
	want, err := t.prepared(probe)
	if err != nil {
		return false, false, err
	}
	stages, err := (&component{Type: "BertPreTokenizer"}).stages()
	if err != nil {
		return false, false, err
	}
	for _, x := range [][2]bool{{true, true}, {false, false}, {true, false}, {false, true}} {
		o := &Tokenizer{stages: stages}
		for _, step := range bertSteps(true, true, x[1], x[0]) {
			o.normalizer = append(o.normalizer, namedStep{"Bert", step})
		}
		if got, err := o.prepared(probe); err == nil && slices.Equal(got, want) {
			return x[0], x[1], nil
		}
	}
	return false, false, fmt.Errorf("%w: a WordPiece whose text is prepared otherwise than BERT's", ErrUnsupported)
}

// prepared returns the pieces of a text as the model gets them.
func (t *Tokenizer) prepared(text string) ([]string, error) {
	b := newBounds(len(text))
	text, _, err := t.normalizer.apply(text, &b)
	if err != nil || text == "" {
		return nil, err
	}
	return splitBy(t.stages, text)
}

// unigram writes a Unigram, and what it does with blanks.
func (w *ggufWriter) unigram(m *unigram) error {
	if slices.ContainsFunc(m.fallback[:], func(id int32) bool { return id >= 0 }) {
		return fmt.Errorf("%w: a Unigram that spells what it does not know in bytes cannot be written", ErrUnsupported)
	}
	scores := make([]float32, w.size)
	for i, x := range m.scores[:min(len(m.scores), w.size)] {
		scores[i] = float32(x)
	}
	w.put("model", "t5")
	w.put("pre", "default")
	if m.unknown >= 0 {
		w.unknown = m.unknown
	}
	w.tokens()
	w.put("scores", scores)
	if len(w.t.charsmap) > 0 {
		w.put("precompiled_charsmap", w.t.charsmap)
	}
	one, err := w.t.Encode("a b", 0)
	if err != nil {
		return err
	}
	two, err := w.t.Encode("a  b", 0)
	if err != nil {
		return err
	}
	w.put("add_space_prefix", w.t.startsWithBlank())
	w.put("remove_extra_whitespaces", slices.Equal(one, two))
	return nil
}
