package ui_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/blitz-r1/blitz/internal/account"
	"github.com/blitz-r1/blitz/internal/golden/puppet"
	"github.com/blitz-r1/blitz/internal/history"
	"github.com/blitz-r1/blitz/internal/host"
	"github.com/blitz-r1/blitz/internal/hub"
	"github.com/blitz-r1/blitz/internal/server"
	"github.com/blitz-r1/blitz/internal/server/ui"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// contextLength is the positions of a sequence of the puppet.
const contextLength = 8192

// patience is how long a test waits for what has to come.
const patience = 30 * time.Second

// site is a server with the puppet behind it.
type site struct {
	t    *testing.T
	home string
	*server.Site
	*httptest.Server
}

// newHome returns a folder of a store with the puppet in it.
func newHome(t testing.TB) string {
	t.Helper()
	return puppetHome(t, puppet.New())
}

// puppetHome returns a folder of a store with a puppet in it.
func puppetHome(t testing.TB, p *puppet.Puppet) string {
	t.Helper()
	home, path := t.TempDir(), filepath.Join(t.TempDir(), "puppet.gguf")
	if err := p.Write(path); err != nil {
		t.Fatal(err)
	}
	store, err := hub.Open(home)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Import(t.Context(), path, "puppet", nil); err != nil {
		t.Fatal(err)
	}
	return home
}

func newSite(t *testing.T) *site { return openSite(t, newHome(t)) }

func openSite(t *testing.T, home string) *site { return openSiteWith(t, home, nil) }

// openSiteWith opens a site that change, which may be nil, makes another one.
func openSiteWith(t *testing.T, home string, change func(*server.SiteOptions)) *site {
	t.Helper()
	o := server.SiteOptions{Host: host.Options{Home: home, Threads: 1, Context: contextLength}, Version: "test"}
	if change != nil {
		change(&o)
	}
	return openSiteOf(t, home, o)
}

// openSiteOf opens a site of any options.
func openSiteOf(t *testing.T, home string, o server.SiteOptions) *site {
	t.Helper()
	s := &site{t: t, home: home}
	var err error
	if s.Site, err = server.OpenSite(o); err != nil {
		t.Fatal(err)
	}
	s.Server = httptest.NewUnstartedServer(s.Site.Handler())
	s.Server.Config.ConnContext = s.Gate().ConnContext
	s.Server.Start()
	t.Cleanup(func() { s.end(5 * time.Second) })
	return s
}

// end ends the server within a grace, as a signal does.
func (s *site) end(grace time.Duration) {
	if s.Site == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	_ = s.Site.Close(ctx)
	s.Server.Close()
	s.Site = nil
}

// browser is a person's browser: it keeps cookies and the word of the page.
type browser struct {
	*site
	client *http.Client
	word   string
}

func (s *site) browser() *browser {
	s.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	b := &browser{site: s, client: &http.Client{Jar: jar}}
	b.me()
	return b
}

func (b *browser) me() ui.Me {
	b.t.Helper()
	var me ui.Me
	b.get("/ui/api/me", &me)
	b.word = me.Word
	return me
}

// signedIn is a browser of a new key.
func (s *site) signedIn(n account.NewKey) *browser {
	s.t.Helper()
	_, key, err := s.Accounts().Create(s.t.Context(), n)
	if err != nil {
		s.t.Fatal(err)
	}
	b := s.browser()
	b.want(200, "POST", "/ui/api/session", map[string]any{"key": key}, nil)
	if me := b.me(); !me.SignedIn || me.Name != n.Name {
		s.t.Fatalf("%+v", me)
	}
	return b
}

// send sends a request; body is JSON, or text, or nil for none.
func (b *browser) send(method, path string, body any) *http.Response {
	b.t.Helper()
	var in io.Reader
	switch x := body.(type) {
	case nil:
	case string:
		in = strings.NewReader(x)
	default:
		in = bytes.NewReader(wire.Marshal(x))
	}
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.URL()+path, in)
	if err != nil {
		b.t.Fatal(err)
	}
	if method != "GET" {
		r.Header.Set(wire.WordHeader, b.word)
	}
	got, err := b.client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	return got
}

// URL returns where the server is.
func (s *site) URL() string { return s.Server.URL }

// want sends a request, wants a status, and reads the answer into what, which may be nil.
func (b *browser) want(status int, method, path string, body, what any) string {
	b.t.Helper()
	r := b.send(method, path, body)
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != status {
		b.t.Fatalf("%s %s %.300v: %s %.500s, %v; want %d", method, path, body, r.Status, text, err, status)
	}
	if what != nil {
		if err := json.Unmarshal(text, what); err != nil {
			b.t.Fatalf("%s %s: %v: %.500s", method, path, err, text)
		}
	}
	return string(text)
}

func (b *browser) get(path string, what any) { b.t.Helper(); b.want(200, "GET", path, nil, what) }

// whole is a chat with its messages.
type whole struct {
	Chat     history.Chat
	Messages []history.Message
}

func (w *whole) message(id string) *history.Message {
	for i := range w.Messages {
		if w.Messages[i].ID == id {
			return &w.Messages[i]
		}
	}
	return nil
}

