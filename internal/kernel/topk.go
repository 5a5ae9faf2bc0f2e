package kernel

import "slices"

// TopK appends the indices of the k greatest values of x to ids, greater first,
// equal ones by the lower index; all of them where k is no smaller than len(x).
// NaN counts as the least.
func TopK(ids []int32, x []float32, k int) []int32 {
	k = min(k, len(x))
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
	for i := range k {
		ids = append(ids, int32(i))
		siftUp(ids[start:], before)
	}
	heap := ids[start:]
	for i := k; i < len(x) && k > 0; i++ {
		// Most are worse than all of the best, or as good as the worst and later.
		if worst := x[heap[0]]; x[i] <= worst {
			continue
		}
		if before(int32(i), heap[0]) < 0 {
			heap[0] = int32(i)
			siftDown(heap, before)
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
