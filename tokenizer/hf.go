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

	known bool // is added only if the vocabulary has it
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
func parseTokenizerJSON(data []byte, beside *folderConfig) (*Tokenizer, error) {
	f, err := readHFFile(data)
	if err != nil {
		return nil, err
	}
	t := newTokenizer()
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
		return nil, fmt.Errorf("%w: no model", ErrDamaged)
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
