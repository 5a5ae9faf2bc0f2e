package tokenizer

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// blank is how SentencePiece vocabularies spell a space.
const (
	blank     = "▁"
	blankRune = '▁'
)

// A normalStep rewrites text before it is split.
type normalStep func(text string) (string, error)

// A normalizer is a list of steps.
type normalizer []normalStep

func (n normalizer) apply(text string) (string, error) {
	var err error
	for _, step := range n {
		if text, err = step(text); err != nil {
			return text, err
		}
	}
	return text, nil
}

// plainStep makes a step of a function that cannot fail.
func plainStep(f func(string) string) normalStep {
	return func(text string) (string, error) { return f(text), nil }
}

// formStep brings text into a Unicode normal form.
func formStep(form norm.Form) normalStep { return plainStep(form.String) }

// prependStep puts a string in front of every text that is not empty.
func prependStep(prefix string) normalStep {
	return plainStep(func(text string) string {
		if text == "" {
			return text
		}
		return prefix + text
	})
}

// replaceStep replaces each match of a pattern.
func replaceStep(f finder, with string) normalStep {
	if lit, ok := f.(literalFinder); ok && lit != "" {
		return func(text string) (string, error) {
			if len(with) > len(lit) && len(text)+strings.Count(text, string(lit))*(len(with)-len(lit)) > MaxText {
				return text, ErrTooLong
			}
			return strings.ReplaceAll(text, string(lit), with), nil
		}
	}
	return func(text string) (string, error) {
		matches, err := f.find(nil, text, span{0, int32(len(text))})
		if err != nil || len(matches) == 0 {
			return text, err
		}
		var b strings.Builder
		at := int32(0)
		for _, m := range matches {
			b.WriteString(text[at:m.start])
			b.WriteString(with)
			if b.Len() > MaxText {
				return text, ErrTooLong
			}
			at = m.end
		}
		b.WriteString(text[at:])
		return b.String(), nil
	}
}

// stripStep removes blanks at the ends.
func stripStep(left, right bool) normalStep {
	space := func(r rune) bool { return classOf(r)&classSpace != 0 }
	return plainStep(func(text string) string {
		if left {
			text = strings.TrimLeftFunc(text, space)
		}
		if right {
			text = strings.TrimRightFunc(text, space)
		}
		return text
	})
}

// dropStep removes the characters of classes c.
func dropStep(c class) normalStep {
	return plainStep(func(text string) string {
		return strings.Map(func(r rune) rune {
			if classOf(r)&c != 0 {
				return -1
			}
			return r
		}, text)
	})
}

// lowerStep maps letters to lower case one by one. Only U+0130 becomes two
// characters.
func lowerStep() normalStep {
	dotted := strings.NewReplacer("\u0130", "i\u0307")
	return plainStep(func(text string) string { return strings.ToLower(dotted.Replace(text)) })
}

// nmtStep is SentencePiece's "nmt" rule: it removes controls and makes blanks
// of the characters that look like them.
func nmtStep() normalStep {
	return plainStep(func(text string) string {
		return strings.Map(func(r rune) rune {
			switch {
			case r >= 1 && r <= 8, r == 0xB, r >= 0xE && r <= 0x1F, r == 0x7F, r == 0x8F, r == 0x9F:
				return -1
			case r == '\t', r == '\n', r == '\f', r == '\r', r == 0x1680, r >= 0x200B && r <= 0x200F,
				r == 0x2028, r == 0x2029, r == 0x2581, r == 0xFEFF, r == utf8.RuneError:
				return ' '
			}
			return r
		}, text)
	})
}

// bertStep is the normalizer of BERT.
func bertStep(clean, cjk, accents, lower bool) normalStep {
	var n normalizer
	if clean {
		n = append(n, plainStep(cleanText))
	}
	if cjk {
		n = append(n, plainStep(spaceIdeographs))
	}
	if accents {
		n = append(n, formStep(norm.NFD), dropStep(classMn))
	}
	if lower {
		n = append(n, lowerStep())
	}
	return n.apply
}

// cleanText removes controls and U+FFFD and makes every blank a space.
func cleanText(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t', r == '\n', r == '\r':
			return ' '
		case r == 0, r == utf8.RuneError:
			return -1
		}
		switch c := classOf(r); {
		case c&classC != 0:
			return -1
		case c&classSpace != 0:
			return ' '
		}
		return r
	}, text)
}

// ideographs are the blocks that BERT puts spaces around.
var ideographs = &unicode.RangeTable{
	R16: []unicode.Range16{{Lo: 0x3400, Hi: 0x4DBF, Stride: 1}, {Lo: 0x4E00, Hi: 0x9FFF, Stride: 1}, {Lo: 0xF900, Hi: 0xFAFF, Stride: 1}},
	R32: []unicode.Range32{
		{Lo: 0x20000, Hi: 0x2A6DF, Stride: 1},
		{Lo: 0x2A700, Hi: 0x2B73F, Stride: 1},
		{Lo: 0x2B740, Hi: 0x2B81F, Stride: 1},
		{Lo: 0x2B920, Hi: 0x2CEAF, Stride: 1},
		{Lo: 0x2F800, Hi: 0x2FA1F, Stride: 1},
	},
}

func spaceIdeographs(text string) string {
	var b strings.Builder
	for _, r := range text {
		if unicode.Is(ideographs, r) {
			b.WriteByte(' ')
			b.WriteRune(r)
			b.WriteByte(' ')
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}
