package ui

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/database"
	"github.com/blitz-r1/blitz/internal/history"
)

// TestSlowTab: a tab that does not read is cut off, and keeps nothing.
func TestSlowTab(t *testing.T) {
	for name, text := range map[string]string{"many": "x", "large": strings.Repeat("x", maxQueuedBytes/2)} {
		s := &stream{wake: make(chan struct{}, 1)}
		for range maxQueued + 1 {
			s.put(event{eventDelta, []byte(text)})
		}
		if !s.ended || s.queue != nil || s.bytes != 0 {
			t.Errorf("%s: %d events wait", name, len(s.queue))
		}
		s.put(event{eventDelta, []byte("x")})
		if s.queue != nil {
			t.Errorf("%s: a tab that was cut off is told more", name)
		}
	}
	s := &stream{wake: make(chan struct{}, 1)}
	if s.put(event{eventMessages, make([]byte, 2*maxQueuedBytes)}); s.ended || len(s.queue) != 1 {
		t.Error("one large event is not told")
	}
}

// TestPanic: a fault of ours ends its answer alone, and the log has no word of what it was
// about.
func TestPanic(t *testing.T) {
	db, err := database.Open(t.Context(), filepath.Join(t.TempDir(), database.FileName), history.Tables)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	store, err := history.Open(t.Context(), db, history.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	var log strings.Builder
	u, err := New(Options{Store: store, Log: slog.New(slog.NewTextHandler(&log, nil)), Tools: func(context.Context, []string) ([]json.RawMessage, error) {
		panic(errors.New("secret words"))
	}})
	if err != nil {
		t.Fatal(err)
	}
	turned, err := store.Turn(t.Context(), "owner", "chat-one", history.Turn{
		Messages: []history.NewMessage{{ID: "question", Role: history.User, Content: "x"}},
		Answers:  []history.NewAnswer{{ID: "the-answer", Parent: "question", Parameters: history.Parameters{Model: "x", MCP: []string{"x"}}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	u.start(t.Context(), "owner", "chat-one", turned.Messages[1], false)
	if err := u.runs.close(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, list, err := store.Get(t.Context(), "owner", "chat-one")
	if err != nil || list[1].Status != history.Failed || list[1].Error != "the server failed to answer" {
		t.Errorf("%+v, %v", list, err)
	}
	if !strings.Contains(log.String(), "an answer failed") || strings.Contains(log.String(), "secret") {
		t.Error(log.String())
	}
}
