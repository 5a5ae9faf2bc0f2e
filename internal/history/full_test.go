package history

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/database"
)

// fill lets the file of a database not grow beyond so many pages, over all connections
// that it keeps; 0 lets it grow again.
func fill(t *testing.T, db *database.DB, pages int) {
	t.Helper()
	if pages == 0 {
		pages = 1 << 30
	}
	var held []*sql.Conn
	for range 4 {
		c, err := db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, c)
		if _, err := c.ExecContext(t.Context(), fmt.Sprintf(`PRAGMA max_page_count = %d`, pages)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range held {
		c.Close()
	}
}

// On a full disk nothing is lost, the error says so, and what is there can be read and
// deleted.
func TestFull(t *testing.T) {
	s, db := open2(t)
	say(t, s, "chat-0001", "", "question-1", "answer-1", "before", "yes")
	ask(t, s, "chat-0001", "answer-1", "question-2", "answer-2", "more")
	before := everything(t, s)
	fill(t, db, 1)
	large := strings.Repeat("many words ", 100_000)
	ctx := t.Context()
	for name, do := range map[string]func() error{
		"a turn": func() error {
			_, err := s.Turn(ctx, me, "chat-0001", Turn{Messages: []NewMessage{{ID: "question-3", Role: User, Content: large}}})
			return err
		},
		"a new chat": func() error {
			_, err := s.Turn(ctx, me, "chat-0002", Turn{Messages: []NewMessage{{ID: "question-3", Role: User, Content: large}}})
			return err
		},
		"progress": func() error { return s.Progress(ctx, me, "chat-0001", "answer-2", Progress{Content: large}) },
		"an end":   func() error { return s.Finish(ctx, me, "chat-0001", "answer-2", End{Content: large, Status: Complete}) },
		"an import": func() error {
			_, err := s.Import(ctx, me, strings.NewReader(`[{"messages": [{"role": "user", "content": "`+large+`"}]}]`))
			return err
		},
		"a preset": func() error {
			return s.SetPreset(ctx, me, Preset{Name: "large", Parameters: Parameters{System: large[:maxSystem]}})
		},
	} {
		if err := do(); !errors.Is(err, database.ErrFull) {
			t.Errorf("%s: %v, want ErrFull", name, err)
		}
	}
	if after := everything(t, s); after != before {
		t.Errorf("afterwards: %s, want %s", after, before)
	}
	if found, err := s.Search(ctx, me, "before", 10); err != nil || len(found) != 1 {
		t.Errorf("%d found, %v", len(found), err)
	}
	if exportJSON(t, s, me, "") == "" {
		t.Error("nothing is exported")
	}
	fill(t, db, 0)
	if err := s.Finish(ctx, me, "chat-0001", "answer-2", End{Content: large, Status: Complete}); err != nil {
		t.Errorf("with room again: %v", err)
	}
}
