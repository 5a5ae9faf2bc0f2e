package ui_test

import (
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/account"
	"github.com/blitz-r1/blitz/internal/golden/puppet"
	"github.com/blitz-r1/blitz/internal/history"
)

// TestTurn: a question is answered, with the figures that the API gives for it.
func TestTurn(t *testing.T) {
	b := newSite(t).browser()
	var at whole
	b.want(200, "POST", "/ui/api/chats/chat-one/turn", question("first", "play think", nil), &at)
	if a := at.message("first-answer"); a == nil || a.Status != history.Running || at.Chat.Title != "play think" || at.Chat.Running != 1 {
		t.Errorf("%+v", at)
	}
	a := b.done("chat-one").message("first-answer")
	if a.Content != "It is nine." || !strings.Contains(a.Reasoning, "Let me see.") || a.Status != history.Complete || a.Model != "puppet" || a.Seq != 0 {
		t.Errorf("%+v", a)
	}
	got := b.say("chat-one", follow("first-answer", "second", "play count", m{"system": "Be brief."}))
	var api struct {
		Usage struct {
			Prompt     int `json:"prompt_tokens"`
			Completion int `json:"completion_tokens"`
			Total      int `json:"total_tokens"`
		}
		Choices []struct{ Message struct{ Content string } }
	}
	b.want(200, "POST", "/v1/chat/completions", m{"model": "puppet", "messages": []m{
		{"role": "system", "content": "Be brief."},
		{"role": "user", "content": "play think"},
		{"role": "assistant", "content": a.Content, "reasoning_content": a.Reasoning},
		{"role": "user", "content": "play count"},
	}}, &api)
	c := got.message("second-answer")
	f := c.Figures
	if f == nil || c.Content != api.Choices[0].Message.Content || f.PromptTokens != api.Usage.Prompt || f.AnswerTokens != api.Usage.Completion || f.Context != api.Usage.Total || f.ContextLimit != contextLength ||
		f.TokensPerSecond <= 0 || f.FirstTokenMS <= 0 || f.CachedTokens > f.PromptTokens {
		t.Errorf("%+v, figures %+v; the API says %+v", c, f, api)
	}
	if f = a.Figures; f.ReasoningTokens == 0 || f.ReasoningMS < 0 || f.AnswerTokens <= f.ReasoningTokens {
		t.Errorf("reasoning: %+v", f)
	}
}

// TestTurnAgain: a turn that is sent again does nothing twice.
func TestTurnAgain(t *testing.T) {
	b := newSite(t).browser()
	turn := question("first", "play hello", nil)
	b.say("chat-one", turn)
	if w := b.say("chat-one", turn); len(w.Messages) != 2 || w.message("first-answer").Content != "Hello, world!" {
		t.Errorf("%+v", w)
	}
	if text := b.want(400, "POST", "/ui/api/chats/chat-one/turn", question("first", "play count", nil), nil); !strings.Contains(text, "another one") {
		t.Error(text)
	}
}

// TestVersions: edits, answers anew and comparisons are versions beside each other.
func TestVersions(t *testing.T) {
	b := newSite(t).browser()
	b.say("chat-one", question("first", "play hello", nil))
	b.say("chat-one", m{"answers": []m{{"id": "again-answer", "parent": "first-question", "parameters": m{"model": "puppet", "seed": 1}}}})
	b.say("chat-one", question("edit", "play count", nil))
	w := b.say("chat-one", m{
		"messages": []m{{"id": "both-question", "parent": "edit-answer", "role": "user", "content": "play count"}},
		"answers": []m{
			{"id": "left-answer", "parent": "both-question", "beside": "right-answer", "parameters": m{"model": "puppet", "max_tokens": 3}},
			{"id": "right-answer", "parent": "both-question", "beside": "left-answer", "parameters": m{"model": "puppet"}},
		},
	})
	for id, want := range map[string]string{
		"first-answer": "Hello, world!", "again-answer": "Hello, world!", "edit-answer": puppet.Text("count"), "left-answer": "one two three", "right-answer": puppet.Text("count"),
	} {
		if got := w.message(id); got == nil || got.Content != want {
			t.Errorf("%s: %+v, want %q", id, got, want)
		}
	}
	if w.message("left-answer").Status != history.Length || w.message("left-answer").Beside != "right-answer" || w.Chat.Leaf != "left-answer" {
		t.Errorf("%+v", w)
	}
	w = b.say("chat-one", m{"messages": []m{{"id": "saved-answer", "parent": "first-question", "role": "assistant", "content": "Mine.", "edited": true}}})
	if got := w.message("saved-answer"); got.Content != "Mine." || !got.Edited || got.Status != history.Complete {
		t.Errorf("%+v", got)
	}
}

