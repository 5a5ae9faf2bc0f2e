package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/blitz-r1/blitz/internal/hub"
)

// When work that shows nothing is spoken of: soon on a terminal, in one line that is
// drawn over and over and goes when there is something to show; rarely elsewhere, in
// lines of their own.
const (
	statusPause      = 500 * time.Millisecond
	statusStep       = 100 * time.Millisecond
	statusPlainPause = 10 * time.Second
)

// work is what is being done at a moment, and how far it is.
type work struct {
	what        string // "": nothing that needs a word
	done, total int64  // total 0: not known
	bytes       bool   // else they are tokens
}

// line says it in words, with what is done in a second, in so many cells.
func (w work) line(rate float64, cells int) string {
	amount, of, speed := strconv.FormatInt(w.done, 10), strconv.FormatInt(w.total, 10)+" tokens", formatRate(rate)+" tokens/s"
	if w.bytes {
		amount, of, speed = hub.FormatBytes(w.done), hub.FormatBytes(w.total), hub.FormatBytes(int64(rate))+"/s"
	}
	percent, left := "", ""
	switch {
	case w.total > 0:
		percent = fmt.Sprintf("%.0f %%", 100*float64(min(w.done, w.total))/float64(w.total))
		amount += " of " + of
	case w.done == 0:
		amount = ""
	case !w.bytes:
		amount = counted(int(w.done), "token")
	}
	if rate <= 0 {
		speed = ""
	} else if rest := w.total - w.done; rest > 0 {
		left = formatLeft(time.Duration(float64(rest) / rate * float64(time.Second)))
	}
	return fitting(cells, [][]string{
		{w.what, percent, amount, speed, left},
		{w.what, percent, speed, left},
		{percent, speed, left},
	})
}

// status is the line that says what is being done while nothing else is written.
type status struct {
	progress *progress
	look     func() work // called by another goroutine

	mu    sync.Mutex
	over  bool
	began time.Time
	said  time.Time // of the last plain line
	what  string    // that the speed is of
	speed hub.Speed
	stop  chan struct{}
}

// startStatus begins to watch work. look is called by another goroutine until end.
func startStatus(w io.Writer, look func() work) *status {
	s := newStatus(newProgress(w, os.Getenv), look)
	if s.progress.bar {
		s.progress.dim = hasStyle(w, os.Getenv)
	}
	go s.watch()
	return s
}

func newStatus(p *progress, look func() work) *status {
	now := p.now()
	return &status{progress: p, look: look, began: now, said: now, stop: make(chan struct{})}
}

// watch looks again and again.
func (s *status) watch() {
	tick := time.NewTicker(statusStep)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.step()
		case <-s.stop:
			return
		}
	}
}

// step looks once, and says what it sees where it is time to.
func (s *status) step() {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.look()
	if s.over || w.what == "" {
		return
	}
	now := s.progress.now()
	if w.what != s.what {
		s.what, s.speed = w.what, hub.Speed{}
	}
	s.speed.Add(now, w.done)
	switch {
	case s.progress.bar && now.Sub(s.began) >= statusPause:
		s.progress.draw(w.line(s.speed.Rate(), s.progress.width()-1))
	case !s.progress.bar && now.Sub(s.said) >= statusPlainPause:
		fmt.Fprintln(s.progress.w, w.line(s.speed.Rate(), math.MaxInt))
		s.said = now
	}
}

// end takes the line away. It may be called twice.
func (s *status) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return
	}
	s.over = true
	close(s.stop)
	s.progress.erase()
}
