package tokenizer

import (
	"strconv"
	"strings"
)

// A runScan is a pattern of the form C, C+, C{1,n}, " ?C+" or \s?C+, where C
// is one character class. Lists of such patterns make up the splits of the
// first DeepSeek models.
type runScan struct {
	lead *runeSet // may stand in front of the run; nil if nothing may
	set  *runeSet
	max  int // at most so many characters; 0: no limit
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
	return s, true
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

// scanTrailingBlanks is \s+$, where $ also matches in front of a newline.
func scanTrailingBlanks(text string, i int) int {
	end := runEnd(text, i, classSpace)
	if end == len(text) {
		return end
	}
	if k := strings.LastIndexByte(text[i:end], '\n'); k > 0 {
		return i + k
	}
	return i
}
