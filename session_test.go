package blitz

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/blitz-r1/blitz/chat"
	"github.com/blitz-r1/blitz/jinja"
)

// say has the session's next answer be a text, which is read to its end.
func say(t *testing.T, s *Session, text string, ask func() (*Answer, error)) *Answer {
	t.Helper()
	s.Request.Guides = []Guide{saying(t, s.engine.Model(), text, true)}
	a, err := ask()
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Wait(); err != nil {
		t.Fatal(err)
	}
	return a
}

// spoken returns who said what in a session.
func spoken(s *Session) (turns []string) {
	for _, m := range s.Messages {
		text, _ := m.Content.Text()
		turns = append(turns, m.Role+": "+text)
	}
	return turns
}

func checkSpoken(t *testing.T, s *Session, want ...string) {
	t.Helper()
	if got := spoken(s); !slices.Equal(got, want) {
		t.Errorf("the conversation is %q, want %q", got, want)
	}
}

func TestSession(t *testing.T) {
	e := tinyEngine(t)
	s := e.NewSession(&Request{Sampling: &Sampling{}})
	ask := func(text string) func() (*Answer, error) {
		return func() (*Answer, error) { return s.Ask(t.Context(), text) }
	}
	retry := func() (*Answer, error) { return s.Retry(t.Context()) }
	if _, err := s.Retry(t.Context()); !errors.Is(err, ErrNoTurn) {
		t.Errorf("a retry of nothing: got %v, want %v", err, ErrNoTurn)
	}
	say(t, s, "Hm</think>One.", ask("A"))
	checkSpoken(t, s, "user: A")
	s.Settle()
	s.Settle()
	checkSpoken(t, s, "user: A", "assistant: One.")
	if s.Messages[1].ReasoningContent != "Hm" {
		t.Errorf("the reasoning is %q, want Hm", s.Messages[1].ReasoningContent)
	}
	say(t, s, "</think>Two.", ask("B"))
	say(t, s, "</think>Three.", retry)
	s.Settle()
	checkSpoken(t, s, "user: A", "assistant: One.", "user: B", "assistant: Three.")
	if !s.Undo() {
		t.Error("nothing is taken back")
	}
	checkSpoken(t, s, "user: A", "assistant: One.")
	say(t, s, "</think>Four.", func() (*Answer, error) {
		return s.Send(t.Context(), chat.Message{Role: "tool", Content: jinja.String("{}")}, chat.User("C"))
	})
	s.Settle()
	checkSpoken(t, s, "user: A", "assistant: One.", "tool: {}", "user: C", "assistant: Four.")
	for s.Undo() {
	}
	checkSpoken(t, s)
	a := say(t, s, "</think><tool_call>\n{\"name\": \"f\", \"arguments\": {}}\n</tool_call>", ask("D"))
	if a.Finish().Reason != FinishToolCalls {
		t.Fatalf("a call ended as %v", a.Finish())
	}
	say(t, s, "</think>Five.", func() (*Answer, error) { return s.Send(t.Context(), chat.Result(a.Output().ToolCalls[0], "5")) })
	s.Settle()
	checkSpoken(t, s, "user: D", "assistant: ", "tool: 5", "assistant: Five.")
	if calls := s.Messages[1].ToolCalls; len(calls) != 1 || calls[0].Name != "f" || s.Messages[2].Name != "f" {
		t.Errorf("the calls are %v, answered by %q", calls, s.Messages[2].Name)
	}
	s.Messages = nil
	if _, err := s.Continue(t.Context()); !errors.Is(err, ErrNoTurn) {
		t.Errorf("going on with nothing: got %v, want %v", err, ErrNoTurn)
	}
}

