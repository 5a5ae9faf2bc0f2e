// Package tokenizer turns text into the token ids of a language model and
// back, exactly as the model was trained: byte-level BPE, SentencePiece BPE and
// Unigram, WordPiece, read from GGUF metadata, from tokenizer.json, or from
// the model files of SentencePiece and tiktoken.
//
// Text goes through four steps. Added tokens are found in it first; what lies
// between them is normalized, split into pieces, and each piece is encoded by
// the model. A Tokenizer is read-only once open and may be used by several
// goroutines at the same time.
package tokenizer

import (
	"fmt"
	"slices"
	"sync"
	"unicode/utf8"
)

// A Tokenizer encodes and decodes for one vocabulary.
type Tokenizer struct {
	vocab  *vocab
	kinds  []kind // by id
	added  map[int32]*addedToken
	byText map[string]int32 // ids of added tokens
	raw    bool             // the vocabulary holds raw bytes, its files spell them as characters

	find, findPlain         *matcher // in the text
	findNormal, normalPlain *matcher // in the normalized text
	normalizer              normalizer
	charsmap                []byte // of the normalizer: SentencePiece's precompiled table; nil: none
	stages                  []stage
	model                   model
	hides                   bool // the model has control tokens that plain text must not become
	wholes                  wholes
	decoder                 decoder
	prefix, suffix          []int32 // what the model adds to a text
	roles                   roles
	infill                  Infill
	templates               map[string]string
	notes                   notes
	encoders                sync.Pool
}

// A kind says what an id is. The values are those of GGUF and SentencePiece.
type kind uint8

const (
	kindGap     kind = 0 // no token has the id
	kindNormal  kind = 1
	kindUnknown kind = 2
	kindControl kind = 3
	kindUser    kind = 4 // added, but no control token
	kindUnused  kind = 5
	kindByte    kind = 6
)

// roles are the ids of the tokens with a meaning of their own; -1: none.
type roles struct{ bos, eos, eot, eom, unknown, pad int32 }

var noRoles = roles{-1, -1, -1, -1, -1, -1}

func newTokenizer() *Tokenizer {
	return &Tokenizer{roles: noRoles, infill: noInfill, added: map[int32]*addedToken{}, byText: map[string]int32{}}
}

// MaxText is the longest text that is encoded, in bytes, before and after
// normalization.
const MaxText = 1 << 28

// Flags change what Encode does. The zero value finds control tokens in the
// text and adds nothing.
type Flags uint8

const (
	// Plain reads the text of control tokens as ordinary text. Added tokens
	// that are no control tokens, such as <think>, are still found.
	Plain Flags = 1 << iota
	// AddSpecial adds the tokens that the model wants around a text: BOS in
	// front, EOS behind, as its files say.
	AddSpecial
)

// Encode returns the ids of text. Each byte of text that is not UTF-8 counts as
// U+FFFD. The errors are ErrTooLong, and ErrTimeLimit if the tokenizer's patterns
// take too many steps; both depend on the text and the tokenizer alone.
func (t *Tokenizer) Encode(text string, f Flags) ([]int32, error) {
	return t.AppendEncode(make([]int32, 0, len(text)/4+2), text, f)
}

// AppendEncode is Encode that appends the ids to dst.
func (t *Tokenizer) AppendEncode(dst []int32, text string, f Flags) ([]int32, error) {
	if len(text) > MaxText {
		return dst, fmt.Errorf("tokenizer: %w: %d bytes, want at most %d", ErrTooLong, len(text), MaxText)
	}
	e := t.encoder()
	n := len(dst)
	dst = t.begin(dst, f)
	dst, err := t.encode(e, dst, validText(text), f&Plain != 0)
	return t.end(e, dst, n, f, err)
}

// encoder returns buffers to encode with; end takes them back.
func (t *Tokenizer) encoder() *encoder {
	e, _ := t.encoders.Get().(*encoder)
	if e == nil {
		e = new(encoder)
	}
	return e
}

// begin appends what stands in front of a text.
func (t *Tokenizer) begin(dst []int32, f Flags) []int32 {
	if f&AddSpecial != 0 {
		dst = append(dst, t.prefix...)
	}
	return dst
}

// end appends what stands behind a text, or takes back what is behind n if it
// could not be encoded.
func (t *Tokenizer) end(e *encoder, dst []int32, n int, f Flags, err error) ([]int32, error) {
	e.trim()
	t.encoders.Put(e)
	if err != nil {
		return dst[:n], fmt.Errorf("tokenizer: %w", err)
	}
	if f&AddSpecial != 0 {
		dst = append(dst, t.suffix...)
	}
	return dst, nil
}

// validText returns text with U+FFFD for each byte that is no part of UTF-8.
func validText(text string) string {
	if utf8.ValidString(text) {
		return text
	}
	return string([]rune(text))
}

