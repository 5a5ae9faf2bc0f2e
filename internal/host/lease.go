package host

import (
	"fmt"
	"sync"
	"time"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/chat"
	"github.com/blitz-r1/blitz/internal/hub"
)

// Lease is the use of a model, which stays until it is released.
type Lease struct {
	host     *Host
	resident *resident
	hold     *hold
	target   target
	adapter  *keptAdapter // nil: none
	wait     time.Duration
	once     sync.Once
}

// Engine returns the engine that runs the model.
func (l *Lease) Engine() *blitz.Engine { return l.resident.opened.engine() }

// Model returns the model.
func (l *Lease) Model() *blitz.Model { return l.Engine().Model() }

// Name returns the model's name with its tag.
func (l *Lease) Name() string { return l.target.name }

// Digest returns what tells the model, in 64 hexadecimal digits; see Entry.
func (l *Lease) Digest() string { return l.target.digest() }

// Variant returns what the name has beside its files, nil for nothing.
func (l *Lease) Variant() *hub.Variant { return l.target.variant() }

// Signature returns the sum of the signature that vouched for the model when it was stored,
// "" where none did.
func (l *Lease) Signature() string {
	if m := l.target.model; m != nil && m.Vouched != nil {
		return m.Vouched.Signature.Hex()
	}
	return ""
}

// AdapterFolder returns where the adapter lies that the model is used with; "": there is
// none.
func (l *Lease) AdapterFolder() string {
	if l.target.adapter == nil {
		return ""
	}
	return l.target.adapter.folder
}

// Template returns the template of the variant, nil where it has none.
func (l *Lease) Template() (*chat.Template, error) {
	v := l.Variant()
	if v == nil || v.Template == "" {
		return nil, nil
	}
	return l.hold.templates.get(v.Template)
}

// templates keeps the template that was used last, which takes longer to read than to
// render.
type templates struct {
	mu     sync.Mutex
	source string
	kept   *chat.Template
}

func (c *templates) get(source string) (*chat.Template, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept == nil || c.source != source {
		t, err := chat.NewTemplate(source)
		if err != nil {
			return nil, fmt.Errorf("host: chat template: %w", err)
		}
		c.source, c.kept = source, t
	}
	return c.kept, nil
}

// Wait returns how long the model took to be there: close to nothing where it was.
func (l *Lease) Wait() time.Duration { return l.wait }

// Release ends the use. It may be called twice.
func (l *Lease) Release() {
	l.once.Do(func() {
		l.host.post(func() { l.host.release(l) })
	})
}
