package account

import (
	"sync"
	"time"
)

// Bounds of keys that somebody tries.
const (
	maxAttempts = 10   // wrong keys a minute from one place
	maxPlaces   = 4096 // that are told apart
)

// attempts counts wrong keys by where they come from. A key cannot be guessed; this keeps
// who tries from costing much.
type attempts struct {
	mu     sync.Mutex
	places map[string]*bucket
}

// wait returns how long a place has to wait until it may try again.
func (t *attempts) wait(from string, now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.places[from]
	if b == nil {
		return 0
	}
	b.fill(maxAttempts, now)
	return b.wait(maxAttempts, 1)
}

// count counts a wrong key.
func (t *attempts) count(from string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.places == nil {
		t.places = map[string]*bucket{}
	}
	b := t.places[from]
	if b == nil {
		if len(t.places) >= maxPlaces {
			t.forget(now)
		}
		b = &bucket{}
		t.places[from] = b
	}
	b.fill(maxAttempts, now)
	b.level--
}

// forget lets go of places that have not tried for long, or else of all.
func (t *attempts) forget(now time.Time) {
	for from, b := range t.places {
		if b.fill(maxAttempts, now); b.level >= maxAttempts {
			delete(t.places, from)
		}
	}
	if len(t.places) >= maxPlaces {
		clear(t.places)
	}
}
