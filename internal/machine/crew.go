package machine

import (
	"context"
	"runtime"
	"sync"
	"time"
)

// crew is a number of threads that run the same loop at the same time, each on a
// processor of its own.
type crew struct {
	calls  []chan call
	ended  sync.WaitGroup
	pinned bool // every thread stays on its processor

	ran, held time.Duration // of all threads in rate: how long, and how long with a processor
}

// call is what every thread of a crew is asked to run.
type call struct {
	start <-chan struct{} // closed for all threads at once
	run   func(thread int)
	ready *sync.WaitGroup // the thread waits for start
	done  *sync.WaitGroup // the thread has run
}

// newCrew starts n threads. Thread i stays on processors[i], where there are that
// many and the system can pin threads.
func newCrew(n int, processors []int) *crew {
	c := &crew{calls: make([]chan call, n)}
	pinned := make([]bool, n)
	var ready sync.WaitGroup
	for i := range n {
		c.calls[i] = make(chan call)
		ready.Add(1)
		c.ended.Go(func() {
			// Locked, since the affinity is the thread's, not the goroutine's.
			runtime.LockOSThread()
			release := func() bool { return true }
			if i < len(processors) {
				release, pinned[i] = pin(processors[i])
			}
			ready.Done()
			for call := range c.calls[i] {
				call.ready.Done()
				<-call.start
				call.run(i)
				call.done.Done()
			}
			if release() {
				runtime.UnlockOSThread()
			} // else the thread ends with its goroutine, and its affinity with it
		})
	}
	ready.Wait()
	c.pinned = true
	for _, p := range pinned {
		c.pinned = c.pinned && p
	}
	return c
}

// close ends the threads.
func (c *crew) close() {
	for _, calls := range c.calls {
		close(calls)
	}
	c.ended.Wait()
}

// run runs f on every thread, started together, and returns when they started.
func (c *crew) run(f func(thread int)) time.Time {
	start := make(chan struct{})
	var ready, done sync.WaitGroup
	ready.Add(len(c.calls))
	done.Add(len(c.calls))
	for _, calls := range c.calls {
		calls <- call{start, f, &ready, &done}
	}
	ready.Wait()
	at := time.Now()
	close(start)
	done.Wait()
	return at
}

// work does a short piece (10 µs to 1 ms: assembly cannot be interrupted) on a
// thread and returns how much that was.
type work func(thread int) float64

// rate returns how much work all threads together do in a second, over d. It
// ends early when ctx does.
func (c *crew) rate(ctx context.Context, d time.Duration, w work) (float64, error) {
	type result struct {
		amount    float64
		end       time.Time
		ran, held time.Duration
	}
	results := make([]result, len(c.calls))
	start := c.run(func(thread int) {
		before, _ := ThreadTime()
		begin, amount := time.Now(), 0.0
		for {
			amount += w(thread)
			end := time.Now()
			if ran := end.Sub(begin); ran >= d || ctx.Err() != nil {
				after, _ := ThreadTime()
				results[thread] = result{amount, end, ran, after - before}
				return
			}
		}
	})
	sum, end := 0.0, start
	for _, r := range results {
		sum += r.amount
		c.ran += r.ran
		c.held += r.held
		if r.end.After(end) {
			end = r.end
		}
	}
	return sum / max(end.Sub(start), 1).Seconds(), ctx.Err()
}

// undisturbed returns the share of the time of all rates in which the threads had
// processors, 0 where the system does not tell.
func (c *crew) undisturbed() float64 {
	if c.held <= 0 || c.ran <= 0 {
		return 0
	}
	return min(1, c.held.Seconds()/c.ran.Seconds())
}

// best returns the highest of several rates: what disturbs a run only lowers it.
func (c *crew) best(ctx context.Context, runs int, d time.Duration, w work) (float64, error) {
	most := 0.0
	for range runs {
		r, err := c.rate(ctx, d, w)
		if err != nil {
			return 0, err
		}
		most = max(most, r)
	}
	return most, nil
}
