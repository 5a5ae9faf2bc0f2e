package reward

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"unicode"

	"github.com/blitz-r1/blitz/internal/message"
)

// scripts are what languages are written in. Between languages of one script nothing is told
// apart.
var scripts = map[string][]*unicode.RangeTable{
	"en": {unicode.Latin}, "de": {unicode.Latin}, "fr": {unicode.Latin}, "es": {unicode.Latin}, "it": {unicode.Latin}, "pt": {unicode.Latin}, "nl": {unicode.Latin},
	"pl": {unicode.Latin}, "tr": {unicode.Latin}, "vi": {unicode.Latin}, "id": {unicode.Latin}, "sv": {unicode.Latin}, "cs": {unicode.Latin}, "fi": {unicode.Latin},
	"zh": {unicode.Han, unicode.Bopomofo}, "ja": {unicode.Han, unicode.Hiragana, unicode.Katakana}, "ko": {unicode.Hangul},
	"ru": {unicode.Cyrillic}, "uk": {unicode.Cyrillic}, "bg": {unicode.Cyrillic}, "el": {unicode.Greek}, "ar": {unicode.Arabic}, "fa": {unicode.Arabic},
	"he": {unicode.Hebrew}, "hi": {unicode.Devanagari}, "th": {unicode.Thai}, "ka": {unicode.Georgian}, "hy": {unicode.Armenian}, "ta": {unicode.Tamil}, "bn": {unicode.Bengali},
}

// languages are the names of scripts.
func languages() []string { return slices.Sorted(maps.Keys(scripts)) }

// language is the share of words that are of a language's script: DeepSeek-AI, "DeepSeek-R1",
// 2025, section 2.3.2, rewards "the proportion of target language words" of the reasoning. A
// text without words has none in another language: 1.
func language(name, part string) Func {
	return func(_ context.Context, s *Sample) (Score, error) {
		wanted := name
		if wanted == "" {
			var err error
			if wanted, err = s.text("language"); err != nil {
				return Score{}, fmt.Errorf("language of the example: %w", err)
			}
		}
		tables, ok := scripts[wanted]
		if !ok {
			return Score{}, fmt.Errorf("language of the example is %s, want one of %v", message.Quote(wanted), languages())
		}
		text, _ := s.part(part)
		words, of := countWords(text, tables)
		if words == 0 {
			return Score{Value: 1}, nil
		}
		return Score{Value: float64(of) / float64(words)}, nil
	}
}

// countWords counts words, and those whose letters are all of some scripts. A word is a run
// of letters; in scripts without spaces between words each character is one.
func countWords(text string, tables []*unicode.RangeTable) (words, of int) {
	inside, ours := false, true
	end := func() {
		if inside {
			words++
			if ours {
				of++
			}
		}
		inside, ours = false, true
	}
	for _, r := range text {
		switch {
		case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai):
			end()
			inside, ours = true, unicode.In(r, tables...)
			end()
		case unicode.IsLetter(r):
			inside = true
			ours = ours && unicode.In(r, tables...)
		case inside && (unicode.Is(unicode.Mn, r) || r == '\'' || r == '’'): // within a word
		default:
			end()
		}
	}
	end()
	return words, of
}
