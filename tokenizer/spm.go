package tokenizer

import (
	"encoding/binary"
	"fmt"
	"math"
	"unicode/utf8"
)

// An spmFile is a SentencePiece model file: the fields of its protocol buffer
// that encoding and decoding need (sentencepiece_model.proto).
type spmFile struct {
	pieces []spmPiece

	bpe            bool
	other          int // a model type that is neither Unigram nor BPE
	byteFallback   bool
	suffix         bool
	unknownSurface string
	unknownPiece   string
	unknownID      int32
	bos, eos       int32
	pad            int32
	charsmap       []byte
	dummyPrefix    bool
	removeExtra    bool
	escape         bool
}

type spmPiece struct {
	text  string
	score float32
	kind  kind
}

// A protoField is one field of a message: a number, or bytes.
type protoField struct {
	number int
	value  uint64
	data   []byte
}

// eachField calls visit for every field of a message.
func eachField(data []byte, visit func(protoField) error) error {
	for at := 0; at < len(data); {
		tag, n := binary.Uvarint(data[at:])
		if n <= 0 || tag>>3 == 0 || tag>>3 > 1<<29 {
			return fmt.Errorf("%w: no protocol buffer field at byte %d of %d", ErrDamaged, at, len(data))
		}
		at += n
		f := protoField{number: int(tag >> 3)}
		left := data[at:]
		switch tag & 7 {
		case 0:
			f.value, n = binary.Uvarint(left)
		case 1:
			if n = 8; len(left) >= n {
				f.value = binary.LittleEndian.Uint64(left)
			}
		case 2:
			size, k := binary.Uvarint(left)
			if n = k; k > 0 && size <= uint64(len(left)-k) {
				n += int(size)
				f.data = left[k:n:n]
			} else {
				n = -1
			}
		case 5:
			if n = 4; len(left) >= n {
				f.value = uint64(binary.LittleEndian.Uint32(left))
			}
		default:
			n = -1
		}
		if n <= 0 || n > len(left) {
			return fmt.Errorf("%w: field %d at byte %d of %d is cut off", ErrDamaged, f.number, at, len(data))
		}
		at += n
		if err := visit(f); err != nil {
			return err
		}
	}
	return nil
}

// readSPM reads a model file.
func readSPM(data []byte) (*spmFile, error) {
	f := &spmFile{
		unknownSurface: " \u2047 ", unknownPiece: "<unk>", bos: 1, eos: 2, pad: -1,
		dummyPrefix: true, removeExtra: true, escape: true,
	}
	err := eachField(data, func(x protoField) error {
		switch x.number {
		case 1:
			return f.readPiece(x.data)
		case 2:
			return eachField(x.data, f.readTrainer)
		case 3:
			return eachField(x.data, f.readNormalizer)
		}
		return nil
	})
	if err == nil && len(f.pieces) == 0 {
		err = fmt.Errorf("%w: no pieces", ErrDamaged)
	}
	return f, err
}