// TestSessionCut: an answer that is cut stays as far as it was read; one of which
// nothing was read leaves no turn, and its question can be asked again.
func TestSessionCut(t *testing.T) {
	e := tinyEngine(t)
	s := e.NewSession(&Request{Sampling: &Sampling{}, MaxTokens: 30})
	say(t, s, "</think>One.", func() (*Answer, error) { return s.Ask(t.Context(), "A") })
	ctx, cancel := context.WithCancel(t.Context())
	s.Request.Guides = nil
	a, err := s.Ask(ctx, "B")
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := a.Wait(); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	s.Settle()
	checkSpoken(t, s, "user: A", "assistant: One.")
	say(t, s, "</think>Two.", func() (*Answer, error) { return s.Retry(t.Context()) })
	s.Settle()
	checkSpoken(t, s, "user: A", "assistant: One.", "user: B", "assistant: Two.")
	s.Request.Guides = []Guide{saying(t, e.Model(), "</think>Three.", true)}
	if a, err = s.Ask(t.Context(), "C"); err != nil {
		t.Fatal(err)
	}
	n := 0
	for range a.Tokens() {
		if n++; n == 4 {
			break
		}
	}
	s.Settle()
	checkSpoken(t, s, "user: A", "assistant: One.", "user: B", "assistant: Two.", "user: C", "assistant: Thr")
	s.Request.Messages = nil
	s.Request.Variables = nil
	if _, err := s.Send(t.Context(), chat.User("D")); err != nil {
		t.Fatal(err)
	}
	s.Settle() // nothing of it was read
	checkSpoken(t, s, "user: A", "assistant: One.", "user: B", "assistant: Two.", "user: C", "assistant: Thr")
	s.Messages = nil
	s.Request.Stop = []string{""}
	if _, err := s.Ask(t.Context(), "E"); !errors.Is(err, ErrOption) || len(s.Messages) != 0 {
		t.Errorf("a request that is refused: got %v, and %q", err, spoken(s))
	}
}

// TestContinue: an answer that is cut and goes on is the answer that was not cut.
func TestContinue(t *testing.T) {
	e := tinyEngine(t)
	for _, budget := range []int{0, 12} {
		r := &Request{Sampling: &Sampling{}, MaxTokens: 60, Think: Think{Budget: budget}, Stop: []string{"\x01\x02"}}
		whole := e.NewSession(r)
		a, err := whole.Ask(t.Context(), "A")
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Wait(); err != nil {
			t.Fatal(err)
		}
		whole.Settle()
		for _, first := range []int{1, 11, 12, 13, 20, 40} {
			s := e.NewSession(r)
			s.Request.MaxTokens = first
			cut, err := s.Ask(t.Context(), "A")
			if err != nil {
				t.Fatal(err)
			}
			if err := cut.Wait(); err != nil {
				t.Fatal(err)
			}
			ids := cut.IDs()
			for left := 60 - first; left > 0; {
				s.Request.MaxTokens = min(left, 25)
				next, err := s.Continue(t.Context())
				if err != nil {
					t.Fatalf("behind %d tokens: %v", len(ids), err)
				}
				if err := next.Wait(); err != nil {
					t.Fatal(err)
				}
				ids = slices.Concat(ids, next.IDs())
				left -= len(next.IDs())
			}
			s.Settle()
			if !slices.Equal(ids, a.IDs()) {
				t.Errorf("budget %d, cut behind %d: tokens %v, uncut %v", budget, first, ids, a.IDs())
			}
			if len(s.Messages) != 2 || !same(&s.Messages[1], &whole.Messages[1]) {
				t.Errorf("budget %d, cut behind %d: the answer is %q, uncut %q", budget, first, spoken(s), spoken(whole))
			}
			s.Messages[1].Content = jinja.String("something else")
			if _, err := s.Continue(t.Context()); !errors.Is(err, ErrNoTurn) {
				t.Errorf("going on with what the user wrote: got %v, want %v", err, ErrNoTurn)
			}
		}
	}
	s := e.NewSession(&Request{Sampling: &Sampling{}})
	say(t, s, "</think>Done.", func() (*Answer, error) { return s.Ask(t.Context(), "A") })
	if _, err := s.Continue(t.Context()); !errors.Is(err, ErrNoTurn) {
		t.Errorf("going on with a whole answer: got %v, want %v", err, ErrNoTurn)
	}
}

func TestWholeCalls(t *testing.T) {
	whole, cut := chat.ToolCall{Name: "a", Arguments: `{"x": 1}`}, chat.ToolCall{Name: "b", Arguments: `{"x": `}
	for _, c := range []struct {
		calls []chat.ToolCall
		want  int
	}{
		{nil, 0},
		{[]chat.ToolCall{whole}, 1},
		{[]chat.ToolCall{whole, whole}, 2},
		{[]chat.ToolCall{whole, cut}, 1},
		{[]chat.ToolCall{cut}, 0},
	} {
		if got := wholeCalls(c.calls); len(got) != c.want {
			t.Errorf("%v: %d calls are kept, want %d", c.calls, len(got), c.want)
		}
	}
}
