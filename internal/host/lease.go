package host

import (
	"sync"
	"time"

	"github.com/blitz-r1/blitz"
)

// Lease is the use of a model, which stays until it is released.
type Lease struct {
	host     *Host
	resident *resident
	hold     *hold
	target   target
	wait     time.Duration
	once     sync.Once
}

// Engine returns the engine that runs the model.
func (l *Lease) Engine() *blitz.Engine { return l.resident.opened.engine() }

// Model returns the model.
func (l *Lease) Model() *blitz.Model { return l.Engine().Model() }

// Name returns the model's name with its tag.
func (l *Lease) Name() string { return l.target.name }

// Digest returns what tells the model's bytes, in 64 hexadecimal digits; see Entry.
func (l *Lease) Digest() string { return l.target.digest() }

// Wait returns how long the model took to be there: close to nothing where it was.
func (l *Lease) Wait() time.Duration { return l.wait }

// Release ends the use. It may be called twice.
func (l *Lease) Release() {
	l.once.Do(func() {
		l.host.post(func() { l.host.release(l) })
	})
}
