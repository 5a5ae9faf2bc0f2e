package tokenizer

import (
	"fmt"
	"math"
	"math/bits"
)

// A mergeTable maps a pair of adjacent entries to their merge.
type mergeTable struct {
	slots []merge
	shift uint8
	n     int
}

// A merge joins two entries into one; of all merges that a text allows, the
// one of the lowest rank goes first, and of equal ones the leftmost.
type merge struct {
	pair   uint64 // left entry in the upper half, right in the lower; noPair: the slot is free
	rank   uint32
	merged int32
}

const noPair = ^uint64(0)

func pairOf(left, right int32) uint64 { return uint64(uint32(left))<<32 | uint64(uint32(right)) }

// newMergeTable returns a table with room for n merges.
func newMergeTable(n int) *mergeTable {
	log := bits.Len(uint(min(max(n, 8), maxMerges) * 5 / 4))
	t := &mergeTable{slots: make([]merge, 1<<log), shift: uint8(64 - log)}
	for i := range t.slots {
		t.slots[i].pair = noPair
	}
	return t
}

// slot returns the slot of a pair, or the free one where it belongs.
func (t *mergeTable) slot(pair uint64) *merge {
	mask := len(t.slots) - 1
	for i := int((pair ^ pair>>31) * 0x9E3779B97F4A7C15 >> t.shift); ; i++ {
		s := &t.slots[i&mask]
		if s.pair == pair || s.pair == noPair {
			return s
		}
	}
}

// find returns the merge of a pair, or nil.
func (t *mergeTable) find(left, right int32) *merge {
	if s := t.slot(pairOf(left, right)); s.pair != noPair {
		return s
	}
	return nil
}

// uses reports whether any of the entries takes part in a merge.
func (t *mergeTable) uses(entries []int32) bool {
	in := map[int32]bool{}
	least, most := int32(math.MaxInt32), int32(-1)
	for _, e := range entries {
		if e >= 0 {
			in[e] = true
			least, most = min(least, e), max(most, e)
		}
	}
	hit := func(e int32) bool { return least <= e && e <= most && in[e] }
	for _, s := range t.slots {
		if s.pair != noPair && (hit(int32(s.pair>>32)) || hit(int32(uint32(s.pair)))) {
			return true
		}
	}
	return false
}

// add adds a merge; of two for the same pair, the first stays unless replace
// is set.
func (t *mergeTable) add(left, right int32, rank uint32, merged int32, replace bool) error {
	if t.n >= maxMerges || t.n+1 >= len(t.slots) {
		return fmt.Errorf("%w: more than %d merges", ErrUnsupported, t.n)
	}
	s := t.slot(pairOf(left, right))
	if s.pair == noPair {
		t.n++
	} else if !replace {
		return nil
	}
	*s = merge{pairOf(left, right), rank, merged}
	return nil
}

// A mergeRule is a line of a merges list, as text: in the form that the
// vocabulary holds.
type mergeRule struct{ left, right []byte }

// addRules fills the table from a list in order of rank. A piece that the
// vocabulary lacks is an error, unless ghost gives it an id: with -1, its entry
// takes part in merges and ends as the tokens of its bytes.
func (t *mergeTable) addRules(v *vocab, rules func(yield func(mergeRule) bool), replace bool, ghost func(piece []byte) int32) error {
	var joined []byte
	var err error
	rank := uint32(0)
	entry := func(piece []byte) int32 {
		e := v.findBytes(piece)
		if e < 0 && err == nil {
			if ghost == nil {
				err = fmt.Errorf("%w: merge %d names %.40q, which is not in the vocabulary", ErrDamaged, rank, piece)
				return e
			}
			e, err = v.add(piece, ghost(piece), true)
		}
		return e
	}
	for r := range rules {
		joined = append(append(joined[:0], r.left...), r.right...)
		left, right, merged := entry(r.left), entry(r.right), entry(joined)
		if err == nil {
			err = t.add(left, right, rank, merged, replace)
		}
		if err != nil {
			return err
		}
		rank++
	}
	return nil
}
