package tokenizer

import (
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
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

// newNormalizer builds the normalizer of a tokenizer.json.
func newNormalizer(c *component) (normalizer, error) {
	list, err := flatten(c, func(c *component) []component { return c.Normalizers }, 0)
	if err != nil {
		return nil, fmt.Errorf("normalizer: %w", err)
	}
	var n normalizer
	for _, c := range list {
		steps, err := c.normalSteps()
		if err != nil {
			return nil, fmt.Errorf("normalizer %s: %w", c.Type, err)
		}
		for _, step := range steps {
			n = append(n, namedStep{c.Type, step})
		}
	}
	return n, nil
}

func (c *component) normalSteps() ([]normalStep, error) {
	one := func(step normalStep) ([]normalStep, error) { return []normalStep{step}, nil }
	switch c.Type {
	case "NFC":
		return one(formStep(norm.NFC))
	case "NFD":
		return one(formStep(norm.NFD))
	case "NFKC":
		return one(formStep(norm.NFKC))
	case "NFKD":
		return one(formStep(norm.NFKD))
	case "Lowercase":
		return one(lowerStep())
	case "StripAccents":
		return one(dropStep(classM))
	case "Strip":
		return one(stripStep(or(c.StripLeft, true), or(c.StripRight, true)))
	case "Nmt":
		return one(mapStep(cleanNMT))
	case "Prepend":
		return []normalStep{prependStep(c.Prepend)}, checkInsert(c.Prepend)
	case "Replace":
		f, err := c.Pattern.finder()
		if err != nil {
			return nil, err
		}
		return []normalStep{replaceStep(f, c.Content)}, checkInsert(c.Content)
	case "Precompiled":
		m, err := newCharsMap(c.Charsmap)
		if err != nil || m == nil {
			return nil, err
		}
		return one(m.step())
	case "BertNormalizer", "Bert":
		lower := or(c.Lowercase, true)
		return bertSteps(or(c.CleanText, true), or(c.HandleChineseChars, true), or(c.StripAccents, lower), lower), nil
	}
	return nil, ErrUnsupported
}

// checkInsert refuses text that would make every match much longer.
func checkInsert(s string) error {
	if len(s) > maxReplacement {
		return fmt.Errorf("%w: text of %d bytes to put in, want at most %d", ErrUnsupported, len(s), maxReplacement)
	}
	return nil
}

// newStages builds the pre-tokenizer of a tokenizer.json, and reports whether
// it makes the vocabulary a byte-level one.
func newStages(c *component) (stages []stage, byteLevel bool, err error) {
	list, err := flatten(c, func(c *component) []component { return c.Pretokenizers }, 0)
	if err != nil {
		return nil, false, fmt.Errorf("pre_tokenizer: %w", err)
	}
	prefixed := false // a step has put something in front of the text
	for i, c := range list {
		if c.Type == "Metaspace" && (byteLevel || prefixed && or(c.PrependScheme, "") == "first") {
			return nil, false, fmt.Errorf("pre_tokenizer Metaspace: %w behind a %s", ErrUnsupported, list[i-1].Type)
		}
		prefixed = prefixed || c.Type == "Metaspace"
		if c.Type == "ByteLevel" {
			if byteLevel {
				return nil, false, fmt.Errorf("pre_tokenizer ByteLevel: %w twice", ErrUnsupported)
			}
			byteLevel = true
			if or(c.AddPrefixSpace, true) {
				stages = append(stages, rewriteStage(prefixSpace))
			}
			if or(c.UseRegex, true) {
				stages = append(stages, &splitStage{finder: scanner(scanGPT2)})
			}
			// Later steps see the bytes as characters.
			if i < len(list)-1 {
				stages = append(stages, spellStage)
			}
			continue
		}
		more, err := c.stages()
		if err != nil {
			return nil, false, fmt.Errorf("pre_tokenizer %s: %w", c.Type, err)
		}
		stages = append(stages, more...)
	}
	if byteLevel && list[len(list)-1].Type != "ByteLevel" {
		stages = append(stages, unspellStage)
	}
	return stages, byteLevel, nil
}

func (c *component) stages() ([]stage, error) {
	split := func(f finder, b splitBehavior, invert bool) ([]stage, error) {
		return []stage{&splitStage{f, b, invert}}, nil
	}
	switch c.Type {
	case "Split":
		f, err := c.Pattern.finder()
		if err != nil {
			return nil, err
		}
		b, err := behaviorOf(c.Behavior)
		if err != nil {
			return nil, err
		}
		return split(f, b, c.Invert)
	case "Digits":
		if c.IndividualDigits {
			return split(oneOf(classN), splitIsolated, false)
		}
		return split(oneOf(classN), splitContiguous, false)
	case "Punctuation":
		b, err := behaviorOf(c.Behavior)
		if c.Behavior == "" {
			b, err = splitIsolated, nil
		}
		if err != nil {
			return nil, err
		}
		return split(scanner(scanPunctuation), b, false)
	case "Whitespace":
		return split(scanner(scanWords), splitRemoved, true)
	case "WhitespaceSplit":
		return split(oneOf(classSpace), splitRemoved, false)
	case "BertPreTokenizer":
		stages, _ := split(oneOf(classSpace), splitRemoved, false)
		return append(stages, &splitStage{finder: scanner(scanPunctuation)}), nil
	case "CharDelimiterSplit", "Delimiter":
		if utf8.RuneCountInString(c.Delimiter) != 1 {
			return nil, fmt.Errorf("%w: delimiter: got %.20q, want one character", ErrDamaged, c.Delimiter)
		}
		return split(literalFinder(c.Delimiter), splitRemoved, false)
	case "Metaspace":
		scheme, err := c.metaspaceScheme()
		if err != nil {
			return nil, err
		}
		return metaspace(c.Replacement, scheme, or(c.Split, true)), nil
	}
	return nil, ErrUnsupported
}

// metaspaceScheme reads the settings of a Metaspace, in the older spelling too.
func (c *component) metaspaceScheme() (prependScheme, error) {
	if utf8.RuneCountInString(c.Replacement) != 1 {
		return 0, fmt.Errorf("%w: replacement: got %.20q, want one character", ErrDamaged, c.Replacement)
	}
	if c.PrependScheme == nil {
		if or(c.AddPrefixSpace, true) {
			return prependAlways, nil
		}
		return prependNever, nil
	}
	switch *c.PrependScheme {
	case "always":
		return prependAlways, nil
	case "first":
		return prependFirst, nil
	case "never":
		return prependNever, nil
	}
	return 0, fmt.Errorf("prepend_scheme %.20q: %w", *c.PrependScheme, ErrUnsupported)
}

func behaviorOf(name string) (splitBehavior, error) {
	switch name {
	case "Isolated":
		return splitIsolated, nil
	case "Removed":
		return splitRemoved, nil
	case "MergedWithPrevious":
		return splitMergedWithPrevious, nil
	case "MergedWithNext":
		return splitMergedWithNext, nil
	case "Contiguous":
		return splitContiguous, nil
	}
	return 0, fmt.Errorf("behavior %.20q: %w", name, ErrUnsupported)
}
