package tokenizer

import (
	"bytes"
	"errors"
	"fmt"
)

// loadBPE builds the model and its vocabulary.
func (t *Tokenizer) loadBPE(m *jsonModel, added []addedEntry) error {
	switch {
	case m.Dropout != nil && *m.Dropout != 0:
		return fmt.Errorf("model BPE: dropout %v: %w", *m.Dropout, ErrUnsupported)
	case or(m.ContinuingPrefix, "") != "":
		return fmt.Errorf("model BPE: continuing_subword_prefix %.20q: %w", *m.ContinuingPrefix, ErrUnsupported)
	case len(m.vocab) == 0 || len(m.merges) == 0:
		return fmt.Errorf("model BPE: %w: want vocab and merges", ErrDamaged)
	}
	if err := t.readVocab(m.vocab); err != nil {
		return fmt.Errorf("model BPE: vocab: %w", err)
	}
	b := &bpe{vocab: t.vocab, byteLevel: t.raw, unknown: -1, fuse: m.FuseUnk, wordEnd: or(m.WordEnd, "")}
	if m.IgnoreMerges {
		b.whole = wholeAlways
	}
	if err := t.readMerges(b, m.merges); err != nil {
		return fmt.Errorf("model BPE: merges: %w", err)
	}
	b.findStarts(m.ByteFallback)
	if t.raw && m.ByteFallback && !b.hasStarts {
		return fmt.Errorf("model BPE: byte_fallback: %w with a ByteLevel pre-tokenizer and a vocabulary that lacks bytes", ErrUnsupported)
	}
	if m.UnkToken != nil {
		b.unknown = t.findEntry(*m.UnkToken)
		if b.unknown >= 0 {
			t.roles.unknown = t.vocab.ids[b.unknown]
		} else if !b.complete() {
			return fmt.Errorf("model BPE: %w: unk_token %.40q is not in the vocabulary", ErrDamaged, *m.UnkToken)
		}
	}
	b.hidden = map[int32]bool{}
	for _, a := range added {
		if e := t.findEntry(a.Content); e >= 0 && isControl(a.Content, a.Special) {
			b.hidden[e] = true
		}
	}
	t.model, t.hides = b, b.whole == wholeAlways && len(b.hidden) > 0
	t.addCut(b)
	return nil
}

// findEntry returns the entry of a piece as the file spells it, or -1.
func (t *Tokenizer) findEntry(piece string) int32 {
	if t.raw {
		if raw, ok := appendUnspelled(nil, piece); ok {
			return t.vocab.findBytes(raw)
		}
		id, ok := t.byText[piece]
		if !ok {
			return -1
		}
		return t.vocab.byID[id]
	}
	return t.vocab.find(piece)
}

// readVocab reads an object of pieces and ids.
func (t *Tokenizer) readVocab(raw []byte) error {
	t.vocab = newVocab(len(raw) / 16)
	s := jsonScan{data: raw}
	var piece []byte
	return s.object(func(key []byte) error {
		piece = append(piece[:0], key...)
		id, err := s.integer()
		if err != nil {
			return err
		}
		if id < 0 || id >= maxVocab {
			return fmt.Errorf("%w: id %d, want 0 to %d", ErrDamaged, id, maxVocab-1)
		}
		return t.addPiece(piece, int32(id))
	})
}

// addPiece adds a piece as the file spells it. One that spells no bytes in a
// byte-level vocabulary is literal text that no splitting can lead to.
func (t *Tokenizer) addPiece(piece []byte, id int32) error {
	if !t.raw {
		_, err := t.vocab.add(piece, id, len(piece) > 0)
		return err
	}
	var space [128]byte
	raw, ok := appendUnspelled(space[:0], piece)
	if !ok {
		t.setLiteral(string(piece), id)
		raw = piece
	}
	_, err := t.vocab.add(raw, id, ok && len(piece) > 0)
	return err
}

// setLiteral makes an id show literal text.
func (t *Tokenizer) setLiteral(content string, id int32) {
	t.added[id] = &addedToken{id: id, content: content, shown: content}
	t.byText[content] = id
}

