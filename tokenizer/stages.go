package tokenizer

import (
	"fmt"
	"strings"
)

// pieces are the parts of a text that a model encodes one by one. What lies
// between the spans is not encoded.
type pieces struct {
	text  string
	spans []span
	first bool // the first span begins where the whole text begins
}

// A stage splits or rewrites every piece.
type stage interface {
	apply(e *encoder) error
}

// A splitBehavior says what becomes of the matches of a splitting pattern.
type splitBehavior uint8

const (
	splitIsolated splitBehavior = iota // pieces of their own
	splitRemoved                       // left out
	splitMergedWithPrevious
	splitMergedWithNext
	splitContiguous // neighbouring matches are one piece
)

// A splitStage splits pieces by a pattern.
type splitStage struct {
	finder   finder
	behavior splitBehavior
	invert   bool // what is between the matches counts as the matches
}

func (s *splitStage) apply(e *encoder) error {
	p := &e.pieces
	out := e.spare[:0]
	skip, _ := s.finder.(skipper)
	if s.behavior != splitIsolated {
		skip = nil
	}
	for i, whole := range p.spans {
		if skip != nil && skip.absent(whole.of(p.text)) {
			out = append(out, whole)
			continue
		}
		matches, err := s.finder.find(e.matches[:0], p.text, whole, &e.bounds)
		e.matches = matches
		if err != nil {
			return err
		}
		n := len(out)
		if s.behavior == splitIsolated || s.behavior == splitRemoved && s.invert && covers(matches, whole) {
			out = isolate(out, matches, whole)
		} else {
			out = s.split(out, matches, whole)
		}
		if i == 0 && (len(out) == n || out[n].start != whole.start) {
			p.first = false
		}
	}
	p.spans, e.spare = out, p.spans
	return nil
}

// covers reports whether the matches leave nothing out.
func covers(matches []span, whole span) bool {
	at := whole.start
	for _, m := range matches {
		if m.start != at {
			return false
		}
		at = m.end
	}
	return at == whole.end
}

// isolate appends the matches and what lies between them.
func isolate(out, matches []span, whole span) []span {
	at := whole.start
	for _, m := range matches {
		if m.start > at {
			out = append(out, span{at, m.start})
		}
		if m.end > m.start {
			out = append(out, m)
		}
		at = m.end
	}
	if whole.end > at {
		out = append(out, span{at, whole.end})
	}
	return out
}

// split appends the pieces that the behavior makes of the matches.
func (s *splitStage) split(out, matches []span, whole span) []span {
	n := len(out)
	at, last := whole.start, false
	part := func(x span, match bool) {
		match = match != s.invert
		switch {
		case s.behavior == splitRemoved:
			if !match {
				out = append(out, x)
			}
		case s.behavior == splitContiguous && match == last && len(out) > n,
			s.behavior == splitMergedWithPrevious && match && !last && len(out) > n,
			s.behavior == splitMergedWithNext && !match && last && len(out) > n:
			out[len(out)-1].end = x.end
		default:
			out = append(out, x)
		}
		last = match
	}
	for _, m := range matches {
		if m.start > at {
			part(span{at, m.start}, false)
		}
		part(m, true)
		at = m.end
	}
	if whole.end > at {
		part(span{at, whole.end}, false)
	}
	kept := out[:n]
	for _, x := range out[n:] {
		if x.end > x.start {
			kept = append(kept, x)
		}
	}
	return kept
}

// A rewriteStage writes every piece anew.
type rewriteStage func(dst []byte, piece string, first bool) []byte

func (f rewriteStage) apply(e *encoder) error {
	p := &e.pieces
	var text []byte
	out := e.spare[:0]
	for i, s := range p.spans {
		n := len(text)
		text = f(text, s.of(p.text), i == 0 && p.first)
		if len(text) > e.bounds.size {
			return fmt.Errorf("pre_tokenizer: a text of %d bytes: %w: it grows to more than %d", len(p.text), ErrTooLong, e.bounds.size)
		}
		if len(text) > n {
			out = append(out, span{int32(n), int32(len(text))})
		}
	}
	p.text = string(text)
	p.spans, e.spare = out, p.spans
	return nil
}

// prefixSpace puts a space in front of pieces that do not begin with one.
func prefixSpace(dst []byte, piece string, _ bool) []byte {
	if piece[0] != ' ' {
		dst = append(dst, ' ')
	}
	return append(dst, piece...)
}

// A prependScheme says which pieces get a blank in front.
type prependScheme uint8

const (
	prependAlways prependScheme = iota
	prependFirst                // the one where the text begins
	prependNever
)

// metaspace returns the stages of a Metaspace pre-tokenizer: spaces become the
// replacement, and pieces begin with one.
func metaspace(replacement string, scheme prependScheme, split bool) []stage {
	stages := []stage{rewriteStage(func(dst []byte, piece string, first bool) []byte {
		prepend := scheme == prependAlways || scheme == prependFirst && first
		if prepend && piece[0] != ' ' && !strings.HasPrefix(piece, replacement) {
			dst = append(dst, replacement...)
		}
		for i := range len(piece) {
			if piece[i] == ' ' {
				dst = append(dst, replacement...)
			} else {
				dst = append(dst, piece[i])
			}
		}
		return dst
	})}
	if split {
		stages = append(stages, &splitStage{finder: literalFinder(replacement), behavior: splitMergedWithNext})
	}
	return stages
}

// spellStage writes pieces in byte-level characters, for the stages that come
// behind a ByteLevel stage, and unspellStage turns them back.
var (
	spellStage = rewriteStage(func(dst []byte, piece string, _ bool) []byte {
		return appendSpelled(dst, piece)
	})
	unspellStage = rewriteStage(func(dst []byte, piece string, _ bool) []byte {
		raw, _ := appendUnspelled(dst, piece)
		return raw
	})
)