// TestContinue: an answer goes on as the same message, also one that a person wrote.
func TestContinue(t *testing.T) {
	b := newSite(t).browser()
	b.say("chat-one", question("first", "play count", nil))
	b.say("chat-one", m{"messages": []m{{"id": "saved-answer", "parent": "first-question", "role": "assistant", "content": "Numbers: \n", "edited": true}}})
	goOn := func(most int) *history.Message {
		t.Helper()
		return b.say("chat-one", m{"answers": []m{{"id": "saved-answer", "parent": "first-question", "continue": true, "parameters": m{"model": "puppet", "max_tokens": most}}}}).message("saved-answer")
	}
	tab := b.open("chat-one")
	got := goOn(3)
	if got.Content != "Numbers:one two three" || got.Status != history.Length || got.Figures.AnswerTokens != 3 {
		t.Errorf("%+v, figures %+v", got, got.Figures)
	}
	f := follower{t: t, id: "saved-answer"}
	for e, ok := tab.next(); ok && !f.hear(e); e, ok = tab.next() {
	}
	if f.content.String() != got.Content || len(f.gaps) > 0 {
		t.Errorf("a tab was told %q, with gaps %q", f.content.String(), f.gaps)
	}
	before := *got.Figures
	if f := goOn(2).Figures; f.PromptTokens != before.PromptTokens || f.AnswerTokens <= before.AnswerTokens || f.Context <= before.Context {
		t.Errorf("%+v; before %+v", f, before)
	}
	b.say("chat-two", question("empty", "play ponder", m{"max_tokens": 4}))
	w := b.say("chat-two", m{"answers": []m{{"id": "empty-answer", "parent": "empty-question", "continue": true, "parameters": m{"model": "puppet"}}}})
	if got := w.message("empty-answer"); got.Status != history.Failed || !strings.Contains(got.Error, "answer anew") || got.Reasoning == "" || got.Figures == nil {
		t.Errorf("%+v", got)
	}
}

