package tokenizer

import (
	"fmt"
	"strings"
	"sync"
	"unicode"
)

// A regexpFinder finds the matches of a pattern that has no hand-written scanner.
// Its work is counted, since a hostile pattern could go on for ever: the steps that
// a text may take are its bounds'.
type regexpFinder struct {
	pattern  string
	program  *program
	machines sync.Pool
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
	p, err := compile(pattern)
	if err != nil {
		return nil, err
	}
	return &regexpFinder{pattern: pattern, program: p}, nil
}

func (f *regexpFinder) find(dst []span, text string, s span, b *bounds) ([]span, error) {
	m, _ := f.machines.Get().(*machine)
	if m == nil {
		m = &machine{program: f.program, regs: make([]int32, f.program.registers)}
	}
	m.text, m.steps = s.of(text), b.steps
	n := len(dst)
	dst, err := m.matches(dst)
	b.steps = max(m.steps, 0)
	m.text = ""
	if cap(m.stack) <= maxKeptSymbols {
		f.machines.Put(m)
	}
	if err != nil {
		return dst, fmt.Errorf("pattern %.60q: %w", f.pattern, err)
	}
	for i := range dst[n:] {
		dst[n+i].start += s.start
		dst[n+i].end += s.start
	}
	return dst, nil
}

// matches appends the matches in the text: the leftmost, and behind it the next. An
// empty one that begins where the last one ends is none.
func (m *machine) matches(dst []span) ([]span, error) {
	last := int32(-1)
	for i := int32(0); int(i) <= len(m.text); {
		if m.filtered && (int(i) == len(m.text) || !m.first[m.text[i]]) {
			if int(i) == len(m.text) {
				break
			}
			i += int32(charLen(m.text, int(i)))
			continue
		}
		for k := range m.regs {
			m.regs[k] = -1
		}
		m.stack = m.stack[:0]
		end, ok, err := m.run(0, i)
		switch {
		case err != nil:
			return dst, err
		case ok && (end > i || end != last):
			dst = append(dst, span{i, end})
			last = end
		}
		switch {
		case ok && end > i:
			i = end
		case int(i) == len(m.text):
			return dst, nil
		default:
			i += int32(charLen(m.text, int(i)))
		}
	}
	return dst, nil
}

// equalFold reports whether two characters are the same in another case.
func equalFold(a, b rune) bool {
	for f := unicode.SimpleFold(a); f != a; f = unicode.SimpleFold(f) {
		if f == b {
			return true
		}
	}
	return false
}

// A literalFinder finds a string. The empty string stands at every character
// boundary.
type literalFinder string

func (f literalFinder) find(dst []span, text string, s span, _ *bounds) ([]span, error) {
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
