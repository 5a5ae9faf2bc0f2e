package tokenizer

import (
	"fmt"
	"sort"
	"strings"
)

// A Part is a stretch of a text. Plain says that it comes from outside: it has no
// control tokens, nor any that begins or ends in what is beside it.
type Part struct {
	Text  string
	Plain bool
}

// EncodeParts returns the ids of a text that is given in parts. They are those of
// Encode for the joined text, but that control tokens in or across plain parts
// are read as ordinary text: where one part ends and the next begins leaves no
// trace. With Plain in f, all parts are. The errors are those of Encode.
//
// A tokenizer whose control tokens are looked for in normalized text is the
// exception: there each part is encoded by itself.
func (t *Tokenizer) EncodeParts(parts []Part, f Flags) ([]int32, error) {
	var b strings.Builder
	var c cover
	for _, p := range parts {
		if n := b.Len() + len(p.Text); n > MaxText {
			return nil, fmt.Errorf("tokenizer: %w: %d bytes, want at most %d", ErrTooLong, n, MaxText)
		}
		from := b.Len()
		b.WriteString(validText(p.Text))
		if p.Plain {
			c.add(from, b.Len())
		}
	}
	text := b.String()
	if len(c) == 0 || f&Plain != 0 {
		return t.Encode(text, f)
	}
	e := t.encoder()
	dst, err := t.encodeCovered(e, t.begin(nil, f), text, c)
	return t.end(e, dst, 0, f, err)
}

// A cover is a list of spans, in ascending order, that no control token touches.
type cover []span

// add appends a span that lies behind the others.
func (c *cover) add(from, to int) {
	switch n := len(*c); {
	case from == to:
	case n > 0 && (*c)[n-1].end == int32(from):
		(*c)[n-1].end = int32(to)
	default:
		*c = append(*c, span{int32(from), int32(to)})
	}
}

// from returns the first span that does not end before i; false if there is none.
func (c cover) from(i int) (span, bool) {
	k := sort.Search(len(c), func(k int) bool { return c[k].end > int32(i) })
	if k == len(c) {
		return span{}, false
	}
	return c[k], true
}

// touches reports whether a span covers any of the bytes from i to j.
func (c cover) touches(i, j int) bool {
	s, ok := c.from(i)
	return ok && int(s.start) < j
}

// within returns the cover of the bytes from i to j, counted from i.
func (c cover) within(i, j int) cover {
	var inner cover
	for k := sort.Search(len(c), func(k int) bool { return c[k].end > int32(i) }); k < len(c) && int(c[k].start) < j; k++ {
		inner.add(max(int(c[k].start), i)-i, min(int(c[k].end), j)-i)
	}
	return inner
}

// encodeCovered is encode for a text of which some is covered.
func (t *Tokenizer) encodeCovered(e *encoder, dst []int32, text string, c cover) ([]int32, error) {
	e.bounds = newBounds(len(text))
	parts := splitCovered(t.find, t.findPlain, text, c)
	var err error
	for _, p := range parts {
		if p.id != textPart {
			dst = append(dst, p.id)
			continue
		}
		if dst, err = t.encodeTextCovered(e, dst, p.of(text), c.within(int(p.start), int(p.end)), p.start == 0); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// encodeTextCovered is encodeText for a text of which some is covered.
func (t *Tokenizer) encodeTextCovered(e *encoder, dst []int32, text string, c cover, first bool) ([]int32, error) {
	if len(c) == 0 || t.findNormal == t.normalPlain {
		return t.encodeText(e, dst, text, len(c) > 0, first)
	}
	var err error
	if len(t.normalizer) == 0 { // the text is its own normal form
		for _, p := range splitCovered(t.findNormal, t.normalPlain, text, c) {
			if p.id != textPart {
				dst = append(dst, p.id)
				continue
			}
			plain := c.touches(int(p.start), int(p.end))
			if dst, err = t.encodePieces(e, dst, p.of(text), plain, first && p.start == 0); err != nil {
				return dst, err
			}
		}
		return dst, nil
	}
	// Normalizing moves what is covered to nobody knows where.
	for at := 0; at < len(text); {
		end, plain := len(text), false
		if s, ok := c.from(at); ok {
			if plain = int(s.start) <= at; plain {
				end = int(s.end)
			} else {
				end = int(s.start)
			}
		}
		if dst, err = t.encodeText(e, dst, text[at:end], plain, first && at == 0); err != nil {
			return dst, err
		}
		at = end
	}
	return dst, nil
}

// splitCovered is split with two matchers: all finds what lies outside of the
// cover, plain finds anything.
func splitCovered(all, plain *matcher, text string, c cover) []part {
	s := splitter{text: text}
	outside := func(from int) (*addedToken, int, int) { return all.nextOutside(text, from, c) }
	anywhere := func(from int) (*addedToken, int, int) { return plain.next(text, from) }
	a, b := search{next: outside}, search{next: anywhere}
	for from := 0; ; {
		a.goTo(from)
		b.goTo(from)
		best := &a
		if a.token == nil || b.token != nil && (b.start < a.start || b.start == a.start && b.end > a.end) {
			best = &b
		}
		if best.token == nil {
			return s.finish()
		}
		s.add(best.token, best.start, best.end)
		from = best.end
	}
}

// A search remembers the next token of a matcher.
type search struct {
	next       func(from int) (*addedToken, int, int)
	begun      bool
	token      *addedToken
	start, end int
}

// goTo finds the first token at or behind from, if the known one is not.
func (s *search) goTo(from int) {
	if !s.begun || s.token != nil && s.start < from {
		s.begun = true
		s.token, s.start, s.end = s.next(from)
	}
}

// nextOutside returns the first token at or behind from that touches no covered
// byte, and of those there the longest.
func (m *matcher) nextOutside(text string, from int, c cover) (t *addedToken, start, end int) {
	for from < len(text) {
		stop := len(text)
		s, ok := c.from(from)
		if ok {
			stop = max(int(s.start), from)
		}
		if t, start, end = m.next(text[:stop], from); t != nil || !ok {
			return t, start, end
		}
		from = int(s.end)
	}
	return nil, 0, 0
}
