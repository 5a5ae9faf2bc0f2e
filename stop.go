package blitz

import (
	"fmt"
	"strings"
)

// stopTexts looks for texts that end an answer.
type stopTexts struct {
	texts []string
	held  string // text that may be the beginning of one
}

// Bounds of the stop texts of a request.
const (
	maxStops    = 1024
	maxStopText = 4 << 10 // bytes of all: looking for their beginnings takes the square
)

// check says what is wrong with the texts.
func (s *stopTexts) check() error {
	size := 0
	for i, text := range s.texts {
		if text == "" {
			return fmt.Errorf("blitz: stop text %d is empty: %w", i, ErrOption)
		}
		size += len(text)
	}
	if len(s.texts) > maxStops || size > maxStopText {
		return fmt.Errorf("blitz: %d stop texts of %d bytes, want at most %d and %d: %w", len(s.texts), size, maxStops, maxStopText, ErrOption)
	}
	return nil
}

// before takes text in and returns what is certain not to be part of a stop text, and
// the stop text that came.
func (s *stopTexts) before(piece string) (text, found string) {
	if len(s.texts) == 0 {
		return piece, ""
	}
	text = s.held + piece
	first := -1
	for _, stop := range s.texts {
		if i := strings.Index(text, stop); i >= 0 && (first < 0 || i < first) {
			first, found = i, stop
		}
	}
	if first >= 0 {
		s.held = ""
		return text[:first], found
	}
	keep := 0
	for _, stop := range s.texts {
		for n := min(len(stop)-1, len(text)); n > keep; n-- {
			if strings.HasSuffix(text, stop[:n]) {
				keep = n
			}
		}
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
