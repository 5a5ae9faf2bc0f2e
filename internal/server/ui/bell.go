package ui

import (
	"sync"
	"time"
)

// bell rings for what changes, at most once in a pause: soon after the first change, and
// behind the pause for those that came meanwhile.
type bell struct {
	ring func()

	mu     sync.Mutex
	rung   time.Time // last
	set    bool      // it will ring
	silent bool      // for good
}

// bellPause is that of all bells: they ring four times a second at most.
const bellPause = 250 * time.Millisecond

func newBell(ring func()) *bell { return &bell{ring: ring} }

// change has the bell ring. It waits for nothing.
func (b *bell) change() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.set || b.silent {
		return
	}
	b.set = true
	time.AfterFunc(max(bellPause-time.Since(b.rung), 0), func() {
		b.mu.Lock()
		silent := b.silent
		b.set, b.rung = false, time.Now()
		b.mu.Unlock()
		if !silent {
			b.ring()
		}
	})
}

// close has the bell ring no more.
func (b *bell) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.silent = true
}
