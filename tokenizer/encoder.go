package tokenizer

import (
	"hash/maphash"
	"sync/atomic"
)

// An encoder holds the buffers of one running encoding. They are kept and used
// again, so that encoding leaves no garbage.
type encoder struct {
	bounds          bounds // of the text
	pieces          pieces
	spare           []span
	matches         []span
	parts, subparts []part

	symbols  []int32 // entries of the piece's symbols
	starts   []int32 // where the symbols begin
	links    []link
	heap     rankHeap
	piece    string
	lastJoin int32
	plain    bool // no control tokens
	cuts     []cut

	cache pieceCache
}

// A pieceCache remembers the tokens of short pieces. It forgets everything
// when its space is used up.
type pieceCache struct {
	slots []cacheSlot
	text  []byte
	ids   []int32
}

type cacheSlot struct {
	hash     uint64
	text, id uint32 // where the text and the ids begin
	n, count uint8  // how many there are; n = 0: free
}

const (
	cacheSlots    = 1 << 13
	cacheText     = 1 << 17
	cacheIDs      = 1 << 16
	maxCachePiece = 48
)

// find returns the tokens of a piece.
func (c *pieceCache) find(h uint64, piece string) ([]int32, bool) {
	if c.slots == nil {
		return nil, false
	}
	s := &c.slots[h&(cacheSlots-1)]
	if s.hash != h || int(s.n) != len(piece) || string(c.text[s.text:s.text+uint32(s.n)]) != piece {
		return nil, false
	}
	return c.ids[s.id : s.id+uint32(s.count)], true
}

// add remembers the tokens of a piece of 1 to maxCachePiece bytes.
func (c *pieceCache) add(h uint64, piece string, ids []int32) {
	if c.slots == nil {
		c.slots = make([]cacheSlot, cacheSlots)
	}
	if len(c.text)+len(piece) > cacheText || len(c.ids)+len(ids) > cacheIDs {
		clear(c.slots)
		c.text, c.ids = c.text[:0], c.ids[:0]
	}
	c.slots[h&(cacheSlots-1)] = cacheSlot{h, uint32(len(c.text)), uint32(len(c.ids)), uint8(len(piece)), uint8(len(ids))}
	c.text = append(c.text, piece...)
	c.ids = append(c.ids, ids...)
}

// A model turns a piece into tokens. The piece is not empty.
type model interface {
	encode(e *encoder, dst []int32, piece string) []int32
}

// A wholes remembers of each entry whether its text, as a piece, becomes its own
// token and nothing else. Most pieces of a text do. It is shared by all
// encoders and filled as they go.
type wholes struct {
	yes, no []uint32 // a bit for each entry; neither: not yet known
}

func newWholes(entries int) wholes {
	n := (entries + 31) / 32
	return wholes{make([]uint32, n), make([]uint32, n)}
}

func bit(set []uint32, e int32) bool { return atomic.LoadUint32(&set[e>>5])>>(e&31)&1 != 0 }

func setBit(set []uint32, e int32) { atomic.OrUint32(&set[e>>5], 1<<(e&31)) }

// encodePiece appends the tokens of a piece: without merging, if it is known to
// be a token, or if the cache has it.
func (t *Tokenizer) encodePiece(e *encoder, dst []int32, piece string) []int32 {
	if len(piece) > maxCachePiece {
		return t.model.encode(e, dst, piece)
	}
	h := maphash.String(t.vocab.seed, piece)
	entry := t.vocab.lookup(h, piece)
	if entry >= 0 && bit(t.wholes.yes, entry) {
		return append(dst, t.vocab.ids[entry])
	}
	if ids, ok := e.cache.find(h, piece); ok {
		return append(dst, ids...)
	}
	n := len(dst)
	dst = t.model.encode(e, dst, piece)
	if entry >= 0 && !bit(t.wholes.no, entry) {
		if len(dst) == n+1 && dst[n] == t.vocab.ids[entry] {
			setBit(t.wholes.yes, entry)
			return dst
		}
		setBit(t.wholes.no, entry)
	}
	e.cache.add(h, piece, dst[n:])
	return dst
}

// Buffers that hold more than this are not kept for the next text.
const (
	maxKeptSpans   = 1 << 19
	maxKeptSymbols = 1 << 16
)

// trim lets go of buffers that a long text made large, and of the text.
func (e *encoder) trim() {
	e.piece = ""
	e.pieces.text = ""
	if max(cap(e.pieces.spans), cap(e.spare), cap(e.matches), cap(e.parts), cap(e.subparts)) > maxKeptSpans ||
		max(cap(e.links), cap(e.cuts), cap(e.heap)) > maxKeptSymbols {
		*e = encoder{cache: e.cache}
	}
}
