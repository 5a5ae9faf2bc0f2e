package ui

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/host"
	modelhub "github.com/blitz-r1/blitz/internal/hub"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// Pull is a model that is being fetched, as the page has it.
type Pull struct {
	ID    string  `json:"id"`
	Name  string  `json:"name"` // as it was asked for
	State string  `json:"state"`
	Done  int64   `json:"done"`  // bytes
	Total int64   `json:"total"` // bytes; 0: not known yet
	Speed float64 `json:"speed"` // bytes a second
	Left  int64   `json:"left"`  // seconds; -1: not known
	Error string  `json:"error,omitempty"`
}

// The states of a pull.
const (
	pullRunning = "running"
	pullPaused  = "paused"
	pullFailed  = "failed"
	pullDone    = "done"
)

// Bounds of what is kept.
const (
	maxPulls     = 64               // in the list; the oldest that is over makes way
	savePause    = 5 * time.Second  // between notes of how far a pull is
	dropPatience = 10 * time.Second // for the end of a pull whose part is dropped
)

// pulls are the pulls that were begun in the page. What was fetched waits in the store; the
// table beside it, in the server's database, says what was asked for, so that a restart
// finds it: as paused, since who starts a server need not want bytes to flow.
type pulls struct {
	host  *host.Host
	table *pullTable // nil: nothing outlives a restart
	audit func(ctx context.Context, action, subject string, detail any) error
	log   *slog.Logger
	bell  *bell

	mu     sync.Mutex
	list   []*pull // in the order in which they were begun
	closed bool
	ended  sync.WaitGroup
}

// pull is one of them. pulls.mu guards it.
type pull struct {
	Pull
	run    int // counts the times that it was begun: what an earlier one tells is old
	cancel context.CancelFunc
	saved  time.Time
}

// snapshot returns the pulls as they are, in their order.
func (s *pulls) snapshot() []Pull {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Pull, len(s.list))
	for i, p := range s.list {
		list[i] = p.Pull
	}
	return list
}

