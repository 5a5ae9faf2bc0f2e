package kernel

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Items are the pieces of an operation that are independent of each other: their
// outputs do not overlap, and which thread does one cannot be seen in any of them.
type Items interface {
	// Do does one item; t is what the thread that runs it has for itself.
	Do(item int, t *Thread)
}

// Thread is the memory that one thread needs for the operations.
type Thread struct {
	AttendScratch
	RouteScratch
	IndexScratch
	BackScratch
}

// Workers are the threads of a model's steps. They take the items of one run at
// a time; between runs they wait actively for a moment, then sleep. An idle Workers
// uses no processor.
type Workers struct {
	threads []*Thread     // the caller's first
	state   atomic.Uint64 // number of the run, its items, the next one: see claim
	done    atomic.Int64  // items of the run that are finished
	items   Items
	wake    []chan struct{}
	asleep  []atomic.Bool
	limit   atomic.Int32     // how many threads take items
	place   func(thread int) // what each thread does first; nil: nothing
	closed  atomic.Bool
	group   sync.WaitGroup
}

// The parts of Workers.state, so that claiming an item and knowing which run it
// belongs to is one atomic step.
const (
	itemBits = 24
	maxItems = 1<<itemBits - 1
)

// spin is how long a thread waits actively for the next run: longer than what
// lies between two runs of a step, shorter than a person notices on a bill.
const spin = 100 * time.Microsecond

// NewWorkers starts n-1 threads beside the caller's.
func NewWorkers(n int) *Workers { return NewPlacedWorkers(n, nil) }

// NewPlacedWorkers is NewWorkers whose threads are placed: each but the caller's, which is
// thread 0, calls place with its number before anything else, locked to its thread of the
// system. nil: the system places them.
func NewPlacedWorkers(n int, place func(thread int)) *Workers {
	w := &Workers{place: place, threads: make([]*Thread, n), wake: make([]chan struct{}, n), asleep: make([]atomic.Bool, n)}
	for i := range n {
		w.threads[i] = new(Thread)
		w.wake[i] = make(chan struct{}, 1)
	}
	w.limit.Store(int32(n))
	w.group.Add(n - 1)
	for i := 1; i < n; i++ {
		go w.run(i)
	}
	return w
}

// Threads returns how many threads there are, the caller's counted.
func (w *Workers) Threads() int { return len(w.threads) }

// Limit has only the first n threads take items, from 1 to as many as there are, from the
// next run on; the others sleep. Who calls Run calls it.
func (w *Workers) Limit(n int) { w.limit.Store(int32(min(max(n, 1), len(w.threads)))) }

// Close ends the threads and waits for them.
func (w *Workers) Close() {
	w.closed.Store(true)
	for i := 1; i < len(w.wake); i++ {
		w.signal(i)
	}
	w.group.Wait()
}

// Run does the items 0 … n-1, on this thread and on those that are free, and returns
// when all are done. One goroutine calls it at a time; n is below 2^24.
func (w *Workers) Run(items Items, n int) {
	limit := int(w.limit.Load())
	if n <= 1 || limit == 1 {
		for i := range n {
			items.Do(i, w.threads[0])
		}
		return
	}
	if n > maxItems {
		panic(fmt.Sprintf("kernel: %d items at once, want at most %d", n, maxItems))
	}
	w.items = items
	w.done.Store(0)
	number := w.state.Load()>>(2*itemBits) + 1
	w.state.Store(number<<(2*itemBits) | uint64(n)<<itemBits)
	for i := 1; i < limit && i < n; i++ {
		if w.asleep[i].Load() {
			w.signal(i)
		}
	}
	w.work(0)
	w.finish(int64(n))
}

// patience is how long the last items of other threads are waited for actively. They
// take that long only where other programs keep those threads from a processor, which
// waiting must not take from them too.
const patience = time.Millisecond

// finish waits until n items are done.
func (w *Workers) finish(n int64) {
	for start := time.Now(); ; {
		for range 64 {
			if w.done.Load() >= n {
				return
			}
			pause()
		}
		if time.Since(start) > patience {
			time.Sleep(patience / 16)
		}
	}
}

func (w *Workers) signal(i int) {
	select {
	case w.wake[i] <- struct{}{}:
	default:
	}
}

// claim takes the next item, false where none is left.
func (w *Workers) claim() (int, bool) {
	for {
		s := w.state.Load()
		next, items := s&maxItems, s>>itemBits&maxItems
		if next >= items {
			return 0, false
		}
		if w.state.CompareAndSwap(s, s+1) {
			return int(next), true
		}
	}
}

// work does items until none is left, and says whether it did any. A claimed item
// keeps its run from ending, since Run waits for it.
func (w *Workers) work(thread int) bool {
	any := false
	for {
		i, ok := w.claim()
		if !ok {
			return any
		}
		w.items.Do(i, w.threads[thread])
		w.done.Add(1)
		any = true
	}
}

// run is the life of one thread.
func (w *Workers) run(thread int) {
	runtime.LockOSThread() // and the thread ends with it, so that where it may run ends, too
	defer w.group.Done()
	if w.place != nil {
		w.place(thread)
	}
	for !w.closed.Load() {
		if w.takesPart(thread) && (w.work(thread) || w.await()) {
			continue
		}
		w.asleep[thread].Store(true)
		// A run that began before this was seen would not wake us.
		s := w.state.Load()
		if (s&maxItems >= s>>itemBits&maxItems || !w.takesPart(thread)) && !w.closed.Load() {
			<-w.wake[thread]
		}
		w.asleep[thread].Store(false)
	}
}

// takesPart says whether a thread takes items.
func (w *Workers) takesPart(thread int) bool { return thread < int(w.limit.Load()) }

// await waits actively for items, and says whether there are any.
func (w *Workers) await() bool {
	for start := time.Now(); time.Since(start) < spin; {
		for range 64 {
			if s := w.state.Load(); s&maxItems < s>>itemBits&maxItems || w.closed.Load() {
				return true
			}
			pause()
		}
		if len(w.threads) > runtime.GOMAXPROCS(0) {
			runtime.Gosched() // more threads than processors: let the others work
		}
	}
	return false
}
