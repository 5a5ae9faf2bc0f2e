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
		return Score{Value: share(countWords(text, tables))}, nil
	}
}

// share returns which part of the words is of a language; a text without words is.
func share(words, of int) float64 {
	if words == 0 {
		return 1
	}
	return float64(of) / float64(words)
}

// LanguageShare returns the share of words of a text that are of a language's script, as the
// reward of kind language has it, and how many words there are. The language is one that
// rewards know.
func LanguageShare(name, text string) (of float64, words int) {
	words, ours := countWords(text, scripts[name])
	return share(words, ours), words
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
