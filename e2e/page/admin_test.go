package page

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/server"
	"github.com/blitz-r1/blitz/internal/server/ui"
)

// Usage stands in a table by key, in a chart and in a file; the server's settings and where
// each comes from, and what the server does now.
func TestAdmin(t *testing.T) {
	s := serve(t, func(o *server.SiteOptions) {
		o.Settings = func() []ui.Setting {
			return []ui.Setting{
				{Name: "addr", Value: "127.0.0.1:11434", From: ui.FromDefault},
				{Name: "queue", Value: "12", From: ui.FromEnvironment, Where: "BLITZ_QUEUE"},
				{Name: "ctx", Value: "<b>32768</b>", From: ui.FromFile, Where: "settings.json"},
			}
		}
	})
	tab := browse(t, s, "/", Options{})
	tab.Ask("play think")
	used := have(t, tab).last("assistant").Figures
	tab.Find("link", "Admin").Click()
	number := regexp.MustCompile(`\d+`)
	tab.Until("the use of this machine is told", func() bool {
		for _, table := range tab.All("table", "Usage") {
			for _, row := range table.All("row", "") {
				if text := row.Text(); strings.HasPrefix(text, "This machine, without a key") {
					// requests, prompt, cached, answer and reasoning tokens
					n := number.FindAllString(strings.ReplaceAll(text, ",", ""), -1)
					return len(n) == 5 && n[0] == "1" && n[1] == strconv.Itoa(used.PromptTokens) && n[3] == strconv.Itoa(used.AnswerTokens) && n[4] != "0"
				}
			}
		}
		return false
	})
	tab.Find("combobox", "Figure").Choose("Requests")
	tab.Until("there is a chart that says what it shows", func() bool {
		for _, image := range tab.All("image", "Requests of each of the last 30 days, by model; 1 in all.…") {
			return must[int](image, "function() { return this.querySelectorAll('canvas').length }") == 1
		}
		return false
	})
	if name, data := tab.Download(func() { tab.Find("button", "Save as CSV").Click() }); !bytes.Contains(data, []byte("prompt_tokens")) || !bytes.Contains(data, []byte(Models[0])) {
		t.Errorf("%s is %q", name, data)
	}
	settings := tab.Find("table", "Server settings").Text()
	for _, want := range []string{"addr", "default", "environment BLITZ_QUEUE", "<b>32768</b>", "file settings.json"} {
		if !strings.Contains(settings, want) {
			t.Errorf("%q is not in the settings: %q", want, settings)
		}
	}
	text := tab.Find("main", "").Text()
	for _, want := range []string{"Queue", "0 running", "Memory", "free of", "Tokens/s", "Cache", "of prompt tokens", "Errors of the last hours", "Loaded models: " + Models[0]} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in the view", want)
		}
	}
}

// A key keeps to its limits: what is over is refused in words, and is not lost. Its use is
// counted by itself, and signing out ends it.
func TestLimits(t *testing.T) {
	s, tab := open(t, "/view/admin", Options{})
	tab.Find("button", "Create key").Click()
	dialog := tab.Find("dialog", "Create key")
	dialog.Find("textbox", "Requests per minute").Fill("none")
	dialog.Find("textbox", "Name").Fill("bob")
	dialog.Find("button", "Create").Click()
	tab.Until("the limit is invalid", func() bool {
		return dialog.Find("textbox", "Requests per minute").Attribute("aria-invalid") == "true"
	})
	dialog.Find("textbox", "Requests per minute").Fill("1")
	dialog.Find("button", "Create").Click()
	key := tab.Find("textbox", "New key").Value()
	tab.Find("button", "Done").Click()
	tab.Until("the key is listed with its limit", func() bool { return strings.Contains(tab.Find("table", "Keys").Text(), "1 requests/min") })

	other := browse(t, s, "/", Options{})
	other.Panel("Settings")
	other.Find("textbox", "API key").Fill("blz-wrong")
	other.Expect("401")
	other.Find("button", "Use key").Click()
	other.Until("a wrong key is refused", func() bool {
		return strings.Contains(other.Find("region", "Settings").Text(), "does not know this key")
	})
	other.Find("textbox", "API key").Fill(key)
	other.Keys("Enter")
	other.Says("status", "Key accepted")
	other.Keys("Escape")
	other.Ask("play hello")
	other.Expect("429")
	other.Say("play count")
	other.Until("the second is refused in words", func() bool {
		text := other.Find("main", "").Text()
		return !other.Has("button", "Stop") && strings.Contains(text, "play count") && strings.Contains(text, "minute") && other.Has("button", "Try again")
	})
	tab.Until("its use is counted", func() bool { return strings.Contains(tab.Find("table", "Usage").Text(), "bob") })

	other.Panel("Settings")
	other.Find("button", "Sign out").Click()
	other.Until("the browser is the owner's again", func() bool {
		panels := other.All("region", "Settings")
		if len(panels) == 0 { // it closes when somebody else is signed in
			other.Panel("Settings")
			return false
		}
		return strings.Contains(panels[0].Text(), "as its owner") && len(other.Titles()) == 0
	})
}
