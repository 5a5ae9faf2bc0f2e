package tokenizer

import (
	"fmt"
	"unicode/utf8"
)

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
