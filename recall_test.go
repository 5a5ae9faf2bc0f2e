package blitz

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"testing"

	"github.com/blitz-r1/blitz/chat"
)

// TestRecall: an answer that is known is read as it was when it was drawn, and one that cannot
// be an answer ends with an error.
func TestRecall(t *testing.T) {
	e := tinyEngine(t)
	drawn := func(r Request, n int) []*Answer {
		all, err := e.GenerateAll(t.Context(), r, n)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range all {
			if err := a.Wait(); err != nil {
				t.Fatal(err)
			}
		}
		return all
	}
	for name, c := range map[string]struct {
		r Request
		n int
	}{
		"text":           {Request{Prompt: "Q", MaxTokens: 20, Sampling: &Sampling{Temperature: 1, Seed: new(uint64(1))}}, 1},
		"several":        {Request{Prompt: "Q", MaxTokens: 9, Sampling: &Sampling{Temperature: 1, Seed: new(uint64(2))}}, 3},
		"a conversation": {Request{Messages: []chat.Message{chat.User("Q")}, MaxTokens: 30, Sampling: &Sampling{Temperature: 1, Seed: new(uint64(3))}}, 1},
		"a stop text":    {Request{Prompt: "Q", MaxTokens: 60, Stop: []string{"a", "e", "o"}, Sampling: &Sampling{Temperature: 1, Seed: new(uint64(4))}}, 1},
	} {
		want := drawn(c.r, c.n)
		got, err := e.Recall(t.Context(), c.r, c.n, func(_ context.Context, i int, prompt []int32, s Settings) (Known, error) {
			if !slices.Equal(prompt, want[i].PromptIDs()) || s.Seed != want[i].Settings().Seed {
				t.Errorf("%s: answer %d is asked of %d tokens with the seed %d", name, i, len(prompt), s.Seed)
			}
			return Known{Tokens: want[i].IDs(), Cached: 1, Cut: want[i].Finish().Reason == FinishLength}, nil
		})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for i, a := range got {
			if err := a.Wait(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if !reflect.DeepEqual(a.Output(), want[i].Output()) || !slices.Equal(a.IDs(), want[i].IDs()) || a.Finish() != want[i].Finish() || !reflect.DeepEqual(a.Settings(), want[i].Settings()) {
				t.Errorf("%s: %+v %v, want %+v %v", name, a.Output(), a.Finish(), want[i].Output(), want[i].Finish())
			}
			if u := a.Usage(); u.CachedTokens != 1 || u.OutputTokens != len(want[i].IDs()) || u.PromptTokens != len(want[i].PromptIDs()) {
				t.Errorf("%s: %+v", name, u)
			}
		}
	}
	own, letter := errors.New("nobody knows"), drawn(Request{Prompt: "Q", MaxTokens: 1, Sampling: &Sampling{}}, 1)[0].PromptIDs()[0]
	r := Request{Prompt: "Q", MaxTokens: 5, Sampling: &Sampling{}}
	for name, c := range map[string]struct {
		known Known
		err   error
		want  error
	}{
		"an error":           {Known{}, own, own},
		"no end":             {Known{Tokens: []int32{letter, letter}}, nil, ErrTokens},
		"nothing":            {Known{Cut: true}, nil, ErrTokens},
		"a token too large":  {Known{Tokens: []int32{1 << 30}, Cut: true}, nil, ErrTokens},
		"a token below zero": {Known{Tokens: []int32{-1}, Cut: true}, nil, ErrTokens},
	} {
		all, err := e.Recall(t.Context(), r, 1, func(context.Context, int, []int32, Settings) (Known, error) { return c.known, c.err })
		if err != nil {
			t.Fatal(err)
		}
		if err := all[0].Wait(); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	all, err := e.Recall(t.Context(), r, 1, func(ctx context.Context, _ int, _ []int32, _ Settings) (Known, error) {
		<-ctx.Done()
		return Known{}, ctx.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	all[0].Close()
	if err := all[0].Wait(); !errors.Is(err, context.Canceled) || all[0].Finish().Reason != FinishCancelled {
		t.Errorf("closed: %v, %v", err, all[0].Finish())
	}
	if _, err := e.Recall(t.Context(), Request{Tokens: make([]int32, e.Context())}, 1, nil); !errors.Is(err, ErrContext) {
		t.Errorf("a prompt as long as the context: %v, want %v", err, ErrContext)
	}
	if _, err := e.Recall(t.Context(), Request{Tokens: []int32{}}, 1, nil); !errors.Is(err, ErrPrompt) {
		t.Errorf("no prompt: %v, want %v", err, ErrPrompt)
	}
}
