package history

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// wordsVersion names what words makes of a text: the index is made anew where it was made
// with another one.
const wordsVersion = "1 " + unicode.Version + " " + norm.Version

// maxWord bounds a word, in bytes: what is behind it is not looked at.
const maxWord = 64

// solid are scripts that do not put spaces between words: each character is a word, and a
// word that is looked for is characters that follow each other.
var solid = []*unicode.RangeTable{
	unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Bopomofo, unicode.Yi, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar,
	unicode.Tibetan, unicode.Javanese, unicode.Balinese, unicode.Tai_Tham, unicode.New_Tai_Lue, unicode.So,
}

// kind is what a character is to words.
type kind int

const (
	between kind = iota // no part of a word
	within              // of a word
	mark                // of the word or of the character before
	alone               // a word of its own
)

func kindOf(r rune) kind {
	switch {
	case r < utf8.RuneSelf:
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return within
		}
		return between
	case r == utf8.RuneError:
		return between
	case unicode.Is(unicode.M, r):
		return mark
	case r == 'ー' || r == 'ｰ' || unicode.In(r, solid...):
		return alone
	case unicode.IsLetter(r) || unicode.IsNumber(r):
		return within
	}
	return between
}

// words calls yield with each word of a text as it is indexed, and where it stands,
// in bytes, until yield returns false.
func words(text string, yield func(word string, start, end int) bool) {
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		k := kindOf(r)
		if k != within && k != alone {
			i += size
			continue
		}
		end := i + size
		for end < len(text) {
			r, size := utf8.DecodeRuneInString(text[end:])
			if next := kindOf(r); next != mark && (next != within || k == alone) {
				break
			}
			end += size
		}
		if w := plain(text[i:end]); w != "" && !yield(w, i, end) {
			return
		}
		i = end
	}
}

// plain returns a word without case, accents and the forms of characters that stand for
// others: letters, digits and marks alone.
func plain(word string) string {
	ascii := true
	for i := 0; i < len(word); i++ {
		if word[i] >= utf8.RuneSelf {
			ascii = false
			break
		}
	}
	if ascii {
		return strings.ToLower(word[:min(len(word), maxWord)])
	}
	if len(word) > 4*maxWord {
		word = cutBytes(word, 4*maxWord)
	}
	word = strings.Map(func(r rune) rune {
		switch {
		case isAccent(r) || kindOf(r) == between:
			return -1
		case r == 'ς':
			return 'σ'
		}
		return unicode.ToLower(r)
	}, norm.NFKD.String(strings.ReplaceAll(word, "ß", "ss")))
	return cutBytes(word, maxWord)
}

// isAccent says whether a mark makes no other word: those of European scripts, the points
// of Hebrew and the vowels of Arabic.
func isAccent(r rune) bool {
	return r >= 0x300 && r <= 0x36f || r >= 0x591 && r <= 0x5c7 || r >= 0x610 && r <= 0x61a || r >= 0x64b && r <= 0x65f || r == 0x670 || r >= 0x6d6 && r <= 0x6ed
}

// cutBytes returns a text, cut to so many bytes between two characters.
func cutBytes(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most]
}

// indexed returns texts as the index has them: their words with spaces between.
func indexed(texts ...string) string {
	var b strings.Builder
	for _, t := range texts {
		words(t, func(w string, _, _ int) bool {
			if b.Len() > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(w)
			return true
		})
	}
	return b.String()
}
