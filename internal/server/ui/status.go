package ui

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/blitz-r1/blitz/internal/host"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// Failure is a request that was not answered as it should have been. Nothing of its content
// is part of it.
type Failure struct {
	Time    time.Time `json:"time"`
	Route   string    `json:"route"`
	Status  int       `json:"status"`
	Message string    `json:"message"`
}

// Disk is what is kept of prompts on the disk, in bytes.
type Disk struct{ Bytes, Limit int64 }

// Status is what the server does at this moment.
type Status struct {
	Queue struct {
		Running int `json:"running"`
		Waiting int `json:"waiting"`
		Limit   int `json:"limit"`
	} `json:"queue"`
	Memory struct {
		memory
		Weights int64 `json:"weights"`
		Caches  int64 `json:"caches"`
	} `json:"memory"`
	TokensPerSecond float64 `json:"tokens_per_second"` // of answers, over the last minute
	Cache           struct {
		HitTokens    uint64 `json:"hit_tokens"`    // of prompts, that were found and not computed
		PromptTokens uint64 `json:"prompt_tokens"` // of prompts, in all; since the models were loaded
		PagesUsed    int64  `json:"pages_used"`    // about; a page has 256 positions
		Pages        int64  `json:"pages"`
		DiskBytes    int64  `json:"disk_bytes"`
		DiskLimit    int64  `json:"disk_limit"`
	} `json:"cache"`
	Errors []Failure `json:"errors"` // of the last day, the newest first
	Models []Model   `json:"models"` // in memory
	Uptime int64     `json:"uptime_s"`
}

func (u *UI) statusRoutes() []wire.Route {
	return []wire.Route{
		route("GET /ui/api/status", wire.Admin, u.status),
		route("GET /ui/api/settings", wire.Admin, u.settings),
	}
}

func (u *UI) status(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	var s Status
	m := u.host.Memory()
	s.Memory.Total, s.Memory.Free, s.Memory.Weights, s.Memory.Caches = m.Total, m.Free, m.Weights, m.Caches
	s.Queue.Limit = u.service.Queue()
	s.count(u.host.Loaded())
	s.TokensPerSecond = u.rate.perSecond()
	if u.o.Disk != nil {
		d := u.o.Disk()
		s.Cache.DiskBytes, s.Cache.DiskLimit = d.Bytes, d.Limit
	}
	s.Errors = []Failure{}
	if u.o.Failures != nil {
		s.Errors = append(s.Errors, u.o.Failures()...)
	}
	s.Models = u.inMemory(ctx)
	s.Uptime = int64(time.Since(u.began) / time.Second)
	wire.WriteJSON(w, http.StatusOK, s)
	return nil
}

// count adds up what engines do. Names of the same files share an engine, which counts once.
func (s *Status) count(all []host.Running) {
	seen := map[string]bool{}
	for _, r := range all {
		if r.Loading {
			s.Queue.Waiting += r.Requests
			continue
		}
		if seen[r.Digest] && r.Digest != "" {
			continue
		}
		seen[r.Digest] = true
		l := r.Load
		s.Queue.Running += l.Running
		s.Queue.Waiting += l.Waiting
		s.Cache.HitTokens += l.MatchedTokens
		s.Cache.PromptTokens += l.PromptTokens + l.MatchedTokens
		if r.Page > 0 {
			s.Cache.PagesUsed += int64(l.HeldBytes+l.CachedBytes) / r.Page
			s.Cache.Pages += int64(l.LimitBytes) / r.Page
		}
	}
}

// inMemory returns the models in memory, and those on their way there.
func (u *UI) inMemory(ctx context.Context) []Model {
	list := []Model{}
	running := u.running(ctx)
	for _, r := range u.service.Loaded(ctx) {
		e, err := u.host.Entry(ctx, r.Name)
		if err != nil {
			continue // its name was taken away
		}
		list = append(list, u.modelOf(ctx, e, running))
	}
	return list
}

// rate measures how many tokens all answers get together.
type rate struct {
	host *host.Host
	stop chan struct{}
	done sync.WaitGroup

	mu      sync.Mutex
	last    map[string]uint64 // tokens of an engine, by its digest
	added   [ratePieces]uint64
	seconds [ratePieces]float64
	at      int
}

// A rate is that of the last minute, in pieces.
const (
	ratePieces = 12
	ratePause  = 5 * time.Second
)

// newRate begins to measure.
func newRate(h *host.Host) *rate {
	r := &rate{host: h, stop: make(chan struct{}), last: map[string]uint64{}}
	r.done.Go(func() {
		clock := time.NewTicker(ratePause)
		defer clock.Stop()
		before := time.Now()
		for {
			select {
			case <-r.stop:
				return
			case <-clock.C:
			}
			now := time.Now()
			r.note(h.Loaded(), now.Sub(before))
			before = now
		}
	})
	return r
}

// note takes in what engines have done by now, a while after the last time.
func (r *rate) note(all []host.Running, since time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var added uint64
	now := map[string]uint64{}
	for _, x := range all {
		key := x.Digest
		if key == "" {
			key = x.Name
		}
		if _, seen := now[key]; seen || x.Loading {
			continue
		}
		n := x.Load.AnswerTokens
		now[key] = n
		if before := r.last[key]; n >= before {
			added += n - before
		} else { // it was loaded anew
			added += n
		}
	}
	r.last = now
	r.added[r.at], r.seconds[r.at] = added, since.Seconds()
	r.at = (r.at + 1) % ratePieces
}

// perSecond returns the rate over the last minute.
func (r *rate) perSecond() float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	var tokens uint64
	var seconds float64
	for i := range r.added {
		tokens += r.added[i]
		seconds += r.seconds[i]
	}
	if seconds == 0 {
		return 0
	}
	return float64(tokens) / seconds
}

func (r *rate) close() {
	close(r.stop)
	r.done.Wait()
}
