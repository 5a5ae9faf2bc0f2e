package tokenizer

import (
	"fmt"

	"golang.org/x/text/unicode/norm"
)

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

// charsmap returns the first precompiled table of a normalizer; nil: it has none.
func (c *component) charsmap() []byte {
	list, err := flatten(c, func(c *component) []component { return c.Normalizers }, 0)
	if err != nil {
		return nil
	}
	for _, c := range list {
		if c.Type == "Precompiled" && len(c.Charsmap) > 0 {
			return c.Charsmap
		}
	}
	return nil
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
