package tokenizer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// An hfFile is a tokenizer.json, taken apart but not yet understood.
type hfFile struct {
	Added         []hfAdded
	Normalizer    *component
	PreTokenizer  *component
	PostProcessor *component
	Decoder       *component
	model         hfModel
}

// An hfAdded is an entry of added_tokens.
type hfAdded struct {
	ID         *int32 `json:"id"`
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"`
	LStrip     bool   `json:"lstrip"`
	RStrip     bool   `json:"rstrip"`
	Normalized *bool  `json:"normalized"`
	Special    bool   `json:"special"`
}

// An hfModel is the model section; the large lists are kept as text.
type hfModel struct {
	Type             string   `json:"type"`
	Dropout          *float64 `json:"dropout"`
	UnkToken         *string  `json:"unk_token"`
	ContinuingPrefix *string  `json:"continuing_subword_prefix"`
	WordEnd          *string  `json:"end_of_word_suffix"`
	FuseUnk          bool     `json:"fuse_unk"`
	ByteFallback     bool     `json:"byte_fallback"`
	IgnoreMerges     bool     `json:"ignore_merges"`
	UnkID            *int32   `json:"unk_id"`

	vocab, merges []byte
}

const maxJSONFile = 512 << 20

// parseTokenizerJSON builds a tokenizer from the text of a tokenizer.json and
// from what lies beside it.
func parseTokenizerJSON(data []byte, beside *hfConfig) (*Tokenizer, error) {
	f, err := readHFFile(data)
	if err != nil {
		return nil, err
	}
	t := &Tokenizer{roles: noRoles, added: map[int32]*addedToken{}, byText: map[string]int32{}}
	if t.normalizer, err = newNormalizer(f.Normalizer); err != nil {
		return nil, err
	}
	if t.stages, t.raw, err = newStages(f.PreTokenizer); err != nil {
		return nil, err
	}
	added := append(f.Added, beside.moreTokens(f.Added)...)
	switch f.model.kind() {
	case "BPE":
		err = t.loadBPE(&f.model, added)
	case "Unigram":
		err = t.loadUnigram(&f.model, added)
	default:
		err = fmt.Errorf("model %.40q: %w", f.model.Type, ErrUnsupported)
	}
	if err != nil {
		return nil, err
	}
	if err := t.addTokens(added); err != nil {
		return nil, err
	}
	t.wholes = newWholes(t.vocab.entries())
	if err := t.setDecoder(f.Decoder); err != nil {
		return nil, err
	}
	if err := t.setTemplate(f.PostProcessor); err != nil {
		return nil, err
	}
	beside.apply(t)
	return t, nil
}

// readHFFile splits the file into its sections.
func readHFFile(data []byte) (*hfFile, error) {
	if !utf8.Valid(data) {
		return nil, fmt.Errorf("%w: not UTF-8", ErrDamaged)
	}
	f := new(hfFile)
	s := jsonScan{data: bytes.TrimPrefix(data, []byte("\uFEFF"))}
	seen := false
	err := s.object(func(key []byte) error {
		var into any
		switch string(key) {
		case "added_tokens":
			into = &f.Added
		case "normalizer":
			into = &f.Normalizer
		case "pre_tokenizer":
			into = &f.PreTokenizer
		case "post_processor":
			into = &f.PostProcessor
		case "decoder":
			into = &f.Decoder
		case "model":
			seen = true
			return f.model.read(&s)
		default:
			return s.skip(0)
		}
		name := string(key)
		raw, err := s.raw()
		if err != nil {
			return err
		}
		if err := json.Unmarshal(raw, into); err != nil {
			return fmt.Errorf("%s: %w: %w", name, ErrDamaged, err)
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case s.peek() != 0 || s.pos < len(s.data):
		return nil, s.fail("the end")
	case !seen:
		return nil, fmt.Errorf("%w: no model", ErrNoTokenizer)
	}
	return f, nil
}

// read reads the model section.
func (m *hfModel) read(s *jsonScan) error {
	small := []byte{'{'}
	err := s.object(func(key []byte) error {
		name := string(key)
		raw, err := s.raw()
		if err != nil {
			return err
		}
		switch name {
		case "vocab":
			m.vocab = raw
		case "merges":
			m.merges = raw
		default:
			quoted, _ := json.Marshal(name)
			small = append(append(append(append(small, quoted...), ':'), raw...), ',')
		}
		return nil
	})
	if err != nil {
		return err
	}
	small = append(bytes.TrimSuffix(small, []byte{','}), '}')
	if err := json.Unmarshal(small, m); err != nil {
		return fmt.Errorf("model: %w: %w", ErrDamaged, err)
	}
	return nil
}

// kind returns the type of the model. The oldest files do not name it.
func (m *hfModel) kind() string {
	switch {
	case m.Type != "":
		return m.Type
	case len(m.merges) > 0:
		return "BPE"
	case bytes.HasPrefix(m.vocab, []byte{'['}):
		return "Unigram"
	}
	return ""
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// loadBPE builds the model and its vocabulary.
func (t *Tokenizer) loadBPE(m *hfModel, added []hfAdded) error {
	switch {
	case m.Dropout != nil && *m.Dropout != 0:
		return fmt.Errorf("model BPE: dropout %v: %w", *m.Dropout, ErrUnsupported)
	case text(m.ContinuingPrefix) != "":
		return fmt.Errorf("model BPE: continuing_subword_prefix %.20q: %w", *m.ContinuingPrefix, ErrUnsupported)
	case len(m.vocab) == 0 || len(m.merges) == 0:
		return fmt.Errorf("model BPE: %w: want vocab and merges", ErrDamaged)
	}
	if err := t.readVocab(m.vocab); err != nil {
		return fmt.Errorf("model BPE: vocab: %w", err)
	}
	b := &bpe{vocab: t.vocab, byteLevel: t.raw, unknown: -1, fuse: m.FuseUnk, wordEnd: text(m.WordEnd)}
	if m.IgnoreMerges {
		b.whole = wholeAlways
	}
	if m.UnkToken != nil {
		e := t.findEntry(*m.UnkToken)
		if e < 0 {
			return fmt.Errorf("model BPE: %w: unk_token %.40q is not in the vocabulary", ErrDamaged, *m.UnkToken)
		}
		b.unknown = e
		t.roles.unknown = t.vocab.ids[e]
	}
	if err := t.readMerges(b, m.merges); err != nil {
		return fmt.Errorf("model BPE: merges: %w", err)
	}
	b.init(m.ByteFallback)
	b.forbidden = map[int32]bool{}
	for _, a := range added {
		if e := t.findEntry(a.Content); e >= 0 && isControl(a.Content, a.Special) {
			b.forbidden[e] = true
		}
	}
	t.model = b
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
	b.merges = newMergeTable(bytes.Count(raw, []byte(",")) + 1)
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
	if err := b.merges.addRules(t.vocab, rules, true, false); err != nil {
		return err
	}
	return failed
}

// errStop ends a walk whose error is known already.
var errStop = fmt.Errorf("stop")

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
func (t *Tokenizer) loadUnigram(m *hfModel, added []hfAdded) error {
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
				if !control[string(piece)] {
					keys = append(keys, trieKey{string(piece), id})
				}
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
	t.model = u
	return nil
}

// idOfPiece returns the id of a findable piece, or -1.
func (t *Tokenizer) idOfPiece(piece string) int32 {
	if e := t.vocab.find(piece); e >= 0 {
		return t.vocab.ids[e]
	}
	return -1
}
