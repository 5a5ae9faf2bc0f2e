package tokenizer

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// A wordPiece cuts a word into the longest pieces that there are, from its beginning on
// (Schuster and Nakajima 2012, as BERT has it): a first one, and those that go on. A word that
// cannot be cut is unknown as a whole.
type wordPiece struct {
	starts, rest *trie // of the pieces, to their ids
	unknown      int32
	maxChars     int    // of a word; a longer one is unknown
	prefix       string // that pieces that go on are spelled with; "": those that begin a word are, with a blank
}

// The usual settings of a WordPiece.
const (
	continuingPrefix = "##"
	maxWordChars     = 100
)

// newWordPiece builds the model. A piece longer than any word is no use.
func newWordPiece(starts, rest []trieKey, unknown int32, maxChars int) (*wordPiece, error) {
	for _, keys := range [][]trieKey{starts, rest} {
		for _, k := range keys {
			if len(k.text) > maxPieceBytes {
				return nil, fmt.Errorf("%w: a piece of %d bytes, want at most %d", ErrUnsupported, len(k.text), maxPieceBytes)
			}
		}
	}
	m := &wordPiece{unknown: unknown, maxChars: maxChars}
	var err error
	if m.starts, err = newTrie(starts); err == nil {
		m.rest, err = newTrie(rest)
	}
	return m, err
}

func (m *wordPiece) encode(_ *encoder, dst []int32, word string) []int32 {
	if utf8.RuneCountInString(word) > m.maxChars {
		return append(dst, m.unknown)
	}
	n := len(dst)
	for t, text := m.starts, word; text != ""; t = m.rest {
		id, size := t.longest(text)
		if size == 0 {
			return append(dst[:n], m.unknown)
		}
		dst, text = append(dst, id), text[size:]
	}
	return dst
}

// loadWordPiece builds the model of a tokenizer.json and its vocabulary. Control tokens are
// found in the text before it is split, and no word becomes one.
func (t *Tokenizer) loadWordPiece(m *jsonModel, added []addedEntry) error {
	if t.raw {
		return fmt.Errorf("model WordPiece: %w with a ByteLevel pre-tokenizer", ErrUnsupported)
	}
	if err := t.readVocab(m.vocab); err != nil {
		return fmt.Errorf("model WordPiece: vocab: %w", err)
	}
	control := map[string]bool{}
	for _, a := range added {
		control[a.Content] = isControl(a.Content, a.Special)
	}
	prefix := or(m.ContinuingPrefix, continuingPrefix)
	if prefix == "" {
		return fmt.Errorf("model WordPiece: %w: continuing_subword_prefix is empty", ErrUnsupported)
	}
	unknown := or(m.UnkToken, "[UNK]")
	id := t.idOfPiece(unknown)
	if id < 0 {
		return fmt.Errorf("model WordPiece: %w: unk_token %.40q is not in the vocabulary", ErrDamaged, unknown)
	}
	var starts, rest []trieKey
	for e := range int32(t.vocab.entries()) {
		piece := string(t.vocab.piece(e))
		if t.vocab.ids[e] < 0 || control[piece] {
			continue
		}
		starts = append(starts, trieKey{piece, t.vocab.ids[e]})
		if after, ok := strings.CutPrefix(piece, prefix); ok {
			rest = append(rest, trieKey{after, t.vocab.ids[e]})
		}
	}
	most := or(m.MaxWordChars, maxWordChars)
	if most < 1 {
		return fmt.Errorf("model WordPiece: %w: max_input_chars_per_word %d, want 1 or more", ErrDamaged, most)
	}
	w, err := newWordPiece(starts, rest, id, most)
	if err != nil {
		return fmt.Errorf("model WordPiece: vocab: %w", err)
	}
	w.prefix = prefix
	t.model, t.roles.unknown = w, id
	return nil
}

// loadWordPiece builds the model of a GGUF file: pieces that begin a word have a blank in
// front there, others nothing. Letters are made small, and accents taken away, unless the file
// says otherwise.
func (g *ggufTokens) loadWordPiece(t *Tokenizer) error {
	g.addBOS, g.addEOS = false, false // they are no BOS and EOS
	t.vocab = newVocab(len(g.texts))
	t.vocab.grow(len(g.texts))
	var starts, rest []trieKey
	for i, text := range g.texts {
		if k := g.kinds[i]; k != kindNormal && k != kindByte {
			continue
		}
		if _, err := t.vocab.add([]byte(text), int32(i), true); err != nil {
			return fmt.Errorf("tokenizer.ggml.tokens: %w", err)
		}
		if start, ok := strings.CutPrefix(text, blank); ok {
			starts = append(starts, trieKey{start, int32(i)})
		} else {
			rest = append(rest, trieKey{text, int32(i)})
		}
	}
	if err := g.enterAdded(t); err != nil {
		return err
	}
	unknown, err := g.role(t, "[UNK]", "unknown")
	if err != nil {
		return err
	}
	w, err := newWordPiece(starts, rest, unknown, maxWordChars)
	if err != nil {
		return fmt.Errorf("tokenizer.ggml.tokens: %w", err)
	}
	t.model, t.roles.unknown = w, unknown
	lower, ok := g.meta.Bool(ggml + "normalizer.lowercase")
	if !ok {
		lower = true
	}
	accents, ok := g.meta.Bool(ggml + "normalizer.strip_accents")
	if !ok {
		accents = lower
	}
	for _, step := range bertSteps(true, true, accents, lower) {
		t.normalizer = append(t.normalizer, namedStep{"Bert", step})
	}
	if t.stages, err = (&component{Type: "BertPreTokenizer"}).stages(); err != nil {
		return err
	}
	t.decoder = blankDecoder{prefixed: true}
	return nil
}

// role returns the id of the first of the keys that names one, else of a token by its usual
// name.
func (g *ggufTokens) role(t *Tokenizer, usual string, keys ...string) (int32, error) {
	for _, key := range keys {
		if id, ok := g.meta.Uint(ggml + key + "_token_id"); ok && id < uint64(len(g.texts)) {
			return int32(id), nil
		}
	}
	if id, ok := t.ID(usual); ok {
		return id, nil
	}
	return 0, fmt.Errorf("%w: tokenizer.ggml.%s_token_id is missing, and no token is %s", ErrDamaged, keys[0], usual)
}

// surroundWords puts around a text what BERT was trained with.
func (g *ggufTokens) surroundWords(t *Tokenizer) error {
	first, err := g.role(t, "[CLS]", "cls", "bos")
	if err != nil {
		return err
	}
	last, err := g.role(t, "[SEP]", "seperator", "separator", "eos") // misspelled as files have it
	if err != nil {
		return err
	}
	t.prefix, t.suffix = []int32{first}, []int32{last}
	return nil
}

// wordPieceStep joins the pieces of words, and puts a space before the first one of each. With
// tidy it takes spaces away that stand before punctuation.
func wordPieceStep(prefix string, tidy bool) tokenStep {
	return func(token string, first bool) string {
		if rest, ok := strings.CutPrefix(token, prefix); !first && ok {
			token = rest
		} else if !first {
			token = " " + token
		}
		if tidy {
			for _, x := range untidy {
				token = strings.ReplaceAll(token, x[0], x[1])
			}
		}
		return token
	}
}

// untidy are texts, and what becomes of them.
var untidy = [][2]string{
	{" .", "."}, {" ?", "?"}, {" !", "!"}, {" ,", ","}, {" ' ", "'"}, {" n't", "n't"}, {" 'm", "'m"}, {" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"},
}
