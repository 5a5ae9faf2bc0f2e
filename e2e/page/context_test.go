package page

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/server"
)

// smallContext is the positions of a context that is soon full.
const smallContext = 1024

func small(o *server.SiteOptions) { o.Host.Context = smallContext }

// fill has a chat until the page says that the context is nearly full. A byte is a token.
func fill(tab *Tab) {
	tab.Helper()
	for range 3 {
		tab.Ask("play hello " + strings.Repeat("x", 250))
	}
	tab.Until("the page warns", func() bool {
		all := tab.All("group", "Context")
		return len(all) == 1 && strings.Contains(all[0].Text(), "nearly full")
	})
}

// Before the context is full, the oldest messages are dropped or summed up.
func TestContextNearlyFull(t *testing.T) {
	s := serve(t, small)
	tab := browse(t, s, "/", Options{})
	for _, way := range []struct{ button, says, summary string }{
		{"Drop the oldest messages", "The oldest messages are not sent any more", ""},
		{"Summarise the oldest messages", "A summary stands for the oldest messages", "Hello, world!"},
	} {
		fill(tab)
		before := have(t, tab)
		tab.Find("button", way.button).Click()
		tab.Says("status", way.says)
		tab.Gone("group", "Context")
		tab.Until("it is told where", func() bool {
			notes := tab.All("note", "")
			return len(notes) == 1 && strings.Contains(notes[0].Text(), "not sent to the model any more") && strings.Contains(notes[0].Text(), "This summary") == (way.summary != "")
		})
		tab.Ask("play count")
		got := have(t, tab)
		if len(got.Chat.Cuts) != 1 || got.Chat.Cuts[0].Summary != way.summary {
			t.Errorf("%s: the chat has %+v", way.button, got.Chat.Cuts)
		}
		if was, is := before.last("assistant").Figures.PromptTokens, got.last("assistant").Figures.PromptTokens; is >= was {
			t.Errorf("%s: %d tokens are read, %d before", way.button, is, was)
		}
		if n := len(got.Messages); n != len(before.Messages)+2 {
			t.Errorf("%s: %d messages are left of %d", way.button, n-2, len(before.Messages))
		}
		tab.New()
	}
}

// A file that is larger than the context: that is told before it is sent and behind, and
// nothing is lost.
func TestContextFull(t *testing.T) {
	s := serve(t, small)
	tab := browse(t, s, "/", Options{})
	file := filepath.Join(t.TempDir(), "long.txt")
	if err := os.WriteFile(file, []byte(strings.Repeat("0123456789", 300)), 0o600); err != nil {
		t.Fatal(err)
	}
	tab.Upload([]string{file}, func() { tab.Find("button", "Attach files").Click() })
	tab.Until("its tokens are counted", func() bool {
		all := tab.All("list", "Attachments")
		return len(all) == 1 && strings.Contains(all[0].Text(), "3,000 tokens")
	})
	tab.Until("the page says that it is too much", func() bool {
		all := tab.All("group", "Context")
		return len(all) == 1 && strings.Contains(all[0].Text(), "The context is full: about 3,0") && strings.Contains(all[0].Text(), "1,024")
	})
	answer := tab.Ask("play hello")
	if text := answer.Text(); !strings.Contains(text, "The answer failed.") || !strings.Contains(text, "context") {
		t.Errorf("the answer is %q", text)
	}
	if got := have(t, tab).last("user"); got.Content != "play hello" || len(got.Files) != 1 || got.Files[0].Tokens != 3000 {
		t.Errorf("the server has %+v", got)
	}
	if answer := tab.Ask("play hello " + strings.Repeat("y", 30)); !strings.Contains(answer.Text(), "The answer failed.") {
		t.Errorf("behind the file: %q", answer.Text())
	}
}
