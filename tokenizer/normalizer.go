package tokenizer

import (
	"fmt"
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

// A normalStep rewrites text before it is split, within its bounds: beyond them it
// is ErrTooLong. It is cut if what the text began with was taken away.
type normalStep func(text string, b *bounds) (out string, cut bool, err error)

// A normalizer is a list of steps with their names.
type normalizer []namedStep

type namedStep struct {
	name string
	step normalStep
}

func (n normalizer) apply(text string, b *bounds) (out string, cut bool, err error) {
	for _, s := range n {
		from, more := len(text), false
		if text, more, err = s.step(text, b); err == nil && len(text) > b.size {
			err = ErrTooLong
		}
		if err != nil {
			return "", cut, fmt.Errorf("normalizer %s: a text of %d bytes: %w", s.name, from, err)
		}
		cut = cut || more
	}
	return text, cut, nil
}

// wholeStep makes a step of a function that cuts nothing.
func wholeStep(f func(text string, size int) (string, error)) normalStep {
	return func(text string, b *bounds) (string, bool, error) {
		out, err := f(text, b.size)
		return out, false, err
	}
}

// plainStep makes a step of a function that cuts nothing and cannot fail: it makes
// at most four bytes of one.
func plainStep(f func(string) string) normalStep {
	return func(text string, _ *bounds) (string, bool, error) { return f(text), false, nil }
}

// blankNormalizer writes spaces as ▁.
func blankNormalizer() normalizer {
	return normalizer{{"Replace", replaceStep(literalFinder(" "), blank)}}
}

// mapStep makes a step of a function that gives each character its like, or -1
// to remove it.
func mapStep(f func(rune) rune) normalStep {
	return func(text string, _ *bounds) (string, bool, error) {
		first, n := utf8.DecodeRuneInString(text)
		return strings.Map(f, text), n > 0 && f(first) < 0, nil
	}
}

// formStep brings text into a Unicode normal form. Compatibility forms make up to
// 18 characters of one.
func formStep(form norm.Form) normalStep {
	return wholeStep(func(text string, size int) (string, error) {
		if form == norm.NFC || form == norm.NFD || 18*len(text) <= size {
			return form.String(text), nil
		}
		var it norm.Iter
		var b strings.Builder
		for it.InitString(form, text); !it.Done(); {
			if b.Len() > size {
				return "", ErrTooLong
			}
			b.Write(it.Next())
		}
		return b.String(), nil
	})
}

// prependStep puts a string in front of every text that is not empty.
func prependStep(prefix string) normalStep {
	return plainStep(func(text string) string {
		if text == "" {
			return text
		}
		return prefix + text
	})
}

// replaceStep replaces each match of a pattern. In place of a match at the
// beginning, what is put in counts for the last character of the match.
func replaceStep(f finder, with string) normalStep {
	cuts := func(match string) bool {
		n := utf8.RuneCountInString(match)
		return n > 1 || n == 1 && with == ""
	}
	if lit, ok := f.(literalFinder); ok && lit != "" {
		return func(text string, b *bounds) (string, bool, error) {
			if len(with) > len(lit) && len(text)+strings.Count(text, string(lit))*(len(with)-len(lit)) > b.size {
				return text, false, ErrTooLong
			}
			return strings.ReplaceAll(text, string(lit), with), strings.HasPrefix(text, string(lit)) && cuts(string(lit)), nil
		}
	}
	return func(text string, b *bounds) (string, bool, error) {
		matches, err := f.find(nil, text, span{0, int32(len(text))}, b)
		if err != nil || len(matches) == 0 {
			return text, false, err
		}
		size := len(text) + len(matches)*len(with)
		for _, m := range matches {
			size -= int(m.end - m.start)
		}
		if size > b.size {
			return text, false, ErrTooLong
		}
		var out strings.Builder
		out.Grow(size)
		at := int32(0)
		for _, m := range matches {
			out.WriteString(text[at:m.start])
			out.WriteString(with)
			at = m.end
		}
		out.WriteString(text[at:])
		return out.String(), matches[0].start == 0 && cuts(matches[0].of(text)), nil
	}
}

// stripStep removes blanks at the ends.
func stripStep(left, right bool) normalStep {
	return func(text string, _ *bounds) (string, bool, error) {
		n := len(text)
		if left {
			text = trimBlanksLeft(text)
		}
		cut := len(text) < n
		if right {
			text = trimBlanksRight(text)
		}
		return text, cut, nil
	}
}

// dropStep removes the characters of classes c.
func dropStep(c class) normalStep {
	return mapStep(func(r rune) rune {
		if classOf(r)&c != 0 {
			return -1
		}
		return r
	})
}

// lowerStep maps letters to lower case one by one. Only U+0130 becomes two
// characters.
func lowerStep() normalStep {
	dotted := strings.NewReplacer("\u0130", "i\u0307")
	return plainStep(func(text string) string { return strings.Map(lower, dotted.Replace(text)) })
}

// lower is unicode.ToLower with the letters that Unicode 16 and 17 added.
func lower(r rune) rune {
	switch {
	case r < 0x1C89:
	case r == 0x1C89, r == 0xA7CC, r == 0xA7CE, r == 0xA7D2, r == 0xA7D4, r == 0xA7DA:
		return r + 1
	case r == 0xA7CB:
		return 0x264
	case r == 0xA7DC:
		return 0x19B
	case r >= 0x10D50 && r <= 0x10D65:
		return r + 0x20
	case r >= 0x16EA0 && r <= 0x16EB8:
		return r + 0x1B
	}
	return unicode.ToLower(r)
}

// cleanNMT is SentencePiece's "nmt" rule: it removes controls and makes blanks
// of the characters that look like them.
func cleanNMT(r rune) rune {
	switch {
	case r >= 1 && r <= 8, r == 0xB, r >= 0xE && r <= 0x1F, r == 0x7F, r == 0x8F, r == 0x9F:
		return -1
	case r == '\t', r == '\n', r == '\f', r == '\r', r == 0x1680, r >= 0x200B && r <= 0x200F,
		r == 0x2028, r == 0x2029, r == 0x2581, r == 0xFEFF, r == utf8.RuneError:
		return ' '
	}
	return r
}

// bertSteps are the normalizer of BERT.
func bertSteps(clean, cjk, accents, lower bool) []normalStep {
	var steps []normalStep
	if clean {
		steps = append(steps, mapStep(cleanBERT))
	}
	if cjk {
		steps = append(steps, plainStep(spaceIdeographs))
	}
	if accents {
		steps = append(steps, formStep(norm.NFD), dropStep(classMn))
	}
	if lower {
		steps = append(steps, lowerStep())
	}
	return steps
}

// cleanBERT removes controls and U+FFFD and makes every blank a space.
func cleanBERT(r rune) rune {
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
