package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/blitz-r1/blitz/internal/signed"
	"github.com/blitz-r1/blitz/receipt"
)

// Errors of what was asked.
var (
	// ErrDisputed says that nodes gave different results, or one that is none of a peer:
	// whoever asked has to compute the job itself, or to leave it.
	ErrDisputed = errors.New("the result is disputed")
	// ErrDropped says that no node computes the job.
	ErrDropped = errors.New("no node computes the job")
)

// Asker hands jobs out and waits for their results, with one watch for all of them. Any
// goroutine may use it.
type Asker struct {
	queue Queue
	pool  string
	peers *Peers

	mu      sync.Mutex
	waiting map[string]*waiter // by job
	failed  error              // of a watch that ended
	stop    context.CancelFunc
	ended   sync.WaitGroup
}

// waiter is those who wait for a job.
type waiter struct {
	users int
	woken chan struct{} // closed and made anew when there is something new
}

// lookAgain is after how long a job is looked at whose result nobody told: a replica that lags
// may have said that there is none, and a watch whose connection broke takes some ten seconds
// until it notices that.
const lookAgain = 4 * time.Second

// lookSoon is after how long a job is looked at again of which something was told that a replica
// does not have yet; then after twice as long, up to lookAgain.
const lookSoon = 10 * time.Millisecond

// NewAsker returns an asker of the nodes of a pool, of whom peers are believed. Close ends it,
// and leaves the queue open.
func NewAsker(q Queue, pool string, peers *Peers) *Asker {
	ctx, stop := context.WithCancel(context.Background())
	a := &Asker{queue: q, pool: pool, peers: peers, waiting: map[string]*waiter{}, stop: stop}
	for _, bucket := range []Bucket{Results, Faults, Lost} {
		a.ended.Go(func() {
			err := q.Watch(ctx, bucket, func(key string) error {
				a.wake(key)
				return nil
			})
			a.fail(err)
		})
	}
	return a
}

// Close lets those go who wait, with ErrClosed. It may be called twice.
func (a *Asker) Close() {
	a.fail(ErrClosed)
	a.stop()
	a.ended.Wait()
}

// wake wakes those who wait for a job.
func (a *Asker) wake(key string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if w := a.waiting[key]; w != nil {
		close(w.woken)
		w.woken = make(chan struct{})
	}
}

// fail lets all go who wait.
func (a *Asker) fail(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.failed != nil {
		return
	}
	a.failed = err
	for _, w := range a.waiting {
		close(w.woken)
		w.woken = make(chan struct{})
	}
}

// expect has somebody wait for a job.
func (a *Asker) expect(id string) *waiter {
	a.mu.Lock()
	defer a.mu.Unlock()
	w := a.waiting[id]
	if w == nil {
		w = &waiter{woken: make(chan struct{})}
		a.waiting[id] = w
	}
	w.users++
	return w
}

// leave has somebody wait no longer.
func (a *Asker) leave(id string, w *waiter) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if w.users--; w.users == 0 {
		delete(a.waiting, id)
	}
}

// look returns what the next change is told by, and why there will be none.
func (a *Asker) look(w *waiter) (woken <-chan struct{}, failed error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return w.woken, a.failed
}

// Settle hands a job out, unless there is something of it already, and waits until it is
// done, disputed or dropped.
func (a *Asker) Settle(ctx context.Context, j *Job) (Status, error) {
	w := a.expect(j.ID)
	defer a.leave(j.ID, w)
	pause := lookAgain
	for handed := false; ; handed = true {
		woken, failed := a.look(w)
		s, err := Look(ctx, a.queue, j.ID)
		switch {
		case err != nil:
			return s, err
		case s.State == IsDone, s.State == IsFault, s.State == IsDead && handed:
			return s, nil
		case failed != nil:
			return s, failed
		case !handed:
			if err := Hand(ctx, a.queue, a.pool, j); err != nil {
				return s, err
			}
		}
		again := time.NewTimer(pause)
		select {
		case <-woken:
			pause = lookSoon
		case <-again.C:
			pause = min(2*pause, lookAgain)
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
		again.Stop()
		if err != nil {
			return s, err
		}
	}
}

// Ask is Settle, and returns the result, which a peer signed and which is one of the job. The
// error wraps ErrDisputed or ErrDropped.
func (a *Asker) Ask(ctx context.Context, j *Job) (*Result, *receipt.Statement, error) {
	s, err := a.Settle(ctx, j)
	if err != nil {
		return nil, nil, err
	}
	switch s.State {
	case IsFault:
		return nil, nil, fmt.Errorf("job %s: %w", j.ID, ErrDisputed)
	case IsDead:
		var dead Dead
		_ = json.Unmarshal(s.Fault, &dead) // Look has seen that it is JSON
		return nil, nil, fmt.Errorf("job %s: %w: %w", j.ID, ErrDropped, &signed.Refusal{Reason: signed.Reason(dead.Reason), Detail: dead.Detail})
	}
	r, err := ParseResult(s.Result)
	var st *receipt.Statement
	if err == nil {
		st, err = r.Verify(j, a.peers)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("job %s: %w: %w", j.ID, ErrDisputed, err)
	}
	return r, st, nil
}
