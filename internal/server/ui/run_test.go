package ui_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/blitz-r1/blitz/internal/database"
	"github.com/blitz-r1/blitz/internal/golden/puppet"
	"github.com/blitz-r1/blitz/internal/history"
)

// checkLoop says what is wrong with what came of the endless script: a word that is lost or
// doubled. The last word may be cut.
func checkLoop(text string) error {
	words := strings.Fields(text)
	for i, w := range words {
		if want := []string{"la", "li", "lo"}[i%3]; w != want && (i < len(words)-1 || !strings.HasPrefix(want, w)) {
			return fmt.Errorf("word %d of %d is %q, want %q", i, len(words), w, want)
		}
	}
	return nil
}

// running begins an endless answer, and returns a tab behind its first words.
func (b *browser) running(chat, id string) *tab {
	b.t.Helper()
	t := b.open(chat)
	b.want(200, "POST", "/ui/api/chats/"+chat+"/turn", question(id, "play loop", nil), nil)
	t.until("delta", func(e event) bool { return strings.Contains(string(e.data), "la") })
	return t
}

// TestStop: any browser stops an answer, which keeps what came.
func TestStop(t *testing.T) {
	s := newSite(t)
	b, other := s.browser(), s.browser()
	tab := b.running("chat-one", "first")
	b.want(200, "POST", "/ui/api/chats/chat-one/turn", question("second", "play loop", nil), nil)
	other.want(204, "POST", "/ui/api/chats/chat-one/stop", m{"message": "first-answer"}, nil)
	tab.until("messages", func(e event) bool { return strings.Contains(string(e.data), `"stopped"`) })
	other.want(204, "POST", "/ui/api/chats/chat-one/stop", nil, nil)
	w := b.done("chat-one")
	for _, id := range []string{"first-answer", "second-answer"} {
		if a := w.message(id); a.Status != history.Stopped || checkLoop(a.Content) != nil || a.Error != "" {
			t.Errorf("%+v", a)
		}
	}
	if a := w.message("first-answer"); a.Figures == nil || a.Figures.AnswerTokens == 0 || a.Content == "" {
		t.Errorf("%+v", a)
	}
	if w.Chat.Running != 0 {
		t.Errorf("%d run", w.Chat.Running)
	}
}

