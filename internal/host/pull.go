package host

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/catalogue"
	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/hub"
)

// ErrPath is a path where a source or a name is wanted: what clients name is never looked
// for on the disk.
var ErrPath = errors.New("a path, and no path is read that a request names")

// ErrPulls is a pull too many.
var ErrPulls = errors.New("as many pulls run as there may be")

// maxPulls is how many models are pulled at once.
const maxPulls = 16

// wanted is what a name of a pull was found to mean.
type wanted struct {
	source hub.Source
	as     string // the name that it is stored under; "": the source's own
}

// want finds what is to be pulled: a source, a stored name, or one of the catalogue.
func (h *Host) want(name string) (wanted, error) {
	src, err := hub.ParseSource(name)
	switch {
	case err != nil:
		return wanted{}, fmt.Errorf("host: %w", err)
	case src.Kind == hub.KindPath:
		return wanted{}, fault.Misuse(fmt.Errorf("host: %s is %w", name, ErrPath))
	case src.Remote():
		return wanted{source: src}, nil
	}
	m, err := h.store.Get(name)
	var missing *hub.NotFoundError
	switch {
	case err == nil && m.IsWithin():
		return wanted{}, fmt.Errorf("host: %s: %w", m.Name.Short(), hub.ErrWithin)
	case err == nil:
		origin, parseErr := hub.ParseSource(m.Origin.Source)
		if parseErr != nil || !origin.Remote() {
			return wanted{}, fmt.Errorf("host: %s was imported: there is no source to pull it from: %w", m.Name.Short(), hub.ErrUnsupported)
		}
		return wanted{origin, m.Name.String()}, nil
	case !errors.As(err, &missing):
		return wanted{}, fmt.Errorf("host: %w", err)
	}
	entry := h.known(name)
	if entry == nil {
		return wanted{}, fmt.Errorf("host: %w", err)
	}
	return wanted{entry.Sources[0].Source.Source, entry.Name.String()}, nil
}

// CheckPull returns the error of a name that Pull would fetch nothing of.
func (h *Host) CheckPull(name string) error {
	_, err := h.want(name)
	return err
}

// known returns what the catalogue has under a name, nil where it has nothing.
func (h *Host) known(name string) *catalogue.Model {
	if h.options.Catalogue == nil {
		return nil
	}
	return h.options.Catalogue.Find(name)
}

// Fetchable says whether a name that is not stored means something that Pull fetches.
func (h *Host) Fetchable(name string) bool {
	src, err := hub.ParseSource(name)
	return err == nil && (src.Remote() || src.Kind == hub.KindName && h.known(name) != nil)
}

// Pull fetches a model into the store: of a source, of a stored name, which moves to what
// its source has, or of a name of the catalogue. Addresses that a source names have to be
// public ones. Pulls of the same at once are one, which ends when the last who waits for it
// is gone; one more than maxPulls is ErrPulls; report is called by the caller's goroutine and tells the newest that there is.
func (h *Host) Pull(ctx context.Context, name string, report func(hub.Progress)) (*hub.Model, error) {
	w, err := h.want(name)
	if err != nil {
		return nil, err
	}
	p, seat, err := h.pulls.join(w, h.fetch)
	if err != nil {
		return nil, err
	}
	defer h.pulls.leave(p, seat)
	for {
		select {
		case <-seat:
			if report != nil {
				report(p.progress())
			}
		case <-p.done:
			return p.model, p.err
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// fetch runs a pull.
func (h *Host) fetch(ctx context.Context, w wanted, report func(hub.Progress)) (m *hub.Model, err error) {
	if w.as == "" {
		m, err = h.store.Pull(ctx, w.source, report)
	} else {
		m, err = h.store.PullAs(ctx, w.source, w.as, report)
	}
	if err != nil {
		return nil, fmt.Errorf("host: %w", err)
	}
	h.news.tell()
	return m, nil
}

// pulls are the pulls that run.
type pulls struct {
	mu     sync.Mutex
	by     map[string]*pull
	closed bool
	ended  sync.WaitGroup
}

// pull is a pull that runs, and those who wait for it.
type pull struct {
	key    string
	cancel context.CancelFunc
	done   chan struct{} // closed behind model and err
	model  *hub.Model
	err    error

	mu    sync.Mutex
	last  hub.Progress
	seats map[chan struct{}]bool // each has a token where there is news
}

func (p *pull) progress() hub.Progress {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last
}

// tell notes how far the pull is, and wakes those who wait.
func (p *pull) tell(progress hub.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = progress
	for seat := range p.seats {
		select {
		case seat <- struct{}{}:
		default: // it has not come to the last news yet
		}
	}
}

// join takes a seat at the pull of a model, which begins with the first.
func (s *pulls) join(w wanted, fetch func(context.Context, wanted, func(hub.Progress)) (*hub.Model, error)) (*pull, chan struct{}, error) {
	key := strings.ToLower(w.source.String() + " " + w.as)
	seat := make(chan struct{}, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, nil, fmt.Errorf("host: %w", blitz.ErrClosed)
	}
	if p := s.by[key]; p != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.seats[seat] = true
		if p.last != (hub.Progress{}) {
			seat <- struct{}{}
		}
		return p, seat, nil
	}
	if len(s.by) >= maxPulls {
		return nil, nil, fmt.Errorf("host: %w, %d", ErrPulls, maxPulls)
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := &pull{key: key, cancel: cancel, done: make(chan struct{}), seats: map[chan struct{}]bool{seat: true}}
	if s.by == nil {
		s.by = map[string]*pull{}
	}
	s.by[key] = p
	s.ended.Go(func() {
		defer cancel()
		p.model, p.err = fetch(ctx, w, p.tell)
		s.mu.Lock()
		if s.by[key] == p {
			delete(s.by, key)
		}
		s.mu.Unlock()
		close(p.done)
	})
	return p, seat, nil
}

// leave gives a seat back. A pull that nobody waits for any more ends, and the next who asks
// begins another.
func (s *pulls) leave(p *pull, seat chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.seats, seat)
	if len(p.seats) == 0 {
		p.cancel()
		if s.by[p.key] == p {
			delete(s.by, p.key)
		}
	}
}

// close ends all pulls, and refuses new ones.
func (s *pulls) close() {
	s.mu.Lock()
	s.closed = true
	for _, p := range s.by {
		p.cancel()
	}
	s.mu.Unlock()
	s.ended.Wait()
}
