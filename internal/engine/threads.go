package engine

import (
	"fmt"
	"sync"

	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/machine"
)

// MaxThreads bounds the threads of an engine: more than any machine has processors,
// fewer than a process may have threads.
const MaxThreads = 1024

// Threads compute the steps of one or more engines. One engine at a time has all of
// them, for a step; the others get them in the order in which they asked.
type Threads struct {
	workers *kernel.Workers
	free    bool // decoding may use fewer

	mu      sync.Mutex
	busy    bool            // an engine has them
	waiting []chan struct{} // of the engines that want them, in their order
	users   int             // engines, and the owner until Close
	closed  bool
}

// NewThreads starts threads for that many processors; 0: DefaultThreads, of which decoding
// may use fewer where that is faster.
func NewThreads(n int) (*Threads, error) {
	if n < 0 || n > MaxThreads {
		return nil, fmt.Errorf("engine: %d threads, want 1 to %d, or 0 for as many as suit the machine: %w", n, MaxThreads, ErrOption)
	}
	free := n == 0
	if free {
		n = DefaultThreads()
	}
	return &Threads{workers: newWorkers(n, machine.Places(n)), free: free, users: 1}, nil
}

// newWorkers starts n threads, on the memory nodes that they have places on; the caller's own
// runs where the system has it.
func newWorkers(n int, places []machine.Place) *kernel.Workers {
	if places == nil {
		return kernel.NewWorkers(n)
	}
	return kernel.NewPlacedWorkers(n, func(thread int) { places[thread].Take() })
}

// crews returns how many of the threads an engine's steps use; nil: all of them.
func (t *Threads) crews() *crews {
	if !t.free {
		return nil
	}
	return newCrews(t.Count())
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

// take waits for the threads. turn, which holds one signal, is the caller's own.
func (t *Threads) take(turn chan struct{}) {
	t.mu.Lock()
	if !t.busy {
		t.busy = true
		t.mu.Unlock()
		return
	}
	t.waiting = append(t.waiting, turn)
	t.mu.Unlock()
	<-turn
}

// give hands the threads to the engine that has waited for longest.
func (t *Threads) give() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.waiting) == 0 {
		t.busy = false
		return
	}
	t.waiting[0] <- struct{}{}
	t.waiting = append(t.waiting[:0], t.waiting[1:]...)
}
