package tokenizer

import "hash/maphash"

// An encoder holds the buffers of one running encoding. They are kept and used
// again, so that encoding leaves no garbage.
type encoder struct {
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
	s := &c.slots[h&(cacheSlots-1)]
	if s.hash != h || int(s.n) != len(piece) || string(c.text[s.text:s.text+uint32(s.n)]) != piece {
		return nil, false
	}
	return c.ids[s.id : s.id+uint32(s.count)], true
}

// add remembers the tokens of a piece of 1 to maxCachePiece bytes.
func (c *pieceCache) add(h uint64, piece string, ids []int32) {
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

var cacheSeed = maphash.MakeSeed()

// encodePiece appends the tokens of a piece, from the cache if they are there.
func (e *encoder) encodePiece(m model, dst []int32, piece string) []int32 {
	if len(piece) > maxCachePiece {
		return m.encode(e, dst, piece)
	}
	if e.cache.slots == nil {
		e.cache.slots = make([]cacheSlot, cacheSlots)
		e.cache.text = make([]byte, 0, cacheText)
		e.cache.ids = make([]int32, 0, cacheIDs)
	}
	h := maphash.String(cacheSeed, piece)
	if ids, ok := e.cache.find(h, piece); ok {
		return append(dst, ids...)
	}
	n := len(dst)
	dst = m.encode(e, dst, piece)
	e.cache.add(h, piece, dst[n:])
	return dst
}

// maxKept is how much a buffer may hold to be kept for the next text.
const maxKept = 1 << 20

// trim lets go of buffers that a long text made large, and of the text.
func (e *encoder) trim() {
	e.piece = ""
	e.pieces.text = ""
	if cap(e.links) > maxKept/16 || cap(e.cuts) > maxKept/16 || cap(e.spare) > maxKept/8 || cap(e.parts) > maxKept/16 {
		*e = encoder{cache: e.cache}
	}
}
