package inference

import (
	"strings"
	"testing"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/chat"
	"github.com/blitz-r1/blitz/internal/golden/puppet"
	"github.com/blitz-r1/blitz/internal/hub"
)

// TestVariant: what a name says of its model counts where a request says nothing.
func TestVariant(t *testing.T) {
	s := puppetService(t)
	v := hub.Variant{System: "Be brief.", Parameters: hub.Parameters{Temperature: new(0.5), TopK: new(int64(3)), Stop: []string{" world"}, MaxTokens: new(int64(7)), Seed: new(int64(-1))}}
	if err := s.Host().Derive(t.Context(), "puppet", "varied", v); err != nil {
		t.Fatal(err)
	}
	own := hub.Variant{Template: "{{ messages[-1].content }}:"}
	if err := s.Host().Derive(t.Context(), "puppet", "own", own); err != nil {
		t.Fatal(err)
	}
	resolve := func(r Request) blitz.Request {
		t.Helper()
		l, err := s.Lease(t.Context(), r.Model, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Release()
		out, err := r.resolve(l, "")
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	user := []chat.Message{chat.User("play hello")}
	got := resolve(Request{Model: "varied", Messages: user})
	if len(got.Messages) != 2 || got.Messages[0].Role != "system" || got.Sampling.Temperature != 0.5 || got.Sampling.TopK != 3 || got.Stop[0] != " world" || got.MaxTokens != 7 || *got.Sampling.Seed != 1<<64-1 {
		t.Errorf("got %+v", got)
	}
	got = resolve(Request{
		Model: "varied", Messages: []chat.Message{chat.System("Be long."), user[0]}, Stop: []string{}, MaxTokens: 5, Sampling: Sampling{Temperature: new(1.0)},
	})
	if len(got.Messages) != 2 || len(got.Stop) != 0 || got.MaxTokens != 5 || got.Sampling.Temperature != 1 || got.Sampling.TopK != 3 {
		t.Errorf("got %+v", got)
	}
	if got = resolve(Request{Model: "varied", Messages: user, Before: []int32{1}}); len(got.Messages) != 1 {
		t.Errorf("got %+v, want no second system message", got.Messages)
	}
	if got = resolve(Request{Model: "varied", Prompts: []Prompt{{Text: "x"}}}); got.Messages != nil || got.Sampling.TopK != 3 {
		t.Errorf("got %+v", got)
	}
	if got = resolve(Request{Model: "own", Messages: user}); got.Template == nil || got.Template.Source() != own.Template {
		t.Errorf("got %+v, want the template", got)
	}
	a, err := s.Answer(t.Context(), &Request{Model: "varied", Messages: user})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	var text strings.Builder
	for e, err := range a.Events() {
		if err != nil {
			t.Fatal(err)
		}
		text.WriteString(e.Token.Content())
	}
	if want, _, _ := strings.Cut(puppet.Text("hello"), " world"); text.String() != want {
		t.Errorf("got %q, want %q", text.String(), want)
	}
	think := Request{Model: "own", Messages: user, ThinkParam: "think", Think: blitz.Think{Mode: blitz.ThinkOn}}
	if _, err := s.Answer(t.Context(), &think); err == nil || !strings.Contains(err.Error(), "does not support thinking") {
		t.Errorf("got %v, want that it does not think", err)
	}
	think.Model = "varied"
	if a, err := s.Answer(t.Context(), &think); err != nil {
		t.Errorf("got %v", err)
	} else {
		a.Close()
	}
}
