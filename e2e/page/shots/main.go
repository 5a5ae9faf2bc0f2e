// Command shots saves pictures of each view of the page, in light, in dark and as wide as a
// phone:
//
//	go run ./page/shots -o DIR
package main

import (
	"context"
	"flag"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/blitz-r1/blitz/e2e/page"
	"github.com/blitz-r1/blitz/internal/golden/fakemcp"
	"github.com/blitz-r1/blitz/internal/mcp"
	"github.com/blitz-r1/blitz/internal/server"
)

func main() {
	out := flag.String("o", "shots", "`folder` for the pictures")
	only := flag.String("only", "", "views whose `name` has this")
	flag.Parse()
	if err := run(*out, *only); err != nil {
		fmt.Fprintln(os.Stderr, "shots:", err)
		os.Exit(1)
	}
}

// judge ends the program where a view cannot be had.
type judge struct{ wrong int }

func (*judge) Helper() {}

func (j *judge) Errorf(format string, args ...any) {
	j.wrong++
	fmt.Fprintf(os.Stderr, "shots: "+format+"\n", args...)
}

func (j *judge) Fatalf(format string, args ...any) { panic(fmt.Errorf(format, args...)) }

// looks are how each view is seen.
var looks = []struct {
	name string
	page.Options
}{
	{"light", page.Options{Reduced: true}},
	{"dark", page.Options{Dark: true, Reduced: true}},
	{"phone", page.Options{Width: 360, Height: 740, Mobile: true, Reduced: true}},
}

// views are what is seen: each begins at an address, and goes on from there.
var views = []struct {
	name, path string
	empty      bool // of a server without models
	do         func(t *page.Tab)
}{
	{"new", "/", false, func(t *page.Tab) { t.Box() }},
	{"chat", "/", false, func(t *page.Tab) { t.Ask("play rich: what can be written here?") }},
	{"thought", "/", false, func(t *page.Tab) { t.Ask("play think: how many?") }},
	{"running", "/", false, func(t *page.Tab) {
		t.Say("play flood")
		t.Until("it runs", func() bool { return t.Has("button", "Stop") })
	}},
	{"parameters", "/", false, func(t *page.Tab) { t.Panel("Parameters"); t.Find("textbox", "System prompt") }},
	{"settings", "/", false, func(t *page.Tab) { t.Panel("Settings"); t.Find("combobox", "Theme") }},
	{"keys", "/", false, func(t *page.Tab) { t.Box(); t.Keys("Control+/"); t.Find("dialog", "Keyboard…") }},
	{"compare", "/", false, func(t *page.Tab) {
		t.Find("button", "Compare").Click()
		t.Find("combobox", "Second model").Choose(page.Models[1])
		t.Say("play count")
		t.Until("both answers are there", func() bool { return len(t.All("article", "Answer…")) == 2 && !t.Has("button", "Stop") })
	}},
	{"consent", "/", false, func(t *page.Tab) {
		t.Panel("Parameters")
		t.Find("checkbox", "fake…").Click()
		t.Keys("Escape")
		t.Say("play mcp: how is the weather?")
		t.Find("button", "Allow once")
	}},
	{"hostile", "/", false, func(t *page.Tab) { t.Ask("play attack") }},
	{"models", "/view/models", false, func(t *page.Tab) { t.Find("heading", "Models"); loaded(t) }},
	{"admin", "/view/admin", false, func(t *page.Tab) { t.Find("heading", "Admin"); loaded(t) }},
	{"start", "/", true, func(t *page.Tab) { t.Find("heading", "Get started"); loaded(t) }},
}

// loaded waits until a view has all that it fetches.
func loaded(t *page.Tab) {
	t.Until("the view is loaded", func() bool { return !page.Eval[bool](t, "document.body.innerText.includes('Loading…')") })
}

func run(out, only string) error {
	path, err := page.FindChromium()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	chromium, err := page.StartChromium(path)
	if err != nil {
		return err
	}
	defer chromium.Close()
	j := &judge{}
	for _, v := range views {
		if !strings.Contains(v.name, only) {
			continue
		}
		for _, l := range looks {
			png, err := picture(j, chromium, v.path, v.empty, v.do, l.Options)
			if err != nil {
				j.Errorf("%s-%s: %v", v.name, l.name, err)
			}
			if len(png) == 0 {
				continue
			}
			if err := os.WriteFile(filepath.Join(out, v.name+"-"+l.name+".png"), png, 0o644); err != nil {
				return err
			}
		}
	}
	if j.wrong > 0 {
		return fmt.Errorf("%d things are wrong", j.wrong)
	}
	return nil
}

// picture returns a picture of a view, whatever can be seen of one that failed.
func picture(j *judge, chromium *page.Chromium, path string, empty bool, do func(*page.Tab), o page.Options) (png []byte, err error) {
	home, err := os.MkdirTemp("", "blitz-shots-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(home)
	if !empty {
		if err := page.NewHome(context.Background(), home); err != nil {
			return nil, err
		}
	}
	fake := httptest.NewServer(fakemcp.Handler())
	defer fake.Close()
	s, err := page.Open(home, func(o *server.SiteOptions) {
		o.Tools = mcp.New([]mcp.Server{{Name: "fake", URL: fake.URL, Timeout: time.Minute}}, mcp.Options{Version: "test", Getenv: func(string) string { return "" }})
		o.Allowed = mcp.NewAllowed(filepath.Join(home, mcp.AllowedFile))
	})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	tab := chromium.Open(j, s.URL, path, o)
	defer tab.Close()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
			png = tab.Picture()
		}
	}()
	do(tab)
	time.Sleep(300 * time.Millisecond) // for what is drawn behind the last look
	return tab.Picture(), nil
}
