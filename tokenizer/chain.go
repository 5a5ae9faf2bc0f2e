package tokenizer

import "strings"

// A chainDecoder is the list of decoders of a tokenizer.json. Each step turns
// the text of one token into another; what is stripped from the joined text is
// left to the stream.
type chainDecoder struct {
	steps     []tokenStep
	bytes     bool   // <0x00> … are bytes
	join      string // stands between tokens
	stripText string // what is taken from the beginning of the text …
	stripN    int    // … at most so many times
}

// A tokenStep rewrites the text of a token; first says that it is the first
// one.
type tokenStep func(token string, first bool) string

func (d *chainDecoder) strip() int       { return d.stripN }
func (d *chainDecoder) stripped() string { return d.stripText }
func (d *chainDecoder) eachByte() bool   { return true }

func (d *chainDecoder) token(dst []byte, s *Stream, id int32, skipped bool) []byte {
	text, ok := s.t.shownText(id)
	if skipped || !ok {
		return dst
	}
	first := s.count == 0
	s.count++
	if !first {
		dst = append(dst, d.join...)
	}
	for _, step := range d.steps {
		text = step(text, first)
	}
	if d.bytes {
		return appendByteToken(dst, text)
	}
	return append(dst, text...)
}

// shownText is the text of a token before any decoder.
func (t *Tokenizer) shownText(id int32) (string, bool) {
	if a := t.added[id]; a != nil {
		return a.shown, true
	}
	if e := t.entryOf(id); e >= 0 {
		return string(t.vocab.piece(e)), true
	}
	return "", false
}

// stripTokenStep takes up to start and stop times a character from the ends of
// each token.
func stripTokenStep(char string, start, stop int) tokenStep {
	return func(token string, _ bool) string {
		for i := 0; i < start && strings.HasPrefix(token, char); i++ {
			token = token[len(char):]
		}
		for i := 0; i < stop && strings.HasSuffix(token, char); i++ {
			token = token[:len(token)-len(char)]
		}
		return token
	}
}

// metaspaceStep makes spaces of the replacement, and nothing in the first
// token if encoding puts one in front.
func metaspaceStep(replacement string, prefixed bool) tokenStep {
	return func(token string, first bool) string {
		if first && prefixed {
			return strings.ReplaceAll(token, replacement, "")
		}
		return strings.ReplaceAll(token, replacement, " ")
	}
}
