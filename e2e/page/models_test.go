package page

import (
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/catalogue"
	"github.com/blitz-r1/blitz/internal/golden/fakehub"
	"github.com/blitz-r1/blitz/internal/golden/puppet"
	"github.com/blitz-r1/blitz/internal/hub"
	"github.com/blitz-r1/blitz/internal/server"
)

// withoutModels returns a server with an empty store, whose hub has one model under every
// name and sends no more than half of it until it is let go.
func withoutModels(t *testing.T) (*Server, *fakehub.Slow) {
	t.Helper()
	if noChromium != nil {
		t.Skip(noChromium)
	}
	path := filepath.Join(t.TempDir(), "puppet-F16.gguf")
	if err := puppet.New().Write(path); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	slow := fakehub.NewSlow(map[string][]byte{"puppet-F16.gguf": data})
	source := httptest.NewServer(slow)
	t.Cleanup(source.Close)
	model := func(name, title string, parameters, size int) string {
		return fmt.Sprintf(`{"name": %q, "title": %q, "parameters": %d, "context": 8192, "license": "mit", "good_at": "questions and short texts", "sources": [{"source": "hf.co/some/%s:F16", "size": %d}]}`, name, title, parameters, name, size)
	}
	known, err := catalogue.Parse([]byte(`{"version": 1, "models": [` + model("doll", "Doll 1M", 1e6, len(data)) + `, ` + model("doll-two", "Doll 2M", 2e6, len(data)) + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.TempDir(), func(o *server.SiteOptions) {
		o.Host.Settings = hub.Settings{HuggingFace: source.URL}
		o.Host.Catalogue = known
		o.Host.Context = 8192
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, slow
}

// position returns how far a bar of progress is, from 0 to 1.
func position(e *Element) float64 {
	at, err := ask[float64](e, "function() { return this.position }")
	if err != nil {
		return 0
	}
	return at
}

// A pull shows how far it is, how fast, and what is left; it pauses, stays so over a reload,
// goes on where it was, and its model is there. One that is not wanted is taken away.
func TestPull(t *testing.T) {
	s, slow := withoutModels(t)
	tab := browse(t, s, "/view/models", Options{})
	pull := func(name string) {
		t.Helper()
		tab.Find("textbox", "Model to pull").Fill(name)
		tab.Find("button", "Pull").Click()
	}
	tab.Expect("404")
	pull("no-such-model-here")
	tab.Says("alert", "no-such-model-here was not pulled.")

	pull("doll")
	facts := func() string { return tab.Find("region", "Pulls").Text() }
	tab.Until("some of it is there", func() bool { return position(tab.Find("progressbar", "Pulling doll")) > 0 })
	if text := facts(); !regexp.MustCompile(`[\d.]+ [kM]B of [\d.]+ MB · [\d.]+ MB/s · .*left`).MatchString(text) {
		t.Errorf("the pull says %q", text)
	}
	tab.Find("button", "Pause doll").Click()
	tab.Until("it is paused", func() bool { return strings.Contains(facts(), "paused") })
	tab.Reload()
	tab.Until("it stays paused", func() bool { return tab.Has("button", "Resume doll") && strings.Contains(facts(), "paused") })
	if at := position(tab.Find("progressbar", "Pulling doll")); at <= 0 || at > 0.8 {
		t.Errorf("behind a reload it is at %v", at)
	}
	slow.Release()
	tab.Find("button", "Resume doll").Click()
	tab.Says("status", "doll is here")
	tab.Until("the model is listed", func() bool { return strings.Contains(tab.Find("region", "Models here").Text(), "doll") })
	tab.Gone("progressbar", "Pulling doll")
	if len(slow.Resumed()) == 0 {
		t.Error("it began anew")
	}
	tab.Find("button", "New chat").Click()
	if answer := tab.Ask("play hello"); !strings.Contains(answer.Text(), "Hello, world!") {
		t.Errorf("the answer is %q", answer.Text())
	}
	tab.Find("link", "Models").Click()
	tab.Find("button", "Delete doll").Click()
	tab.Until("what a delete frees is told before", func() bool {
		return regexp.MustCompile(`This frees [1-9][\d.]* MB of disk\.`).MatchString(tab.Find("alertdialog", "Delete doll?").Text())
	})
	tab.Find("alertdialog", "Delete doll?").Find("button", "Delete").Click()
	tab.Says("status", "Model doll deleted")
	tab.Until("it is gone", func() bool {
		return strings.Contains(tab.Find("region", "Models here").Text(), "There is no model here yet")
	})
}

// A pull that is removed leaves nothing.
func TestPullRemoved(t *testing.T) {
	s, _ := withoutModels(t)
	tab := browse(t, s, "/view/models", Options{})
	tab.Find("textbox", "Model to pull").Fill("doll")
	tab.Keys("Enter")
	tab.Until("some of it is there", func() bool { return position(tab.Find("progressbar", "Pulling doll")) > 0 })
	tab.Find("button", "Remove doll").Click()
	tab.Says("status", "The pull of doll was removed")
	tab.Gone("progressbar", "Pulling doll")
	if left, err := filepath.Glob(filepath.Join(s.Home, "staging", "*")); err != nil || len(left) > 0 {
		t.Errorf("%q is left, %v", left, err)
	}
}

// Without a model the page offers some, with size and what they are good at, and takes a
// person to the first answer.
func TestGetStarted(t *testing.T) {
	s, slow := withoutModels(t)
	tab := browse(t, s, "/", Options{})
	tab.Find("heading", "Get started")
	offers := func() []*Element { return tab.Find("list", "Models to begin with").All("listitem", "") }
	tab.Until("two are offered", func() bool { return len(offers()) == 2 })
	for _, o := range offers() {
		if text := o.Text(); !regexp.MustCompile(`[\d.]+ MB`).MatchString(text) || !strings.Contains(text, "questions and short texts") || !strings.Contains(text, "8k context") || !strings.Contains(text, "mit") {
			t.Errorf("an offer is %q", text)
		}
	}
	tab.Box().Fill("what I want to know")
	tab.Find("button", "Download Doll 1M").Click()
	tab.Until("it comes", func() bool { return position(tab.Find("progressbar", "Pulling doll")) > 0 })
	slow.Release()
	tab.Says("status", "Doll 1M is here. Ask it something.")
	tab.Gone("heading", "Get started")
	tab.Until("what was typed is there, with the focus", func() bool { return tab.Box().Focused() && tab.Box().Value() == "what I want to know" })
	if answer := tab.Ask("play hello"); !strings.Contains(answer.Text(), "Hello, world!") {
		t.Errorf("the answer is %q", answer.Text())
	}
}

// The details of a model have its template and licence, as text whatever they say.
func TestDetails(t *testing.T) {
	_, tab := open(t, "/view/models", Options{})
	for i, name := range Models {
		tab.Find("button", "Details of "+name).Click()
		dialog := tab.Find("dialog", "Details of "+name)
		tab.Until("the details are there", func() bool {
			text := dialog.Text()
			return strings.Contains(text, "<|im_start|>") && strings.Contains(text, "131,072 tokens") && strings.Contains(text, licences[i]) && strings.Contains(text, "fits with")
		})
		tab.Keys("Escape")
		tab.Gone("dialog", "…")
		if !tab.Find("button", "Details of "+name).Focused() {
			t.Error("behind the dialog the focus is elsewhere")
		}
	}
	harmless(t, tab)
}
