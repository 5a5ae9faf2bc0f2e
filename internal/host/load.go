package host

import (
	"cmp"
	"context"
	"slices"
	"sync/atomic"
	"time"
)

// opener opens models: files, or what stands for them in a simulation.
type opener interface {
	// survey finds out what a model needs. The candidate is to be closed.
	survey(ctx context.Context, t target) (candidate, error)
	// available returns the bytes of memory that there are at this moment, 0 where the
	// system does not say.
	available() int64
	close()
}

// candidate is a model that may be loaded.
type candidate interface {
	needs
	// open reads it. Its error is ctx's where that ended it. report is told how many
	// bytes are in place, by several goroutines at once.
	open(ctx context.Context, p plan, report func(done, total int64)) (opened, error)
	close()
}

// load is a model that somebody waits for.
type load struct {
	target target
	claims []*claim
	since  time.Time

	ctx       context.Context
	cancel    context.CancelFunc
	candidate candidate // once it is surveyed
	opening   bool      // its memory is taken
	plan      plan
	done      atomic.Int64 // bytes in place
	began     time.Time
}

func (l *load) key() string { return l.target.key }

// drop takes a claim out and reports whether it was there.
func (l *load) drop(c *claim) bool {
	n := len(l.claims)
	l.claims = slices.DeleteFunc(l.claims, func(x *claim) bool { return x == c })
	return len(l.claims) < n
}

// refuse answers all claims with an error.
func (l *load) refuse(err error) {
	for _, c := range l.claims {
		c.done <- answer{err: err}
	}
	l.claims = nil
}

// context returns how many positions the claims need, 0: they do not say.
func (l *load) context() int {
	most := 0
	for _, c := range l.claims {
		most = max(most, c.ask.Context)
	}
	return most
}

// schedule begins the next load, or makes room for the one that waits for memory.
func (h *Host) schedule() {
	for {
		h.queue = slices.DeleteFunc(h.queue, h.regained)
		if h.loading == nil && len(h.queue) == 0 {
			return
		}
		l := h.loading
		if l == nil {
			l, h.queue = h.queue[0], h.queue[1:]
			h.loading = l
			h.survey(l)
		}
		if l.candidate == nil || l.opening {
			return
		}
		if h.place(l); h.loading == l {
			return // it is opened, or waits for what goes
		}
	}
}

// regained answers the claims of a load whose model was to be let go and stays.
func (h *Host) regained(l *load) bool {
	r := h.ready(l.key())
	if r == nil {
		return false
	}
	for _, c := range l.claims {
		h.grant(r, c)
	}
	return true
}

// survey finds out what a load needs.
func (h *Host) survey(l *load) {
	l.ctx, l.cancel = context.WithCancel(context.Background())
	l.began = time.Now()
	go func() {
		c, err := h.opener.survey(l.ctx, l.target)
		h.post(func() {
			if l.candidate = c; err != nil {
				h.failed(l, err)
			}
		})
	}()
}

// place opens the model of a load where there is room, else makes room.
func (h *Host) place(l *load) {
	if l.ctx.Err() != nil {
		h.failed(l, l.ctx.Err())
		return
	}
	p, lacking, err := h.plan(l)
	switch {
	case err != nil:
		h.failed(l, err)
	case lacking > 0:
		h.makeRoom(lacking)
	default:
		h.open(l, p)
	}
}

// open reads the model of a load.
func (h *Host) open(l *load, p plan) {
	l.opening, l.plan = true, p
	l.done.Store(0)
	go func() {
		report := func(done, _ int64) {
			for {
				if before := l.done.Load(); done <= before || l.done.CompareAndSwap(before, done) {
					return
				}
			}
		}
		o, err := l.candidate.open(l.ctx, p, report)
		h.post(func() {
			if err != nil {
				h.failed(l, err)
				return
			}
			h.loaded(l, o)
		})
	}()
}

// loaded gives a model to those who waited for it.
func (h *Host) loaded(l *load, o opened) {
	h.finish(l)
	delete(h.failures, l.key())
	r := &resident{key: l.key(), opened: o, plan: l.plan, used: time.Now(), loaded: time.Since(l.began)}
	h.residents = append(h.residents, r)
	h.log.Info("model is loaded", "model", l.target.name, "duration", r.loaded, "context", l.plan.context, "bytes", l.plan.bytes())
	for _, c := range l.claims {
		h.grant(r, c)
	}
	if len(l.claims) == 0 { // they left at the last moment
		d := r.holdOf(l.target)
		d.keep = h.options.KeepAlive
		h.settle(r, d)
	}
}

// failed ends a load that came to nothing. One that was given up and is wanted again
// begins anew.
func (h *Host) failed(l *load, err error) {
	givenUp := l.ctx.Err() != nil
	h.finish(l)
	if givenUp {
		if len(l.claims) > 0 {
			h.queue = append(h.queue, &load{target: l.target, claims: l.claims, since: l.since})
		}
		return
	}
	h.remember(l.key(), err)
	h.log.Warn("model was not loaded", "model", l.target.name, "duration", time.Since(l.began), "error", err)
	l.refuse(err)
}

// finish ends the way of a load. What was to make room for it and is still there stays.
func (h *Host) finish(l *load) {
	if l.candidate != nil {
		l.candidate.close()
	}
	l.cancel()
	h.loading = nil
	for _, r := range h.residents {
		if r.state == leaving {
			r.state = ready
		}
	}
}

// failure is a load that failed, and is not tried again for a while.
type failure struct {
	err   error
	until time.Time
	wait  time.Duration
}

// The pauses after failures.
const (
	firstPause  = time.Second
	longestWait = 30 * time.Second
	maxFailures = 1000
)

// recentFailure returns the error of a load that failed a moment ago.
func (h *Host) recentFailure(key string) error {
	if f := h.failures[key]; f != nil && time.Now().Before(f.until) {
		return f.err
	}
	return nil
}

// remember keeps a failure, for longer each time.
func (h *Host) remember(key string, err error) {
	f := h.failures[key]
	if f == nil {
		if len(h.failures) >= maxFailures {
			clear(h.failures)
		}
		f = &failure{}
		h.failures[key] = f
	}
	f.err, f.wait = err, min(cmp.Or(2*f.wait, firstPause), longestWait)
	f.until = time.Now().Add(f.wait)
}