func (f *spmFile) readPiece(data []byte) error {
	p := spmPiece{kind: kindNormal}
	err := eachField(data, func(x protoField) error {
		switch x.number {
		case 1:
			p.text = string(x.data)
		case 2:
			p.score = math.Float32frombits(uint32(x.value))
		case 3:
			p.kind = kind(min(x.value, 255))
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case p.text == "" || !utf8.ValidString(p.text):
		return fmt.Errorf("%w: piece %d: got %.40q, want text", ErrDamaged, len(f.pieces), p.text)
	case p.kind < kindNormal || p.kind > kindByte:
		return fmt.Errorf("%w: piece %d: got type %d", ErrDamaged, len(f.pieces), p.kind)
	case len(f.pieces) >= maxVocab:
		return fmt.Errorf("%w: more than %d pieces", ErrUnsupported, maxVocab)
	}
	f.pieces = append(f.pieces, p)
	return nil
}

func (f *spmFile) readTrainer(x protoField) error {
	switch x.number {
	case 3:
		f.bpe, f.other = x.value == 2, 0
		if x.value > 2 {
			f.other = int(min(x.value, 1000))
		}
	case 24:
		f.suffix = x.value != 0
	case 35:
		f.byteFallback = x.value != 0
	case 40:
		f.unknownID = int32(x.value)
	case 41:
		f.bos = int32(x.value)
	case 42:
		f.eos = int32(x.value)
	case 43:
		f.pad = int32(x.value)
	case 44:
		if len(x.data) > maxReplacement {
			return checkInsert(string(x.data))
		}
		f.unknownSurface = string(x.data)
	case 45:
		f.unknownPiece = string(x.data)
	}
	return nil
}

func (f *spmFile) readNormalizer(x protoField) error {
	switch x.number {
	case 2:
		f.charsmap = x.data
	case 3:
		f.dummyPrefix = x.value != 0
	case 4:
		f.removeExtra = x.value != 0
	case 5:
		f.escape = x.value != 0
	}
	return nil
}

// parseSPM builds a tokenizer from a SentencePiece model file and what lies
// beside it. Control pieces in text are ordinary text, as SentencePiece has it,
// unless a file beside the model names them as added tokens.
func parseSPM(data []byte, beside *folderConfig) (*Tokenizer, error) {
	f, err := readSPM(data)
	if err != nil {
		return nil, err
	}
	t := newTokenizer()
	if err := f.loadPieces(t); err != nil {
		return nil, err
	}
	switch {
	case f.other != 0:
		return nil, fmt.Errorf("model type %s: %w", [...]string{"WORD", "CHAR"}[min(f.other-3, 1)], ErrUnsupported)
	case f.bpe:
		err = f.loadBPE(t)
	default:
		err = f.loadUnigram(t)
	}
	if err == nil {
		err = f.setText(t)
	}
	if err == nil {
		err = t.addTokens(beside.moreTokens(nil))
	}
	if err != nil {
		return nil, err
	}
	for id, p := range f.pieces {
		if t.added[int32(id)] == nil {
			t.kinds[id] = p.kind
		}
	}
	if f.bos >= 0 && int(f.bos) < len(f.pieces) {
		t.roles.bos, t.prefix = f.bos, []int32{f.bos}
	}
	if f.eos >= 0 && int(f.eos) < len(f.pieces) {
		t.roles.eos = f.eos
	}
	if f.pad >= 0 && int(f.pad) < len(f.pieces) {
		t.roles.pad = f.pad
	}
	beside.apply(t)
	return t, t.finish()
}

// loadPieces makes the vocabulary.
func (f *spmFile) loadPieces(t *Tokenizer) error {
	t.vocab = newVocab(len(f.pieces))
	for id, p := range f.pieces {
		if t.vocab.find(p.text) >= 0 {
			return fmt.Errorf("%w: piece %d: %.40q is there twice", ErrDamaged, id, p.text)
		}
		if _, err := t.vocab.add([]byte(p.text), int32(id), true); err != nil {
			return err
		}
		if p.kind == kindUnknown {
			if t.roles.unknown >= 0 {
				return fmt.Errorf("%w: pieces %d and %d are both unknown", ErrDamaged, t.roles.unknown, id)
			}
			t.roles.unknown = int32(id)
		}
		if _, ok := byteToken(p.text); p.kind == kindByte && !ok {
			return fmt.Errorf("%w: piece %d: %.40q is no byte", ErrDamaged, id, p.text)
		}
	}
	if t.roles.unknown < 0 {
		return fmt.Errorf("%w: no unknown piece", ErrDamaged)
	}
	return nil
}

// userPieces returns the user-defined pieces; nil if there are none.
func (f *spmFile) userPieces() (*trie, error) {
	var keys []trieKey
	for id, p := range f.pieces {
		if p.kind != kindUser {
			continue
		}
		if len(p.text) > maxPieceBytes {
			return nil, fmt.Errorf("%w: piece %d: %d bytes, want at most %d", ErrUnsupported, id, len(p.text), maxPieceBytes)
		}
		keys = append(keys, trieKey{p.text, int32(id)})
	}
	if len(keys) == 0 {
		return nil, nil
	}
	return newTrie(keys)
}

func (f *spmFile) loadBPE(t *Tokenizer) error {
	r := newRanked(t.vocab, false)
	var err error
	if r.frozen, err = f.userPieces(); err != nil {
		return err
	}
	r.unknown = t.roles.unknown
	for _, p := range f.pieces {
		r.addScore(p.kind, p.score)
	}
	if f.byteFallback {
		r.findBytes()
	}
	t.model = r
	t.stages = r.cut()
	return nil
}

func (f *spmFile) loadUnigram(t *Tokenizer) error {
	var keys []trieKey
	var normal []float64
	scores := make([]float64, len(f.pieces))
	user := make([]bool, len(f.pieces))
	for id, p := range f.pieces {
		scores[id] = float64(p.score)
		user[id] = p.kind == kindUser
		if p.kind == kindNormal {
			normal = append(normal, scores[id])
		}
		if p.kind == kindNormal || p.kind == kindUser {
			keys = append(keys, trieKey{p.text, int32(id)})
		}
	}
	least := lowest(normal)
	u, err := newUnigram(keys, scores, least)
	if err != nil {
		return err
	}
	u.user, u.unknown, u.single = user, t.roles.unknown, true
	u.unkScore = float64(float32(least) - unknownPenalty)
	if f.byteFallback {
		u.setBytes(t.idOfPiece)
	}
	t.model = u
	return nil
}

// setText sets the normalizer and the decoder.
func (f *spmFile) setText(t *Tokenizer) error {
	chars, err := newCharsMap(f.charsmap)
	if err != nil {
		return err
	}
	t.charsmap = f.charsmap
	user, err := f.userPieces()
	if err != nil {
		return err
	}
	n := &spmNormalizer{
		chars: chars, user: user, dummyPrefix: f.dummyPrefix, suffix: f.suffix,
		removeExtra: f.removeExtra, escape: f.escape,
	}
	t.normalizer = n.normalizer()
	t.decoder = pieceDecoder{prefixed: f.dummyPrefix || f.removeExtra, removeExtra: f.removeExtra, unknown: f.unknownSurface}
	return nil
}
