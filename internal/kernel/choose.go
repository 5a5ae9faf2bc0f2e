package kernel

import (
	"math"
	"math/bits"
	"slices"

	"github.com/blitz-r1/blitz/internal/tensor"
)

// chooseScratch is what Choose needs.
type chooseScratch struct {
	sample, keys []uint32
	bits         []uint64 // of values that are no less than the pivot
}

// chooseSample is how many values are looked at to find a pivot.
const chooseSample = 1024

// Choose appends the indices of the k greatest values of x to ids, ascending; of equal
// values at the border the first ones. NaN counts as the least. It is TopK without the
// order, in little more than one pass over x: all but about k values are left out by a
// pivot that a sample suggests.
func (c *IndexScratch) Choose(ids []int32, x []float32, k int) []int32 {
	s := &c.chosen
	if k >= len(x) {
		for i := range x {
			ids = append(ids, int32(i))
		}
		return ids
	}
	if k <= 0 {
		return ids
	}
	if !s.cut(x, k) { // NaN among them
		start := len(ids)
		ids = TopK(ids, x, k)
		slices.Sort(ids[start:])
		return ids
	}
	s.keys = s.keys[:0]
	s.each(func(i int) { s.keys = append(s.keys, orderedBits(x[i])) })
	border, ties := kth(s.keys, k)
	n := 0
	s.each(func(i int) {
		key := s.keys[n]
		n++
		if key == border {
			ties--
		}
		if key > border || key == border && ties >= 0 {
			ids = append(ids, int32(i))
		}
	})
	return ids
}

// cut sets the bits of k values or more, among them the k greatest, and returns false
// where NaN leaves fewer.
func (s *chooseScratch) cut(x []float32, k int) bool {
	s.sample = tensor.Resize(s.sample, min(chooseSample, len(x)))
	m := len(s.sample)
	for i := range s.sample {
		v := x[i*len(x)/m]
		s.sample[i] = orderedBits(v)
		if v != v {
			s.sample[i] = 0
		}
	}
	slices.Sort(s.sample)
	// Three deviations of the rank that the k-th value has in the sample.
	share := float64(k) / float64(len(x))
	rank := int(share*float64(m) + 3*math.Sqrt(share*float64(m)) + 2)
	for ; rank < m; rank *= 2 {
		if s.mark(x, fromOrdered(s.sample[m-rank])) >= k {
			return true
		}
	}
	return s.mark(x, float32(math.Inf(-1))) >= k
}

// mark sets the bits of values that are no less than the pivot, and returns how many.
func (s *chooseScratch) mark(x []float32, pivot float32) (n int) {
	s.bits = tensor.Resize(s.bits, (len(x)+63)/64)
	done := 0
	if impl != Portable {
		done = atLeastAsm(s.bits, x, pivot)
	}
	clear(s.bits[done/64:])
	for i := done; i < len(x); i++ {
		if x[i] >= pivot {
			s.bits[i/64] |= 1 << (i % 64)
		}
	}
	for _, w := range s.bits {
		n += bits.OnesCount64(w)
	}
	return n
}

// each calls f with the index of each bit, ascending.
func (s *chooseScratch) each(f func(i int)) {
	for i, w := range s.bits {
		for ; w != 0; w &= w - 1 {
			f(64*i + bits.TrailingZeros64(w))
		}
	}
}

// kth returns the k-th greatest of keys, byte by byte from the top, and how many of those
// equal to it are among the k greatest.
func kth(keys []uint32, k int) (key uint32, ties int) {
	for shift := 24; shift >= 0; shift -= 8 {
		var count [256]int
		for _, v := range keys {
			if uint64(v^key)>>(shift+8) == 0 {
				count[v>>shift&255]++
			}
		}
		digit := 255
		for ; count[digit] < k; digit-- {
			k -= count[digit]
		}
		key |= uint32(digit) << shift
	}
	return key, k
}

// orderedBits returns bits that order as the numbers do; both zeros are one number.
func orderedBits(v float32) uint32 {
	b := math.Float32bits(v)
	switch {
	case b == 1<<31:
		return 1 << 31
	case b>>31 == 1:
		return ^b
	}
	return b | 1<<31
}

// fromOrdered is the inverse of orderedBits; of NaN's place it returns NaN.
func fromOrdered(b uint32) float32 {
	if b>>31 == 1 {
		return math.Float32frombits(b &^ (1 << 31))
	}
	return math.Float32frombits(^b)
}
