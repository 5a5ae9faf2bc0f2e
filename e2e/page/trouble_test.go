package page

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What is typed stays over a reload, and what is sent before the models are known waits.
func TestWaits(t *testing.T) {
	_, tab := open(t, "/", Options{})
	tab.Box().Fill("half a thought")
	tab.Reload()
	tab.Until("the draft is there", func() bool { return tab.Box().Value() == "half a thought" })
	models := tab.Hold("*/ui/api/models")
	tab.Reload()
	tab.Say("play hello")
	tab.Until("it waits", func() bool { return strings.Contains(tab.Last("article", "You…").Text(), "Waits for the models") })
	models.Let()
	tab.Until("it is answered", func() bool {
		return tab.Has("article", "Answer…") && strings.Contains(tab.Answer().Text(), "Hello, world!")
	})
}

// A message that cannot be sent is kept, over a reload too, and is sent when the line is
// back.
func TestNotSent(t *testing.T) {
	_, tab := open(t, "/", Options{})
	tab.Box()
	tab.Expect("net::ERR_FAILED")
	turns := tab.Break("*/turn")
	tab.Say("play count")
	tab.Until("it is not sent", func() bool { return strings.Contains(tab.Last("article", "You…").Text(), "Not sent.") })
	tab.Says("alert", "could not be sent")
	tab.Last("article", "You…").Find("button", "Try again").Click()
	tab.Until("it is tried again", func() bool { return strings.Contains(tab.Last("article", "You…").Text(), "Is sent…") })
	tab.Until("it is not sent again", func() bool { return tab.Last("article", "You…").Has("button", "Try again") })
	turns.End()
	tab.Reload()
	tab.Until("it is still there", func() bool { return strings.Contains(tab.Last("article", "You…").Text(), "play count") })
	tab.Last("article", "You…").Find("button", "Try again").Click()
	tab.Until("it is answered", func() bool { return tab.Has("article", "Answer…") && strings.Contains(tab.Answer().Text(), "eight") })
	if n := len(have(t, tab).Messages); n != 2 {
		t.Errorf("the server has %d messages", n)
	}
}

// The server goes away in the middle of an answer, and comes back: what came is there,
// what is typed too, and the answer can be gone on with.
func TestServerGone(t *testing.T) {
	if noChromium != nil {
		t.Skip(noChromium)
	}
	home := filepath.Join(t.TempDir(), "home")
	if err := NewHome(t.Context(), home); err != nil {
		t.Fatal(err)
	}
	s, err := Open(home, nil)
	if err != nil {
		t.Fatal(err)
	}
	tab := browse(t, s, "/", Options{})
	tab.Expect("net::ERR_")
	tab.Say("play loop")
	tab.Until("some of the answer is there", func() bool {
		return tab.Has("article", "Answer…") && len(tab.Last("article", "Answer…").Text()) > 200 && strings.HasPrefix(tab.Path(), "/chat/")
	})
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	tab.Says("alert", "The connection to the server is lost")
	tab.Box().Fill("typed meanwhile")
	if text := tab.Last("article", "Answer…").Text(); !strings.Contains(text, "la li lo") {
		t.Errorf("the answer is %q", text)
	}
	if s, err = OpenAt(home, strings.TrimPrefix(s.URL, "http://"), nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	tab.Find("button", "Try now").Click()
	tab.Until("the answer is said to be cut", func() bool {
		text := tab.Last("article", "Answer…").Text()
		return !tab.Has("button", "Stop") && (strings.Contains(text, "interrupted") || strings.Contains(text, "Stopped"))
	})
	if got := have(t, tab).last("assistant"); !strings.HasPrefix(strings.TrimSpace(got.Content), "la li lo la li lo") {
		t.Errorf("the server has %+v", got)
	}
	if got := tab.Box().Value(); got != "typed meanwhile" {
		t.Errorf("the box has %q", got)
	}
	tab.Gone("button", "Try now")
	if answer := tab.Ask("play count"); !strings.Contains(answer.Text(), "eight") {
		t.Errorf("it does not go on: %q", answer.Text())
	}
}

// Two windows that change one chat at once: both changes are there, and none is switched.
func TestTwoWindows(t *testing.T) {
	_, one := open(t, "/", Options{})
	one.Ask("play hello")
	two := one.Beside(one.Path())
	defer two.Close()
	two.Answer()
	windows := []*Tab{one, two}
	words := []string{"play count", "play json"}
	answers := []string{"eight", "yes"}
	for i, w := range windows {
		w.Front()
		w.Last("article", "You…").Act("Edit")
		w.Find("textbox", "Edit message").Fill(words[i])
	}
	for _, w := range windows {
		w.Front()
		w.Last("article", "You…").Find("button", "Send").Click()
	}
	for i, w := range windows {
		w.Until("its own version is shown", func() bool {
			return strings.Contains(w.Last("article", "You…").Text(), words[i]) && strings.Contains(w.Answer().Text(), answers[i]) && strings.Contains(w.Last("article", "You…").Text(), "/ 3")
		})
	}
	var all []string
	for _, m := range have(t, one).all("user") {
		all = append(all, m.Content)
	}
	slices.Sort(all)
	if want := []string{"play count", "play hello", "play json"}; !slices.Equal(all, want) {
		t.Errorf("the server has %q, want %q", all, want)
	}
	two.Front()
	two.Box().Fill("not sent yet")
	one.Front()
	one.Options("play hello", "Delete")
	two.Says("status", "was deleted elsewhere")
	two.Until("what was typed is kept", func() bool { return two.Box().Value() == "not sent yet" })
	one.Find("button", "Undo").Click()
	two.Until("the chat is back", func() bool { return slices.Contains(two.Titles(), "play hello") })
}