// m is an object of a request.
type m = map[string]any

// question returns a turn with a question and an answer.
func question(id, text string, parameters m) m { return follow("", id, text, parameters) }

// follow returns a turn that follows a message.
func follow(parent, id, text string, parameters m) m {
	if parameters["model"] == nil {
		parameters = withModel(parameters)
	}
	return m{
		"messages": []m{{"id": id + "-question", "parent": parent, "role": "user", "content": text}},
		"answers":  []m{{"id": id + "-answer", "parent": id + "-question", "parameters": parameters}},
	}
}

func withModel(parameters m) m {
	out := m{"model": "puppet"}
	for k, v := range parameters {
		out[k] = v
	}
	return out
}

// done waits until nothing of a chat runs and the store has how it ended, and returns it.
func (b *browser) done(chat string) *whole {
	b.t.Helper()
	for end := time.Now().Add(patience); ; {
		w := &whole{}
		b.get("/ui/api/chats/"+chat, w)
		running := 0
		for _, x := range w.Messages {
			if x.Status == history.Running {
				running++
			}
		}
		if running == 0 && w.Chat.Running == 0 {
			return w
		}
		if time.Now().After(end) {
			b.t.Fatalf("%d answers of %s still run", running, chat)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// say asks in a chat, and waits for the answer.
func (b *browser) say(chat string, turn m) *whole {
	b.t.Helper()
	b.want(200, "POST", "/ui/api/chats/"+chat+"/turn", turn, nil)
	return b.done(chat)
}

// event is one of a stream.
type event struct {
	name string
	data []byte
}

// into reads what an event says.
func (e event) into(t testing.TB, what any) {
	t.Helper()
	if err := json.Unmarshal(e.data, what); err != nil {
		t.Fatalf("%s: %v: %.300s", e.name, err, e.data)
	}
}

// tab is an open stream of events.
type tab struct {
	t      testing.TB
	events chan event
	close  func()
}

// open opens a tab that shows a chat.
func (b *browser) open(chat string) *tab {
	b.t.Helper()
	t := b.tryOpen(chat)
	if t == nil {
		b.t.Fatal("no stream")
	}
	return t
}

func (b *browser) tryOpen(chat string) *tab {
	b.t.Helper()
	r := b.send("GET", "/ui/api/events?chat="+chat, nil)
	if r.StatusCode != 200 || r.Header.Get("Content-Type") != "text/event-stream; charset=utf-8" {
		r.Body.Close()
		return nil
	}
	t := &tab{t: b.t, events: make(chan event, 1<<16), close: func() { r.Body.Close() }}
	b.t.Cleanup(t.close)
	go readEvents(r.Body, t.events)
	return t
}

// readEvents reads a stream to its end.
func readEvents(in io.Reader, to chan<- event) {
	defer close(to)
	lines := bufio.NewReader(in)
	var e event
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		switch line = strings.TrimSuffix(line, "\n"); {
		case line == "" && e.data != nil:
			to <- e
			e = event{}
		case strings.HasPrefix(line, "event: "):
			e.name = line[len("event: "):]
		case strings.HasPrefix(line, "data: "):
			e.data = []byte(line[len("data: "):])
		}
	}
}

// next returns the next event, or that the stream ended.
func (t *tab) next() (event, bool) {
	t.t.Helper()
	select {
	case e, ok := <-t.events:
		return e, ok
	case <-time.After(patience):
		t.t.Fatal("no event comes")
		return event{}, false
	}
}

// until returns the next event with a name that a condition holds for.
func (t *tab) until(name string, holds func(event) bool) event {
	t.t.Helper()
	for {
		e, ok := t.next()
		if !ok {
			t.t.Fatalf("the stream ended before %s came", name)
		}
		if e.name == name && (holds == nil || holds(e)) {
			return e
		}
	}
}

// told is what events say.
type told struct {
	Chat     string
	Messages []history.Message
	IDs      []string
	ID       string
	Title    string

	Message            string
	Seq                int64
	Content, Reasoning string
	Tokens             int
	ReasoningTokens    int `json:"reasoning_tokens"`
	Thinking           bool
}

// follower puts an answer together from what a tab is told, as the page does.
type follower struct {
	t       testing.TB
	id      string
	have    bool
	last    history.Message
	content strings.Builder
	gaps    []string
}

// hear takes in an event, and says whether the answer is over.
func (f *follower) hear(e event) bool {
	var x told
	e.into(f.t, &x)
	switch e.name {
	case "messages":
		for _, one := range x.Messages {
			if one.ID != f.id {
				continue
			}
			f.have, f.last = true, one
			f.content.Reset()
			f.content.WriteString(one.Content)
			if one.Status != history.Running {
				return true
			}
		}
	case "delta":
		if x.Message != f.id {
			break
		}
		if !f.have || x.Seq != f.last.Seq+1 {
			f.gaps = append(f.gaps, fmt.Sprintf("%d behind %d", x.Seq, f.last.Seq))
		}
		f.last.Seq = x.Seq
		f.content.WriteString(x.Content)
	}
	return false
}
