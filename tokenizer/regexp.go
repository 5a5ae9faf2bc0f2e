package tokenizer

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dlclark/regexp2/v2"
)

// Limits of the patterns that have no hand-written scanner. They run on a
// backtracking engine, so a hostile pattern may take for ever: it ends in
// ErrTimeLimit.
const (
	regexpMatchTime  = 2 * time.Second      // for one match
	regexpBaseTime   = 5 * time.Second      // for one text …
	regexpTimeByte   = 5 * time.Microsecond // … and so much for each byte of it
	regexpStack      = 4 << 20              // numbers on the backtracking stack
	maxPatternLength = 8 << 10              // bytes
)

// A regexpFinder runs a pattern on the backtracking engine.
type regexpFinder struct {
	pattern string
	re      *regexp2.Regexp
}

// newFinder returns the finder of a pattern: its hand-written scanner if it
// has one, else the engine.
func newFinder(pattern string) (finder, error) {
	if f := knownFinder(pattern); f != nil {
		return f, nil
	}
	return compileRegexp(pattern)
}

func compileRegexp(pattern string) (*regexpFinder, error) {
	translated, err := translate(pattern)
	if err != nil {
		return nil, err
	}
	re, err := regexp2.Compile(translated, regexp2.OptionMaxBacktrackingStackSize(regexpStack))
	if err != nil {
		return nil, fmt.Errorf("pattern %.60q: %w: %w", pattern, ErrDamaged, err)
	}
	re.MatchTimeout = regexpMatchTime
	return &regexpFinder{pattern, re}, nil
}

func (f *regexpFinder) find(dst []span, text string, s span) ([]span, error) {
	part := s.of(text)
	runes := []rune(part)
	deadline := time.Now().Add(regexpBaseTime + regexpTimeByte*time.Duration(len(part)))
	late := false
	at, offset := 0, int(s.start) // rune and byte index of the same place
	seek := func(k int) int32 {
		for ; at < k; at++ {
			offset += utf8.RuneLen(runes[at])
		}
		return int32(offset)
	}
	found := 0
	err := f.re.FindRunesMatches(runes, 0, func(m regexp2.MatchView) bool {
		index, n, _ := m.GroupRange(0)
		start := seek(index)
		dst = append(dst, span{start, seek(index + n)})
		if found++; found%256 == 0 {
			late = time.Now().After(deadline)
		}
		return !late
	})
	switch {
	case late:
		return dst, fmt.Errorf("pattern %.60q: %w", f.pattern, ErrTimeLimit)
	case err != nil:
		return dst, fmt.Errorf("pattern %.60q: %w: %w", f.pattern, ErrTimeLimit, err)
	}
	return dst, nil
}

// A literalFinder finds a string. The empty string stands at every character
// boundary.
type literalFinder string

func (f literalFinder) find(dst []span, text string, s span) ([]span, error) {
	part := s.of(text)
	for i := 0; i < len(part); {
		if f == "" {
			dst = append(dst, span{s.start + int32(i), s.start + int32(i)})
			i += charLen(part, i)
			continue
		}
		k := strings.Index(part[i:], string(f))
		if k < 0 {
			break
		}
		k += i
		i = k + len(f)
		dst = append(dst, span{s.start + int32(k), s.start + int32(i)})
	}
	return dst, nil
}
