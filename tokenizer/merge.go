package tokenizer

// A pairer says which neighbours may merge.
type pairer interface {
	// rank returns the rank of the merge of the symbols at left and right,
	// neighbours of the piece in e, and the entry that they become; noRank if
	// they do not merge.
	rank(e *encoder, left, right int32) (rank uint32, merged int32)
}

const (
	noRank = ^uint32(0)
	none   = int32(-1)
	// shortPiece is the number of symbols up to which looking for the best
	// pair again and again beats a heap.
	shortPiece = 24
)

// A link is a symbol of a piece on its way through the merges.
type link struct {
	prev, next int32
	rank       uint32 // of the merge with the next symbol
	merged     int32  // what that merge makes
}

// merge merges the symbols in e until p allows no more: always the pair of the
// lowest rank, of equal ones the leftmost. It leaves the merged symbols in
// e.symbols.
func (e *encoder) merge(p pairer) {
	n := int32(len(e.symbols))
	if n < 2 {
		return
	}
	e.links = e.links[:0]
	for i := range n {
		e.links = append(e.links, link{prev: i - 1, next: i + 1, rank: noRank})
	}
	e.links[n-1].next = none
	for i := range n - 1 {
		e.rank(p, i)
	}
	if n <= shortPiece {
		e.mergeShort(p)
	} else {
		e.mergeLong(p)
	}
	k := 0
	for i := int32(0); i != none; i = e.links[i].next {
		e.symbols[k] = e.symbols[i]
		k++
	}
	e.symbols = e.symbols[:k]
}

// rank notes how the symbol at i merges with the next.
func (e *encoder) rank(p pairer, i int32) {
	l := &e.links[i]
	l.rank = noRank
	if l.next != none {
		l.rank, l.merged = p.rank(e, i, l.next)
	}
}

// join merges the symbol at i with the next and ranks its new neighbours.
func (e *encoder) join(p pairer, i int32) {
	l := &e.links[i]
	gone := l.next
	e.lastJoin = gone
	e.symbols[i] = l.merged
	l.next = e.links[gone].next
	e.links[gone].rank = noRank
	if l.next != none {
		e.links[l.next].prev = i
	}
	e.rank(p, i)
	if l.prev != none {
		e.rank(p, l.prev)
	}
}

// mergeShort looks for the best pair before each merge.
func (e *encoder) mergeShort(p pairer) {
	for {
		best, at := noRank, none
		for i := int32(0); i != none; i = e.links[i].next {
			if r := e.links[i].rank; r < best {
				best, at = r, i
			}
		}
		if at == none {
			return
		}
		e.join(p, at)
	}
}

// mergeLong keeps the pairs in a heap, so that a piece of n symbols takes
// O(n log n) steps. A pair that changed stays in the heap; it is passed over,
// since its rank is no more that of its place.
func (e *encoder) mergeLong(p pairer) {
	h := e.heap[:0]
	for i := range e.links {
		if r := e.links[i].rank; r != noRank {
			h = append(h, heapKey(r, int32(i)))
		}
	}
	for i := (len(h) - 2) / 4; i >= 0; i-- {
		h.down(i)
	}
	for len(h) > 0 {
		top := h[0]
		h[0] = h[len(h)-1]
		h = h[:len(h)-1]
		h.down(0)
		i := int32(uint32(top))
		if uint32(top>>32) != e.links[i].rank {
			continue
		}
		e.join(p, i)
		h = e.push(h, i)
		h = e.push(h, e.links[i].prev)
	}
	e.heap = h
}

// push puts the pair at i into the heap.
func (e *encoder) push(h rankHeap, i int32) rankHeap {
	if i == none || e.links[i].rank == noRank {
		return h
	}
	h = append(h, heapKey(e.links[i].rank, i))
	h.up(len(h) - 1)
	return h
}

// A rankHeap is a heap of pairs with four children to a node: the rank in the
// upper half, the place in the lower.
type rankHeap []uint64

func heapKey(rank uint32, i int32) uint64 { return uint64(rank)<<32 | uint64(uint32(i)) }

func (h rankHeap) down(i int) {
	if i >= len(h) {
		return
	}
	k := h[i]
	for {
		child := 4*i + 1
		if child >= len(h) {
			break
		}
		least := child
		for c := child + 1; c < min(child+4, len(h)); c++ {
			if h[c] < h[least] {
				least = c
			}
		}
		if h[least] >= k {
			break
		}
		h[i] = h[least]
		i = least
	}
	h[i] = k
}

func (h rankHeap) up(i int) {
	k := h[i]
	for i > 0 && h[(i-1)/4] > k {
		h[i] = h[(i-1)/4]
		i = (i - 1) / 4
	}
	h[i] = k
}
