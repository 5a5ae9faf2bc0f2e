package kernel

import (
	"math"
	"slices"
)

// MaxBlock is how many values BlockMax takes the greatest of.
const MaxBlock = 256

// BlockMax appends to dst the greatest of each MaxBlock values of x, the last of what is
// left: NaN where a block holds one.
func BlockMax(dst, x []float32) []float32 {
	for ; len(x) > MaxBlock; x = x[MaxBlock:] {
		dst = append(dst, Max(x[:MaxBlock]))
	}
	if len(x) > 0 {
		dst = append(dst, Max(x))
	}
	return dst
}

// TopK appends the indices of the k greatest values of x to ids, greater first,
// equal ones by the lower index; all of them where k is no smaller than len(x).
// NaN counts as the least.
func TopK(ids []int32, x []float32, k int) []int32 {
	return TopKOf(ids, x, BlockMax(nil, x), k)
}

// TopKOf is TopK of x where its BlockMax, tops, is known.
func TopKOf(ids []int32, x, tops []float32, k int) []int32 {
	if k = min(k, len(x)); k <= 0 {
		return ids
	}
	floor := float32(math.Inf(-1)) // k values or more are no smaller
	if k < len(tops) {
		if worst := tops[TopK(nil, tops, k)[k-1]]; worst == worst {
			floor = worst
		}
	}
	before := func(a, b int32) int {
		va, vb := x[a], x[b]
		switch {
		case va > vb || va == va && vb != vb:
			return -1
		case va < vb || va != va && vb == vb:
			return 1
		}
		return int(a - b)
	}
	// A heap of the best so far, its worst on top.
	start := len(ids)
	for block, top := range tops {
		if full := len(ids)-start == k; top < floor || full && top <= x[ids[start]] {
			continue
		}
		first := block * MaxBlock
		for i, v := range x[first:min(first+MaxBlock, len(x))] {
			id := int32(first + i)
			switch heap := ids[start:]; {
			case v < floor:
			case len(heap) < k:
				ids = append(ids, id)
				siftUp(ids[start:], before)
			case !(v <= x[heap[0]]) && before(id, heap[0]) < 0: // equal ones come too late
				heap[0] = id
				siftDown(heap, before)
			}
		}
	}
	slices.SortFunc(ids[start:], before)
	return ids
}

func siftUp(heap []int32, before func(a, b int32) int) {
	for i := len(heap) - 1; i > 0; {
		parent := (i - 1) / 2
		if before(heap[i], heap[parent]) < 0 {
			return
		}
		heap[i], heap[parent] = heap[parent], heap[i]
		i = parent
	}
}

func siftDown(heap []int32, before func(a, b int32) int) {
	for i := 0; ; {
		worst := i
		for c := 2*i + 1; c <= 2*i+2 && c < len(heap); c++ {
			if before(heap[worst], heap[c]) < 0 {
				worst = c
			}
		}
		if worst == i {
			return
		}
		heap[i], heap[worst] = heap[worst], heap[i]
		i = worst
	}
}
