package blitz

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"reflect"
	"testing"
)

// near is an engine of this process that stands for one of another: all passes as JSON.
type near struct{ e *Engine }

func (n near) Facts() FarFacts {
	return FarFacts{Context: n.e.Context(), Sequences: n.e.Sequences(), Threads: n.e.Threads(), Cache: n.e.Cache()}
}

func (n near) Answer(ctx context.Context, r *FarRequest) iter.Seq2[FarStep, error] {
	return func(yield func(FarStep, error) bool) {
		var q FarRequest
		text, err := json.Marshal(r)
		if err == nil {
			err = json.Unmarshal(text, &q)
		}
		var a *Answer
		if err == nil {
			a, err = n.e.Generate(ctx, q.Request())
		}
		if err != nil {
			yield(FarStep{}, err)
			return
		}
		for step, err := range a.Steps() {
			if !yield(step, err) {
				return
			}
		}
	}
}

func TestAttachedEngineGivesTheSame(t *testing.T) {
	e := tinyEngine(t)
	m, err := Open(tinyFolder(t), &Options{NoWeights: true})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if _, err := NewEngine(m, nil); !errors.Is(err, ErrOption) {
		t.Errorf("an engine without weights: %v, want ErrOption", err)
	}
	far, err := Attach(m, near{e})
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	seed := uint64(7)
	for _, r := range []Request{
		{Prompt: "Hello", MaxTokens: 20, Sampling: &Sampling{Temperature: 1, Seed: &seed}, Logprobs: true, TopTokens: 3},
		{Prompt: "Hello", MaxTokens: 20, Sampling: &Sampling{}},
		{Prompt: "Hello", MaxTokens: 30, Sampling: &Sampling{Temperature: 2, Seed: &seed}, Schema: json.RawMessage(`{"enum": ["yes", {"no": [1, 2]}]}`)},
		{Tokens: []int32{1, 2, 3, 4, 5}, Begun: 2, MaxTokens: 5, Sampling: &Sampling{}},
	} {
		var tokens [2][]Token
		var answers [2]*Answer
		for i, e := range []*Engine{e, far} {
			a, err := e.Generate(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			for token, err := range a.Tokens() {
				if err != nil {
					t.Fatal(err)
				}
				tokens[i] = append(tokens[i], token)
			}
			answers[i] = a
		}
		if !reflect.DeepEqual(tokens[0], tokens[1]) {
			t.Errorf("tokens %v, attached %v", tokens[0], tokens[1])
		}
		if answers[0].Finish() != answers[1].Finish() || answers[0].Usage().PromptTokens != answers[1].Usage().PromptTokens {
			t.Errorf("%v %v, attached %v %v", answers[0].Finish(), answers[0].Usage(), answers[1].Finish(), answers[1].Usage())
		}
	}
}

func TestAttachedEngineRefuses(t *testing.T) {
	far, err := Attach(tinyEngine(t).Model(), near{tinyEngine(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	if _, err := far.Score(t.Context(), []int32{1, 2}, nil); !errors.Is(err, ErrOption) {
		t.Errorf("Score: %v", err)
	}
	if _, err := far.Generate(t.Context(), Request{Tokens: make([]int32, far.Context()+1)}); !errors.Is(err, ErrContext) {
		t.Errorf("a long prompt: %v", err)
	}
	a, err := far.Generate(t.Context(), Request{Tokens: []int32{1}, Sampling: &Sampling{}})
	if err != nil {
		t.Fatal(err)
	}
	a.Close()
	if err := a.Wait(); !errors.Is(err, context.Canceled) {
		t.Errorf("a closed answer: %v", err)
	}
}
