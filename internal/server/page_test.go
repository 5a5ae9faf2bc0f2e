package server

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// settled waits until no answer of a chat runs.
func (b *browser) settled(chat string) {
	b.t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		_, got := b.exchange("GET", "/ui/api/chats/"+chat, "")
		if c, _ := got["chat"].(map[string]any); c["running"] == nil {
			return
		}
		if time.Now().After(end) {
			b.t.Fatalf("%s still runs: %v", chat, got)
		}
	}
}

// What the page asks and is answered is as the document says.
func TestDocumentHoldsPage(t *testing.T) {
	l := newPuppetSite(t)
	b := newBrowser(l)
	b.exchange("GET", "/ui/api/me", "")
	events := httptest.NewRecorder()
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan struct{})
	go func() {
		defer close(left)
		r := asks(between("127.0.0.1:1", "127.0.0.1:2"), "GET", "/ui/api/events?chat=chat-one")
		l.Handler().ServeHTTP(events, r.WithContext(contextOf(ctx, r)))
	}()
	tools := `"tools":[{"type":"function","function":{"name":"get_weather","parameters":{"type":"object"}}}]`
	for _, c := range []struct {
		status               int
		method, target, body string
	}{
		{200, "POST", "/ui/api/chats/chat-one/turn", `{"chat":{"parameters":{"model":"puppet"},"folder":"Work"},"messages":[{"id":"question-one","role":"user","content":"play think","files":[{"name":"a","bytes":1,"tokens":1,"text":"x"}]}],"answers":[{"id":"answer-one","parent":"question-one","parameters":{"model":"puppet","seed":3,"temperature":0.5,"reasoning":"on"}}]}`},
		{200, "POST", "/ui/api/chats/chat-one/turn", `{"messages":[{"id":"question-two","parent":"answer-one","role":"user","content":"play tool"}],"answers":[{"id":"answer-two","parent":"question-two","parameters":{"model":"puppet",` + tools + `}}]}`},
		{200, "POST", "/ui/api/chats/chat-one/turn", `{"messages":[{"id":"results-two","parent":"answer-two","role":"tool","content":"","results":[{"call":"x","name":"get_weather","content":"18","failed":true}]}],"answers":[{"id":"answer-three","parent":"results-two","parameters":{"model":"none"}}],"leaf":"answer-three"}`},
		{400, "POST", "/ui/api/chats/chat-one/turn", `{}`},
		{404, "POST", "/ui/api/chats/chat-none/turn", `{"answers":[{"id":"answer-one","parent":"question-one","parameters":{}}]}`},
		{200, "PATCH", "/ui/api/chats/chat-one", `{"title":"A title","pinned":true,"folder":"","parameters":{"system":"x","max_tokens":5}}`},
		{200, "GET", "/ui/api/chats?limit=5", ""},
		{200, "GET", "/ui/api/chats?before=2026-11-30T00:00:00Z", ""},
		{200, "GET", "/ui/api/search?q=title+play", ""},
		{200, "GET", "/ui/api/search?q=nothing&limit=3", ""},
		{400, "GET", "/ui/api/search?limit=x", ""},
		{200, "POST", "/ui/api/chats/chat-one/fork", `{"id":"chat-two","leaf":"answer-one"}`},
		{200, "POST", "/ui/api/chats/chat-one/cut", `{"leaf":"answer-two","summarise":true}`},
		{204, "POST", "/ui/api/chats/chat-one/stop", `{"message":"answer-one"}`},
		{200, "DELETE", "/ui/api/chats/chat-one/messages/question-two", ""},
		{200, "POST", "/ui/api/chats/chat-one/messages/question-two/restore", ""},
		{204, "PUT", "/ui/api/presets", `{"name":"x","parameters":{"temperature":1}}`},
		{200, "GET", "/ui/api/presets", ""},
		{204, "DELETE", "/ui/api/presets?name=x", ""},
		{200, "POST", "/ui/api/private", `{"parameters":{"model":"puppet"},"messages":[{"role":"user","content":"play think"}]}`},
		{400, "POST", "/ui/api/private", `{"parameters":{},"messages":[]}`},
		{404, "POST", "/ui/api/private", `{"parameters":{"model":"none"},"messages":[{"role":"user","content":"x"}]}`},
		{200, "GET", "/ui/api/export?format=json", ""},
		{200, "GET", "/ui/api/export?format=markdown&chat=chat-one", ""},
		{200, "GET", "/ui/api/export?format=markdown", ""},
		{400, "GET", "/ui/api/export?format=x", ""},
		{404, "GET", "/ui/api/export?format=json&chat=chat-none", ""},
		{200, "POST", "/ui/api/import", `{"format":"blitz-chats","version":1,"chats":[{"id":"chat-new","title":"x","created":"2026-11-30T00:00:00Z","updated":"2026-11-30T00:00:00Z","parameters":{},"messages":[{"id":"message-1","role":"user","content":"x","created":"2026-11-30T00:00:00Z"}]}]}`},
		{400, "POST", "/ui/api/import", `{`},
		{200, "GET", "/ui/api/models", ""},
		{200, "GET", "/ui/api/models/details?name=puppet", ""},
		{404, "GET", "/ui/api/models/details?name=none", ""},
		{200, "POST", "/ui/api/models/load", `{"name":"puppet"}`},
		{200, "GET", "/ui/api/status", ""},
		{200, "GET", "/ui/api/settings", ""},
		{200, "POST", "/ui/api/models/unload", `{"name":"puppet"}`},
		{200, "POST", "/api/copy", `{"source":"puppet","destination":"second"}`},
		{200, "GET", "/ui/api/models/frees?name=second", ""},
		{204, "DELETE", "/ui/api/models?name=second", ""},
		{200, "GET", "/ui/api/offers", ""},
		{200, "POST", "/ui/api/pulls", `{"name":"https://127.0.0.1/model.gguf"}`},
		{404, "POST", "/ui/api/pulls", `{"name":"none"}`},
		{200, "GET", "/ui/api/pulls", ""},
		{404, "POST", "/ui/api/pulls/none/pause", `{}`},
		{404, "POST", "/ui/api/pulls/none/resume", `{}`},
		{404, "DELETE", "/ui/api/pulls/none", ""},
		{204, "DELETE", "/ui/api/chats/chat-one", ""},
		{200, "POST", "/ui/api/chats/chat-one/restore", ""},
		{204, "DELETE", "/ui/api/chats/chat-two", ""},
		{404, "GET", "/ui/api/chats/chat-two", ""},
		{400, "GET", "/ui/api/events?chat=" + strings.Repeat("x", 65), ""},
	} {
		if status, fields := b.exchange(c.method, c.target, c.body); status != c.status {
			t.Errorf("%s %s %s: %d %v, want %d", c.method, c.target, c.body, status, fields, c.status)
		}
		if strings.HasSuffix(c.target, "/turn") && c.status == 200 {
			b.settled("chat-one")
		}
	}
	for _, body := range []string{"some text", "\x89PNG\x00"} { // which are no JSON
		const target = "/ui/api/files?name=a.txt&model=puppet"
		w := b.send("POST", target, body)
		if w.Code != 200 {
			t.Errorf("%q: %d, want 200", body, w.Code)
		}
		l.d.answer(t, "POST", target, w.Code, w.Header().Get("Content-Type"), w.Body.Bytes())
	}
	leave()
	<-left
	l.d.answer(t, "GET", "/ui/api/events", events.Code, events.Header().Get("Content-Type"), events.Body.Bytes())
	for _, name := range []string{"hello", "chat", "messages", "delta", "removed", "gone", "presets", "models", "pulls"} {
		if !strings.Contains(events.Body.String(), "event: "+name+"\n") {
			t.Errorf("no event %s came", name)
		}
	}
}

// contextOf returns a context with what a request's own one has of its connection.
func contextOf(ctx context.Context, r *http.Request) context.Context {
	return context.WithValue(ctx, connectionKey{}, connectionOf(r))
}
