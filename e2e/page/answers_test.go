package page

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Reasoning is folded, counts while it runs, and is off or bounded where that is wanted.
func TestReasoning(t *testing.T) {
	_, tab := open(t, "/", Options{})
	tokens := regexp.MustCompile(`(\d+) tokens?$`)
	counted := func(name string) int {
		for _, fold := range tab.All("button", name) {
			if m := tokens.FindStringSubmatch(fold.Text()); m != nil {
				n, _ := strconv.Atoi(m[1])
				return n
			}
		}
		return 0
	}
	tab.Say("play ponder")
	first := 0
	tab.Until("thoughts are counted", func() bool { first = counted("Thinking…"); return first > 0 })
	tab.Until("they are counted live", func() bool { return counted("Thinking…") > first })
	tab.Find("button", "Stop").Click()
	tab.Answer()

	answer := tab.Ask("play think")
	fold := answer.Find("button", "Thought…")
	if text := fold.Text(); !regexp.MustCompile(`^Thought for (less than 1|[\d.]+) s, \d+ tokens$`).MatchString(text) {
		t.Errorf("the fold says %q", text)
	}
	if strings.Contains(answer.Text(), "Let me see") {
		t.Error("the thoughts are not folded")
	}
	fold.Click()
	tab.Until("the thoughts are shown", func() bool { return strings.Contains(answer.Text(), "Let me see.") })

	tab.Parameters().Find("combobox", "Reasoning").Choose("Off")
	if answer := tab.Ask("play think"); answer.Has("button", "Thought…") || !strings.Contains(answer.Text(), "It is nine.") {
		t.Errorf("with reasoning off: %q", answer.Text())
	}
	tab.Parameters().Find("combobox", "Reasoning").Choose("On")
	tab.Set("Reasoning budget", "12")
	answer = tab.Ask("play ponder")
	m := tokens.FindStringSubmatch(answer.Find("button", "Thought…").Text())
	if m == nil {
		t.Fatalf("no thoughts: %q", answer.Text())
	}
	if n, _ := strconv.Atoi(m[1]); n < 1 || n > 12 {
		t.Errorf("a budget of 12 let it think %d tokens", n)
	}
}

// An answer that a limit cut off says so, and goes on from there.
func TestContinue(t *testing.T) {
	_, tab := open(t, "/", Options{})
	tab.Set("Max tokens", "2")
	if answer := tab.Ask("play cut"); !strings.Contains(answer.Text(), "Max tokens (2) cut this answer off.") {
		t.Errorf("the limit is not told: %q", answer.Text())
	}
	tab.Set("Max tokens", "3")
	tab.Answer().Act("Continue")
	tab.Until("it goes on", func() bool { return strings.Contains(tab.Answer().Text(), "Numbers:one two three") })
	if n := len(tab.All("article", "Answer…")); n != 1 {
		t.Errorf("%d answers", n)
	}
	if got := have(t, tab).last("assistant"); got.Content != "Numbers:one two three" || got.Status != "length" {
		t.Errorf("the server has %+v", got)
	}
}

// A new chat is made from any message, and leaves the old one as it is.
func TestFork(t *testing.T) {
	_, tab := open(t, "/", Options{})
	tab.Ask("play hello")
	tab.Ask("play count")
	old := tab.Path()
	tab.Find("article", "Answer…").Act("New chat from here")
	tab.Until("the new chat is shown", func() bool {
		return tab.Path() != old && len(tab.All("article", "Answer…")) == 1 && len(tab.All("article", "You…")) == 1
	})
	tab.Ask("play json")
	tab.Go(old)
	tab.Until("the old chat is whole", func() bool {
		all := tab.All("article", "Answer…")
		return len(all) == 2 && strings.Contains(all[1].Text(), "eight")
	})
	if n := len(tab.Titles()); n != 2 {
		t.Errorf("%d chats are in the list", n)
	}
}

// A message is deleted without a question, with all behind it, and comes back.
func TestDeleteMessage(t *testing.T) {
	_, tab := open(t, "/", Options{})
	tab.Ask("play hello")
	tab.Ask("play count")
	tab.Last("article", "You…").Act("Delete")
	tab.Until("it is gone", func() bool { return len(tab.All("article", "…")) == 2 })
	tab.Says("status", "Message deleted")
	if n := len(have(t, tab).Messages); n != 2 {
		t.Errorf("the server has %d messages", n)
	}
	tab.Find("button", "Undo").Click()
	tab.Until("it is back", func() bool {
		return len(tab.All("article", "…")) == 4 && strings.Contains(tab.Answer().Text(), "eight")
	})
	tab.Reload()
	tab.Until("it is back on the server", func() bool { return len(tab.All("article", "…")) == 4 })
}