// encode finds the added tokens and encodes what is between them.
func (t *Tokenizer) encode(e *encoder, dst []int32, text string, plain bool) ([]int32, error) {
	e.bounds = newBounds(len(text))
	find := t.find
	if plain {
		find = t.findPlain
	}
	e.parts = find.split(e.parts[:0], text)
	var err error
	for _, p := range e.parts {
		if p.id != textPart {
			dst = append(dst, p.id)
			continue
		}
		if dst, err = t.encodeText(e, dst, p.of(text), plain, p.start == 0); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// encodeText encodes text without tokens of the first kind; those that are
// looked for in the normalized text may still be in it.
func (t *Tokenizer) encodeText(e *encoder, dst []int32, text string, plain, first bool) ([]int32, error) {
	text, cut, err := t.normalizer.apply(text, &e.bounds)
	if err != nil || text == "" {
		return dst, err
	}
	first = first && !cut
	find := t.findNormal
	if plain {
		find = t.normalPlain
	}
	if find == nil {
		return t.encodePieces(e, dst, text, plain, first)
	}
	e.subparts = find.split(e.subparts[:0], text)
	for _, p := range e.subparts {
		if p.id != textPart {
			dst = append(dst, p.id)
			continue
		}
		if dst, err = t.encodePieces(e, dst, p.of(text), plain, first && p.start == 0); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// encodePieces splits text that is all ordinary and encodes its pieces. Few of
// them become control tokens: in plain text, those are encoded once more.
func (t *Tokenizer) encodePieces(e *encoder, dst []int32, text string, plain, first bool) ([]int32, error) {
	e.pieces = pieces{text, append(e.pieces.spans[:0], span{0, int32(len(text))}), first}
	for _, s := range t.stages {
		if err := s.apply(e); err != nil {
			return dst, err
		}
	}
	text = e.pieces.text
	for _, s := range e.pieces.spans {
		n := len(dst)
		dst = t.encodePiece(e, dst, text[s.start:s.end])
		if plain && t.hides && slices.ContainsFunc(dst[n:], t.IsControl) {
			e.plain = true
			dst = t.model.encode(e, dst[:n], text[s.start:s.end])
			e.plain = false
		}
	}
	return dst, nil
}

// VocabSize is one more than the largest id.
func (t *Tokenizer) VocabSize() int { return len(t.kinds) }

// Token returns the piece of an id as the tokenizer's file spells it; false if
// no token has the id.
func (t *Tokenizer) Token(id int32) (string, bool) {
	if a := t.added[id]; a != nil {
		return a.content, true
	}
	if id < 0 || int(id) >= t.vocab.size() || t.vocab.byID[id] < 0 {
		return "", false
	}
	piece := t.vocab.piece(t.vocab.byID[id])
	if t.raw {
		return string(appendSpelled(nil, piece)), true
	}
	return string(piece), true
}

// ID returns the id of a piece, spelled as in the tokenizer's file; false if it
// is not in the vocabulary.
func (t *Tokenizer) ID(piece string) (int32, bool) {
	if id, ok := t.byText[piece]; ok {
		return id, true
	}
	if t.raw {
		raw, ok := appendUnspelled(nil, piece)
		if !ok {
			return 0, false
		}
		piece = string(raw)
	}
	if e := t.vocab.find(piece); e >= 0 && t.vocab.ids[e] >= 0 {
		return t.vocab.ids[e], true
	}
	return 0, false
}

// Around returns what AddSpecial puts in front of a text and behind it.
func (t *Tokenizer) Around() (prefix, suffix []int32) {
	return slices.Clone(t.prefix), slices.Clone(t.suffix)
}

// IsControl reports whether an id is a control token: one that Plain does not
// find in text and DecodeSkip leaves out.
func (t *Tokenizer) IsControl(id int32) bool {
	return id >= 0 && int(id) < len(t.kinds) && t.kinds[id] == kindControl
}

// BOS returns the id that begins a text, or -1.
func (t *Tokenizer) BOS() int32 { return t.roles.bos }

// EOS returns the id that ends a text, or -1.
func (t *Tokenizer) EOS() int32 { return t.roles.eos }

// EOT returns the id that ends a turn, where the files name one, or -1.
func (t *Tokenizer) EOT() int32 { return t.roles.eot }

// EOM returns the id that ends a message with a tool call, where the files name
// one, or -1.
func (t *Tokenizer) EOM() int32 { return t.roles.eom }

// Unknown returns the id of the unknown token, or -1.
func (t *Tokenizer) Unknown() int32 { return t.roles.unknown }

// Pad returns the id that fills up batches, or -1.
func (t *Tokenizer) Pad() int32 { return t.roles.pad }

// AddsBOS reports whether AddSpecial puts BOS in front.
func (t *Tokenizer) AddsBOS() bool { return t.roles.bos >= 0 && slices.Contains(t.prefix, t.roles.bos) }

// AddsEOS reports whether AddSpecial puts EOS behind.
func (t *Tokenizer) AddsEOS() bool { return t.roles.eos >= 0 && slices.Contains(t.suffix, t.roles.eos) }

// ChatTemplate returns the chat template that the files carry, or "".
func (t *Tokenizer) ChatTemplate() string { return t.templates[""] }

// NamedTemplate returns a further chat template by its name, such as tool_use.
func (t *Tokenizer) NamedTemplate(name string) (string, bool) {
	s, ok := t.templates[name]
	return s, ok
}
