package host

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/fit"
)

// heldAdapter is the adapter of a hold: loaded when it is first asked for, and anew when
// its folder holds another one. It goes with the hold.
type heldAdapter struct {
	mu    sync.Mutex // of who loads it
	state string
	kept  *keptAdapter // changed by the host's goroutine
}

// keptAdapter is an adapter in memory, which is part of what its resident was given. Who
// got it before its folder held another one keeps it.
type keptAdapter struct {
	*blitz.Adapter
	bytes int64
	uses  int // of a hold and of leases; it belongs to the host's goroutine
}

// get returns the adapter that a lease is for, as the folder holds it, and counts the use.
func (a *heldAdapter) get(ctx context.Context, l *Lease, s *servedAdapter) (*keptAdapter, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	h, r := l.host, l.resident
	state, _, _, err := s.state()
	if err != nil {
		return nil, err
	}
	if a.kept != nil && a.state == state {
		h.do(func() { a.kept.uses++ })
		return a.kept, nil
	}
	k := &keptAdapter{uses: 2} // of the hold and of the lease
	k.Adapter, err = l.Model().LoadAdapter(ctx, s.folder, &blitz.AdapterOptions{
		Digests: h.store.Dir(),
		Room: func(bytes int64) error {
			err := h.reserve(ctx, r, bytes)
			if err == nil {
				k.bytes = bytes
			}
			return err
		},
	})
	if err != nil {
		h.do(func() { r.arrived(k.bytes); r.adapters -= k.bytes })
		return nil, fmt.Errorf("host: %s: %w", s.fullName(), err)
	}
	h.do(func() {
		r.arrived(k.bytes)
		r.letGo(a.kept)
		a.state, a.kept = state, k
	})
	return k, nil
}

// arrived says that reserved memory was taken, or never will be.
func (r *resident) arrived(bytes int64) { r.arriving -= bytes }

// letGo ends a use of an adapter.
func (r *resident) letGo(k *keptAdapter) {
	if k == nil {
		return
	}
	if k.uses--; k.uses == 0 {
		r.adapters -= k.bytes
	}
}

// bytes returns what a resident was given: for its model, and for the adapters of that.
func (r *resident) bytes() int64 { return r.plan.bytes() + r.adapters }

// Adapter returns the adapter that the model is used with; nil: none.
func (l *Lease) Adapter() *blitz.Adapter {
	if l.adapter == nil {
		return nil
	}
	return l.adapter.Adapter
}

// adapt loads the adapter that a name means, where it means one.
func (l *Lease) adapt(ctx context.Context) (err error) {
	if s := l.target.adapter; s != nil {
		l.adapter, err = l.hold.adapter.get(ctx, l, s)
	}
	return err
}

// space is memory that somebody waits for, beside a model that he uses.
type space struct {
	resident *resident
	bytes    int64
	done     chan error // takes one
}

// reserve waits for memory beside the model of a resident, which its caller uses. Models
// that nobody uses are let go for it; for one that is used nobody waits, since who uses it
// may wait here, too. The error wraps blitz.ErrNoRoom or blitz.ErrClosed, or is ctx's.
func (h *Host) reserve(ctx context.Context, r *resident, bytes int64) error {
	s := &space{r, bytes, make(chan error, 1)}
	if !h.do(func() { h.spaces = append(h.spaces, s) }) {
		return fmt.Errorf("host: %w", blitz.ErrClosed)
	}
	select {
	case err := <-s.done:
		return err
	case <-ctx.Done():
	}
	h.do(func() { h.spaces = slices.DeleteFunc(h.spaces, func(x *space) bool { return x == s }) })
	select {
	case err := <-s.done: // it came at the same moment
		if err == nil {
			h.do(func() { r.arrived(bytes); r.adapters -= bytes })
		}
	default:
	}
	return context.Cause(ctx)
}

// findSpaces answers those who wait for memory, as far as it can be said.
func (h *Host) findSpaces() {
	if h.loading != nil && h.loading.opening {
		return // how much there is can be said behind that
	}
	h.spaces = slices.DeleteFunc(h.spaces, h.found)
}

// found answers who waits for memory; false: he has to wait for what goes.
func (h *Host) found(s *space) bool {
	free, _ := h.room()
	lacking := s.bytes - free
	switch {
	case h.closing:
		s.done <- fmt.Errorf("host: %w", blitz.ErrClosed)
	case lacking <= 0:
		s.resident.adapters += s.bytes
		s.resident.arriving += s.bytes
		s.done <- nil
	case h.letGoFor(lacking):
		return false
	default:
		s.done <- fmt.Errorf("host: it takes %s of memory beside its model, there are %s: %w", fit.FormatMemory(s.bytes), fit.FormatMemory(free), blitz.ErrNoRoom)
	}
	return true
}

// letGoFor lets models go that nobody uses, the least recently used first, until so many
// bytes come back; false: there are not so many.
func (h *Host) letGoFor(lacking int64) bool {
	var idle []*resident
	there := int64(0)
	for _, r := range h.residents {
		switch {
		case r.state == going:
			lacking -= r.bytes()
		case r.leases == 0:
			idle = append(idle, r)
			there += r.bytes()
		}
	}
	if there < lacking {
		return false
	}
	slices.SortStableFunc(idle, func(a, b *resident) int { return a.used.Compare(b.used) })
	for _, r := range idle {
		if lacking <= 0 {
			break
		}
		lacking -= r.bytes()
		h.evict(r, "an adapter of another model needs its memory")
	}
	return true
}
