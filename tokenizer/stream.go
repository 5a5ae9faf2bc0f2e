package tokenizer

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// A Stream decodes ids one after the other and never gives out half a
// character: bytes that may yet become one wait for the next id. All that Next
// returned, and then Flush, joined, is what Decode returns, but for the byte tokens
// of a tokenizer.json: Decode takes a run of them as one text, and all of it is
// lost if it is not UTF-8. The zero value is not usable; see NewStream.
type Stream struct {
	// SkipControl leaves control tokens out. Set it before the first id.
	SkipControl bool

	t     *Tokenizer
	count int  // ids decoded, as the decoder counts them
	begun bool // something other than nothing came out
	strip int  // leading characters yet to be taken away
	hold  []byte
	whole bool   // the text is wanted as a whole, so that runs of bytes may wait
	run   []byte // bytes that wait for the end of their run
	runs  int    // runs and other tokens that are decoded
	token []byte
	out   []byte
}

// NewStream returns a stream that begins a text.
func (t *Tokenizer) NewStream() *Stream {
	return &Stream{t: t, strip: t.decoder.strip()}
}

// Next returns what can be said after one more id: perhaps nothing yet. An id
// outside of the vocabulary is ErrID and changes nothing; one inside that no
// token has, as in vocabularies with padding, is no text.
func (s *Stream) Next(id int32) (string, error) {
	out, err := s.next(s.out[:0], id)
	s.out = out
	return string(out), err
}

// Flush ends the text: what still waits comes out as U+FFFD. The stream then
// begins anew.
func (s *Stream) Flush() string {
	out := s.flush(s.out[:0])
	*s = Stream{SkipControl: s.SkipControl, t: s.t, strip: s.t.decoder.strip(), hold: s.hold[:0], token: s.token, out: out}
	return string(out)
}

func (s *Stream) next(dst []byte, id int32) ([]byte, error) {
	t := s.t
	if id < 0 || int(id) >= len(t.kinds) {
		return dst, fmt.Errorf("tokenizer: %w: got %d, want 0 to %d", ErrID, id, len(t.kinds)-1)
	}
	s.token = t.decoder.token(s.token[:0], s, id, s.SkipControl && t.IsControl(id))
	s.hold = append(s.hold, s.token...)
	return s.settle(dst, false), nil
}

func (s *Stream) flush(dst []byte) []byte {
	s.hold = s.t.decoder.end(s.hold, s)
	return s.settle(dst, true)
}

// settle appends what the held bytes say for certain; at the end, all of it.
func (s *Stream) settle(dst []byte, end bool) []byte {
	h := s.hold
	for len(h) > 0 {
		if h[0] < utf8.RuneSelf {
			dst = s.give(dst, h[:1])
			h = h[1:]
			continue
		}
		if !end && !utf8.FullRune(h) {
			break
		}
		r, n := utf8.DecodeRune(h)
		if r == utf8.RuneError && n == 1 {
			dst = s.give(dst, []byte("\uFFFD"))
			if !s.t.decoder.eachByte() {
				n = brokenLen(h)
			}
		} else {
			dst = s.give(dst, h[:n])
		}
		h = h[n:]
	}
	s.hold = append(s.hold[:0], h...)
	return dst
}

// give appends one character, unless it is to be stripped.
func (s *Stream) give(dst, char []byte) []byte {
	if s.strip > 0 {
		if string(char) == s.t.decoder.stripped() {
			s.strip--
			return dst
		}
		s.strip = 0
	}
	s.begun = true
	return append(dst, char...)
}

// brokenLen returns the length of the maximal broken part that b begins with:
// the longest beginning of a character, or one byte (Unicode 16, section 3.9).
func brokenLen(b []byte) int {
	for n := min(len(b), utf8.UTFMax-1); n > 1; n-- {
		if !utf8.FullRune(b[:n]) {
			return n
		}
	}
	return 1
}

// Decode returns the text of ids, control tokens shown.
func (t *Tokenizer) Decode(ids []int32) (string, error) { return t.decode(ids, false) }

// DecodeSkip is Decode without the control tokens.
func (t *Tokenizer) DecodeSkip(ids []int32) (string, error) { return t.decode(ids, true) }

func (t *Tokenizer) decode(ids []int32, skip bool) (string, error) {
	s := t.NewStream()
	s.SkipControl, s.whole = skip, true
	out := make([]byte, 0, 4*len(ids))
	var err error
	for _, id := range ids {
		if out, err = s.next(out, id); err != nil {
			return "", err
		}
	}
	return string(s.flush(out)), nil
}

