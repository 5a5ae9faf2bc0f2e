package ui

import (
	"sync"

	"github.com/blitz-r1/blitz/internal/account"
	"github.com/blitz-r1/blitz/internal/history"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// hub tells those who look at the page what happens. What it tells of an answer that runs
// and what it says of it at first are of one moment, so that nobody misses a word or has
// it twice: hub.mu guards both.
//
// The store calls the hub while it changes something; so nothing is asked of the store
// while hub.mu is held.
type hub struct {
	store *history.Store

	mu      sync.Mutex
	tenants map[string]*audience
	streams int
	closed  bool
}

// audience is who looks at the page of a tenant, and the answers that run for it.
type audience struct {
	streams map[*stream]struct{}
	runs    map[place]*run
	left    int // runs that were let go
}

// place is where an answer stands.
type place struct{ chat, message string }

// Bounds of who looks.
const (
	maxStreams      = 128 // of a tenant
	maxStreamsOfAll = 4096
	maxQueued       = 2048    // events that wait for a slow client, which is cut off then
	maxQueuedBytes  = 8 << 20 // and their bytes
)

// The names of events.
const (
	eventHello    = "hello"
	eventChat     = "chat"
	eventGone     = "gone"
	eventMessages = "messages"
	eventRemoved  = "removed"
	eventDelta    = "delta"
	eventPresets  = "presets"
)

func newHub(store *history.Store) *hub {
	return &hub{store: store, tenants: map[string]*audience{}}
}

// event is something that happened, as it goes over the wire.
type event struct {
	name string
	text []byte
}

func eventOf(name string, v any) event { return event{name, wire.Marshal(v)} }

// audience returns that of a tenant. h.mu is held. It stays: there are no more of them than
// keys.
func (h *hub) audience(tenant string) *audience {
	a := h.tenants[tenant]
	if a == nil {
		a = &audience{streams: map[*stream]struct{}{}, runs: map[place]*run{}}
		h.tenants[tenant] = a
		h.store.Subscribe(tenant, func(c history.Change) { h.hear(a, c) })
	}
	return a
}

// The events on the wire.
type (
	messagesEvent struct {
		Chat     string            `json:"chat"`
		Messages []history.Message `json:"messages"`
	}
	removedEvent struct {
		Chat string   `json:"chat"`
		IDs  []string `json:"ids"`
	}
	goneEvent struct {
		ID string `json:"id"`
	}
	deltaEvent struct {
		Message         string `json:"message"`
		Seq             int64  `json:"seq"`
		Content         string `json:"content,omitempty"`
		Reasoning       string `json:"reasoning,omitempty"`
		Tokens          int    `json:"tokens"`
		ReasoningTokens int    `json:"reasoning_tokens"`
		Thinking        bool   `json:"thinking"`
	}
)

// hear tells what the store changed. A message that runs no more is no run any more: from
// this moment on the store has it.
func (h *hub) hear(a *audience, c history.Change) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case c.Chat != nil:
		a.tell("", eventChat, c.Chat)
	case c.Gone != "":
		a.tell("", eventGone, goneEvent{c.Gone})
	case c.Presets:
		a.tell("", eventPresets, struct{}{})
	case c.Everything:
		a.tell("", eventHello, struct{}{})
	case c.In != "" && len(c.Removed) > 0:
		a.tell(c.In, eventRemoved, removedEvent{c.In, c.Removed})
	case c.In != "":
		a.tell(c.In, eventMessages, messagesEvent{c.In, a.freshen(c.In, c.Messages)})
	}
}

// freshen returns messages of a chat with what is newer of those that run, and lets go of
// runs that are over. hub.mu is held.
func (a *audience) freshen(chat string, list []history.Message) []history.Message {
	out := make([]history.Message, len(list))
	for i, m := range list {
		at := place{chat, m.ID}
		if r := a.runs[at]; r != nil && r.isOf(&m) {
			r.overlay(&m)
		} else if r != nil {
			a.forget(at)
		}
		out[i] = m
	}
	return out
}

// forget lets go of a run: from this moment on the store has it. hub.mu is held.
func (a *audience) forget(at place) {
	delete(a.runs, at)
	a.left++
}

// left returns how many runs of a tenant were let go so far.
func (h *hub) left(tenant string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	if a := h.tenants[tenant]; a != nil {
		return a.left
	}
	return 0
}

// tell puts an event into the streams of a chat, "" of all. hub.mu is held.
func (a *audience) tell(chat, name string, v any) {
	var e event
	for s := range a.streams {
		if chat != "" && s.chat != chat {
			continue
		}
		if e.text == nil { // the same for all, and made for nobody
			e = eventOf(name, v)
		}
		s.put(e)
	}
}

// say tells all pages of a tenant, "" of all tenants, of something.
func (h *hub) say(tenant, name string, v any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for t, a := range h.tenants {
		if tenant == "" || t == tenant {
			a.tell("", name, v)
		}
	}
}

// sayTo tells the pages of all who have a scope of something.
func (h *hub) sayTo(scope account.Scope, name string, v any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	e := eventOf(name, v)
	for _, a := range h.tenants {
		for s := range a.streams {
			if s.scopes.Has(scope) {
				s.put(e)
			}
		}
	}
}

// running returns the answers of a chat that run: nil for none.
func (h *hub) running(tenant, chat string) map[string]*run {
	h.mu.Lock()
	defer h.mu.Unlock()
	a := h.tenants[tenant]
	if a == nil {
		return nil
	}
	var found map[string]*run
	for at, r := range a.runs {
		if at.chat == chat {
			if found == nil {
				found = map[string]*run{}
			}
			found[at.message] = r
		}
	}
	return found
}

// overlay writes into messages what is newer of answers that run.
func (h *hub) overlay(tenant, chat string, list []history.Message) {
	h.mu.Lock()
	defer h.mu.Unlock()
	a := h.tenants[tenant]
	if a == nil {
		return
	}
	for i := range list {
		m := &list[i]
		if r := a.runs[place{chat, m.ID}]; r != nil && r.isOf(m) {
			r.overlay(m)
		}
	}
}
