package tokenizer

import (
	"fmt"
	"hash/maphash"
	"math/bits"
	"slices"
)

// Caps on what a file may ask for. The largest published vocabularies have 262,144
// entries of 2 MiB and 580,000 merges; a few of a million are known.
const (
	maxVocab      = 1 << 21  // entries, and one more than the largest id
	maxVocabBytes = 64 << 20 // text of all entries
	maxMerges     = 1 << 22
)

// A vocab holds the pieces that a model makes of text. An entry is a piece
// with its id; ids may have gaps, and several entries may share an id. The
// text is kept as it is matched: of a byte-level vocabulary, the raw bytes.
type vocab struct {
	text  []byte
	off   []uint32 // entry e is text[off[e]:off[e+1]]
	ids   []int32  // id of each entry; -1: made by merges only, no token
	byID  []int32  // first entry of each id; -1: none
	slots []uint64 // hash table: upper half of the hash, then entry+1
	seed  maphash.Seed

	findable int  // entries that text can be looked up as
	sameID   twin // entries with the id of one before
	sameText twin // entries that took the place of one with their text
}

// A twin is the first of pairs of entries, and how many there are.
type twin struct {
	a, b int32
	n    int
}

func (t *twin) add(a, b int32) {
	if t.n++; t.n == 1 {
		t.a, t.b = a, b
	}
}

// newVocab returns an empty vocabulary with room for n entries.
func newVocab(n int) *vocab {
	n = min(n, maxVocab)
	size := 1 << bits.Len(uint(max(n, 8)*3/2))
	return &vocab{
		text:  make([]byte, 0, n*8),
		off:   make([]uint32, 1, n+1),
		ids:   make([]int32, 0, n),
		byID:  make([]int32, 0, n),
		slots: make([]uint64, size),
		seed:  maphash.MakeSeed(),
	}
}

// size is one more than the largest id.
func (v *vocab) size() int { return len(v.byID) }

// entries is the number of entries.
func (v *vocab) entries() int { return len(v.ids) }

// piece returns the text of an entry.
func (v *vocab) piece(e int32) []byte { return v.text[v.off[e]:v.off[e+1]] }

// grow makes room for ids up to and without n.
func (v *vocab) grow(n int) {
	v.byID = slices.Grow(v.byID, max(0, n-len(v.byID)))
	for len(v.byID) < n {
		v.byID = append(v.byID, -1)
	}
}

// add appends an entry and returns it. Of two entries with the same text, find
// returns the later. An entry with unfindable text is only there for its id.
func (v *vocab) add(piece []byte, id int32, findable bool) (int32, error) {
	e := int32(len(v.ids))
	switch {
	case len(v.ids) >= maxVocab || id >= maxVocab:
		return 0, fmt.Errorf("%w: vocabulary of more than %d entries", ErrUnsupported, maxVocab)
	case len(v.text)+len(piece) > maxVocabBytes:
		return 0, fmt.Errorf("%w: vocabulary of more than %d bytes", ErrUnsupported, maxVocabBytes)
	}
	v.text = append(v.text, piece...)
	v.off = append(v.off, uint32(len(v.text)))
	v.ids = append(v.ids, id)
	if id >= 0 {
		v.grow(int(id) + 1)
		if v.byID[id] < 0 {
			v.byID[id] = e
		} else {
			v.sameID.add(v.byID[id], e)
		}
	}
	if findable {
		v.findable++
		if 2*len(v.ids) > len(v.slots) {
			v.rehash()
		}
		v.insert(e)
	}
	return e, nil
}

// insert puts an entry into the hash table, in place of one with its text.
func (v *vocab) insert(e int32) {
	piece := v.piece(e)
	h := maphash.Bytes(v.seed, piece)
	mask := uint64(len(v.slots) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		s := v.slots[i]
		if s == 0 || s>>32 == h>>32 && string(v.piece(int32(uint32(s)-1))) == string(piece) {
			if s != 0 {
				v.sameText.add(int32(uint32(s)-1), e)
			}
			v.slots[i] = h>>32<<32 | uint64(uint32(e+1))
			return
		}
	}
}

// rehash doubles the table.
func (v *vocab) rehash() {
	old := v.slots
	v.slots = make([]uint64, 2*len(old))
	for _, s := range old {
		if s != 0 {
			v.insert(int32(uint32(s) - 1))
		}
	}
}

// find returns the entry with that text, or -1.
func (v *vocab) find(piece string) int32 { return v.lookup(maphash.String(v.seed, piece), piece) }

// findBytes is find for bytes.
func (v *vocab) findBytes(piece []byte) int32 {
	h := maphash.Bytes(v.seed, piece)
	mask := uint64(len(v.slots) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		s := v.slots[i]
		if s == 0 {
			return -1
		}
		if s>>32 == h>>32 {
			if e := int32(uint32(s) - 1); string(v.piece(e)) == string(piece) {
				return e
			}
		}
	}
}

// lookup is find with the hash at hand.
func (v *vocab) lookup(h uint64, piece string) int32 {
	mask := uint64(len(v.slots) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		s := v.slots[i]
		if s == 0 {
			return -1
		}
		if s>>32 == h>>32 {
			if e := int32(uint32(s) - 1); string(v.piece(e)) == piece {
				return e
			}
		}
	}
}
