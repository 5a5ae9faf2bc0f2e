package ui_test

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/blitz-r1/blitz/internal/account"
	"github.com/blitz-r1/blitz/internal/catalogue"
	"github.com/blitz-r1/blitz/internal/golden/fakehub"
	"github.com/blitz-r1/blitz/internal/golden/puppet"
	"github.com/blitz-r1/blitz/internal/host"
	"github.com/blitz-r1/blitz/internal/hub"
	"github.com/blitz-r1/blitz/internal/server"
	"github.com/blitz-r1/blitz/internal/server/ui"
)

// source is what the hub of the tests has under every name.
const source = "hf.co/some/repo:F16"

// slowHub is a hub whose model comes to its half and waits there, until it is let go.
type slowHub struct {
	*httptest.Server
	*fakehub.Slow
	size int64
}

func newSlowHub(t *testing.T) *slowHub {
	t.Helper()
	path := filepath.Join(t.TempDir(), "puppet-F16.gguf")
	if err := puppet.New().Write(path); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	h := &slowHub{size: int64(len(data)), Slow: fakehub.NewSlow(map[string][]byte{"puppet-F16.gguf": data})}
	h.Server = httptest.NewServer(h.Slow)
	t.Cleanup(h.Close)
	return h
}

// pullSite is a server without models, whose hub is h.
func pullSite(t *testing.T, home string, h *slowHub) *site {
	t.Helper()
	known, err := catalogue.Parse([]byte(`{"version": 1, "models": [{"name": "known", "sources": [{"source": "` + source + `"}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	return openSiteOf(t, home, server.SiteOptions{
		Host: host.Options{Home: home, Threads: 1, Context: contextLength, Settings: hub.Settings{HuggingFace: h.URL}, Catalogue: known}, Version: "test",
	})
}

func (b *browser) pulls() []ui.Pull {
	b.t.Helper()
	var all struct{ Pulls []ui.Pull }
	b.get("/ui/api/pulls", &all)
	return all.Pulls
}

// pullUntil waits until the only pull is as wanted.
func (b *browser) pullUntil(what string, holds func(ui.Pull) bool) ui.Pull {
	b.t.Helper()
	var last []ui.Pull
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if last = b.pulls(); len(last) == 1 && holds(last[0]) {
			return last[0]
		}
	}
	b.t.Fatalf("the pull is never %s: %+v", what, last)
	return ui.Pull{}
}

// A pull shows how far it is, pauses, goes on behind a restart at the byte where it was, and
// its model answers.
func TestPullPausesAndGoesOn(t *testing.T) {
	h, home := newSlowHub(t), t.TempDir()
	s := pullSite(t, home, h)
	b := s.browser()
	tab := b.open("")
	var begun ui.Pull
	b.want(200, "POST", "/ui/api/pulls", m{"name": "known"}, &begun)
	if begun.Name != "known" || begun.State != "running" {
		t.Fatalf("%+v", begun)
	}
	half := b.pullUntil("under way", func(p ui.Pull) bool { return p.Done > 0 })
	if half.Total != h.size || half.State != "running" {
		t.Errorf("%+v, the file has %d", half, h.size)
	}
	tab.until("pulls", func(e event) bool {
		var told struct{ Pulls []ui.Pull }
		e.into(t, &told)
		return len(told.Pulls) == 1 && told.Pulls[0].Done > 0
	})
	var again ui.Pull
	b.want(200, "POST", "/ui/api/pulls", m{"name": "Known"}, &again)
	if again.ID != begun.ID {
		t.Errorf("the same is pulled twice: %+v", again)
	}
	var paused ui.Pull
	b.want(200, "POST", "/ui/api/pulls/"+begun.ID+"/pause", m{}, &paused)
	if paused.State != "paused" || paused.Speed != 0 || paused.Left != -1 || paused.Done < half.Done {
		t.Errorf("%+v", paused)
	}
	s.end(5 * time.Second)

	s = pullSite(t, home, h)
	b = s.browser()
	back := b.pulls()
	if len(back) != 1 || back[0].State != "paused" || back[0].ID != begun.ID || back[0].Done != paused.Done {
		t.Fatalf("behind a restart: %+v, paused was %+v", back, paused)
	}
	h.Release()
	tab = b.open("")
	b.want(200, "POST", "/ui/api/pulls/"+begun.ID+"/resume", m{}, nil)
	done := b.pullUntil("done", func(p ui.Pull) bool { return p.State == "done" })
	if done.Done != done.Total || done.Total < h.size {
		t.Errorf("%+v", done)
	}
	tab.until("models", nil)
	if len(h.Resumed()) == 0 {
		t.Error("it began from nothing instead of going on")
	}
	w := b.say("chat-one", question("one", "play hello", m{"model": "known"}))
	if a := w.message("one-answer"); a == nil || !strings.Contains(a.Content, "Hello") {
		t.Errorf("%+v", a)
	}
	b.want(204, "DELETE", "/ui/api/pulls/"+begun.ID, nil, nil)
	s.end(5 * time.Second)
	if left := pullSite(t, home, h).browser().pulls(); len(left) != 0 {
		t.Errorf("what is done is there behind a restart: %+v", left)
	}
}

// A pull that is deleted leaves nothing on the disk.
func TestPullDeleted(t *testing.T) {
	h, home := newSlowHub(t), t.TempDir()
	b := pullSite(t, home, h).browser()
	var p ui.Pull
	b.want(200, "POST", "/ui/api/pulls", m{"name": source}, &p)
	b.pullUntil("under way", func(p ui.Pull) bool { return p.Done > 0 })
	b.want(204, "DELETE", "/ui/api/pulls/"+p.ID, nil, nil)
	if left := b.pulls(); len(left) != 0 {
		t.Errorf("%+v", left)
	}
	left, err := filepath.Glob(filepath.Join(home, "staging", "*"))
	if err != nil || len(left) != 0 {
		t.Errorf("%q is left, %v", left, err)
	}
	for _, path := range []string{"/pause", "/resume"} {
		b.want(404, "POST", "/ui/api/pulls/"+p.ID+path, m{}, nil)
	}
	b.want(404, "DELETE", "/ui/api/pulls/"+p.ID, nil, nil)
}

// What cannot be pulled is refused in words that name it, at once or as a pull that failed.
func TestPullRefused(t *testing.T) {
	h := newSlowHub(t)
	s := pullSite(t, t.TempDir(), h)
	b := s.browser()
	for _, c := range []struct {
		status int
		name   string
	}{
		{404, "no-such-model"}, {400, "no-such-model-here/none"}, {400, "/etc/passwd"}, {400, ""}, {400, "hf.co/"},
	} {
		if text := b.want(c.status, "POST", "/ui/api/pulls", m{"name": c.name}, nil); !strings.Contains(text, strings.Trim(c.name, "/")) {
			t.Errorf("%q is not named: %s", c.name, text)
		}
	}
	b.want(200, "POST", "/ui/api/pulls", m{"name": "https://127.0.0.1/model.gguf"}, nil)
	p := b.pullUntil("failed", func(p ui.Pull) bool { return p.State == "failed" })
	if !strings.Contains(p.Error, "127.0.0.1") {
		t.Errorf("%+v", p)
	}
	k := s.signedIn(account.NewKey{Name: "plain", Scopes: account.Scopes{account.Inference}})
	for _, path := range []string{"/ui/api/pulls", "/ui/api/offers"} {
		k.want(403, "GET", path, nil, nil)
	}
	k.want(403, "POST", "/ui/api/pulls", m{"name": "known"}, nil)
}

// The pages of keys that may not pull learn nothing of pulls.
func TestPullsAreToldToWhoMay(t *testing.T) {
	h := newSlowHub(t)
	s := pullSite(t, t.TempDir(), h)
	k := s.signedIn(account.NewKey{Name: "plain", Scopes: account.Scopes{account.Inference}})
	plain, b := k.open(""), s.browser()
	tab := b.open("")
	b.want(200, "POST", "/ui/api/pulls", m{"name": "known"}, nil)
	tab.until("pulls", nil)
	h.Release()
	b.pullUntil("done", func(p ui.Pull) bool { return p.State == "done" })
	var names []string
	plain.until("models", func(e event) bool { return true })
	for len(plain.events) > 0 {
		names = append(names, (<-plain.events).name)
	}
	if slices.Contains(names, "pulls") {
		t.Errorf("%q", names)
	}
}