// TestGoesOn: an answer goes on when the page that asked is gone, and when nobody looks.
func TestGoesOn(t *testing.T) {
	s := newSite(t)
	b := s.browser()
	ctx, leave := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, "POST", s.URL()+"/ui/api/chats/chat-one/turn", strings.NewReader(
		`{"messages":[{"id":"question","role":"user","content":"play loop"}],"answers":[{"id":"the-answer","parent":"question","parameters":{"model":"puppet","max_tokens":600}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Blitz-Csrf", b.word)
	got, err := b.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	leave()
	got.Body.Close()
	a := b.done("chat-one").message("the-answer")
	if err := checkLoop(a.Content); err != nil || a.Status != history.Length || len(strings.Fields(a.Content)) != 600 {
		t.Errorf("%d words, %s, %v", len(strings.Fields(a.Content)), a.Status, err)
	}
}

// TestTwoServers: a second server over the same chats does not end the answers of the first,
// nor have them shown as ended.
func TestTwoServers(t *testing.T) {
	s := newSite(t)
	b := s.browser()
	b.running("chat-one", "first")
	openSite(t, s.home)
	var w whole
	b.get("/ui/api/chats/chat-one", &w)
	if a := w.message("first-answer"); a.Status != history.Running && a.Status != history.Length || a.Content == "" {
		t.Errorf("%+v", a)
	}
	b.want(204, "POST", "/ui/api/chats/chat-one/stop", nil, nil)
	for a := b.done("chat-one").message("first-answer"); a.Status != history.Stopped && a.Status != history.Length; a = b.done("chat-one").message("first-answer") {
		if a.Status != history.Running {
			t.Fatalf("%+v", a)
		}
	}
}

// TestDeleteEnds: who deletes a chat or a message ends its answers, and an undo has what
// came.
func TestDeleteEnds(t *testing.T) {
	b := newSite(t).browser()
	tab := b.running("chat-one", "first")
	b.want(204, "DELETE", "/ui/api/chats/chat-one", nil, nil)
	tab.until("gone", nil)
	b.want(404, "GET", "/ui/api/chats/chat-one", nil, nil)
	b.want(200, "POST", "/ui/api/chats/chat-one/restore", nil, nil)
	if a := b.done("chat-one").message("first-answer"); a.Status != history.Stopped || a.Content == "" || checkLoop(a.Content) != nil {
		t.Errorf("%+v", a)
	}
	b.running("chat-two", "second")
	var gone struct{ Removed []string }
	b.want(200, "DELETE", "/ui/api/chats/chat-two/messages/second-question", nil, &gone)
	if len(gone.Removed) != 2 {
		t.Errorf("%q", gone.Removed)
	}
	var back whole
	b.want(200, "POST", "/ui/api/chats/chat-two/messages/second-question/restore", nil, &back)
	if a := b.done("chat-two").message("second-answer"); a.Status != history.Stopped || checkLoop(a.Content) != nil || len(back.Messages) != 2 {
		t.Errorf("%+v", a)
	}
}

// TestDrain: a server that ends waits for its answers as long as its grace is, keeps what
// came of the others, and begins no new ones.
func TestDrain(t *testing.T) {
	home := newHome(t)
	s := openSite(t, home)
	b := s.browser()
	tab := b.open("chat-one")
	b.want(200, "POST", "/ui/api/chats/chat-one/turn", question("short", "play loop", m{"max_tokens": 300}), nil)
	b.running("chat-two", "long")
	s.end(time.Second)
	for ok := true; ok; _, ok = tab.next() { // the stream ends with the server, not with the grace
	}
	s = openSite(t, home)
	b = s.browser()
	if a := b.done("chat-one").message("short-answer"); a.Status != history.Length && a.Status != history.Interrupted || checkLoop(a.Content) != nil {
		t.Errorf("%+v", a)
	}
	if a := b.done("chat-two").message("long-answer"); a.Status != history.Interrupted && a.Status != history.Length || a.Content == "" || checkLoop(a.Content) != nil {
		t.Errorf("%+v", a)
	}
	if a := b.say("chat-one", follow("short-answer", "after", "play hello", nil)).message("after-answer"); a.Content != "Hello, world!" {
		t.Errorf("%+v", a)
	}
}

// childVariable names the folder of the child of TestKilled.
const childVariable = "BLITZ_TEST_PAGE_HOME"

// TestKilled: of an answer that a kill ends, what was written down is there, and it is
// said that it was interrupted.
func TestKilled(t *testing.T) {
	if home := os.Getenv(childVariable); home != "" {
		fmt.Println(openSite(t, home).URL())
		select {}
	}
	home := newHome(t)
	c := exec.Command(os.Args[0], "-test.run=^TestKilled$", "-test.timeout=5m")
	c.Env = append(os.Environ(), childVariable+"="+home)
	c.Stderr = os.Stderr
	said, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	url, err := bufio.NewReader(said).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	askChild(t, strings.TrimSpace(url))
	waitForText(t, home)
	_ = c.Process.Kill()
	_ = c.Wait() // it says that it was killed

	b := openSite(t, home).browser()
	w := b.done("chat-one")
	interrupted := 0
	for _, a := range w.Messages {
		if a.Role != history.Assistant {
			continue
		}
		if err := checkLoop(a.Content); err != nil {
			t.Error(err)
		}
		if a.Status == history.Interrupted && a.Content != "" {
			interrupted++
		}
	}
	if interrupted == 0 {
		t.Errorf("%+v", w.Messages)
	}
}

// askChild has the child write answers until it is killed.
func askChild(t *testing.T, at string) {
	t.Helper()
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	get := func(method, path, word, body string) string {
		r, err := http.NewRequestWithContext(t.Context(), method, u.String()+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Blitz-Csrf", word)
		got, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer got.Body.Close()
		text, err := io.ReadAll(got.Body)
		if err != nil || got.StatusCode != 200 {
			t.Fatalf("%s %s, %v", got.Status, text, err)
		}
		return string(text)
	}
	_, word, _ := strings.Cut(get("GET", "/ui/api/me", "", ""), `"csrf":"`)
	word, _, _ = strings.Cut(word, `"`)
	var answers []string
	for i := range 8 { // several, so that they last
		answers = append(answers, fmt.Sprintf(`{"id":"answer-%d","parent":"question","parameters":{"model":"puppet"}}`, i))
	}
	get("POST", "/ui/api/chats/chat-one/turn", word, `{"messages":[{"id":"question","role":"user","content":"play loop"}],"answers":[`+strings.Join(answers, ",")+`]}`)
}

// waitForText waits until something of an answer that runs is written down.
func waitForText(t *testing.T, home string) {
	t.Helper()
	db, err := database.Open(t.Context(), home+"/"+database.FileName)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		var n int
		if err := db.QueryRow(`SELECT count(*) FROM chat_messages WHERE status = 'running' AND content <> ''`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			return
		}
	}
	t.Fatal("nothing of an answer that runs is written down")
}

