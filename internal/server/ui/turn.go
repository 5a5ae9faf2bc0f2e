package ui

import (
	"context"
	"net/http"
	"slices"

	"github.com/blitz-r1/blitz/internal/history"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// maxAnswers bounds the answers that one step begins.
const maxAnswers = 8

func (u *UI) turnRoutes() []wire.Route {
	return []wire.Route{
		route("POST /ui/api/chats/{id}/turn", wire.Inference, u.turn),
		route("POST /ui/api/chats/{id}/stop", wire.Inference, u.stopAnswers),
		route("POST /ui/api/chats/{id}/cut", wire.Inference, u.cut),
	}
}

// turn adds messages to a chat and begins answers.
func (u *UI) turn(w http.ResponseWriter, r *http.Request) error {
	var t history.Turn
	if err := readBody(r, &t); err != nil {
		return err
	}
	if len(t.Answers) > maxAnswers {
		return wire.Refuse("answers", "answers has %d entries, want at most %d", len(t.Answers), maxAnswers)
	}
	if len(t.Answers) > 0 {
		if err := u.runs.check(); err != nil {
			return err
		}
	}
	ctx := context.WithoutCancel(r.Context()) // what is begun is not left half
	for i := range t.Answers {
		if p := &t.Answers[i].Parameters; p.Model == "" {
			p.Model, _ = u.offered(ctx) // without one, the answer says so
		}
	}
	tenant, id := tenantOf(r), r.PathValue("id")
	turned, err := u.o.Store.Turn(ctx, tenant, id, t)
	if err != nil {
		return chatError(err)
	}
	for _, m := range turned.Messages {
		if !slices.Contains(turned.Started, m.ID) {
			continue
		}
		goOn := slices.ContainsFunc(t.Answers, func(a history.NewAnswer) bool { return a.ID == m.ID && a.Continue })
		u.start(ctx, tenant, id, m, goOn)
	}
	u.hub.overlay(tenant, id, turned.Messages)
	return writeLarge(w, r, chatWhole{turned.Chat, append([]history.Message{}, turned.Messages...)})
}

// stopAnswers ends the answers of a chat that run, or one of them.
func (u *UI) stopAnswers(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Message string `json:"message"`
	}
	if r.ContentLength != 0 {
		if err := readBody(r, &in); err != nil {
			return err
		}
	}
	if in.Message == "" {
		u.stop(tenantOf(r), r.PathValue("id"))
	} else {
		u.stop(tenantOf(r), r.PathValue("id"), in.Message)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
