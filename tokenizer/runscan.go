package tokenizer

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// A runScan is a pattern of the form C, C+, C{1,n}, " ?C+" or \s?C+, where C
// is one character class. Lists of such patterns make up the splits of the
// first DeepSeek models.
type runScan struct {
	lead *runeSet // may stand in front of the run; nil if nothing may
	set  *runeSet
	max  int // at most so many characters; 0: no limit
	// bytes holds the bytes that a character of the set can begin with: of
	// characters beyond ASCII, every one. Each match has such a byte.
	bytes [256]bool
}

// A runChoice is several of them, of which at each place the first counts that
// matches.
type runChoice []*runScan

// parseRuns reads a pattern of that form, or several with | between; false if it
// is another.
func parseRuns(pattern string) (finder, bool) {
	var runs runChoice
	for from, i, bracket := 0, 0, false; i <= len(pattern); i++ {
		switch {
		case i == len(pattern) || pattern[i] == '|' && !bracket:
			s, ok := parseRun(pattern[from:i])
			if !ok {
				return nil, false
			}
			runs, from = append(runs, s), i+1
		case pattern[i] == '\\':
			i++
		case pattern[i] == '[':
			bracket = true
		case pattern[i] == ']':
			bracket = false
		}
	}
	if len(runs) == 1 {
		return runs[0], true
	}
	return runs, true
}

func (c runChoice) find(dst []span, text string, at span, b *bounds) ([]span, error) {
	return scanner(func(text string, i int) int {
		for _, s := range c {
			if j := s.next(text, i); j > i {
				return j
			}
		}
		return i
	}).find(dst, text, at, b)
}

func (c runChoice) absent(part string) bool {
	for _, s := range c {
		if !s.absent(part) {
			return false
		}
	}
	return true
}

// parseRun reads a pattern of that form; false if it is another.
func parseRun(pattern string) (*runScan, bool) {
	s := new(runScan)
	var rest string
	var ok bool
	if s.set, rest, ok = parseSet(pattern); !ok {
		return nil, false
	}
	if strings.HasPrefix(rest, "?") {
		s.lead = s.set
		if s.set, rest, ok = parseSet(rest[1:]); !ok || rest != "+" {
			return nil, false
		}
	}
	switch {
	case rest == "":
		s.max = 1
	case rest == "+":
	case strings.HasPrefix(rest, "{1,") && strings.HasSuffix(rest, "}"):
		n, err := strconv.Atoi(rest[len("{1,") : len(rest)-1])
		if err != nil || n < 1 || n > 1000 {
			return nil, false
		}
		s.max = n
	default:
		return nil, false
	}
	for b := range s.bytes {
		s.bytes[b] = b >= utf8.RuneSelf || s.set.ascii[b]
	}
	return s, true
}

func (s *runScan) absent(part string) bool {
	for i := range len(part) {
		if s.bytes[part[i]] {
			return false
		}
	}
	return true
}

func (s *runScan) find(dst []span, text string, at span, b *bounds) ([]span, error) {
	return scanner(s.next).find(dst, text, at, b)
}

func (s *runScan) next(text string, i int) int {
	if s.lead != nil {
		if in, n := s.lead.at(text, i); in {
			if j := s.run(text, i+n); j > i+n {
				return j
			}
		}
	}
	return s.run(text, i)
}

// run returns the end of the run at text[i].
func (s *runScan) run(text string, i int) int {
	for k := 0; s.max == 0 || k < s.max; k++ {
		in, n := s.set.at(text, i)
		if !in {
			break
		}
		i += n
	}
	return i
}

// trailingBlanks finds \s+$, where $ also matches in front of a newline.
type trailingBlanks struct{}

func (trailingBlanks) absent(part string) bool {
	last := part[len(part)-1]
	return last < utf8.RuneSelf && asciiClass[last]&classSpace == 0 && strings.IndexByte(part, '\n') < 0
}

func (t trailingBlanks) find(dst []span, text string, at span, b *bounds) ([]span, error) {
	return scanner(t.next).find(dst, text, at, b)
}

func (trailingBlanks) next(text string, i int) int {
	end := runEnd(text, i, classSpace)
	if end == len(text) {
		return end
	}
	if k := strings.LastIndexByte(text[i:end], '\n'); k > 0 {
		return i + k
	}
	return i
}
