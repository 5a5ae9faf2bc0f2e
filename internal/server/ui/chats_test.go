package ui_test

import (
	"compress/gzip"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/history"
)

// TestChats: the routes about chats change and return what they say.
func TestChats(t *testing.T) {
	b := newSite(t).browser()
	b.say("chat-one", question("first", "play hello", nil))
	b.say("chat-one", follow("first-answer", "second", "play count", nil))
	var c history.Chat
	b.want(200, "PATCH", "/ui/api/chats/chat-one", m{"title": "New title", "folder": "Work", "pinned": true, "parameters": m{"model": "puppet", "seed": 7}, "leaf": "first-answer"}, &c)
	if c.Title != "New title" || c.Folder != "Work" || !c.Pinned || *c.Parameters.Seed != 7 || c.Leaf != "first-answer" {
		t.Errorf("%+v", c)
	}
	var forked whole
	b.want(200, "POST", "/ui/api/chats/chat-one/fork", m{"id": "chat-two", "leaf": "first-answer"}, &forked)
	if len(forked.Messages) != 2 || forked.Messages[1].Content != "Hello, world!" || forked.Chat.ID != "chat-two" {
		t.Errorf("%+v", forked)
	}
	var list struct {
		Chats []history.Chat
		More  bool
	}
	b.get("/ui/api/chats?limit=1", &list)
	if len(list.Chats) != 2 || list.Chats[0].ID != "chat-one" || list.More {
		t.Errorf("%+v", list)
	}
	b.want(204, "GET", "/ui/api/chats/chat-none?absent=204", nil, nil)
	for _, c := range []struct {
		status       int
		method, path string
		body         any
		says         string
	}{
		{400, "GET", "/ui/api/chats?limit=0", nil, "limit"},
		{400, "GET", "/ui/api/chats?before=soon", nil, "before"},
		{404, "GET", "/ui/api/chats/chat-none", nil, "chat-none"},
		{400, "GET", "/ui/api/chats/chat-none?absent=200", nil, "absent"},
		{400, "PATCH", "/ui/api/chats/chat-one", m{"title": " "}, "title"},
		{400, "PATCH", "/ui/api/chats/chat-one", m{"titel": "x"}, "titel"},
		{400, "PATCH", "/ui/api/chats/chat-one", m{"title": 5}, "title is number, want a string"},
		{404, "PATCH", "/ui/api/chats/chat-one", m{"leaf": "message-none"}, "message-none"},
		{400, "POST", "/ui/api/chats/short/turn", question("x", "y", nil), "want 8 to 64"},
		{400, "POST", "/ui/api/chats/chat-one/turn", m{}, "want a message or an answer"},
		{400, "POST", "/ui/api/chats/chat-one/turn", `{"messages":`, "cannot be read"},
		{400, "POST", "/ui/api/chats/chat-one/turn", m{"answers": make([]m, 9)}, "at most 8"},
		{404, "POST", "/ui/api/chats/chat-one/turn", m{"answers": []m{{"id": "answer-x", "parent": "message-none", "parameters": m{}}}}, "message-none"},
		{404, "POST", "/ui/api/chats/chat-none/restore", nil, "chat-none"},
		{404, "DELETE", "/ui/api/chats/chat-one/messages/message-none", nil, "message-none"},
		{400, "PUT", "/ui/api/presets", m{"name": " "}, "name"},
		{400, "DELETE", "/ui/api/presets", nil, "name is missing"},
		{405, "POST", "/ui/api/presets", m{}, "want GET or PUT or DELETE"},
		{404, "GET", "/ui/api/nothing", nil, "there is nothing"},
	} {
		if text := b.want(c.status, c.method, c.path, c.body, nil); !strings.Contains(text, c.says) || !strings.HasPrefix(text, `{"error":{"message":"`) {
			t.Errorf("%s %s: %s, want %q", c.method, c.path, text, c.says)
		}
	}
	b.want(204, "DELETE", "/ui/api/chats/chat-none", nil, nil)
}

