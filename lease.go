package blitz

import (
	"fmt"
	"sync"
)

// lease keeps the weights of a model while engines use them.
type lease struct {
	mu     sync.Mutex
	users  int
	closed bool
}

// join adds a user; the error wraps ErrClosed.
func (l *lease) join() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return fmt.Errorf("blitz: model: %w", ErrClosed)
	}
	l.users++
	return nil
}

// leave takes a user away, and frees what nobody uses any more.
func (l *lease) leave(free func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.users--
	if l.closed && l.users == 0 {
		free()
	}
}

// close lets nobody join any more, and frees what nobody uses.
func (l *lease) close(free func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed && l.users == 0 {
		free()
	}
	l.closed = true
}
