package tokenizer

import (
	"fmt"
	"unicode/utf8"
)

// finish makes a tokenizer ready whose parts are all there, and notices
// vocabularies that cannot be meant so.
func (t *Tokenizer) finish() error {
	t.wholes = newWholes(t.vocab.entries())
	t.noteTwins()
	if t.reaches() {
		return nil
	}
	if t.find == nil && t.findNormal == nil {
		return fmt.Errorf("%w: no text leads to any of the %d tokens", ErrDamaged, len(t.kinds))
	}
	t.notes.add("no text leads to any of the %d tokens but those that stand in it by name", len(t.kinds))
	return nil
}

// noteTwins notes ids that two pieces have, and pieces that have two ids: of those,
// text can become the last alone.
func (t *Tokenizer) noteTwins() {
	v := t.vocab
	if x := v.sameID; x.n > 0 {
		t.notes.add("id %d is that of %.40q and of %.40q (%d such ids)", v.ids[x.a], v.piece(x.a), v.piece(x.b), x.n)
	}
	if x := v.sameText; x.n > 0 {
		t.notes.add("ids %d and %d are both %.40q: text becomes the latter (%d such pieces)", v.ids[x.a], v.ids[x.b], v.piece(x.b), x.n)
	}
}

// reaches reports whether there is a text that becomes a token of the model other
// than the unknown one.
func (t *Tokenizer) reaches() bool {
	switch m := t.model.(type) {
	case *unigram:
		return m.trie.nodes[0].inner
	case *wordPiece:
		return m.starts.nodes[0].inner
	case *bpe:
		if m.whole == wholeAlways && t.vocab.findable > 0 || anyOf(m.fallback) {
			return true
		}
	case *ranked:
		if m.byteLevel && t.vocab.findable > 0 || anyOf(m.fallback) {
			return true
		}
	}
	// Merging begins with single bytes or characters.
	for e := range int32(t.vocab.entries()) {
		piece := t.vocab.piece(e)
		if t.vocab.ids[e] < 0 || len(piece) == 0 || len(piece) > utf8.UTFMax {
			continue
		}
		if single := len(piece) == 1 || !t.raw && utf8.RuneCount(piece) == 1; single && t.vocab.findBytes(piece) == e {
			return true
		}
	}
	return false
}

// anyOf reports whether there is an id or entry among those of bytes.
func anyOf(bytes [256]int32) bool {
	for _, b := range bytes {
		if b >= 0 {
			return true
		}
	}
	return false
}