// TestPresets: presets are kept, changed and forgotten.
func TestPresets(t *testing.T) {
	b := newSite(t).browser()
	var list struct{ Presets []history.Preset }
	b.want(204, "PUT", "/ui/api/presets", m{"name": "Steady <b>", "parameters": m{"temperature": 0.5}}, nil)
	b.want(204, "PUT", "/ui/api/presets", m{"name": "Steady <b>", "parameters": m{"temperature": 0.25}}, nil)
	if b.get("/ui/api/presets", &list); len(list.Presets) != 1 || *list.Presets[0].Parameters.Temperature != 0.25 {
		t.Errorf("%+v", list)
	}
	b.want(204, "DELETE", "/ui/api/presets?name=Steady+%3Cb%3E", nil, nil)
	if b.get("/ui/api/presets", &list); len(list.Presets) != 0 {
		t.Errorf("%+v", list)
	}
}

// TestLargeIsPacked: a large chat comes packed to who takes it.
func TestLargeIsPacked(t *testing.T) {
	s := newSite(t)
	b := s.browser()
	b.want(200, "POST", "/ui/api/chats/chat-one/turn", m{"messages": []m{{"id": "question", "role": "user", "content": strings.Repeat("long ", 2000)}}}, nil)
	r, err := http.NewRequestWithContext(t.Context(), "GET", s.URL()+"/ui/api/chats/chat-one", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept-Encoding", "gzip")
	got, err := b.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	z, err := gzip.NewReader(got.Body)
	if err != nil || got.Header.Get("Content-Encoding") != "gzip" {
		t.Fatalf("%v, %v", got.Header, err)
	}
	var w whole
	if err := json.NewDecoder(z).Decode(&w); err != nil || len(w.Messages) != 1 || len(w.Messages[0].Content) != 10000 {
		t.Errorf("%d messages, %v", len(w.Messages), err)
	}
}

// TestCut: the oldest turns are dropped until half of the context is free, with a summary
// where that is wanted; what is there stays.
func TestCut(t *testing.T) {
	b := newSite(t).browser()
	leaf := ""
	for _, id := range []string{"first", "second", "third", "fourth"} {
		b.say("chat-one", follow(leaf, id, "play hello "+id+strings.Repeat(" x", 900), nil))
		leaf = id + "-answer"
	}
	full := b.done("chat-one").message(leaf).Figures.PromptTokens
	var cut struct {
		Chat    history.Chat
		Dropped int
	}
	b.want(200, "POST", "/ui/api/chats/chat-one/cut", m{"leaf": leaf}, &cut)
	if cut.Dropped != 4 || len(cut.Chat.Cuts) != 1 || cut.Chat.Cuts[0] != (history.Cut{At: "third-question"}) {
		t.Fatalf("%+v", cut)
	}
	w := b.say("chat-one", follow(leaf, "fifth", "play count", nil))
	if got := w.message("fifth-answer").Figures.PromptTokens; got >= full || got > contextLength/2+200 {
		t.Errorf("%d tokens behind the cut, %d before", got, full)
	}
	if len(w.Messages) != 10 {
		t.Errorf("%d messages", len(w.Messages))
	}
	b.want(200, "POST", "/ui/api/chats/chat-one/cut", m{"leaf": "fifth-answer", "summarise": true}, &cut)
	last := cut.Chat.Cuts[len(cut.Chat.Cuts)-1]
	if last.Summary != "Hello, world!" || last.At != "fourth-question" || cut.Dropped != 2 {
		t.Errorf("%+v", cut)
	}
	var api struct{ Usage struct{ Prompt_tokens int } }
	b.want(200, "POST", "/v1/chat/completions", m{"model": "puppet", "max_tokens": 1, "messages": []m{
		{"role": "user", "content": "This is what was said before, in short:\n\nHello, world!\n\nplay hello fourth" + strings.Repeat(" x", 900)},
		{"role": "assistant", "content": "Hello, world!"},
		{"role": "user", "content": "play count"},
		{"role": "assistant", "content": "one two three four five six seven eight"},
		{"role": "user", "content": "play hello"},
	}}, &api)
	w = b.say("chat-one", follow("fifth-answer", "sixth", "play hello", nil))
	if got := w.message("sixth-answer").Figures.PromptTokens; got != api.Usage.Prompt_tokens {
		t.Errorf("%d tokens behind the summary, want %d", got, api.Usage.Prompt_tokens)
	}
	b.say("chat-two", question("alone", "play hello", nil))
	if text := b.want(400, "POST", "/ui/api/chats/chat-two/cut", m{"leaf": "alone-answer"}, nil); !strings.Contains(text, "nothing to drop") {
		t.Error(text)
	}
}
