package tokenizer

import (
	"slices"
	"unicode/utf8"
)

// A charSet is a set of characters, made to be asked.
type charSet struct {
	ascii  [utf8.RuneSelf]bool
	ranges []charRange // beyond ASCII, in ascending order and apart
}

type charRange struct{ lo, hi rune }

func (s *charSet) addRange(lo, hi rune) {
	for r := lo; r <= min(hi, utf8.RuneSelf-1); r++ {
		s.ascii[r] = true
	}
	if hi >= utf8.RuneSelf {
		s.ranges = append(s.ranges, charRange{max(lo, utf8.RuneSelf), hi})
	}
}

func (s *charSet) sorted() *charSet {
	slices.SortFunc(s.ranges, func(a, b charRange) int { return int(a.lo - b.lo) })
	return s
}

// at returns the length of the character at text[i] if it is in the set, else 0.
func (s *charSet) at(text string, i int) int {
	if i >= len(text) {
		return 0
	}
	if b := text[i]; b < utf8.RuneSelf {
		if s.ascii[b] {
			return 1
		}
		return 0
	}
	r, n := utf8.DecodeRuneInString(text[i:])
	if s.has(r) {
		return n
	}
	return 0
}

// has is at for a character beyond ASCII.
func (s *charSet) has(r rune) bool {
	lo, hi := 0, len(s.ranges)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if s.ranges[mid].hi < r {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo < len(s.ranges) && s.ranges[lo].lo <= r
}
