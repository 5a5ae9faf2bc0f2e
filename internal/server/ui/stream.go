package ui

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/blitz-r1/blitz/internal/account"
	"github.com/blitz-r1/blitz/internal/history"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// stream is what one tab of a browser is told.
type stream struct {
	chat   string         // that is open in it; "": none
	scopes account.Scopes // of who looks
	wake   chan struct{}

	// Guarded by hub.mu.
	queue []event
	bytes int
	ended bool
}

// put adds an event. A client that lets too many wait is cut off, and comes again: it then
// reads anew what it missed. hub.mu is held.
func (s *stream) put(e event) {
	if s.ended {
		return
	}
	if len(s.queue) >= maxQueued || s.bytes+len(e.text) > maxQueuedBytes && len(s.queue) > 0 {
		s.end()
		return
	}
	s.queue, s.bytes = append(s.queue, e), s.bytes+len(e.text)
	s.nudge()
}

// end ends the stream. hub.mu is held.
func (s *stream) end() {
	s.ended, s.queue, s.bytes = true, nil, 0
	s.nudge()
}

func (s *stream) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// open adds a stream for a tab. What runs in its chat comes first, as it stands at the
// moment from which on the rest is told.
func (h *hub) open(tenant, chat string, scopes account.Scopes) (*stream, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	a := h.audience(tenant)
	switch {
	case h.closed:
		return nil, errGoing
	case len(a.streams) >= maxStreams || h.streams >= maxStreamsOfAll:
		return nil, &wire.Error{Kind: wire.Overloaded, Message: "too many pages are open", RetryAfter: 10 * time.Second}
	}
	s := &stream{chat: chat, scopes: scopes, wake: make(chan struct{}, 1)}
	a.streams[s] = struct{}{}
	h.streams++
	s.put(eventOf(eventHello, struct{}{}))
	list := []history.Message{}
	for at, r := range a.runs {
		if at.chat == chat {
			m := r.message
			r.overlay(&m)
			list = append(list, m)
		}
	}
	if len(list) > 0 {
		s.put(eventOf(eventMessages, messagesEvent{chat, list}))
	}
	return s, nil
}

// leave takes a stream away.
func (h *hub) leave(tenant string, s *stream) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.tenants[tenant].streams, s)
	h.streams--
}

// take returns what waits in a stream. more is false at its end.
func (h *hub) take(s *stream) (list []event, more bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	list = s.queue
	s.queue, s.bytes = nil, 0
	return list, !s.ended
}

// close ends all streams, and takes no new ones.
func (h *hub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for _, a := range h.tenants {
		for s := range a.streams {
			s.end()
		}
	}
}

func (u *UI) streamRoutes() []wire.Route {
	return []wire.Route{{Pattern: "GET /ui/api/events", Scope: wire.Inference, Handle: u.events}}
}

// events tells a tab what happens until it leaves.
func (u *UI) events(w http.ResponseWriter, r *http.Request) error {
	chat := r.URL.Query().Get("chat")
	if len(chat) > maxIDText {
		return wire.Refuse("chat", "chat is %s, want the id of a chat", wire.Quote(chat))
	}
	tenant := tenantOf(r)
	s, err := u.hub.open(tenant, chat, account.CallerOf(r.Context()).Scopes)
	if err != nil {
		return err
	}
	defer u.hub.leave(tenant, s)
	out := wire.NewEvents(w)
	defer out.Close()
	check := time.NewTicker(stillPause)
	defer check.Stop()
	for {
		list, more := u.hub.take(s)
		for _, e := range list {
			if out.Send(e.name, json.RawMessage(e.text)) != nil {
				return nil // nobody is there any more
			}
		}
		if !more {
			return nil
		}
		select {
		case <-s.wake:
		case <-r.Context().Done():
			return nil
		case <-check.C:
			if !u.still(r.Context()) {
				return nil // the page asks again, and is told why not
			}
		}
	}
}

// stillPause is how long a stream goes on behind the end of its key.
const stillPause = 5 * time.Second

// still says whether the caller of a request that goes on may still ask.
func (u *UI) still(ctx context.Context) bool {
	if token := account.SessionOf(ctx); token != "" {
		_, err := u.o.Accounts.Resume(ctx, token)
		return err == nil
	}
	_, err := u.o.Accounts.Recall(account.CallerOf(ctx).Tenant())
	return err == nil
}
