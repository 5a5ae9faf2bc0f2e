package tokenizer

import (
	"fmt"
	"math"
	"slices"
)

// A unigram picks the most likely cut of a text into pieces, by the sum of the
// pieces' log probabilities (Kudo 2018, Viterbi search).
type unigram struct {
	trie     *trie // of the pieces, to their ids
	scores   []float64
	user     []bool         // by id: user-defined; nil if there are none
	hidden   map[int32]bool // ids of control tokens, which plain text must not become
	unknown  int32          // id for characters that no piece begins with; -1: they are an error
	unkScore float64
	single   bool       // sums are kept in float32, as SentencePiece does
	fallback [256]int32 // ids of the bytes, which spell what is unknown; -1: none
	hasBytes bool       // all of them
}

const unknownPenalty = 10 // below the score of the least likely piece

// A cut is the best way to reach a place in the text.
type cut struct {
	score float64
	from  int32 // where its last piece begins; -1: the place was not reached
	id    int32
}

// newUnigram builds the model. Pieces that text may become are the keys; lowest
// is the least score of the normal ones.
func newUnigram(keys []trieKey, scores []float64, lowest float64) (*unigram, error) {
	for _, k := range keys {
		if len(k.text) > maxPieceBytes {
			return nil, fmt.Errorf("%w: a piece of %d bytes, want at most %d", ErrUnsupported, len(k.text), maxPieceBytes)
		}
	}
	m := &unigram{scores: scores, unknown: -1, unkScore: lowest - unknownPenalty}
	for b := range m.fallback {
		m.fallback[b] = -1
	}
	var err error
	m.trie, err = newTrie(keys)
	return m, err
}

// maxPieceBytes is the longest piece that is looked for at every place of a text.
// The longest published ones have some hundred bytes.
const maxPieceBytes = 256

// setBytes gives the model the tokens of single bytes, by which it spells what
// it does not know. What has a byte without a token stays unknown.
func (m *unigram) setBytes(find func(piece string) int32) {
	m.hasBytes = true
	for b := range 256 {
		m.fallback[b] = find(byteTokenName(byte(b)))
		m.hasBytes = m.hasBytes && m.fallback[b] >= 0
	}
}

func (m *unigram) encode(e *encoder, dst []int32, piece string) []int32 {
	best := e.cuts[:0]
	for range len(piece) + 1 {
		best = append(best, cut{from: -1})
	}
	e.cuts = best
	for at := 0; at < len(piece); {
		n := charLen(piece, at)
		m.reset(best, at)
		if !m.extend(best, piece, at, n, e.plain) {
			m.reach(&best[at+n], best[at].score+m.unkScore, at, m.unknown)
		}
		at += n
	}
	// Walk back, then turn the tokens round.
	first := len(dst)
	for at := len(piece); at > 0; {
		c := best[at]
		from := int(c.from)
		if c.id != m.unknown {
			dst = append(dst, c.id)
			at = from
			continue
		}
		for from > 0 && best[from].id == m.unknown { // neighbours are one
			from = int(best[from].from)
		}
		dst = m.appendUnknown(dst, piece[from:at], e.plain)
		at = from
	}
	slices.Reverse(dst[first:])
	return dst
}

// appendUnknown appends the bytes of an unknown text, last to first, or the
// unknown token, which the text may also be by its name.
func (m *unigram) appendUnknown(dst []int32, text string, plain bool) []int32 {
	if id, n := m.trie.longest(text); n == len(text) && !(plain && m.hidden[id]) {
		return append(dst, id)
	}
	n := len(dst)
	for i := len(text) - 1; i >= 0; i-- {
		id := m.fallback[text[i]]
		if id < 0 {
			return appendID(dst[:n], m.unknown)
		}
		dst = append(dst, id)
	}
	return dst
}

// extend notes every piece that the text has at a place, and reports whether
// one of them is exactly the character there, n bytes long.
func (m *unigram) extend(best []cut, text string, at, n int, plain bool) (single bool) {
	here := best[at].score
	for node, i := m.trie.root[text[at]], at+1; node != 0; i++ {
		if id := m.trie.nodes[node].value; id >= 0 && !(plain && m.hidden[id]) {
			score := m.scores[id]
			if m.user != nil && m.user[id] {
				score = m.userScore(i - at)
			}
			m.reach(&best[i], here+score, at, id)
			single = single || i-at == n
		}
		if i == len(text) {
			break
		}
		node = m.trie.child(node, text[i])
	}
	return single
}

// userScore is the score of a user-defined piece of n bytes: it is always
// better than any cut into normal pieces, and the longer the better. The GGUF
// form knows only the first.
func (m *unigram) userScore(n int) float64 {
	if !m.single {
		return 0
	}
	return float64(float32(0.1 * float64(n-1)))
}

// resetScore bounds the sums of float32, which lose their last digits in long
// texts.
const resetScore = 100_000

// reset makes the score at a place zero and keeps its distance to the scores of
// the places behind it that were reached.
func (m *unigram) reset(best []cut, at int) {
	here := best[at].score
	if !m.single || math.Abs(here) <= resetScore {
		return
	}
	for i := at; i < len(best) && i <= at+maxPieceBytes; i++ {
		if i == at || best[i].from >= 0 {
			best[i].score = float64(float32(best[i].score - here))
		}
	}
}

// reach notes a way to a place, if it is better than the known ones.
func (m *unigram) reach(c *cut, score float64, from int, id int32) {
	if m.single {
		score = float64(float32(score))
	}
	if c.from >= 0 && !(score > c.score) {
		return
	}
	*c = cut{score, int32(from), id}
}

// lowest returns the least of the scores, 0 if there are none.
func lowest(scores []float64) float64 {
	if len(scores) == 0 {
		return 0
	}
	return slices.Min(scores)
}
