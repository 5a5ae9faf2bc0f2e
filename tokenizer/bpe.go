package tokenizer

import "unicode/utf8"

// A bpe is a byte pair encoding whose merges are a list of pairs (Sennrich et
// al. 2016). A piece starts as single bytes, or as single characters, and is
// merged until no pair of neighbours is in the list.
type bpe struct {
	vocab     *vocab
	merges    *mergeTable
	byteLevel bool

	start     [256]int32 // entry of each byte (byte-level) or ASCII character; -1: none
	fallback  [256]int32 // entry of <0x00> …; -1: none
	hasBytes  bool       // all 256 of them
	hasStarts bool       // an entry for each of 256 bytes, so that nothing is unknown
	unknown   int32      // entry for what the vocabulary lacks; -1: it is dropped
	fuse      bool       // neighbouring unknown characters become one token
	keepGaps  bool       // what is dropped still keeps its neighbours apart
	whole     wholeRule
	hidden    map[int32]bool // entries of control tokens: plain text has them not as a whole
	wordEnd   string         // is taken to stand behind the last character of a piece
}

// A wholeRule says which pieces are their own token before any merging.
type wholeRule uint8

const (
	wholeNever    wholeRule = iota
	wholeAlways             // those in the vocabulary (ignore_merges)
	wholeNewlines           // runs of newlines in the vocabulary
)

// gap stands for a character that has no entry and takes part in no merge.
const gap int32 = -1

// findStarts finds the entries of single bytes and characters, and with fallback
// those of the byte tokens.
func (m *bpe) findStarts(fallback bool) {
	m.hasBytes, m.hasStarts = true, m.byteLevel
	for b := range 256 {
		m.start[b] = gap
		if m.byteLevel || b < utf8.RuneSelf {
			m.start[b] = m.vocab.find(string([]byte{byte(b)}))
		}
		m.fallback[b] = gap
		if fallback {
			m.fallback[b] = m.vocab.find(byteTokenName(byte(b)))
		}
		m.hasBytes = m.hasBytes && m.fallback[b] >= 0
		m.hasStarts = m.hasStarts && m.start[b] >= 0
	}
}

// complete reports whether every text has tokens, so that none is unknown.
func (m *bpe) complete() bool { return m.hasStarts || m.hasBytes && !m.byteLevel }

func (m *bpe) encode(e *encoder, dst []int32, piece string) []int32 {
	if m.whole == wholeAlways || m.whole == wholeNewlines && onlyNewlines(piece) {
		if t := m.vocab.find(piece); t >= 0 && m.vocab.ids[t] >= 0 && !(e.plain && m.hidden[t]) {
			return append(dst, m.vocab.ids[t])
		}
	}
	e.symbols = e.symbols[:0]
	if m.byteLevel && m.wordEnd == "" && (m.unknown < 0 || m.hasStarts) {
		m.bytes(e, piece)
	} else {
		m.characters(e, piece)
	}
	e.merge(m)
	for _, s := range e.symbols {
		dst = m.emit(dst, s)
	}
	return dst
}

func (m *bpe) rank(e *encoder, left, right int32) (uint32, int32) {
	l, r := e.symbols[left], e.symbols[right]
	if l == gap || r == gap {
		return noRank, none
	}
	if found := m.merges.find(l, r); found != nil {
		return found.rank, found.merged
	}
	return noRank, none
}

// emit appends the token of an entry. One that is no token becomes those of its
// bytes, and what has none is left out.
func (m *bpe) emit(dst []int32, entry int32) []int32 {
	if entry == gap {
		return dst
	}
	if id := m.vocab.ids[entry]; id >= 0 {
		return append(dst, id)
	}
	for _, b := range m.vocab.piece(entry) {
		t := m.fallback[b]
		if m.byteLevel {
			t = m.start[b]
		}
		if t >= 0 && m.vocab.ids[t] >= 0 {
			dst = append(dst, m.vocab.ids[t])
		}
	}
	return dst
}

// bytes sets the symbols of a piece to its bytes.
func (m *bpe) bytes(e *encoder, piece string) {
	for i := range len(piece) {
		if t := m.start[piece[i]]; t >= 0 || m.keepGaps {
			e.symbols = append(e.symbols, t)
		}
	}
}

// characters sets the symbols of a piece to its characters. Of a byte-level
// vocabulary with an unknown token or a word end, these are the bytes.
func (m *bpe) characters(e *encoder, piece string) {
	unknown := false // an unknown token is due; it comes before the next entry
	flush := func() {
		if unknown {
			e.symbols = append(e.symbols, m.unknown)
			unknown = false
		}
	}
	for i := 0; i < len(piece); {
		n := 1
		if !m.byteLevel {
			n = charLen(piece, i)
		}
		char := piece[i : i+n]
		if i+n == len(piece) {
			char += m.wordEnd
		}
		t := gap
		if len(char) == 1 {
			t = m.start[char[0]]
		} else {
			t = m.vocab.find(char)
		}
		switch {
		case t >= 0:
			flush()
			e.symbols = append(e.symbols, t)
		case m.byteFallback(char):
			for _, b := range []byte(char) {
				e.symbols = append(e.symbols, m.fallback[b])
			}
		case m.unknown >= 0:
			if !m.fuse {
				flush()
			}
			unknown = true
		case m.keepGaps:
			e.symbols = append(e.symbols, gap)
		}
		i += n
	}
	flush()
}

// byteFallback reports whether every byte of a character has a byte token.
func (m *bpe) byteFallback(char string) bool {
	if m.byteLevel {
		return false
	}
	if m.hasBytes {
		return true
	}
	for i := range len(char) {
		if m.fallback[char[i]] < 0 {
			return false
		}
	}
	return true
}

func onlyNewlines(s string) bool {
	for i := range len(s) {
		if s[i] != '\n' {
			return false
		}
	}
	return true
}