// A decoder knows what the ids of one kind of vocabulary say.
type decoder interface {
	// token appends the bytes that an id says after what s has decoded. A
	// skipped id says nothing, but may count as the first of a text.
	token(dst []byte, s *Stream, id int32, skipped bool) []byte
	// strip is how many leading characters stripped are taken from a text.
	strip() int
	stripped() string
	// end appends the bytes that wait at the end of a text.
	end(dst []byte, s *Stream) []byte
	// eachByte reports whether every byte of a broken character becomes
	// U+FFFD, not every maximal broken part.
	eachByte() bool
}

// prompt is the part of a decoder that strips nothing and lets nothing wait.
type prompt struct{}

func (prompt) strip() int                       { return 0 }
func (prompt) stripped() string                 { return "" }
func (prompt) end(dst []byte, _ *Stream) []byte { return dst }

// A rawDecoder is for vocabularies of raw bytes: byte-level and tiktoken.
type rawDecoder struct{ prompt }

func (rawDecoder) eachByte() bool { return false }

func (rawDecoder) token(dst []byte, s *Stream, id int32, skipped bool) []byte {
	t := s.t
	if skipped || t.kinds[id] == kindUnused {
		return dst
	}
	if a := t.added[id]; a != nil {
		return append(dst, a.shown...)
	}
	if e := t.entryOf(id); e >= 0 {
		dst = append(dst, t.vocab.piece(e)...)
	}
	return dst
}

// entryOf returns the entry of an id, or -1.
func (t *Tokenizer) entryOf(id int32) int32 {
	if int(id) >= t.vocab.size() {
		return -1
	}
	return t.vocab.byID[id]
}

// A blankDecoder is for SentencePiece vocabularies in GGUF: ▁ is a space, and
// one space is taken from the first token.
type blankDecoder struct {
	prompt
	prefixed bool // encoding puts a space in front
}

func (blankDecoder) eachByte() bool { return false }

func (d blankDecoder) token(dst []byte, s *Stream, id int32, skipped bool) []byte {
	t := s.t
	n := len(dst)
	s.count++
	switch {
	case skipped || t.kinds[id] == kindUnused:
	case t.added[id] != nil:
		dst = append(dst, t.added[id].shown...)
	case t.kinds[id] == kindByte:
		dst = appendByteToken(dst, string(t.vocab.piece(t.vocab.byID[id])))
	case t.entryOf(id) >= 0:
		dst = appendReplaced(dst, t.vocab.piece(t.entryOf(id)), blank, " ")
	}
	if d.prefixed && s.count == 1 && len(dst) > n && dst[n] == ' ' {
		dst = append(dst[:n], dst[n+1:]...)
	}
	return dst
}

// appendReplaced appends text with every old replaced.
func appendReplaced[T string | []byte](dst []byte, text T, old, with string) []byte {
	for i := 0; i < len(text); {
		if len(text)-i >= len(old) && string(text[i:i+len(old)]) == old {
			dst = append(dst, with...)
			i += len(old)
			continue
		}
		dst = append(dst, text[i])
		i++
	}
	return dst
}

// A pieceDecoder decodes as SentencePiece itself does.
type pieceDecoder struct {
	prompt
	prefixed    bool // encoding puts a space in front, or removes extra ones
	removeExtra bool
	unknown     string // what the unknown token says
}

func (pieceDecoder) eachByte() bool { return true }

func (d pieceDecoder) token(dst []byte, s *Stream, id int32, skipped bool) []byte {
	t := s.t
	if t.kinds[id] == kindByte {
		return appendByteToken(dst, string(t.vocab.piece(t.vocab.byID[id])))
	}
	begin := !s.begun && s.count == 0 && len(s.hold) == 0
	switch e := t.entryOf(id); {
	case skipped:
	case t.added[id] != nil:
		dst = append(dst, t.added[id].shown...)
	case t.kinds[id] == kindControl:
		dst = append(dst, t.vocab.piece(e)...)
	case t.kinds[id] == kindUnknown:
		dst = append(dst, d.unknown...)
	case e >= 0:
		piece := t.vocab.piece(e)
		if begin && d.prefixed && strings.HasPrefix(string(piece), blank) {
			piece = piece[len(blank):]
			if !d.removeExtra {
				s.count = 1 // only once
			}
		}
		dst = appendReplaced(dst, piece, blank, " ")
	}
	return dst
}
