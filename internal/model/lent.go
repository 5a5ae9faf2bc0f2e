package model

import (
	"slices"

	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// lent is memory that is lent and given back in any order: gradients of activations, of
// which few live at once. What is free stays for those who come next, as long as all of it
// is not much more than what was lent at once.
type lent struct {
	free []([]float32) // by their room, the least first
	idle int           // numbers in them
	used int           // numbers that are lent
	most int           // the most that were
}

// lentUnit is what sizes are rounded up to.
const lentUnit = 1024

// room returns memory of n numbers, which may be anything.
func (l *lent) room(n int) []float32 {
	size := max(1, (n+lentUnit-1)/lentUnit) * lentUnit
	i, _ := slices.BinarySearchFunc(l.free, size, func(x []float32, size int) int { return cap(x) - size })
	if i < len(l.free) && cap(l.free[i]) <= 2*size {
		x := l.free[i]
		l.free = slices.Delete(l.free, i, i+1)
		l.idle -= cap(x)
		l.lend(cap(x))
		return x[:n]
	}
	l.lend(size)
	for len(l.free) > 0 && l.used+l.idle > l.most+l.most/8 {
		last := len(l.free) - 1
		l.idle -= cap(l.free[last])
		l.free = slices.Delete(l.free, last, last+1)
	}
	return kernel.FloatsOf(tensor.Aligned(4 * size))[:n]
}

func (l *lent) lend(n int) {
	l.used += n
	l.most = max(l.most, l.used)
}

// give takes memory back that room returned.
func (l *lent) give(x []float32) {
	l.used -= cap(x)
	l.idle += cap(x)
	i, _ := slices.BinarySearchFunc(l.free, cap(x), func(x []float32, size int) int { return cap(x) - size })
	l.free = slices.Insert(l.free, i, x[:0])
}

// bytes returns what is held.
func (l *lent) bytes() int64 { return 4 * int64(l.used+l.idle) }
