package page

import (
	"slices"
	"strings"
	"testing"
)

// A message is sent by Enter, its answer streams and is drawn as Markdown, and it is there
// under its address.
func TestSend(t *testing.T) {
	_, tab := open(t, "/", Options{})
	if !tab.Box().Focused() {
		t.Error("the message box has not the focus at the start")
	}
	answer := tab.Ask("play rich")
	check := func(answer *Element) {
		t.Helper()
		for _, want := range [][2]string{{"heading", "A heading"}, {"table", ""}, {"list", ""}, {"MathMLMath", ""}, {"button", "Copy code"}} {
			if !answer.Has(want[0], want[1]) {
				t.Errorf("the answer has no %s %q:\n%s", want[0], want[1], answer.Text())
			}
		}
		if text := answer.Text(); !strings.Contains(text, `println("hi")`) || !strings.Contains(text, "The end of it.") {
			t.Errorf("the answer is %q", text)
		}
	}
	check(answer)
	if !tab.Box().Focused() || tab.Box().Value() != "" {
		t.Error("behind an answer the message box has not the focus, or is not empty")
	}
	path := tab.Path()
	if !strings.HasPrefix(path, "/chat/") {
		t.Errorf("the address is %s", path)
	}
	if titles := tab.Titles(); len(titles) != 1 || titles[0] != "play rich" {
		t.Errorf("the list of chats has %q", titles)
	}
	tab.Reload()
	check(tab.Answer())
}

func TestFigures(t *testing.T) {
	_, tab := open(t, "/", Options{})
	answer := tab.Ask("play think")
	if !strings.Contains(answer.Text(), "It is nine.") {
		t.Errorf("the answer is %q", answer.Text())
	}
	if !answer.Has("group", "Figures") {
		answer.Act("Figures")
	}
	text := strings.Join(strings.Fields(answer.Find("group", "Figures").Text()), " ")
	for _, want := range []string{"Prompt tokens", "Answer tokens", "Tokens/s", "First token", "Context"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not among the figures: %s", want, text)
		}
	}
}

// A running answer is stopped by its button and by Escape, and goes on.
func TestStop(t *testing.T) {
	_, tab := open(t, "/", Options{})
	for _, stop := range []func(){func() { tab.Find("button", "Stop").Click() }, func() { tab.Keys("Escape") }} {
		tab.Say("play loop")
		tab.Find("button", "Stop")
		tab.Until("some of the answer comes", func() bool {
			all := tab.All("article", "Answer…")
			return len(all) > 0 && strings.Contains(all[len(all)-1].Text(), "la li lo la")
		})
		stop()
		tab.Says("status", "Answer stopped")
		tab.Answer()
		tab.Find("button", "Send")
	}
}

// Regenerated answers and edited messages are versions; the old ones stay.
func TestVersions(t *testing.T) {
	_, tab := open(t, "/", Options{})
	tab.Ask("play count").Act("Regenerate")
	tab.Until("there are two answers", func() bool { return strings.Contains(tab.Answer().Text(), "2 / 2") })
	tab.Answer().Act("Previous version")
	tab.Until("the first is shown", func() bool { return strings.Contains(tab.Answer().Text(), "1 / 2") })

	tab.Last("article", "You…").Act("Edit")
	box := tab.Find("textbox", "Edit message")
	if box.Value() != "play count" {
		t.Errorf("the box to edit has %q", box.Value())
	}
	box.Fill("play json")
	tab.Last("article", "You…").Find("button", "Send").Click()
	tab.Until("the edited question is answered", func() bool { return strings.Contains(tab.Answer().Text(), "answer") })
	question := tab.Last("article", "You…")
	if !strings.Contains(question.Text(), "2 / 2") {
		t.Errorf("the question is %q", question.Text())
	}
	question.Act("Previous version")
	tab.Until("the first question is shown", func() bool { return strings.Contains(tab.Last("article", "You…").Text(), "play count") })

	tab.Answer().Act("Edit")
	tab.Find("textbox", "Edit message").Fill("Something else.")
	tab.Last("article", "Answer…").Find("button", "Save").Click()
	tab.Until("the answer is what was saved", func() bool { return strings.Contains(tab.Answer().Text(), "Something else.") })
	tab.Reload()
	tab.Until("the shown branch is remembered", func() bool { return strings.Contains(tab.Answer().Text(), "Something else.") })
}

// What one browser shows, another's edit does not switch; what is said there is seen here.
func TestSecondBrowser(t *testing.T) {
	s, one := open(t, "/", Options{})
	one.Ask("play hello")
	two := browse(t, s, one.Path(), Options{})
	two.Answer()
	two.Last("article", "You…").Act("Edit")
	two.Find("textbox", "Edit message").Fill("play count")
	two.Last("article", "You…").Find("button", "Send").Click()
	two.Until("the second browser shows its branch", func() bool { return strings.Contains(two.Answer().Text(), "eight") })
	one.Until("the first browser knows of it", func() bool { return strings.Contains(one.Last("article", "You…").Text(), "1 / 2") })
	if text := one.Answer().Text(); !strings.Contains(text, "Hello, world!") {
		t.Errorf("the first browser was switched to %q", text)
	}
}

// A second browser sees chats come and answers stream, and can stop them.
func TestLive(t *testing.T) {
	s, one := open(t, "/", Options{})
	two := browse(t, s, "/", Options{})
	two.Box()
	one.Say("play loop")
	two.Until("the chat is in the other's list", func() bool { return slices.Equal(two.Titles(), []string{"play loop"}) })
	two.Find("link", "play loop").Click()
	two.Until("the other sees the answer stream", func() bool {
		return two.Has("button", "Stop") && strings.Contains(two.Last("article", "Answer…").Text(), "la li lo")
	})
	two.Find("button", "Stop").Click()
	one.Until("the first sees that it was stopped", func() bool { return one.Has("button", "Send") })
}

// An answer goes on when the page is closed.
func TestClosedPage(t *testing.T) {
	s, tab := open(t, "/", Options{})
	tab.Say("play flood")
	tab.Until("the answer begins", func() bool { return tab.Has("article", "Answer…") && strings.HasPrefix(tab.Path(), "/chat/") })
	path := tab.Path()
	tab.Close()
	again := browse(t, s, path, Options{})
	again.Until("it still runs", func() bool {
		return again.Has("button", "Stop") && strings.Contains(again.Last("article", "Answer…").Text(), "rises over")
	})
	again.Find("button", "Stop").Click()
	again.Answer()
}
