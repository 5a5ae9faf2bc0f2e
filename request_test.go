package blitz

import (
	"errors"
	"slices"
	"testing"

	"github.com/blitz-r1/blitz/chat"
)

// TestBefore: a conversation goes on with tokens, and does not begin anew.
func TestBefore(t *testing.T) {
	e := tinyEngine(t)
	turn := func(template string, before ...int32) []int32 {
		t.Helper()
		own, err := chat.NewTemplate(template)
		if err != nil {
			t.Fatal(err)
		}
		ids, err := e.PromptIDs(t.Context(), Request{Messages: []chat.Message{chat.User("Q")}, Template: own, Before: before})
		if err != nil {
			t.Fatal(err)
		}
		return ids
	}
	const said = "{{ messages[-1].content }}!"
	plain := turn(said)
	if got := turn(said, 7, 8); !slices.Equal(got, slices.Concat([]int32{7, 8}, plain)) {
		t.Errorf("got %v, want 7 and 8 before %v", got, plain)
	}
	if got := turn("{{ bos_token }}"+said, 7, 8); !slices.Equal(got, slices.Concat([]int32{7, 8}, plain)) {
		t.Errorf("got %v, want no second BOS before %v", got, plain)
	}
	if _, err := e.Generate(t.Context(), Request{Tokens: []int32{1}, Before: []int32{2}}); !errors.Is(err, ErrOption) {
		t.Errorf("tokens before tokens: got %v, want %v", err, ErrOption)
	}
	if _, err := e.Generate(t.Context(), Request{Messages: []chat.Message{chat.User("Q")}, Before: []int32{1 << 30}}); !errors.Is(err, ErrTokens) {
		t.Errorf("no token: got %v, want %v", err, ErrTokens)
	}
}

// TestTemplate: the template of a request is rendered, and says how the answer is read.
func TestTemplate(t *testing.T) {
	e := tinyEngine(t)
	plain, err := chat.NewTemplate("{{ messages[0].content }} says:")
	if err != nil {
		t.Fatal(err)
	}
	r := Request{Messages: []chat.Message{chat.User("Q")}, Template: plain, Sampling: &Sampling{}, MaxTokens: 20}
	if text, err := e.Model().Render(t.Context(), &r); err != nil || text != "Q says:" {
		t.Errorf("got %q and %v", text, err)
	}
	r.Guides = []Guide{saying(t, e.Model(), "Hm</think>One.", true)}
	a, err := e.Generate(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := a.Text(); err != nil || text != "Hm</think>One." {
		t.Errorf("got %q and %v, want all of it as the content", text, err)
	}
}
