package tokenizer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// A jsonFile is a tokenizer.json, taken apart but not yet understood.
type jsonFile struct {
	Added         []addedEntry
	Normalizer    *component
	PreTokenizer  *component
	PostProcessor *component
	Decoder       *component
	model         jsonModel
}

// An addedEntry is an entry of added_tokens.
type addedEntry struct {
	ID         *int32 `json:"id"`
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"`
	LStrip     bool   `json:"lstrip"`
	RStrip     bool   `json:"rstrip"`
	Normalized *bool  `json:"normalized"`
	Special    bool   `json:"special"`

	known bool // is added only if the vocabulary has it
}

// A jsonModel is the model section; the large lists are kept as text.
type jsonModel struct {
	Type             string
	Dropout          *float64
	UnkToken         *string
	ContinuingPrefix *string
	WordEnd          *string
	FuseUnk          bool
	ByteFallback     bool
	IgnoreMerges     bool
	UnkID            *int32
	MaxWordChars     *int

	vocab, merges []byte
}

// Caps on a tokenizer.json. The largest published ones have 40 MiB, all but some
// hundred KiB of it vocabulary and merges.
const (
	maxJSONFile   = 128 << 20
	maxSection    = 8 << 20 // bytes of a section that describes steps
	maxValues     = 1 << 16 // objects in one
	maxAddedCount = 1 << 18 // added tokens
)

// parseTokenizerJSON builds a tokenizer from the text of a tokenizer.json and
// from what lies beside it.
func parseTokenizerJSON(data []byte, beside *folderConfig) (*Tokenizer, error) {
	f, err := readJSONFile(data)
	if err != nil {
		return nil, err
	}
	return f.tokenizer(beside)
}

// tokenizer builds what the file says.
func (f *jsonFile) tokenizer(beside *folderConfig) (*Tokenizer, error) {
	t := newTokenizer()
	var err error
	if t.normalizer, err = newNormalizer(f.Normalizer); err != nil {
		return nil, err
	}
	t.charsmap = f.Normalizer.charsmap()
	if t.stages, t.raw, err = newStages(f.PreTokenizer); err != nil {
		return nil, err
	}
	added := append(f.Added, beside.moreTokens(f.Added)...)
	switch f.model.kind() {
	case "BPE":
		err = t.loadBPE(&f.model, added)
	case "Unigram":
		err = t.loadUnigram(&f.model, added)
	case "WordPiece":
		err = t.loadWordPiece(&f.model, added)
	default:
		err = fmt.Errorf("model %.40q: %w", f.model.Type, ErrUnsupported)
	}
	if err != nil {
		return nil, err
	}
	if err := t.addTokens(added); err != nil {
		return nil, err
	}
	if err := t.setDecoder(f.Decoder); err != nil {
		return nil, err
	}
	if err := t.setTemplate(f.PostProcessor); err != nil {
		return nil, err
	}
	beside.apply(t)
	return t, t.finish()
}

// readJSONFile splits the file into its sections.
func readJSONFile(data []byte) (*jsonFile, error) {
	if !utf8.Valid(data) {
		return nil, fmt.Errorf("%w: not UTF-8", ErrDamaged)
	}
	f := new(jsonFile)
	s := jsonScan{data: bytes.TrimPrefix(data, []byte("\uFEFF"))}
	seen := false
	err := s.object(func(key []byte) error {
		var into any
		switch string(key) {
		case "added_tokens":
			if err := f.readAdded(&s); err != nil {
				return fmt.Errorf("added_tokens: %w", err)
			}
			return nil
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
		if len(raw) > maxSection || bytes.Count(raw, []byte{'{'}) > maxValues {
			return fmt.Errorf("%s: %w: %d bytes, want at most %d and %d objects", name, ErrUnsupported, len(raw), maxSection, maxValues)
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
		return nil, fmt.Errorf("%w: no model", ErrDamaged)
	}
	return f, nil
}

// readAdded reads the added tokens.
func (f *jsonFile) readAdded(s *jsonScan) error {
	if s.peek() == 'n' {
		return s.skip(0)
	}
	return s.array(func() error {
		raw, err := s.raw()
		if err != nil {
			return err
		}
		if len(f.Added) == maxAddedCount {
			return fmt.Errorf("%w: more than %d tokens", ErrUnsupported, maxAddedCount)
		}
		var a addedEntry
		if err := json.Unmarshal(raw, &a); err != nil {
			return fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		f.Added = append(f.Added, a)
		return nil
	})
}

// read reads the model section.
func (m *jsonModel) read(s *jsonScan) error {
	return s.object(func(key []byte) error {
		name := string(key)
		raw, err := s.raw()
		if err != nil {
			return err
		}
		var into any
		switch name {
		case "vocab":
			m.vocab = raw
			return nil
		case "merges":
			m.merges = raw
			return nil
		case "type":
			into = &m.Type
		case "dropout":
			into = &m.Dropout
		case "unk_token":
			into = &m.UnkToken
		case "continuing_subword_prefix":
			into = &m.ContinuingPrefix
		case "end_of_word_suffix":
			into = &m.WordEnd
		case "fuse_unk":
			into = &m.FuseUnk
		case "byte_fallback":
			into = &m.ByteFallback
		case "ignore_merges":
			into = &m.IgnoreMerges
		case "unk_id":
			into = &m.UnkID
		case "max_input_chars_per_word":
			into = &m.MaxWordChars
		default:
			return nil
		}
		if err := json.Unmarshal(raw, into); err != nil {
			return fmt.Errorf("model: %s: %w: %w", name, ErrDamaged, err)
		}
		return nil
	})
}

// kind returns the type of the model. The oldest files do not name it.
func (m *jsonModel) kind() string {
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
