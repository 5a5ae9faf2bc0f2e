package blitz

import "fmt"

// stopTexts looks for texts that end an answer, each by the method of Knuth, Morris and
// Pratt, so that long ones cost no more than short ones. A copy that was not used yet is
// another's.
type stopTexts struct {
	texts   []string
	borders [][]int32 // of each text: how much of its first i+1 bytes is, at their end, its beginning once more
	matched []int     // how much of each text the last bytes are; nil: nothing was looked at
	held    string    // text that may be the beginning of one
}

// Bounds of the stop texts of a request.
const (
	maxStops    = 1024
	maxStopText = 256 << 10 // bytes of all
)

// newStopTexts returns what looks for texts.
func newStopTexts(texts []string) (stopTexts, error) {
	s := stopTexts{texts: texts}
	size := 0
	for i, text := range texts {
		if text == "" {
			return s, fmt.Errorf("blitz: stop text %d is empty: %w", i, ErrOption)
		}
		size += len(text)
	}
	if len(texts) > maxStops || size > maxStopText {
		return s, fmt.Errorf("blitz: %d stop texts of %d bytes, want at most %d and %d: %w", len(texts), size, maxStops, maxStopText, ErrOption)
	}
	for _, text := range texts {
		s.borders = append(s.borders, bordersOf(text))
	}
	return s, nil
}

// bordersOf returns the borders of a text.
func bordersOf(text string) []int32 {
	borders := make([]int32, len(text))
	for i := 1; i < len(text); i++ {
		borders[i] = int32(further(text, borders, int(borders[i-1]), text[i]))
	}
	return borders
}

// further returns how much of a text the last bytes are, of which n were, with one more.
func further(text string, borders []int32, n int, next byte) int {
	for n > 0 && (n == len(text) || text[n] != next) {
		n = int(borders[n-1])
	}
	if text[n] == next {
		n++
	}
	return n
}

// before takes text in and returns what is certain not to be part of a stop text, and
// the stop text that came.
func (s *stopTexts) before(piece string) (text, found string) {
	if len(s.texts) == 0 {
		return piece, ""
	}
	if s.matched == nil {
		s.matched = make([]int, len(s.texts))
	}
	text = s.held + piece
	first, keep := -1, 0
	for k, stop := range s.texts {
		n := s.matched[k]
		for i := 0; i < len(piece) && n < len(stop); i++ {
			n = further(stop, s.borders[k], n, piece[i])
			if at := len(s.held) + i + 1 - len(stop); n == len(stop) && (first < 0 || at < first) {
				first, found = at, stop
			}
		}
		s.matched[k] = n
		keep = max(keep, n)
	}
	if first >= 0 {
		s.held = ""
		return text[:first], found
	}
	s.held = text[len(text)-keep:]
	return text[:len(text)-keep], ""
}

// rest returns what is held back.
func (s *stopTexts) rest() string {
	held := s.held
	s.held = ""
	return held
}
