package tokenizer

import (
	"encoding/json"
	"fmt"
)

// A component is one normalizer, pre-tokenizer, post-processor or decoder of a
// tokenizer.json, with the fields that any of them has.
type component struct {
	Type          string      `json:"type"`
	Normalizers   []component `json:"normalizers"`
	Pretokenizers []component `json:"pretokenizers"`
	Processors    []component `json:"processors"`
	Decoders      []component `json:"decoders"`

	Pattern  *pattern `json:"pattern"`
	Behavior string   `json:"behavior"`
	Invert   bool     `json:"invert"`
	Content  string   `json:"content"`
	Prepend  string   `json:"prepend"`
	Charsmap []byte   `json:"precompiled_charsmap"` // base64

	StripLeft  *bool `json:"strip_left"`
	StripRight *bool `json:"strip_right"`
	Start      int   `json:"start"`
	Stop       int   `json:"stop"`

	CleanText          *bool `json:"clean_text"`
	HandleChineseChars *bool `json:"handle_chinese_chars"`
	StripAccents       *bool `json:"strip_accents"`
	Lowercase          *bool `json:"lowercase"`

	AddPrefixSpace   *bool   `json:"add_prefix_space"`
	UseRegex         *bool   `json:"use_regex"`
	IndividualDigits bool    `json:"individual_digits"`
	Replacement      string  `json:"replacement"`
	PrependScheme    *string `json:"prepend_scheme"`
	Split            *bool   `json:"split"`
	Delimiter        string  `json:"delimiter"`
	Prefix           *string `json:"prefix"`
	Cleanup          *bool   `json:"cleanup"`

	Single        []templateItem           `json:"single"`
	SpecialTokens map[string]templateToken `json:"special_tokens"`
	Sep           *tokenAndID              `json:"sep"`
	Cls           *tokenAndID              `json:"cls"`
}

// A pattern is a string or a regular expression.
type pattern struct {
	String *string `json:"String"`
	Regex  *string `json:"Regex"`
}

type templateItem struct {
	SpecialToken *struct {
		ID string `json:"id"`
	} `json:"SpecialToken"`
	Sequence *struct {
		ID string `json:"id"`
	} `json:"Sequence"`
}

type templateToken struct {
	IDs []int32 `json:"ids"`
}

// A tokenAndID is written as ["[SEP]", 102].
type tokenAndID struct{ id int32 }

func (t *tokenAndID) UnmarshalJSON(data []byte) error {
	var text string
	return json.Unmarshal(data, &[]any{&text, &t.id})
}

const (
	maxNesting    = 16 // of sequences in sequences
	maxComponents = 64 // in a list
)

// or returns the value of an optional setting.
func or[T any](setting *T, otherwise T) T {
	if setting != nil {
		return *setting
	}
	return otherwise
}

// flatten returns the components of nested sequences as one list.
func flatten(c *component, items func(*component) []component, depth int) ([]*component, error) {
	if c == nil {
		return nil, nil
	}
	if c.Type != "Sequence" {
		return []*component{c}, nil
	}
	if depth > maxNesting {
		return nil, fmt.Errorf("%w: more than %d nested sequences", ErrUnsupported, maxNesting)
	}
	var list []*component
	inner := items(c)
	for i := range inner {
		l, err := flatten(&inner[i], items, depth+1)
		if err != nil {
			return nil, err
		}
		if list = append(list, l...); len(list) > maxComponents {
			return nil, fmt.Errorf("%w: more than %d steps in a sequence", ErrUnsupported, maxComponents)
		}
	}
	return list, nil
}

// finder returns the finder of a pattern.
func (p *pattern) finder() (finder, error) {
	switch {
	case p != nil && p.String != nil:
		return literalFinder(*p.String), nil
	case p != nil && p.Regex != nil:
		return newFinder(*p.Regex)
	}
	return nil, fmt.Errorf("%w: pattern: got neither String nor Regex", ErrDamaged)
}
