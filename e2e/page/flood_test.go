package page

import (
	"fmt"
	"strings"
	"testing"
)

// An answer that comes as fast as it can be written: finished blocks stay the nodes they
// are, who scrolls up is left there, and at the end the page has what the server has.
func TestFlood(t *testing.T) {
	_, tab := open(t, "/", Options{})
	tab.Say("play flood")
	tab.Until("the first block is finished", func() bool {
		return Eval[bool](tab, `[...document.querySelectorAll('article p')].filter(p => p.textContent === 'The first paragraph stays.').length === 1
			&& document.querySelectorAll('article li').length > 20`)
	})
	Eval[any](tab, `window.__first = [...document.querySelectorAll('article p')].find(p => p.textContent === 'The first paragraph stays.'); window.__items = document.querySelectorAll('article li').length; 0`)
	tab.Until("much more comes", func() bool {
		return Eval[bool](tab, "document.querySelectorAll('article li').length > window.__items + 200")
	})
	if !Eval[bool](tab, "window.__first.isConnected") {
		t.Error("a finished block is another node than before")
	}
	tab.Find("button", "Stop").Click()
	answer := tab.Answer()
	tokens := Eval[int](tab, fmt.Sprintf(`fetch('/ui/api/chats/%s').then(r => r.json()).then(c => c.messages.find(m => m.role === 'assistant').figures?.answer_tokens ?? 0)`, strings.TrimPrefix(tab.Path(), "/chat/")))
	rate := Eval[float64](tab, fmt.Sprintf(`fetch('/ui/api/chats/%s').then(r => r.json()).then(c => c.messages.find(m => m.role === 'assistant').figures?.tokens_per_second ?? 0)`, strings.TrimPrefix(tab.Path(), "/chat/")))
	t.Logf("%d tokens at %.0f tokens/s", tokens, rate)
	content := Eval[string](tab, fmt.Sprintf(`fetch('/ui/api/chats/%s').then(r => r.json()).then(c => c.messages.find(m => m.role === 'assistant').content)`, strings.TrimPrefix(tab.Path(), "/chat/")))
	// A very long text is drawn in parts, so that the page stays quick: the last come behind the end.
	want, got := strings.Count(content, "- a point of it\n"), 0
	tab.Until("the page has what the server has", func() bool {
		got = must[int](answer, `function() { return [...this.querySelectorAll('li')].filter(l => l.textContent.trim() === 'a point of it').length }`)
		return got >= want
	})
	if got > want+1 { // a last one that is cut off may be there
		t.Errorf("the page has %d points, the server %d", got, want)
	}
}