// TestPrivate: nothing of a private chat is kept, and it counts.
func TestPrivate(t *testing.T) {
	s := newSite(t)
	b := s.browser()
	ask := func(body m) (string, []history.Message) {
		t.Helper()
		r := b.send("POST", "/ui/api/private", body)
		defer r.Body.Close()
		events := make(chan event, 1<<12)
		readEvents(r.Body, events)
		var text strings.Builder
		var messages []history.Message
		seq := int64(0)
		for e := range events {
			var x told
			switch e.name {
			case "message":
				messages = append(messages, history.Message{})
				e.into(t, &messages[len(messages)-1])
			case "delta":
				if e.into(t, &x); x.Seq != seq+1 {
					t.Errorf("%d behind %d", x.Seq, seq)
				}
				seq = x.Seq
				text.WriteString(x.Content)
			}
		}
		return text.String(), messages
	}
	for text, want := range map[string]history.Message{
		"unseen play count":      {Content: puppet.Text("count"), Status: history.Complete},
		"unseen play tool":       {Status: history.Calls},
		"unseen play loop":       {Status: history.Length},
		"unseen play think":      {Content: "It is nine.", Status: history.Complete},
		"unseen play utf8":       {Content: puppet.Text("utf8"), Status: history.Complete},
		"unseen play empty, yes": {Status: history.Complete},
	} {
		got, messages := ask(m{
			"parameters": m{"model": "puppet", "max_tokens": 60, "tools": []m{{"type": "function", "function": m{"name": "get_weather"}}}},
			"messages":   []m{{"role": "user", "content": text}},
		})
		if len(messages) != 2 {
			t.Fatalf("%s: %d messages", text, len(messages))
		}
		last := messages[1]
		if last.Content != got || want.Content != "" && got != want.Content || last.Status != want.Status || last.Figures == nil || messages[0].Status != history.Running {
			t.Errorf("%s: %q, %+v", text, got, messages)
		}
	}
	_, messages := ask(m{"continue": true, "parameters": m{"model": "puppet", "max_tokens": 2}, "messages": []m{{"role": "user", "content": "x"}, {"role": "assistant", "content": "Numbers:"}}})
	if len(messages) != 2 || messages[1].Content != "one two" {
		t.Errorf("%+v", messages)
	}
	for param, body := range map[string]m{
		"messages": {"parameters": m{"model": "puppet"}},
		"model":    {"parameters": m{"model": "none"}, "messages": []m{{"role": "user", "content": "x"}}},
		"continue": {"continue": true, "parameters": m{}, "messages": []m{{"role": "user", "content": "x"}}},
	} {
		r := b.send("POST", "/ui/api/private", body)
		text, _ := io.ReadAll(r.Body)
		r.Body.Close()
		if r.StatusCode < 400 || !strings.Contains(string(text), `"param":"`+param) {
			t.Errorf("%v: %s %s", body, r.Status, text)
		}
	}
	if text := b.want(200, "GET", "/ui/api/chats", nil, nil); strings.Contains(text, "unseen") {
		t.Error(text)
	}
	if text := b.want(200, "GET", "/admin/usage?by=model", nil, nil); !strings.Contains(text, `"requests":7`) {
		t.Error(text)
	}
	s.end(5 * time.Second)
	files, err := os.ReadDir(s.home)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if text, err := os.ReadFile(s.home + "/" + f.Name()); err == nil && strings.Contains(string(text), "unseen") {
			t.Errorf("%s has words of a private chat", f.Name())
		}
	}
}
