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

// TestWorkersLimit: threads beyond the limit take no items, and come back when it is lifted.
func TestWorkersLimit(t *testing.T) {
	w := NewWorkers(4)
	defer w.Close()
	threads := map[*Thread]int{}
	for i, th := range w.threads {
		threads[th] = i
	}
	for round := range 200 {
		limit := []int{4, 1, 3, 0, 2, 9}[round%6]
		w.Limit(limit)
		limit = min(max(limit, 1), 4)
		items := &whoItems{by: make([]*Thread, 40)}
		// Threads that were still looking for items of the run before may take part in this.
		w.Run(&whoItems{by: make([]*Thread, 4)}, 4)
		if round%50 == 0 {
			time.Sleep(3 * spin)
		}
		w.Run(items, len(items.by))
		for i, th := range items.by {
			if th == nil {
				t.Fatalf("round %d: item %d was not done", round, i)
			}
			if n := threads[th]; n >= limit && round%50 == 0 {
				t.Errorf("round %d: thread %d took an item, the limit is %d", round, n, limit)
			}
		}
	}
}

// whoItems notes which thread did each item.
type whoItems struct{ by []*Thread }

func (w *whoItems) Do(i int, t *Thread) { w.by[i] = t }

// heldItems has one thread held up in its first item, as by another program on its processor,
// until all other items are done. The others begin when it has that.
type heldItems struct {
	held        *Thread
	others      atomic.Int32 // items still to do by other threads
	taken, done chan struct{}
	by          atomic.Int32 // items of the thread that is held up
}

func (h *heldItems) Do(_ int, t *Thread) {
	if t == h.held {
		if h.by.Add(1) == 1 {
			close(h.taken)
			<-h.done
		}
		return
	}
	<-h.taken
	if h.others.Add(-1) == 0 {
		close(h.done)
	}
}

// TestWorkersHeldUp: a thread that gets no processor holds up the item that it has, and no
// other: all the rest is done meanwhile, so that another program costs its share alone.
func TestWorkersHeldUp(t *testing.T) {
	w := NewWorkers(2)
	defer w.Close()
	const n = 200
	h := &heldItems{held: w.threads[1], taken: make(chan struct{}), done: make(chan struct{})}
	h.others.Store(n - 1)
	w.Run(h, n)
	if by := h.by.Load(); by != 1 {
		t.Errorf("the thread that was held up did %d items, want the one", by)
	}
}

// TestWorkersPlaced: each thread but the caller's is placed once, before it takes an item.
func TestWorkersPlaced(t *testing.T) {
	const n = 4
	var placed [n]atomic.Int32
	w := NewPlacedWorkers(n, func(thread int) { placed[thread].Add(1) })
	items := &countItems{count: make([]atomic.Int32, 100)}
	w.Run(items, 100)
	w.Close()
	for i := range placed {
		if got, want := int(placed[i].Load()), min(i, 1); got != want {
			t.Errorf("thread %d was placed %d times, want %d", i, got, want)
		}
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
