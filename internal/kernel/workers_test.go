package kernel

import (
	"sync/atomic"
	"testing"
	"time"
)

// countItems counts how often each item is done.
type countItems struct {
	count []atomic.Int32
	slow  bool
}

func (t *countItems) Do(i int, _ *Thread) {
	if t.slow && i%7 == 0 {
		time.Sleep(10 * time.Microsecond)
	}
	t.count[i].Add(1)
}

func TestWorkers(t *testing.T) {
	for _, threads := range []int{1, 2, 3, 8} {
		w := NewWorkers(threads)
		for round := range 300 {
			n := round % 23
			items := &countItems{count: make([]atomic.Int32, n), slow: round%5 == 0}
			w.Run(items, n)
			for i := range n {
				if c := items.count[i].Load(); c != 1 {
					t.Fatalf("%d threads, round %d: item %d done %d times, want once", threads, round, i, c)
				}
			}
			if round%97 == 0 {
				time.Sleep(3 * spin) // they sleep, and must wake
			}
		}
		w.Close()
	}
}

func TestWorkersNoGarbage(t *testing.T) {
	w := NewWorkers(2)
	defer w.Close()
	items := &countItems{count: make([]atomic.Int32, 64)}
	if n := testing.AllocsPerRun(100, func() { w.Run(items, 64) }); n != 0 {
		t.Errorf("a run allocates %v times, want none", n)
	}
}

func BenchmarkWorkers(b *testing.B) {
	w := NewWorkers(2)
	defer w.Close()
	items := &countItems{count: make([]atomic.Int32, 8)}
	for b.Loop() {
		w.Run(items, 8)
	}
}