// What is copied is what the model wrote, without its thoughts; of code, the code.
func TestCopy(t *testing.T) {
	_, tab := open(t, "/", Options{})
	tab.Permit()
	copied := func(what, want string) {
		t.Helper()
		tab.Until(what+" is copied", func() bool { return Eval[string](tab, "navigator.clipboard.readText()") == want })
	}
	tab.Ask("play think").Act("Copy")
	copied("the answer", "It is nine.")
	tab.Ask("play rich").Find("button", "Copy code").Click()
	copied("the code", `func main() { println("hi") }`)
	tab.Last("article", "You…").Act("Copy")
	copied("the question", "play rich")
}

// A screen reader is told of begin and end, and not each word.
func TestSaid(t *testing.T) {
	_, tab := open(t, "/", Options{})
	tab.Say("play loop")
	tab.Says("status", "Answering…")
	tab.Until("the answer comes", func() bool { return strings.Contains(tab.Last("article", "Answer…").Text(), "la li lo") })
	live := Eval[[]string](tab, `[...document.querySelectorAll('article')].filter(a => a.closest('[aria-live], [role=log], [role=status], [role=alert]')).map(a => a.ariaLabel)`)
	if len(live) > 0 {
		t.Errorf("%q are read aloud at each word", live)
	}
	if busy := tab.Last("article", "Answer…").Attribute("aria-busy"); busy != "true" {
		t.Errorf("aria-busy is %q", busy)
	}
	tab.Find("button", "Stop").Click()
	tab.Says("status", "Answer stopped")
	tab.Ask("play hello")
	tab.Says("status", "Answer complete")
}

// An answer keeps to a schema; what is none is told at its field, and nothing is sent with
// it.
func TestSchema(t *testing.T) {
	_, tab := open(t, "/", Options{})
	field := tab.Parameters().Find("textbox", "JSON Schema")
	field.Fill("{")
	tab.Until("the field is invalid", func() bool { return field.Attribute("aria-invalid") == "true" })
	tab.Say("play json")
	tab.Says("alert", "JSON Schema in the parameters cannot be")
	if got := tab.Box().Value(); got != "play json" {
		t.Errorf("the box has %q", got)
	}
	field.Fill(`{"type": "object", "properties": {"answer": {"type": "string", "maxLength": 8}}, "required": ["answer"], "additionalProperties": false}`)
	tab.Until("the field is valid", func() bool { return field.Attribute("aria-invalid") != "true" })
	tab.Box().Focus()
	tab.Keys("Enter")
	tab.Until("there is an answer", func() bool { return tab.Has("article", "Answer…") })
	tab.Answer()
	var got map[string]string
	content := have(t, tab).last("assistant").Content
	if err := json.Unmarshal([]byte(content), &got); err != nil || len(got) != 1 || len([]rune(got["answer"])) > 8 {
		t.Errorf("%v, the answer is %q", err, content)
	}
}

// Presets lie on the server, with their system prompt; parameters belong to the chat.
func TestPresets(t *testing.T) {
	s, tab := open(t, "/", Options{})
	tab.Ask("play hello")
	without := have(t, tab).last("assistant").Figures.PromptTokens
	tab.New()
	const system = "You are terse and you like llamas."
	tab.Set("System prompt", system, "Seed", "7", "Temperature", "0.5")
	panel := tab.Parameters()
	panel.Find("button", "Save preset").Click()
	panel.Find("textbox", "Preset name").Fill("<i>Terse</i>")
	tab.Keys("Enter")
	tab.Says("status", "saved")

	other := browse(t, s, "/", Options{})
	other.Until("the other browser has it", func() bool {
		return strings.Contains(other.Parameters().Find("combobox", "Preset").Text(), "<i>Terse</i>")
	})
	other.Parameters().Find("combobox", "Preset").Choose("<i>Terse</i>")
	other.Until("the fields have it", func() bool {
		return other.Find("textbox", "System prompt").Value() == system && other.Find("textbox", "Seed").Value() == "7"
	})
	other.Ask("play hello")
	got := have(t, other)
	if p := got.Chat.Parameters; p["system"] != system || p["seed"] != 7.0 || p["temperature"] != 0.5 {
		t.Errorf("the chat has %v", p)
	}
	if n := got.last("assistant").Figures.PromptTokens; n < without+len(system) {
		t.Errorf("%d tokens were read, %d without the system prompt of %d", n, without, len(system))
	}
	other.Reload()
	other.Until("the chat keeps it", func() bool { return other.Parameters().Find("textbox", "System prompt").Value() == system })
	other.Find("button", "Delete preset").Click()
	other.Says("status", "deleted")
	tab.Until("it is gone elsewhere", func() bool { return !strings.Contains(tab.Parameters().Find("combobox", "Preset").Text(), "Terse") })
}
