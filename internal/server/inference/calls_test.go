package inference

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/chat"
	"github.com/blitz-r1/blitz/grammar"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// answerOf returns the whole of an answer.
func answerOf(t *testing.T, s *Service, r *Request) (*blitz.Answer, error) {
	t.Helper()
	a, err := s.Answer(t.Context(), r)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	for _, err := range a.Events() {
		if err != nil {
			return nil, err
		}
	}
	return a.Choice(0), nil
}

// TestHold: a model that would say something else says what each format wants.
func TestHold(t *testing.T) {
	s := puppetService(t)
	for name, c := range map[string]struct {
		format Format
		want   []string
	}{
		"choice":  {Format{Choice: []string{"red", "green"}}, []string{"red", "green"}},
		"regex":   {Format{Regex: "[xy]z"}, []string{"xz", "yz"}},
		"grammar": {Format{Grammar: "root ::= \"p\" [qr]"}, []string{"pq", "pr"}},
		"schema":  {Format{Schema: []byte(`{"enum": ["a", 7]}`)}, []string{`"a"`, "7"}},
	} {
		a, err := answerOf(t, s, &Request{Model: "puppet", Messages: []chat.Message{chat.User("play hello")}, Format: c.format, Think: blitz.Think{Mode: blitz.ThinkOff}, MaxTokens: 50})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if text, err := a.Text(); err != nil || !slices.Contains(c.want, text) || a.Finish().Reason != blitz.FinishStopToken {
			t.Errorf("%s: got %q, %v, %v, want one of %q", name, text, a.Finish(), err, c.want)
		}
	}
	tools := chat.Tools(chat.Tool{Name: "get_time"}, chat.Tool{Name: "get_date"})
	a, err := answerOf(t, s, &Request{
		Model: "puppet", Messages: []chat.Message{chat.User("play hello")}, Tools: tools, Calls: Calls{Required: true, Name: "get_date", Single: true},
		Think: blitz.Think{Mode: blitz.ThinkOff}, MaxTokens: 200,
	})
	if err != nil {
		t.Fatal(err)
	}
	if calls := a.Output().ToolCalls; len(calls) != 1 || calls[0].Name != "get_date" || calls[0].Arguments != "{}" {
		t.Errorf("a call that is required: got %v", calls)
	}
}

// TestHoldErrors: what cannot be held is refused by its name in the request.
func TestHoldErrors(t *testing.T) {
	s := puppetService(t)
	hi := []chat.Message{chat.User("play hello")}
	for name, c := range map[string]struct {
		r     Request
		param string
		says  string
	}{
		"a pattern":       {Request{Format: Format{Regex: "(?=a)", Param: "guided_regex"}}, "guided_regex", "look-ahead"},
		"a schema":        {Request{Format: Format{Schema: []byte(`{"$ref": "http://a/b"}`), Param: "response_format"}}, "response_format", "$ref"},
		"left recursion":  {Request{Format: Format{Grammar: "root ::= root \"a\" | \"b\"", Param: "grammar"}}, "grammar", "left recursion"},
		"no choice":       {Request{Format: Format{Choice: []string{}, Param: "guided_choice"}}, "guided_choice", "no text"},
		"no tools":        {Request{Calls: Calls{Required: true, Param: "tool_choice"}}, "tool_choice", "no tools"},
		"an unknown tool": {Request{Tools: chat.Tools(chat.Tool{Name: "f"}), Calls: Calls{Required: true, Name: "g", Param: "tool_choice"}}, "tools", `"g"`},
	} {
		c.r.Model, c.r.Messages = "puppet", hi
		_, err := answerOf(t, s, &c.r)
		var e *wire.Error
		if !errors.As(err, &e) || e.Kind != wire.Invalid || e.Param != c.param || !strings.Contains(e.Message, c.says) {
			t.Errorf("%s: got %#v, want one of %s with %q", name, err, c.param, c.says)
		}
	}
	if !isGrammar(grammar.ErrEmpty) || isGrammar(blitz.ErrOption) {
		t.Error("errors of grammars are not told apart")
	}
}
