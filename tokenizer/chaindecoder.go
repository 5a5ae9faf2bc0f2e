package tokenizer

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// A chainDecoder is the list of decoders of a tokenizer.json. Each step turns
// the text of one token into another; what is stripped from the joined text is
// left to the stream.
//
// A run of byte tokens is one text, and if the run as a whole is not UTF-8,
// each byte of it becomes U+FFFD. A text that is decoded as a whole has it so. A
// stream cannot wait for the end of a run, which may be long: it gives out each
// character as it comes.
type chainDecoder struct {
	steps     []tokenStep
	bytes     bool        // then <0x00> … become bytes …
	after     []tokenStep // … and these follow
	join      string      // stands between tokens
	stripText string      // what is taken from the beginning of the text …
	stripN    int         // … at most so many times
	growth    float64     // bytes that one byte may become
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
	if !d.bytes {
		return append(dst, text...)
	}
	if b, ok := byteToken(text); ok {
		if !s.whole {
			return append(dst, b)
		}
		s.run = append(s.run, b)
		return dst
	}
	return d.settled(d.end(dst, s), s, text)
}

// end appends the run of byte tokens that ends here.
func (d *chainDecoder) end(dst []byte, s *Stream) []byte {
	if len(s.run) == 0 {
		return dst
	}
	text := string(s.run)
	if !utf8.ValidString(text) {
		text = strings.Repeat("\uFFFD", len(text))
	}
	s.run = s.run[:0]
	return d.settled(dst, s, text)
}

// settled appends a token or a run of bytes behind the steps that follow.
func (d *chainDecoder) settled(dst []byte, s *Stream, text string) []byte {
	first := s.runs == 0
	s.runs++
	for _, step := range d.after {
		text = step(text, first)
	}
	return append(dst, text...)
}

// shownText is the text of a token before any decoder.
func (t *Tokenizer) shownText(id int32) (string, bool) {
	if a := t.added[id]; a != nil {
		return a.shown, true
	}
	return t.Token(id)
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

// setDecoder builds the decoder of a tokenizer.json.
func (t *Tokenizer) setDecoder(c *component) error {
	list, err := flatten(c, func(c *component) []component { return c.Decoders }, 0)
	if err != nil {
		return fmt.Errorf("decoder: %w", err)
	}
	bytes := slices.ContainsFunc(list, func(c *component) bool { return c.Type == "ByteLevel" })
	if t.raw && bytes {
		for _, c := range list {
			if c.Type != "ByteLevel" && c.Type != "Fuse" {
				return fmt.Errorf("decoder %s: %w with a ByteLevel pre-tokenizer", c.Type, ErrUnsupported)
			}
		}
		t.decoder = rawDecoder{}
		return nil
	}
	d := &chainDecoder{growth: 1}
	if len(list) == 0 {
		d.join = " "
	}
	fused := false
	for _, c := range list {
		if c.Type == "Fuse" {
			fused = true
			continue
		}
		if err := d.add(c, fused); err != nil {
			return fmt.Errorf("decoder %s: %w", c.Type, err)
		}
	}
	t.decoder = d
	return nil
}

// add adds one decoder; fused says that it works on the joined text.
func (d *chainDecoder) add(c *component, fused bool) error {
	then := &d.steps
	if d.bytes {
		then = &d.after
	}
	switch c.Type {
	case "ByteFallback":
		if fused || d.bytes {
			return fmt.Errorf("%w behind a Fuse or a ByteFallback", ErrUnsupported)
		}
		d.bytes = true
		return nil
	case "Replace":
		f, err := c.Pattern.finder()
		if err != nil {
			return err
		}
		lit, ok := f.(literalFinder)
		if !ok || lit == "" || fused && charLen(string(lit), 0) != len(lit) {
			return fmt.Errorf("%w with this pattern", ErrUnsupported)
		}
		if d.stripN > 0 {
			return fmt.Errorf("%w behind a Strip of the joined text", ErrUnsupported)
		}
		if d.growth *= max(1, float64(len(c.Content))/float64(len(lit))); d.growth > maxReplacement {
			return fmt.Errorf("%w: the decoders make %.0f times as much of a text, want at most %d", ErrUnsupported, d.growth, maxReplacement)
		}
		*then = append(*then, func(token string, _ bool) string {
			return strings.ReplaceAll(token, string(lit), c.Content)
		})
		return nil
	case "Strip":
		if len(c.Content) == 0 || charLen(c.Content, 0) != len(c.Content) || c.Start < 0 || c.Stop < 0 {
			return fmt.Errorf("%w: content: got %.20q, want one character", ErrDamaged, c.Content)
		}
		if !fused {
			*then = append(*then, stripTokenStep(c.Content, c.Start, c.Stop))
			return nil
		}
		if c.Stop > 0 || d.stripN > 0 {
			return fmt.Errorf("%w at the end of a text", ErrUnsupported)
		}
		d.stripText, d.stripN = c.Content, c.Start
		return nil
	case "WordPiece":
		if fused {
			return fmt.Errorf("%w behind a Fuse", ErrUnsupported)
		}
		*then = append(*then, wordPieceStep(or(c.Prefix, continuingPrefix), or(c.Cleanup, true)))
		return nil
	case "Metaspace":
		scheme, err := c.metaspaceScheme()
		if err != nil || fused {
			return errOr(err, ErrUnsupported)
		}
		*then = append(*then, metaspaceStep(c.Replacement, scheme != prependNever))
		return nil
	}
	return ErrUnsupported
}

// errOr returns err, or otherwise if it is nil.
func errOr(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}