// TestParameters: what is asked of a model reaches it.
func TestParameters(t *testing.T) {
	b := newSite(t).browser()
	tool := m{"type": "function", "function": m{"name": "get_weather", "parameters": m{"type": "object", "properties": m{"city": m{"type": "string"}}}}}
	schema := m{"type": "object", "properties": m{"mood": m{"enum": []string{"calm"}}}, "required": []string{"mood"}, "additionalProperties": false}
	for name, c := range map[string]struct {
		text       string
		parameters m
		want       history.Message
	}{
		"no-reasoning": {"play think", m{"reasoning": "off"}, history.Message{Content: "It is nine.", Status: history.Complete}},
		"some-budget":  {"play ponder", m{"reasoning": "on", "reasoning_budget": 3, "max_tokens": 40}, history.Message{Status: history.Complete, Content: "It is nine."}},
		"some-schema":  {"play hello", m{"schema": schema, "reasoning": "off"}, history.Message{Content: `{"mood":"calm"}`, Status: history.Complete}},
		"wrong-schema": {"play hello", m{"schema": m{"type": "odd"}}, history.Message{Status: history.Failed, Error: "schema"}},
		"one-tool":     {"play tool", m{"tools": []m{tool}}, history.Message{Status: history.Calls}},
		"wrong-tool":   {"play tool", m{"tools": []m{{"type": "function", "function": m{"name": "a b"}}}}, history.Message{Status: history.Failed, Error: "tools[0].function.name"}},
		"twice-tool":   {"play tool", m{"tools": []m{tool, tool}}, history.Message{Status: history.Failed, Error: "another tool"}},
		"no-server":    {"play tool", m{"mcp": []string{"none"}}, history.Message{Status: history.Failed, Error: "servers"}},
		"no-model":     {"play hello", m{"model": "nothing"}, history.Message{Status: history.Failed, Error: "not found"}},
		"long-prompt":  {strings.Repeat("x", contextLength+1), nil, history.Message{Status: history.Failed, Error: "maximum context length"}},
		"full-context": {strings.Repeat("x", contextLength-200) + "play loop", nil, history.Message{Status: history.Length}},
	} {
		got := b.say("chat-"+name, question(name, c.text, c.parameters)).message(name + "-answer")
		content := strings.Join(strings.Fields(got.Content), "")
		if got.Status != c.want.Status || !strings.Contains(got.Error, c.want.Error) || c.want.Content != "" && content != strings.ReplaceAll(c.want.Content, " ", "") {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
		if name == "no-reasoning" && got.Reasoning != "" || name == "some-budget" && got.Reasoning == "" {
			t.Errorf("%s: reasoning %q", name, got.Reasoning)
		}
		if name == "one-tool" && (len(got.Calls) != 1 || got.Calls[0].ID == "" || got.Calls[0].Name != "get_weather" || !strings.Contains(got.Calls[0].Arguments, "Paris")) {
			t.Errorf("%+v", got.Calls)
		}
	}
	for path, bad := range map[string]m{
		"answers[0].parameters.temperature": {"temperature": -1},
		"answers[0].parameters.max_tokens":  {"max_tokens": 0},
		"answers[0].parameters.reasoning":   {"reasoning": "much"},
		"answers[0].parameters.schema":      {"schema": []int{1}},
		"odd":                               {"odd": 1},
	} {
		if text := b.want(400, "POST", "/ui/api/chats/chat-bad/turn", question("bad", "x", bad), nil); !strings.Contains(text, `"param":"`+path+`"`) {
			t.Errorf("%s: %s", path, text)
		}
	}
	b.want(404, "GET", "/ui/api/chats/chat-bad", nil, nil)
}

// TestResults: the results of calls go to the model, which goes on.
func TestResults(t *testing.T) {
	b := newSite(t).browser()
	tools := m{"tools": []m{{"type": "function", "function": m{"name": "get_weather"}}, {"type": "function", "function": m{"name": "get_time"}}}}
	w := b.say("chat-one", question("first", "play tools", tools))
	calls := w.message("first-answer").Calls
	if len(calls) != 2 {
		t.Fatalf("%+v", calls)
	}
	w = b.say("chat-one", m{
		"messages": []m{{"id": "results-one", "parent": "first-answer", "role": "tool", "content": "", "results": []m{
			{"call": calls[0].ID, "name": calls[0].Name, "content": "18"}, {"call": calls[1].ID, "name": calls[1].Name, "content": "noon", "failed": true},
		}}},
		"answers": []m{{"id": "second-answer", "parent": "results-one", "parameters": withModel(tools)}},
	})
	if got := w.message("second-answer"); strings.TrimSpace(got.Content) != "It is 18 degrees in Paris!" {
		t.Errorf("%+v", got)
	}
}

// TestFiles: files stand before the text, within a fence that they cannot end.
func TestFiles(t *testing.T) {
	b := newSite(t).browser()
	turn := question("first", "play hello", nil)
	turn["messages"].([]m)[0]["files"] = []m{{"name": "a.md", "bytes": 9, "tokens": 9, "text": "```\nx\n```"}}
	got := b.say("chat-one", turn)
	var api struct{ Usage struct{ Prompt_tokens int } }
	b.want(200, "POST", "/v1/chat/completions", m{"model": "puppet", "messages": []m{{"role": "user", "content": "File a.md:\n````\n```\nx\n```\n````\n\nplay hello"}}}, &api)
	if f := got.message("first-answer").Figures; f.PromptTokens != api.Usage.Prompt_tokens {
		t.Errorf("%d tokens of the prompt, want %d", f.PromptTokens, api.Usage.Prompt_tokens)
	}
	if files := got.message("first-question").Files; len(files) != 1 || files[0].Text != "" || files[0].Name != "a.md" {
		t.Errorf("%+v", files)
	}
}

// TestLimits: an answer counts as any request of its key, and is refused as one.
func TestLimits(t *testing.T) {
	s := newSite(t)
	b := s.signedIn(account.NewKey{Name: "ann", Limits: account.Limits{RequestsPerMinute: 1}})
	b.say("chat-one", question("first", "play hello", nil))
	if got := b.say("chat-one", question("second", "play hello", nil)).message("second-answer"); got.Status != history.Failed || !strings.Contains(got.Error, "limit of 1 requests a minute") {
		t.Errorf("%+v", got)
	}
	totals, err := s.Accounts().Usage(t.Context(), account.Query{By: []string{"key"}})
	if err != nil || len(totals) != 1 || totals[0].Key != "ann" || totals[0].Requests != 1 || totals[0].Answer == 0 {
		t.Errorf("%+v, %v", totals, err)
	}
}

// TestTenants: nothing of one key is there for another, whatever it asks.
func TestTenants(t *testing.T) {
	s := newSite(t)
	ann, bob := s.signedIn(account.NewKey{Name: "ann"}), s.signedIn(account.NewKey{Name: "bob"})
	ann.say("chat-one", question("first", "play hello secret", nil))
	ann.want(204, "PUT", "/ui/api/presets", m{"name": "mine", "parameters": m{"seed": 1}}, nil)
	tab := bob.open("chat-one")
	for _, c := range []struct {
		status       int
		method, path string
		body         any
	}{
		{404, "GET", "/ui/api/chats/chat-one", nil},
		{404, "PATCH", "/ui/api/chats/chat-one", m{"title": "x"}},
		{404, "POST", "/ui/api/chats/chat-one/fork", m{"id": "chat-two", "leaf": "first-answer"}},
		{404, "POST", "/ui/api/chats/chat-one/cut", m{"leaf": "first-answer"}},
		{204, "POST", "/ui/api/chats/chat-one/stop", nil},
		{204, "DELETE", "/ui/api/chats/chat-one", nil},
		{404, "POST", "/ui/api/chats/chat-one/restore", nil},
		{404, "DELETE", "/ui/api/chats/chat-one/messages/first-answer", nil},
		{404, "POST", "/ui/api/chats/chat-one/messages/first-answer/restore", nil},
	} {
		bob.want(c.status, c.method, c.path, c.body, nil)
	}
	bob.say("chat-one", question("first", "play count", nil)) // the same ids are his own
	for _, path := range []string{"/ui/api/chats", "/ui/api/presets", "/ui/api/chats/chat-one", "/ui/api/search?q=secret"} {
		if text := bob.want(200, "GET", path, nil, nil); strings.Contains(text, "secret") || strings.Contains(text, "mine") {
			t.Errorf("%s: %s", path, text)
		}
	}
	ann.say("chat-one", follow("first-answer", "again", "play hello secret", nil))
	ann.want(200, "PATCH", "/ui/api/chats/chat-one", m{"title": "secret"}, nil)
	bob.want(200, "PATCH", "/ui/api/chats/chat-one", m{"title": "the end"}, nil)
	for e, ok := tab.next(); ok && !strings.Contains(string(e.data), "the end"); e, ok = tab.next() {
		if strings.Contains(string(e.data), "secret") {
			t.Errorf("bob is told %s", e.data)
		}
	}
	if text := ann.want(200, "GET", "/ui/api/search?q=secret", nil, nil); !strings.Contains(text, `"text":"secret"`) {
		t.Error(text)
	}
	if w := ann.done("chat-one"); w.message("first-answer") == nil || w.message("again-answer").Content != "Hello, world!" {
		t.Errorf("%+v", w)
	}
}
