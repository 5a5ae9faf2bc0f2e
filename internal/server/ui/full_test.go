package ui_test

import (
	"database/sql"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/database"
	"github.com/blitz-r1/blitz/internal/history"
)

// TestCannotWrite: an answer that cannot be written down is shown with the reason, and is
// written as soon as that is over.
func TestCannotWrite(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes as long as the file is waited for; without -short it runs")
	}
	s := newSite(t)
	b := s.browser()
	tab := b.open("chat-one")
	db, err := database.Open(t.Context(), s.home+"/"+database.FileName)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	b.want(200, "POST", "/ui/api/chats/chat-one/turn", question("first", "play loop", m{"max_tokens": 500}), nil)
	var shown history.Message
	err = db.Update(t.Context(), func(*sql.Tx) error { // all others wait, as long as they do
		e := tab.until("messages", func(e event) bool { return strings.Contains(string(e.data), "not written down yet") })
		var x told
		e.into(t, &x)
		shown = x.Messages[0]
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if shown.Status != history.Length || len(strings.Fields(shown.Content)) != 500 {
		t.Errorf("%+v", shown)
	}
	if a := b.done("chat-one").message("first-answer"); a.Status != history.Length || a.Content != shown.Content || a.Error != "" {
		t.Errorf("%+v", a)
	}
}