// readMerges reads the list of merges, in either spelling: "a b" or ["a","b"].
func (t *Tokenizer) readMerges(b *bpe, raw []byte) error {
	s := jsonScan{data: raw}
	n := bytes.Count(raw, []byte{','}) + 1
	if bytes.HasPrefix(bytes.TrimLeft(raw[1:], " \t\r\n"), []byte{'['}) {
		n = n/2 + 1 // every other comma is inside a pair
	}
	b.merges = newMergeTable(n)
	var left, right []byte
	line := 0
	var failed error
	rules := func(yield func(mergeRule) bool) {
		failed = s.array(func() error {
			line++
			var err error
			if left, right, err = readMerge(&s, left[:0], right[:0]); err != nil {
				return fmt.Errorf("merge %d: %w", line-1, err)
			}
			if line == 1 && bytes.HasPrefix(left, []byte("#version")) {
				return nil
			}
			r := mergeRule{left, right}
			if t.raw {
				var ok, ok2 bool
				left, ok = unspell(left)
				right, ok2 = unspell(right)
				if !ok || !ok2 {
					return nil // no text leads there
				}
				r = mergeRule{left, right}
			}
			if !yield(r) {
				return errStop
			}
			return nil
		})
	}
	if err := b.merges.addRules(t.vocab, rules, true, nil); err != nil {
		return err
	}
	return failed
}

// errStop ends a walk whose error is known already.
var errStop = errors.New("stop")

// unspell turns byte-level characters into bytes in place, which are never
// more.
func unspell(piece []byte) ([]byte, bool) { return appendUnspelled(piece[:0], piece) }

// readMerge reads one merge.
func readMerge(s *jsonScan, left, right []byte) ([]byte, []byte, error) {
	if s.peek() == '"' {
		pair, err := s.str()
		if err != nil {
			return left, right, err
		}
		k := bytes.IndexByte(pair, ' ')
		if k < 0 || bytes.IndexByte(pair[k+1:], ' ') >= 0 && !bytes.HasPrefix(pair, []byte("#version")) {
			return left, right, fmt.Errorf("%w: got %.40q, want two pieces with a space between", ErrDamaged, pair)
		}
		return append(left, pair[:k]...), append(right, pair[k+1:]...), nil
	}
	n := 0
	err := s.array(func() error {
		piece, err := s.str()
		switch n++; n {
		case 1:
			left = append(left, piece...)
		case 2:
			right = append(right, piece...)
		}
		return err
	})
	if err == nil && n != 2 {
		err = fmt.Errorf("%w: got %d pieces, want two", ErrDamaged, n)
	}
	return left, right, err
}

// loadUnigram builds the model and its vocabulary.
func (t *Tokenizer) loadUnigram(m *jsonModel, added []addedEntry) error {
	if t.raw {
		return fmt.Errorf("model Unigram: %w with a ByteLevel pre-tokenizer", ErrUnsupported)
	}
	t.vocab = newVocab(len(m.vocab) / 24)
	control := map[string]bool{}
	for _, a := range added {
		control[a.Content] = isControl(a.Content, a.Special)
	}
	var keys []trieKey
	var scores []float64
	hidden := map[int32]bool{}
	s := jsonScan{data: m.vocab}
	err := s.array(func() error {
		n := 0
		return s.array(func() error {
			if n++; n == 1 {
				piece, err := s.str()
				if err != nil {
					return err
				}
				id := int32(len(scores))
				if _, err := t.vocab.add(piece, id, true); err != nil {
					return err
				}
				if control[string(piece)] {
					hidden[id] = true
				}
				keys = append(keys, trieKey{string(piece), id})
				return nil
			}
			score, err := s.number()
			scores = append(scores, score)
			if err == nil && (n != 2 || len(scores) != t.vocab.entries()) {
				err = fmt.Errorf("%w: byte %d: want a piece and its score", ErrDamaged, s.pos)
			}
			return err
		})
	})
	if err == nil && len(scores) != t.vocab.entries() {
		err = fmt.Errorf("%w: got %d pieces, %d scores", ErrDamaged, t.vocab.entries(), len(scores))
	}
	if err != nil {
		return fmt.Errorf("model Unigram: vocab: %w", err)
	}
	u, err := newUnigram(keys, scores, lowest(scores))
	if err != nil {
		return fmt.Errorf("model Unigram: vocab: %w", err)
	}
	if m.ByteFallback {
		u.setBytes(t.idOfPiece)
	}
	switch {
	case m.UnkID != nil && (*m.UnkID < 0 || int(*m.UnkID) >= len(scores)):
		return fmt.Errorf("model Unigram: %w: unk_id %d, want 0 to %d", ErrDamaged, *m.UnkID, len(scores)-1)
	case m.UnkID != nil:
		u.unknown, t.roles.unknown = *m.UnkID, *m.UnkID
	case !u.hasBytes:
		return fmt.Errorf("model Unigram: %w without unk_id", ErrUnsupported)
	}
	u.hidden = hidden
	t.model, t.hides = u, len(hidden) > 0
	return nil
}

// idOfPiece returns the id of a findable piece, or -1.
func (t *Tokenizer) idOfPiece(piece string) int32 {
	if e := t.vocab.find(piece); e >= 0 {
		return t.vocab.ids[e]
	}
	return -1
}
