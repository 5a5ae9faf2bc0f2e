package ui

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/blitz-r1/blitz/internal/history"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// Bounds of what is asked for at once.
const (
	usualList = 100
	maxList   = 1000
	maxIDText = 64 // bytes of an id
)

func (u *UI) chatRoutes() []wire.Route {
	return []wire.Route{
		route("GET /ui/api/chats", wire.Inference, u.list),
		route("GET /ui/api/chats/{id}", wire.Inference, u.get),
		route("PATCH /ui/api/chats/{id}", wire.Inference, u.patch),
		route("DELETE /ui/api/chats/{id}", wire.Inference, u.remove),
		route("POST /ui/api/chats/{id}/restore", wire.Inference, u.restore),
		route("POST /ui/api/chats/{id}/fork", wire.Inference, u.fork),
		route("DELETE /ui/api/chats/{id}/messages/{message}", wire.Inference, u.removeMessage),
		route("POST /ui/api/chats/{id}/messages/{message}/restore", wire.Inference, u.restoreMessage),
	}
}

// chatList is a part of the list.
type chatList struct {
	Chats []history.Chat `json:"chats"`
	More  bool           `json:"more"`
}

// chatWhole is a chat with messages.
type chatWhole struct {
	Chat     history.Chat      `json:"chat"`
	Messages []history.Message `json:"messages"`
}

// list returns a part of the chats.
func (u *UI) list(w http.ResponseWriter, r *http.Request) error {
	limit, err := limitOf(r, usualList, maxList)
	if err != nil {
		return err
	}
	var before history.Time
	if text := r.URL.Query().Get("before"); text != "" {
		if before, err = history.ParseTime(text); err != nil {
			return wire.Refuse("before", "before is %s, want a time as RFC 3339 has it", wire.Quote(text))
		}
	}
	var list chatList
	if list.Chats, list.More, err = u.o.Store.List(r.Context(), tenantOf(r), limit, before); err != nil {
		return chatError(err)
	}
	return writeLarge(w, r, list)
}

// limitOf returns how many of something are asked for.
func limitOf(r *http.Request, usual, most int) (int, error) {
	text := r.URL.Query().Get("limit")
	if text == "" {
		return usual, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, wire.Refuse("limit", "limit is %s, want a whole number from 1 to %d", wire.Quote(text), most)
	}
	return n, nil
}

// get returns a chat with all its messages.
func (u *UI) get(w http.ResponseWriter, r *http.Request) error {
	absent := r.URL.Query().Get("absent") // 204: there is nothing wrong with the question
	if absent != "" && absent != "204" {
		return &wire.Error{Kind: wire.Invalid, Param: "absent", Message: "absent is " + wire.Quote(absent) + ", want 204 or nothing"}
	}
	c, list, err := u.whole(r.Context(), tenantOf(r), r.PathValue("id"))
	if absent != "" && errors.Is(err, history.ErrUnknown) {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	if err != nil {
		return err
	}
	return writeLarge(w, r, chatWhole{c, list})
}

// whole returns a chat with all its messages, those that run as they stand. Where an answer
// ends between the two looks, both are taken again.
func (u *UI) whole(ctx context.Context, tenant, id string) (c history.Chat, list []history.Message, err error) {
	for range 3 {
		before := u.hub.left(tenant)
		if c, list, err = u.o.Store.Get(ctx, tenant, id); err != nil {
			return c, nil, chatError(err)
		}
		if u.hub.overlay(tenant, id, list); u.hub.left(tenant) == before {
			break
		}
	}
	return c, list, nil
}

// patch changes what a person may change of a chat.
func (u *UI) patch(w http.ResponseWriter, r *http.Request) error {
	var p history.Patch
	if err := readBody(r, &p); err != nil {
		return err
	}
	c, err := u.o.Store.Patch(r.Context(), tenantOf(r), r.PathValue("id"), p)
	if err != nil {
		return chatError(err)
	}
	wire.WriteJSON(w, http.StatusOK, c)
	return nil
}

// remove puts a chat into the trash, and ends its answers.
func (u *UI) remove(w http.ResponseWriter, r *http.Request) error {
	tenant, id := tenantOf(r), r.PathValue("id")
	if err := u.o.Store.Delete(r.Context(), tenant, id); err != nil && !errors.Is(err, history.ErrUnknown) {
		return chatError(err)
	}
	u.stop(tenant, id)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// restore takes a chat out of the trash.
func (u *UI) restore(w http.ResponseWriter, r *http.Request) error {
	c, err := u.o.Store.Restore(r.Context(), tenantOf(r), r.PathValue("id"))
	if err != nil {
		return chatError(err)
	}
	wire.WriteJSON(w, http.StatusOK, c)
	return nil
}

// fork makes a chat of the messages of another one up to one of them.
func (u *UI) fork(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		ID   string `json:"id"`
		Leaf string `json:"leaf"`
	}
	if err := readBody(r, &in); err != nil {
		return err
	}
	c, list, err := u.o.Store.Fork(r.Context(), tenantOf(r), r.PathValue("id"), in.ID, in.Leaf)
	if err != nil {
		return chatError(err)
	}
	return writeLarge(w, r, chatWhole{c, list})
}

// removeMessage puts a message and all behind it into the trash, and ends those of them
// that run.
func (u *UI) removeMessage(w http.ResponseWriter, r *http.Request) error {
	tenant, id := tenantOf(r), r.PathValue("id")
	c, removed, err := u.o.Store.DeleteMessage(r.Context(), tenant, id, r.PathValue("message"))
	if err != nil {
		return chatError(err)
	}
	if len(removed) > 0 {
		u.stop(tenant, id, removed...)
	}
	wire.WriteJSON(w, http.StatusOK, struct {
		Chat    history.Chat `json:"chat"`
		Removed []string     `json:"removed"`
	}{c, append([]string{}, removed...)})
	return nil
}

// restoreMessage takes out of the trash what was put there with a message.
func (u *UI) restoreMessage(w http.ResponseWriter, r *http.Request) error {
	c, list, err := u.o.Store.RestoreMessage(r.Context(), tenantOf(r), r.PathValue("id"), r.PathValue("message"))
	if err != nil {
		return chatError(err)
	}
	return writeLarge(w, r, chatWhole{c, append([]history.Message{}, list...)})
}
