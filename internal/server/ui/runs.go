package ui

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/blitz-r1/blitz/internal/history"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// runs are the answers under way of all tenants.
type runs struct {
	mu      sync.Mutex
	closed  bool
	working sync.WaitGroup
	all     map[*run]struct{}
	last    chan struct{} // closed when what is under way has to end
}

func newRuns() *runs { return &runs{all: map[*run]struct{}{}, last: make(chan struct{})} }

// wait returns behind a pause, and says whether there is time for more.
func (s *runs) wait(pause time.Duration) bool {
	select {
	case <-s.last:
		return false
	case <-time.After(pause):
		return true
	}
}

// errGoing is what is said while the server ends.
var errGoing = &wire.Error{Kind: wire.Unavailable, Message: "the server is going down", RetryAfter: time.Second}

// check refuses what would begin while the server ends.
func (s *runs) check() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errGoing
	}
	return nil
}

// start has an answer written that the store has as running. ctx has the caller; its end
// does not end the answer. goOn says that the message is there and is gone on with.
func (u *UI) start(ctx context.Context, tenant, chat string, m history.Message, goOn bool) {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	r := &run{ui: u, tenant: tenant, at: place{chat, m.ID}, ctx: ctx, cancel: cancel, message: m}
	if r.message.Parameters == nil {
		r.message.Parameters = &history.Parameters{}
	}
	r.reasoning.WriteString(m.Reasoning)
	r.content.WriteString(strings.TrimRightFunc(m.Content, unicode.IsSpace)) // as templates do, which the model goes on behind
	r.message.Content, r.message.Reasoning = "", ""
	if old := m.Figures; old != nil {
		r.counts = counts{tokens: old.AnswerTokens, reasoning: old.ReasoningTokens}
		r.before = r.counts
	}
	h := u.hub
	h.mu.Lock()
	a := h.audience(tenant)
	a.runs[r.at] = r
	if r.content.Len() != len(m.Content) {
		now := r.message
		r.overlay(&now)
		a.tell(chat, eventMessages, messagesEvent{chat, []history.Message{now}})
	}
	h.mu.Unlock()
	if !u.runs.add(r) {
		cancel(errInterrupted)
		r.finish(history.End{Status: history.Interrupted, Content: m.Content, Reasoning: m.Reasoning})
		return
	}
	go func() {
		defer u.runs.remove(r)
		r.work(goOn)
	}()
}

// add notes a run. It is false where the server ends.
func (s *runs) add(r *run) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.all[r] = struct{}{}
	s.working.Add(1)
	return true
}

func (s *runs) remove(r *run) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, r)
	s.working.Done()
}

// close takes no new runs, waits for those under way until ctx ends, and then has them
// write down what came.
func (s *runs) close(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	done := make(chan struct{})
	go func() {
		s.working.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	close(s.last)
	s.mu.Lock()
	for r := range s.all {
		r.cancel(errInterrupted)
	}
	s.mu.Unlock()
	select {
	case <-done:
		return context.Cause(ctx)
	case <-time.After(lastPatience):
		return errors.Join(context.Cause(ctx), errors.New("ui: answers were not written down in time"))
	}
}

// lastPatience is how long answers that are interrupted may take to be written down.
const lastPatience = 10 * time.Second

// stop ends the answers of a chat that run: all, or those of some messages.
func (u *UI) stop(tenant, chat string, messages ...string) {
	for id, r := range u.hub.running(tenant, chat) {
		if len(messages) == 0 {
			r.cancel(errStopped)
		}
		for _, m := range messages {
			if m == id {
				r.cancel(errStopped)
			}
		}
	}
}

// Pauses between tries to write down how an answer ended.
const (
	firstRetry = time.Second
	lastRetry  = 30 * time.Second
)

// finish has the store keep how the answer ended. A file that cannot be written, such as on
// a full disk, is tried again; what came is shown meanwhile, with the reason.
func (r *run) finish(end history.End) {
	h, ctx := r.ui.hub, context.WithoutCancel(r.ctx)
	r.setEnd(end)
	for pause, more := firstRetry, true; more; pause = min(2*pause, lastRetry) {
		err := r.ui.o.Store.Finish(ctx, r.tenant, r.at.chat, r.at.message, end)
		if err == nil || errors.Is(err, history.ErrUnknown) || errors.Is(err, history.ErrConflict) {
			break // it is written, or nobody wants it any more
		}
		r.ui.o.Log.Error("an answer cannot be written down", "error", err)
		if errors.Is(err, history.ErrValue) && end.Error != cannotKeep { // it cannot be at all
			end = history.End{Status: history.Failed, Error: cannotKeep}
			r.setEnd(end)
			continue
		}
		r.show(end, err)
		more = r.ui.runs.wait(pause)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if a := h.audience(r.tenant); a.runs[r.at] == r {
		a.forget(r.at)
	}
}

// setEnd notes how the answer ended.
func (r *run) setEnd(end history.End) {
	r.ui.hub.mu.Lock()
	defer r.ui.hub.mu.Unlock()
	r.ended = &end
}

const cannotKeep = "the answer is not one that can be kept"

// show tells how an answer ended that could not be written down.
func (r *run) show(end history.End, err error) {
	end.Error = "the answer is not written down yet: " + err.Error()
	r.setEnd(end)
	h := r.ui.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	m := r.message
	r.overlay(&m)
	h.audience(r.tenant).tell(r.at.chat, eventMessages, messagesEvent{r.at.chat, []history.Message{m}})
}
