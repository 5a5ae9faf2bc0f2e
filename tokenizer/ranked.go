package tokenizer

import "math"

// A ranked is a byte pair encoding without a list of merges: two neighbours
// merge if the vocabulary has their text, in the order of its ranks. These are
// the scores of a SentencePiece model, or the line numbers of a tiktoken file.
type ranked struct {
	vocab     *vocab
	order     []uint32   // rank of each entry; noRank: not to be made by merging
	unused    []bool     // entries that are taken apart again
	byteLevel bool       // symbols start as bytes, and a piece in the vocabulary is its token
	frozen    *trie      // user-defined pieces: found first and merged with nothing; nil if there are none
	fallback  [256]int32 // id of each byte, for characters that the vocabulary lacks; -1: none
	hasBytes  bool       // all of them
	unknown   int32      // id for characters that have neither; -1: they are left out
}

// newRanked returns a model that knows no tokens of single bytes.
func newRanked(v *vocab, byteLevel bool) *ranked {
	m := &ranked{vocab: v, byteLevel: byteLevel, unknown: -1}
	for b := range m.fallback {
		m.fallback[b] = -1
	}
	return m
}

// addRank notes the rank of the entry that was added last.
func (m *ranked) addRank(rank uint32, unused bool) {
	m.order = append(m.order, rank)
	m.unused = append(m.unused, unused)
}

// addScore notes the kind and the score of the entry that was added last.
func (m *ranked) addScore(k kind, score float32) {
	rank := scoreRank(score)
	if k == kindByte || k == kindControl || k == kindUnknown {
		rank = noRank
	}
	m.addRank(rank, k == kindUnused)
}

// findBytes finds the tokens of single bytes. A vocabulary of characters may
// have a byte as that character alone: Gemma's first has no <0x09>, but a tab.
func (m *ranked) findBytes() {
	m.hasBytes = true
	for i := range m.fallback {
		b := byte(i)
		e := none
		if !m.byteLevel {
			e = m.vocab.find(byteTokenName(b))
		}
		if e < 0 {
			e = m.vocab.find(string([]byte{b}))
		}
		if e >= 0 {
			m.fallback[b] = m.vocab.ids[e]
		}
		m.hasBytes = m.hasBytes && m.fallback[b] >= 0
	}
}

// cut returns the stage that cuts text where no merge reaches across. Where
// unknown characters become tokens, neighbours are one: they are not cut apart.
func (m *ranked) cut() []stage {
	c := newPieceCut(m.vocab)
	c.blanks = !m.hasBytes
	if c.blanks && m.vocab.find(blank) < 0 {
		return nil
	}
	return []stage{c}
}

// frozenSymbol marks a symbol that merges with nothing.
const frozenSymbol = int32(-2)

func (m *ranked) encode(e *encoder, dst []int32, piece string) []int32 {
	if m.byteLevel {
		if t := m.vocab.find(piece); t >= 0 && m.order[t] != noRank {
			return append(dst, m.vocab.ids[t])
		}
	}
	e.piece = piece
	e.symbols, e.starts = e.symbols[:0], e.starts[:0]
	for i := 0; i < len(piece); {
		n, kind := 1, gap
		if m.frozen != nil {
			if _, k := m.frozen.longest(piece[i:]); k > 0 {
				n, kind = k, frozenSymbol
			}
		}
		if kind == gap && !m.byteLevel {
			n = charLen(piece, i)
		}
		e.symbols = append(e.symbols, kind)
		e.starts = append(e.starts, int32(i))
		i += n
	}
	// Merging moves symbols to the front; the place of each is in its link.
	e.merge(m)
	return m.emitAll(e, dst)
}

// emitAll appends the tokens of the merged symbols.
func (m *ranked) emitAll(e *encoder, dst []int32) []int32 {
	lastUnknown := false
	for i := int32(0); i != none; {
		next, end := none, int32(len(e.piece))
		if len(e.starts) > 1 {
			next = e.links[i].next
		}
		if next != none {
			end = e.starts[next]
		}
		text := e.piece[e.starts[i]:end]
		n := len(dst)
		dst = m.emit(dst, text, 0)
		if m.unknown >= 0 && len(dst) == n+1 && dst[n] == m.unknown {
			if lastUnknown {
				dst = dst[:n]
			}
			lastUnknown = true
		} else {
			lastUnknown = false
		}
		i = next
	}
	return dst
}

// emit appends the tokens of a symbol: its own, or those of the two parts that
// an unused one was merged from, or its bytes.
func (m *ranked) emit(dst []int32, text string, depth int) []int32 {
	t := m.vocab.find(text)
	if t >= 0 && m.order[t] != noRank {
		if !m.unused[t] {
			return append(dst, m.vocab.ids[t])
		}
		if k := m.split(text); k > 0 && depth < maxResegment {
			return m.emit(m.emit(dst, text[:k], depth+1), text[k:], depth+1)
		}
		return append(dst, m.vocab.ids[t])
	}
	n := len(dst)
	for i := range len(text) {
		id := m.fallback[text[i]]
		if id < 0 {
			return appendID(dst[:n], m.unknown)
		}
		dst = append(dst, id)
	}
	return dst
}

// appendID appends an id if there is one.
func appendID(dst []int32, id int32) []int32 {
	if id < 0 {
		return dst
	}
	return append(dst, id)
}

const maxResegment = 64

// split returns where the merge that made an unused piece joined its parts: it
// merges the piece anew and stops before the last step.
func (m *ranked) split(text string) int {
	var e encoder
	e.piece = text
	for i := 0; i < len(text); i += charLen(text, i) {
		e.symbols = append(e.symbols, gap)
		e.starts = append(e.starts, int32(i))
	}
	if len(e.starts) < 2 {
		return 0
	}
	e.lastJoin = none
	e.merge(m)
	if len(e.symbols) != 1 || e.lastJoin == none {
		return 0
	}
	return int(e.starts[e.lastJoin])
}

func (m *ranked) rank(e *encoder, left, right int32) (uint32, int32) {
	if e.symbols[left] == frozenSymbol || e.symbols[right] == frozenSymbol {
		return noRank, none
	}
	end := int32(len(e.piece))
	if next := e.links[right].next; next != none {
		end = e.starts[next]
	}
	t := m.vocab.find(e.piece[e.starts[left]:end])
	if t < 0 {
		return noRank, none
	}
	return m.order[t], t
}

// scoreRank returns the rank of a score: the higher the score, the lower the
// rank, and equal scores have equal ranks.
func scoreRank(score float32) uint32 {
	switch {
	case score != score: // not a number
		return noRank - 1
	case score == 0: // of either sign
		return 1<<31 - 1
	}
	b := math.Float32bits(score)
	if b>>31 != 0 {
		return b
	}
	return b ^ (1<<31 - 1)
}
