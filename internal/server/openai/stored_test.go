package openai

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/blitz-r1/blitz/internal/database"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

func openStored(t *testing.T) *Stored {
	t.Helper()
	db, err := database.Open(t.Context(), filepath.Join(t.TempDir(), database.FileName), Tables)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return NewStored(db)
}

// keep stores a response of so many bytes that goes on from others.
func keep(t *testing.T, s *Stored, tenant, id string, bytes int, before ...string) {
	t.Helper()
	r := &record{id: id, tenant: tenant, before: before, body: []byte(strings.Repeat("x", bytes)), output: []storedItem{{"item_" + id, []byte("{}")}}}
	if len(before) > 0 {
		r.previous = before[0]
	}
	if err := s.put(t.Context(), r); err != nil {
		t.Fatal(err)
	}
}

// there says which of the responses are there.
func there(t *testing.T, s *Stored, tenant string, ids ...string) string {
	t.Helper()
	var list []string
	for _, id := range ids {
		_, err := s.body(t.Context(), tenant, id)
		var e *wire.Error
		switch {
		case err == nil:
			list = append(list, id)
		case !errors.As(err, &e) || e.Kind != wire.NotFound:
			t.Fatal(err)
		}
	}
	return strings.Join(list, " ")
}

// A tenant has so many responses, of so many bytes, and others are none of its business.
// What was used last stays.
func TestStoredBounds(t *testing.T) {
	s := openStored(t)
	s.count = 3
	now := time.Unix(1e9, 0)
	s.now = func() time.Time { now = now.Add(time.Second); return now }
	keep(t, s, "b", "other", 10)
	keep(t, s, "a", "1", 10)
	keep(t, s, "a", "2", 10)
	keep(t, s, "a", "3", 10, "1")
	keep(t, s, "a", "4", 10, "3", "1")
	if got := there(t, s, "a", "1", "2", "3", "4"); got != "1 3 4" {
		t.Errorf("there are %s, want 1 3 4: 2 was not used for the longest time", got)
	}
	if got := there(t, s, "b", "other", "1"); got != "other" {
		t.Errorf("there are %s, want other", got)
	}
	s.count, s.bytes = 100, 100
	keep(t, s, "a", "5", 85)
	if got := there(t, s, "a", "1", "3", "4", "5"); got != "4 5" {
		t.Errorf("there are %s, want 4 5", got)
	}
	keep(t, s, "a", "6", 1000) // the newest stays, whatever it takes
	if got := there(t, s, "a", "4", "5", "6"); got != "6" {
		t.Errorf("there are %s, want 6", got)
	}
}

// What was not used for long is let go, with its items.
func TestStoredAge(t *testing.T) {
	s := openStored(t)
	now := time.Unix(1e9, 0)
	s.now = func() time.Time { return now }
	keep(t, s, "a", "1", 10)
	keep(t, s, "a", "2", 10)
	now = now.Add(storedTime - time.Second)
	keep(t, s, "b", "3", 10)
	keep(t, s, "a", "4", 10, "1")
	now = now.Add(2 * time.Second)
	keep(t, s, "b", "5", 10)
	if got := there(t, s, "a", "1", "2", "4"); got != "1 4" {
		t.Errorf("there are %s, want 1 4", got)
	}
	var items int
	if err := s.db.QueryRow(`SELECT count(*) FROM response_items`).Scan(&items); err != nil || items != 4 {
		t.Errorf("%d items, %v; want 4", items, err)
	}
}

// A conversation is put together in its order, and not for ever.
func TestStoredTalk(t *testing.T) {
	s := openStored(t)
	s.turns = 20
	var before []string
	for i := range s.turns + 1 {
		id := fmt.Sprint(i)
		keep(t, s, "a", id, 1, before[:min(len(before), 1)]...)
		before = append([]string{id}, before...)
	}
	items, all, err := s.talkBefore(t.Context(), "a", fmt.Sprint(s.turns-1))
	if err != nil || len(items) != s.turns || items[0].id != "item_0" || items[s.turns-1].id != fmt.Sprintf("item_%d", s.turns-1) || len(all) != s.turns {
		t.Errorf("%d items, %d responses, %v", len(items), len(all), err)
	}
	if _, _, err := s.talkBefore(t.Context(), "a", fmt.Sprint(s.turns)); err == nil {
		t.Error("a conversation of too many turns is gone on with")
	}
	if _, _, err := s.talkBefore(t.Context(), "b", "1"); err == nil {
		t.Error("a conversation of another tenant is gone on with")
	}
}