// begin begins to fetch a model; one that is under way goes on as it does.
func (s *pulls) begin(ctx context.Context, name string) (Pull, error) {
	if err := s.host.CheckPull(name); err != nil {
		return Pull{}, storeError(name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.list {
		if strings.EqualFold(p.Name, name) && p.State != pullDone {
			err := s.start(ctx, p)
			return p.Pull, err
		}
	}
	if err := s.makeRoom(); err != nil {
		return Pull{}, err
	}
	p := &pull{Pull: Pull{ID: wire.NewID("pull_"), Name: name, Left: -1}}
	if err := s.start(ctx, p); err != nil {
		return Pull{}, err
	}
	s.list = append(s.list, p)
	return p.Pull, nil
}

// makeRoom takes the oldest pull that is over out of a full list. s.mu is held.
func (s *pulls) makeRoom() error {
	if len(s.list) < maxPulls {
		return nil
	}
	for _, state := range []string{pullDone, pullFailed} {
		for i, p := range s.list {
			if p.State == state {
				s.list = append(s.list[:i], s.list[i+1:]...)
				s.forget(p)
				return nil
			}
		}
	}
	return &wire.Error{Kind: wire.Overloaded, Message: "there are as many pulls as there may be; delete one that is not wanted any more", RetryAfter: pullPatience}
}

// start has a pull run that does not. s.mu is held.
func (s *pulls) start(ctx context.Context, p *pull) error {
	if s.closed {
		return errGoing
	}
	if p.State == pullRunning || p.State == pullDone {
		return nil
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	p.State, p.Error, p.Speed, p.Left = pullRunning, "", 0, -1
	p.run++
	p.cancel = cancel
	run := p.run
	s.ended.Go(func() {
		defer cancel()
		m, err := s.host.Pull(ctx, p.Name, func(now modelhub.Progress) { s.report(p, run, now) })
		s.end(ctx, p, run, m, err)
	})
	s.save(p)
	return nil
}

// report notes how far a pull is.
func (s *pulls) report(p *pull, run int, now modelhub.Progress) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.run != run || p.State != pullRunning {
		return
	}
	switch now.Stage {
	case modelhub.Fetching, modelhub.Copying, modelhub.Unpacking:
		if p.Total = max(now.Total, now.Done); now.Done > 0 || p.Done > p.Total {
			p.Done = now.Done
		}
		p.Speed, p.Left = now.Speed, -1
		if now.Speed > 0 {
			p.Left = int64((now.Left + time.Second - 1) / time.Second)
		}
	default: // nothing flows
		p.Speed, p.Left = 0, -1
	}
	if time.Since(p.saved) > savePause {
		s.save(p)
	}
	s.bell.change()
}

// end notes how a pull ended.
func (s *pulls) end(ctx context.Context, p *pull, run int, m *modelhub.Model, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.run != run || p.State != pullRunning {
		return // it was paused or deleted
	}
	p.Speed, p.Left = 0, -1
	switch {
	case err == nil:
		p.State, p.Total = pullDone, max(p.Total, m.Size())
		p.Done = p.Total
		s.forget(p)
		detail := map[string]string{"source": m.Origin.Source, "digest": m.Digest().String()}
		if err := s.audit(ctx, "model.pull", m.Name.String(), detail); err != nil {
			s.log.Error("a pull is not in the audit", "error", err)
		}
	case errors.Is(err, blitz.ErrClosed), errors.Is(err, context.Canceled):
		p.State = pullPaused // the server ends
		s.save(p)
	default:
		p.State, p.Error = pullFailed, storeError(p.Name, err).Message
		s.save(p)
	}
	s.bell.change()
}

// find returns a pull by its id.
func (s *pulls) find(id string) (*pull, error) {
	for _, p := range s.list {
		if p.ID == id {
			return p, nil
		}
	}
	return nil, &wire.Error{Kind: wire.NotFound, Message: "there is no pull " + wire.Quote(id)}
}

// pause stops a pull that runs, and keeps what it has.
func (s *pulls) pause(id string) (Pull, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.find(id)
	if err != nil {
		return Pull{}, err
	}
	if p.State == pullRunning {
		p.cancel()
		p.State, p.Speed, p.Left = pullPaused, 0, -1
		s.save(p)
	}
	return p.Pull, nil
}

// resume has a pull go on at the byte where it stopped.
func (s *pulls) resume(ctx context.Context, id string) (Pull, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.find(id)
	if err != nil {
		return Pull{}, err
	}
	err = s.start(ctx, p)
	return p.Pull, err
}

// drop takes a pull out of the list, and what it has fetched off the disk, unless it is
// done.
func (s *pulls) drop(ctx context.Context, id string) error {
	s.mu.Lock()
	p, err := s.find(id)
	if err != nil {
		s.mu.Unlock()
		return err
	}
	done := p.State == pullDone
	if p.State == pullRunning {
		p.cancel()
	}
	p.State = pullDone
	for i := range s.list {
		if s.list[i] == p {
			s.list = append(s.list[:i], s.list[i+1:]...)
			break
		}
	}
	s.forget(p)
	s.mu.Unlock()
	if done {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), dropPatience)
	defer cancel()
	var missing *modelhub.NotFoundError
	if err := s.host.Discard(ctx, p.Name); err != nil && !errors.As(err, &missing) {
		return storeError(p.Name, err)
	}
	return nil
}

// save writes a pull down, and has it told. s.mu is held.
func (s *pulls) save(p *pull) {
	p.saved = time.Now()
	s.bell.change()
	if s.table == nil {
		return
	}
	if err := s.table.put(p.Pull); err != nil {
		s.log.Error("a pull is not written down", "error", err)
	}
}

// forget takes a pull out of what a restart finds. s.mu is held.
func (s *pulls) forget(p *pull) {
	s.bell.change()
	if s.table == nil {
		return
	}
	if err := s.table.remove(p.ID); err != nil {
		s.log.Error("a pull is still written down", "error", err)
	}
}

// close stops all pulls; they are there as paused at the next start.
func (s *pulls) close() {
	s.bell.close()
	s.mu.Lock()
	s.closed = true
	for _, p := range s.list {
		if p.State == pullRunning {
			p.cancel()
			p.State = pullPaused
			s.save(p)
		}
	}
	s.mu.Unlock()
	s.ended.Wait()
}
