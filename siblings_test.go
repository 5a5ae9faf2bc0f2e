package blitz

import (
	"errors"
	"slices"
	"testing"
)

// TestGenerateAll: each of several answers to one prompt is what a request with its seed
// gives.
func TestGenerateAll(t *testing.T) {
	e := tinyEngine(t)
	ids := make([]int32, 30)
	for i := range ids {
		ids[i] = int32(i*i%200 + 3)
	}
	seed := uint64(7)
	r := Request{Tokens: ids, MaxTokens: 12, Sampling: &Sampling{Temperature: 1.5, Seed: &seed}}
	all, err := e.GenerateAll(t.Context(), r, 5)
	if err != nil || len(all) != 5 {
		t.Fatalf("%d answers, %v", len(all), err)
	}
	for i, a := range all {
		if err := a.Wait(); err != nil {
			t.Fatal(err)
		}
		one := seed + uint64(i)
		r.Sampling = &Sampling{Temperature: 1.5, Seed: &one}
		alone, err := e.Generate(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		if err := alone.Wait(); err != nil || !slices.Equal(a.IDs(), alone.IDs()) || a.Settings().Seed != one {
			t.Errorf("answer %d with seed %d is %v, alone %v, %v", i, a.Settings().Seed, a.IDs(), alone.IDs(), err)
		}
	}
	for _, n := range []int{-1, 0, MaxAnswers + 1, 1e9} {
		if _, err := e.GenerateAll(t.Context(), r, n); !errors.Is(err, ErrOption) {
			t.Errorf("%d answers: got %v, want %v", n, err, ErrOption)
		}
	}
}

// counting is a Guide that lets every token pass.
type counting struct{ tokens int }

func (*counting) Begin([]int32) error    { return nil }
func (*counting) Forced() []int32        { return nil }
func (*counting) Mask([]uint64) bool     { return false }
func (g *counting) Accept(_ int32) error { g.tokens++; return nil }

// TestGuidesOf: each answer has guides of its own.
func TestGuidesOf(t *testing.T) {
	e := tinyEngine(t)
	var guides []*counting
	r := Request{Tokens: []int32{5, 6, 7}, MaxTokens: 4, Sampling: &Sampling{}, GuidesOf: func(i int) ([]Guide, error) {
		guides = append(guides, &counting{})
		return []Guide{guides[i]}, nil
	}}
	all, err := e.GenerateAll(t.Context(), r, 3)
	if err != nil {
		t.Fatal(err)
	}
	for i, a := range all {
		if err := a.Wait(); err != nil || guides[i].tokens != len(a.IDs()) {
			t.Errorf("the guide of answer %d was told %d of %d tokens, %v", i, guides[i].tokens, len(a.IDs()), err)
		}
	}
	broken := errors.New("broken")
	r.GuidesOf = func(int) ([]Guide, error) { return nil, broken }
	if _, err := e.GenerateAll(t.Context(), r, 2); !errors.Is(err, broken) {
		t.Errorf("guides that cannot be made: got %v", err)
	}
	r.Guides = []Guide{&counting{}}
	if _, err := e.GenerateAll(t.Context(), r, 1); !errors.Is(err, ErrOption) {
		t.Errorf("Guides and GuidesOf: got %v, want %v", err, ErrOption)
	}
	r.GuidesOf = nil
	if _, err := e.GenerateAll(t.Context(), r, 2); !errors.Is(err, ErrOption) {
		t.Errorf("Guides for one of two: got %v, want %v", err, ErrOption)
	}
}

// TestLoad: an engine tells what it did.
func TestLoad(t *testing.T) {
	e := tinyEngine(t)
	a, err := e.Generate(t.Context(), Request{Tokens: []int32{5, 6, 7}, MaxTokens: 4, Sampling: &Sampling{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Wait(); err != nil {
		t.Fatal(err)
	}
	// Two turns of the engine's goroutine later, the step is over.
	if _, err := e.Score(t.Context(), []int32{1, 2}, nil); err != nil {
		t.Fatal(err)
	}
	l := e.Load()
	if l.PromptTokens < 3 || l.DecodedTokens != 3 || l.AnswerTokens != 4 || l.Steps < 4 || l.LimitBytes < 1 || l.Waiting != 0 {
		t.Errorf("the load is %+v, want 3 tokens of a prompt, 3 decoded, an answer of 4", l)
	}
}
