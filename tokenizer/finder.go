package tokenizer

import "unicode/utf8"

// A span is a part of a text: byte offsets, end excluded.
type span struct{ start, end int32 }

func (s span) of(text string) string { return text[s.start:s.end] }

// A finder finds the matches of one pattern.
type finder interface {
	// find appends the matches in the part s of text to dst, in ascending
	// order and without overlap, as offsets into text. The work counts against b. The part is a text of
	// its own: nothing outside it is looked at.
	find(dst []span, text string, s span, b *bounds) ([]span, error)
}

// A skipper is a finder that can tell at a glance that a part has no match.
type skipper interface {
	absent(part string) bool
}

// A scanner returns the end of the match that begins at text[i], or i if none
// does.
type scanner func(text string, i int) int

func (next scanner) find(dst []span, text string, s span, _ *bounds) ([]span, error) {
	part := s.of(text)
	for i := 0; i < len(part); {
		j := next(part, i)
		if j == i {
			i += charLen(part, i)
			continue
		}
		dst = append(dst, span{s.start + int32(i), s.start + int32(j)})
		i = j
	}
	return dst, nil
}

// charLen returns the length in bytes of the character at text[i].
func charLen(text string, i int) int {
	if text[i] < utf8.RuneSelf {
		return 1
	}
	_, n := utf8.DecodeRuneInString(text[i:])
	return n
}

// runEnd returns the end of the run of characters of classes c that begins at
// text[i]; it is i if there is none.
func runEnd(text string, i int, c class) int {
	for i < len(text) {
		k, n := classAt(text, i)
		if k&c == 0 {
			break
		}
		i += n
	}
	return i
}

// runEndExcept is runEnd for the characters outside of the classes c.
func runEndExcept(text string, i int, c class) int {
	for i < len(text) {
		k, n := classAt(text, i)
		if k&c != 0 {
			break
		}
		i += n
	}
	return i
}
