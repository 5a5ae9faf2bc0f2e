package host

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/blitz-r1/blitz"
)

// Ask says how a model is wanted. The zero value of each field is its default.
type Ask struct {
	// KeepAlive is how long the name is kept after this use, 0: not at all, negative:
	// for ever; nil: as the host's options say.
	KeepAlive *time.Duration
	// Context is how many positions are needed where the model has yet to be loaded:
	// others are let go for so many. One that is there stays as it is.
	Context int
}

// claim is somebody who waits for a model.
type claim struct {
	target target
	ask    Ask
	since  time.Time
	done   chan answer // takes one
}

// answer is what becomes of a claim.
type answer struct {
	lease *Lease
	err   error
}

// Acquire returns the use of a model, and waits for it to be loaded where it is not
// there. Progress tells how far that is. The load goes on while anybody waits for it.
//
// The error wraps blitz.ErrNotFound, ErrName, blitz.ErrNoRoom, blitz.ErrClosed, what
// opening the model or its adapter says, or is ctx's.
func (h *Host) Acquire(ctx context.Context, name string, ask Ask) (*Lease, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	t, err := h.sought(name)
	if err != nil {
		return nil, err
	}
	l, err := h.acquire(ctx, t, ask)
	if err != nil {
		return nil, err
	}
	if err := l.adapt(ctx); err != nil {
		l.Release()
		return nil, err
	}
	if t.model != nil {
		h.uses.note(h.store, t.model)
	}
	return l, nil
}

// acquire is Acquire of what a name was found to mean.
func (h *Host) acquire(ctx context.Context, t target, ask Ask) (*Lease, error) {
	c := &claim{target: t, ask: ask, since: time.Now(), done: make(chan answer, 1)}
	closed := fmt.Errorf("host: %w", blitz.ErrClosed)
	if !h.do(func() { h.claim(c) }) {
		return nil, closed
	}
	select {
	case a := <-c.done:
		return a.lease, a.err
	case <-ctx.Done():
	}
	h.do(func() { h.withdraw(c) })
	select {
	case a := <-c.done: // it came at the same moment
		if a.lease != nil {
			a.lease.Release()
		}
	default:
	}
	return nil, context.Cause(ctx)
}

// claim answers who asks for a model, or has it wait for the load.
func (h *Host) claim(c *claim) {
	if h.closing {
		c.done <- answer{err: fmt.Errorf("host: %w", blitz.ErrClosed)}
		return
	}
	key := c.target.key
	if r := h.ready(key); r != nil {
		h.grant(r, c)
		return
	}
	if err := h.recentFailure(key); err != nil {
		c.done <- answer{err: err}
		return
	}
	if l := h.loading; l != nil && l.key() == key {
		l.claims = append(l.claims, c)
		return
	}
	for _, l := range h.queue {
		if l.key() == key {
			l.claims = append(l.claims, c)
			return
		}
	}
	h.queue = append(h.queue, &load{target: c.target, claims: []*claim{c}, since: time.Now()})
}

// grant gives a claim the use of a model.
func (h *Host) grant(r *resident, c *claim) {
	h.supersede(r, c.target.name)
	d := r.holdOf(c.target)
	d.stop()
	d.keep = h.options.KeepAlive
	if c.ask.KeepAlive != nil {
		d.keep = *c.ask.KeepAlive
	}
	if h.closing {
		d.keep = 0
	}
	d.leases++
	r.leases++
	r.used = time.Now()
	c.done <- answer{lease: &Lease{host: h, resident: r, hold: d, target: c.target, wait: time.Since(c.since)}}
}

// supersede ends the holds that a name has on other bytes than those that it means now.
func (h *Host) supersede(r *resident, name string) {
	for _, other := range h.residents {
		if other == r || other.state == going {
			continue
		}
		for _, d := range other.holds {
			if strings.EqualFold(d.target.name, name) {
				d.keep = 0
				h.settle(other, d)
				break
			}
		}
	}
}

// withdraw takes back a claim that has no answer yet. A load that nobody waits for any
// more is given up.
func (h *Host) withdraw(c *claim) {
	if l := h.loading; l != nil && l.drop(c) && len(l.claims) == 0 {
		l.cancel()
		return
	}
	for i, l := range h.queue {
		if l.drop(c) && len(l.claims) == 0 {
			h.queue = append(h.queue[:i], h.queue[i+1:]...)
			return
		}
	}
}

// release ends a lease.
func (h *Host) release(l *Lease) {
	l.hold.leases--
	l.resident.leases--
	l.resident.letGo(l.adapter)
	l.resident.used = time.Now()
	if l.resident.state == leaving && l.resident.leases == 0 {
		h.evict(l.resident, "another model needs its memory")
		return
	}
	h.settle(l.resident, l.hold)
}
