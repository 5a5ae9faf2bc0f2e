package blitz

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"
)

// TestRecord writes answers down and runs them again from what was written.
func TestRecord(t *testing.T) {
	e := tinyEngine(t)
	for name, r := range map[string]Request{
		"greedy text":  {Prompt: "Once", MaxTokens: 20, Sampling: &Sampling{}},
		"a hot answer": {Prompt: "Once", MaxTokens: 40, Sampling: &Sampling{Temperature: 1.5, TopK: 30, TopP: new(float32(0.9)), MinP: 0.01, RepeatPenalty: 1.2, PresencePenalty: 0.5, LogitBias: map[int32]float32{7: -3}}},
		"tokens":       {Tokens: []int32{70, 71, 72}, MaxTokens: 5, Sampling: &Sampling{Temperature: 1}},
		"a budget":     {Messages: question, MaxTokens: 60, Sampling: &Sampling{Temperature: 1, Seed: new(uint64(4))}, Think: Think{Mode: ThinkOn, Budget: 20}},
		"a stop text":  {Prompt: "Once", MaxTokens: 60, Sampling: &Sampling{}, Stop: []string{"\x00", "a", "e"}},
		"as suggested": {Messages: question, MaxTokens: 10},
	} {
		a, _, err := answer(t, e, r)
		if err != nil {
			t.Fatal(err)
		}
		first := a.Record()
		text, err := json.Marshal(first)
		if err != nil {
			t.Fatal(err)
		}
		var read Record
		if err := json.Unmarshal(text, &read); err != nil {
			t.Fatalf("%s: %v: %s", name, err, text)
		}
		if again, err := json.Marshal(read); err != nil || string(again) != string(text) {
			t.Errorf("%s: written %s, read and written again %s, %v", name, text, again, err)
		}
		b, _, err := answer(t, e, read.Request())
		if err != nil {
			t.Fatal(err)
		}
		second := b.Record()
		if !slices.Equal(second.Tokens, first.Tokens) || !slices.Equal(second.Prompt, first.Prompt) || !slices.Equal(second.Forced, first.Forced) ||
			second.Finish != first.Finish || !reflect.DeepEqual(second.Settings, first.Settings) {
			t.Errorf("%s: again came\n%+v, the first time\n%+v", name, second, first)
		}
		if first.Profile != "canon-1" || first.Cache != "f32" || first.Form != "none" || first.Guided || first.Model != "" || first.Finished.Before(first.Started) || first.Error != "" {
			t.Errorf("%s: recorded %+v", name, first)
		}
		if (name == "a budget") != (len(first.Forced) > 0) || first.Rendered != (r.Messages != nil) {
			t.Errorf("%s: recorded forced %v, rendered %v", name, first.Forced, first.Rendered)
		}
	}
	root, err := e.Model().Root(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	named, _, err := answer(t, e, Request{Prompt: "Q", MaxTokens: 1})
	if r := named.Record(); err != nil || len(root) != 64 || r.Model != root {
		t.Errorf("the model is recorded as %q, %v, want its root %s", r.Model, err, root)
	}
	a, _, err := answer(t, e, Request{Prompt: "Q", Guides: []Guide{onlyGuide(func(int32) bool { return false })}})
	if r := a.Record(); err == nil || r.Error != err.Error() || !r.Guided || r.Finish.Reason != FinishError || len(r.Tokens) != 0 {
		t.Errorf("a failed answer is recorded as %+v, its error %v", r, err)
	}
}
