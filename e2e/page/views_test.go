package page

import (
	"slices"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/account"
	"github.com/blitz-r1/blitz/internal/server"
)

// A key is shown once, is another person, and ends where it is revoked.
func TestKeys(t *testing.T) {
	s, tab := open(t, "/", Options{})
	tab.Ask("play hello as owner")
	tab.Find("link", "Admin").Click()
	tab.Find("heading", "Admin")
	tab.Find("button", "Create key").Click()
	dialog := tab.Find("dialog", "Create key")
	dialog.Find("textbox", "Name").Fill("ada")
	dialog.Find("button", "Create").Click()
	key := tab.Find("textbox", "New key").Value()
	tab.Find("button", "Done").Click()
	tab.Until("the key is in the list", func() bool { return strings.Contains(tab.Find("main", "").Text(), "ada") })
	if strings.Contains(Eval[string](tab, "document.documentElement.outerHTML"), key) {
		t.Error("the key stands in the page behind Done")
	}
	other := browse(t, s, "/", Options{})
	other.Panel("Settings")
	other.Find("textbox", "API key").Fill(key)
	other.Find("button", "Use key").Click()
	other.Says("status", "Key accepted")
	other.Keys("Escape")
	other.Until("its chats are its own", func() bool { return len(other.Titles()) == 0 })
	if other.Has("link", "Admin") {
		t.Error("a key without the scope sees Admin")
	}
	other.Ask("play hello as ada")
	if stored := Eval[string](other, "JSON.stringify({...localStorage}) + JSON.stringify({...sessionStorage}) + document.cookie"); strings.Contains(stored, key) {
		t.Error("the key is kept in the browser")
	}
	tab.Reload()
	tab.Find("button", "Revoke…").Click()
	confirm := tab.Find("alertdialog", "…")
	if !strings.Contains(confirm.Text(), "ada") {
		t.Errorf("the question is %q", confirm.Text())
	}
	confirm.Find("button", "Revoke").Click()
	other.Expect("401")
	other.Box().Fill("still there?")
	other.Keys("Enter")
	other.Until("the page says that the key ended", func() bool {
		return strings.Contains(Eval[string](other, "document.body.innerText"), "revoked")
	})
	if !strings.Contains(Eval[string](other, "document.body.innerText + [...document.querySelectorAll('textarea')].map(e => e.value).join()"), "still there?") {
		t.Error("the message is lost")
	}
}

// A server that wants a key says so at the first look, which is no error, and takes the key.
func TestSignIn(t *testing.T) {
	s := serve(t, nil)
	_, key, err := s.Accounts().Create(t.Context(), account.NewKey{Name: "ada", Scopes: account.Scopes{account.Inference}})
	if err != nil {
		t.Fatal(err)
	}
	s.Gate().Set(server.GateSettings{RequireKeys: true})
	tab := browse(t, s, "/", Options{})
	tab.Says("alert", "A key is needed")
	tab.Find("textbox", "API key").Fill(key)
	tab.Find("button", "Use key").Click()
	tab.Says("status", "Key accepted")
	tab.Keys("Escape")
	tab.Ask("play hello as ada")
}

func TestModels(t *testing.T) {
	_, tab := open(t, "/view/models", Options{})
	tab.Find("heading", "Models")
	main := func() string { return tab.Find("main", "").Text() }
	tab.Until("both models are listed", func() bool { return strings.Contains(main(), Models[1]) && strings.Contains(main(), "fits with") })
	tab.Find("button", "Load…").Click()
	tab.Until("one is loaded", func() bool { return tab.Has("button", "Unload…") })
	tab.Find("button", "Unload…").Click()
	tab.Until("it is let go", func() bool { return !tab.Has("button", "Unload…") })
	tab.Last("button", "Delete…").Click()
	dialog := tab.Find("alertdialog", "…")
	dialog.Find("button", "Cancel").Click()
	tab.Gone("alertdialog", "…")
	tab.Last("button", "Delete…").Click()
	tab.Find("alertdialog", "…").Find("button", "Delete").Click()
	tab.Until("it is gone", func() bool { return len(tab.All("button", "Delete…")) == len(Models)-1 })
}

// Two answers to one question stand side by side, of two models and two settings; the chat
// goes on with the one that is chosen.
func TestCompare(t *testing.T) {
	_, tab := open(t, "/", Options{})
	tab.Find("combobox", "Model").Choose(Models[0])
	tab.Find("button", "Compare").Click()
	tab.Find("combobox", "Second model").Choose(Models[1])
	tab.Panel("Second parameters")
	tab.Find("region", "Second parameters").Find("textbox", "Max tokens").Fill("2")
	tab.Say("play count")
	tab.Until("there are two answers", func() bool {
		all := tab.All("article", "Answer…")
		return len(all) == 2 && !tab.Has("button", "Stop") && strings.Contains(all[0].Text(), "eight") && strings.Contains(all[1].Text(), "Max tokens (2) cut this answer off.")
	})
	answers := tab.All("article", "Answer…")
	for i, a := range answers {
		if name := a.Attribute("aria-label"); !strings.HasSuffix(name, " by "+Models[i]) {
			t.Errorf("answer %d is called %q", i, name)
		}
	}
	at := func(e *Element) []float64 {
		return must[[]float64](e, "function() { const b = this.getBoundingClientRect(); return [b.top, b.left] }")
	}
	if a, b := at(answers[0]), at(answers[1]); a[0] != b[0] || a[1] >= b[1] {
		t.Errorf("they stand at %v and %v", a, b)
	}
	answers[1].Find("button", "Go on with this answer").Click()
	tab.Until("it is the one", func() bool { return answers[1].Has("button", "The chat goes on with this answer") })
	tab.Find("button", "Compare").Click()
	tab.Say("play hello")
	tab.Until("it goes on", func() bool {
		return len(tab.All("article", "Answer…")) == 3 && strings.Contains(tab.Answer().Text(), "Hello, world!")
	})
	got := have(t, tab)
	second := got.all("assistant")[1]
	if last := got.last("user"); last.Parent != second.ID || second.Content != "one two" {
		t.Errorf("%+v is behind %+v", last, second)
	}
	tab.Reload()
	tab.Until("all is there again", func() bool { return len(tab.All("article", "Answer…")) == 3 })
}

// Nothing scrolls sideways on a phone, and the list of chats can be had.
func TestPhone(t *testing.T) {
	_, tab := open(t, "/", Options{Width: 360, Height: 740, Mobile: true})
	tab.Ask("play rich")
	for _, path := range []string{tab.Path(), "/view/models", "/view/admin"} {
		tab.Go(path)
		tab.Find("heading", "…")
		if wide := Eval[int](tab, "document.documentElement.scrollWidth"); wide > 360 {
			t.Errorf("%s is %d pixels wide", path, wide)
		}
	}
	tab.Find("button", "Show chats").Click()
	tab.Until("the chats are shown", func() bool { return slices.Contains(tab.Titles(), "play rich") })
}
