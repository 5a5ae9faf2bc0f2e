package ui_test

import (
	"sync"
	"testing"
	"time"

	"github.com/blitz-r1/blitz/internal/account"
)

// TestManyTabs: fifty tabs that come at any time of an answer have all of it, each word
// once.
func TestManyTabs(t *testing.T) {
	const tabs = 50
	s := newSite(t)
	b := s.browser()
	b.running("chat-one", "first")
	var following sync.WaitGroup
	texts, gaps := make([]string, tabs), make([][]string, tabs)
	for i := range tabs {
		tab := b.open("chat-one")
		following.Go(func() {
			f := follower{t: t, id: "first-answer"}
			for e := range tab.events {
				if f.hear(e) {
					break
				}
			}
			texts[i], gaps[i] = f.content.String(), f.gaps
		})
	}
	b.want(204, "POST", "/ui/api/chats/chat-one/stop", nil, nil)
	following.Wait()
	want := b.done("chat-one").message("first-answer").Content
	if err := checkLoop(want); err != nil || want == "" {
		t.Error(err)
	}
	for i := range tabs {
		if texts[i] != want || len(gaps[i]) > 0 {
			t.Errorf("tab %d has %d bytes, want %d; gaps %q", i, len(texts[i]), len(want), gaps[i])
		}
	}
}

// TestTabs: a tab hears of all chats of its tenant, and of the messages of its own chat.
func TestTabs(t *testing.T) {
	b := newSite(t).browser()
	one, none := b.open("chat-one"), b.open("")
	one.until("hello", nil)
	b.say("chat-one", question("first", "play hello", nil))
	b.say("chat-two", question("second", "play hello", nil))
	b.want(204, "PUT", "/ui/api/presets", m{"name": "x", "parameters": m{}}, nil)
	b.want(200, "DELETE", "/ui/api/chats/chat-one/messages/first-answer", nil, nil)
	b.want(204, "DELETE", "/ui/api/chats/chat-two", nil, nil)
	for name, tab := range map[string]*tab{"one": one, "none": none} {
		seen := map[string]int{}
		for done := false; !done; {
			e, ok := tab.next()
			if !ok {
				t.Fatal("the stream ended")
			}
			var x told
			e.into(t, &x)
			if (e.name == "messages" || e.name == "removed") && x.Chat != "chat-one" || e.name == "delta" && x.Message != "first-answer" {
				t.Errorf("%s: %s %s", name, e.name, e.data)
			}
			seen[e.name]++
			done = e.name == "gone" && x.ID == "chat-two"
		}
		if seen["chat"] < 4 || seen["presets"] != 1 || (seen["messages"] > 1) != (name == "one") || (seen["removed"] == 1) != (name == "one") || (seen["delta"] > 0) != (name == "one") {
			t.Errorf("%s: %v", name, seen)
		}
	}
}

// TestTabsEnd: a stream ends with its key or its session.
func TestTabsEnd(t *testing.T) {
	s := newSite(t)
	ann, bob := s.signedIn(account.NewKey{Name: "ann"}), s.signedIn(account.NewKey{Name: "bob"})
	of := map[string]*tab{"ann": ann.open(""), "bob": bob.open("")}
	if _, err := s.Accounts().Revoke(t.Context(), "ann"); err != nil {
		t.Fatal(err)
	}
	bob.want(204, "DELETE", "/ui/api/session", nil, nil)
	for name, tab := range of {
		for end := time.After(patience); ; {
			select {
			case _, ok := <-tab.events:
				if ok {
					continue
				}
			case <-end:
				t.Errorf("the stream of %s goes on", name)
			}
			break
		}
	}
	ann.want(401, "GET", "/ui/api/chats", nil, nil)
}

// TestTabsAreBounded: the tabs of a tenant are bounded, and one that is closed makes room.
func TestTabsAreBounded(t *testing.T) {
	b := newSite(t).browser()
	var tabs []*tab
	for {
		tab := b.tryOpen("")
		if tab == nil {
			break
		}
		if tabs = append(tabs, tab); len(tabs) > 1000 {
			t.Fatal("a thousand tabs are open")
		}
	}
	tabs[0].close()
	for end := time.Now().Add(patience); b.tryOpen("") == nil; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("a tab that is closed makes no room")
		}
	}
}
