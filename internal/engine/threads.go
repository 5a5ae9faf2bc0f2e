package engine

import (
	"fmt"
	"sync"

	"github.com/blitz-r1/blitz/internal/kernel"
)

// MaxThreads bounds the threads of an engine: more than any machine has processors,
// fewer than a process may have threads.
const MaxThreads = 1024

// Threads compute the steps of one or more engines. One engine at a time has all of
// them, for a step; the others get them in the order in which they asked.
type Threads struct {
	workers *kernel.Workers
	turn    chan struct{} // holds one signal where nobody has the threads

	mu     sync.Mutex
	users  int // engines, and the owner until Close
	closed bool
}

// NewThreads starts threads for that many processors.
func NewThreads(n int) (*Threads, error) {
	if n < 1 || n > MaxThreads {
		return nil, fmt.Errorf("engine: %d threads, want 1 to %d: %w", n, MaxThreads, ErrOption)
	}
	t := &Threads{workers: kernel.NewWorkers(n), turn: make(chan struct{}, 1), users: 1}
	t.turn <- struct{}{}
	return t, nil
}

// Count returns how many threads there are.
func (t *Threads) Count() int { return t.workers.Threads() }

// Close ends the threads as soon as no engine uses them any more.
func (t *Threads) Close() {
	t.mu.Lock()
	closed := t.closed
	t.closed = true
	t.mu.Unlock()
	if !closed {
		t.leave()
	}
}

// join adds an engine to the users.
func (t *Threads) join() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return fmt.Errorf("engine: threads: %w", ErrClosed)
	}
	t.users++
	return nil
}

// leave takes a user away; the last one ends the threads.
func (t *Threads) leave() {
	t.mu.Lock()
	t.users--
	last := t.users == 0
	t.mu.Unlock()
	if last {
		t.workers.Close()
	}
}

// take waits for the threads. A channel serves those that wait in their order, and
// hands over to them directly, so that no engine comes again before another that
// waited.
func (t *Threads) take() { <-t.turn }

// give lets the next engine have the threads.
func (t *Threads) give() { t.turn <- struct{}{} }
