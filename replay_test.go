package blitz

import (
	"math"
	"slices"
	"testing"
)

// TestReplay asks for answers again with the tokens that came: all come again from the same
// logits, whatever drew, forced, masked or ended them; and a changed token is found.
func TestReplay(t *testing.T) {
	e := tinyEngine(t)
	for name, r := range map[string]Request{
		"greedy":       {Prompt: "Once", MaxTokens: 40, Sampling: &Sampling{}},
		"one token":    {Prompt: "Once", MaxTokens: 1, Sampling: &Sampling{}},
		"hot":          {Prompt: "Once", MaxTokens: 70, Sampling: &Sampling{Temperature: 1.5, TopK: 30, TopP: new(float32(0.9)), MinP: 0.01, RepeatPenalty: 1.2, PresencePenalty: 0.5, LogitBias: map[int32]float32{7: -3}}},
		"a budget":     {Messages: question, MaxTokens: 60, Sampling: &Sampling{Temperature: 1, Seed: new(uint64(4))}, Think: Think{Mode: ThinkOn, Budget: 20}},
		"a stop text":  {Prompt: "Once", MaxTokens: 60, Sampling: &Sampling{}, Stop: []string{"\x00", "a", "e"}},
		"held":         {Messages: question, MaxTokens: 60, Sampling: &Sampling{Temperature: 1}, Grammar: yesOrNo(t)},
		"as suggested": {Messages: question, MaxTokens: 33},
	} {
		var rows [][]float32
		r.Observe = func(_ int32, logits []float32) { rows = append(rows, slices.Clone(logits)) }
		a, _, err := answer(t, e, r)
		if err != nil {
			t.Fatal(err)
		}
		record := a.Record()
		again := record.Request()
		again.Grammar = r.Grammar
		came := 0
		got, err := e.Replay(t.Context(), again, record.Tokens, func(i int, id int32, logits []float32) {
			if i != came || id != record.Tokens[i] || !slices.EqualFunc(logits, rows[i], func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) }) {
				t.Errorf("%s: token %d: %d comes from other logits", name, i, id)
			}
			came++
		})
		if err != nil || got.First != -1 || came != len(record.Tokens) || got.Finish.String() != record.Finish.String() {
			t.Errorf("%s: %d tokens again: %+v, %v, want %d and %v", name, came, got, err, len(record.Tokens), record.Finish)
		}
		none := func(int, int32, []float32) {}
		for _, i := range []int{0, len(record.Tokens) / 2, len(record.Tokens) - 1} {
			changed := slices.Clone(record.Tokens)
			changed[i] = (changed[i] + 1) % 256
			if got, err := e.Replay(t.Context(), again, changed, none); err != nil || got.First != i {
				t.Errorf("%s: token %d changed: %+v, %v", name, i, got, err)
			}
		}
		if n := len(record.Tokens); n > 1 {
			if got, err := e.Replay(t.Context(), again, record.Tokens[:n-1], none); err != nil || got.First != -1 || got.Finish.Reason != FinishNone {
				t.Errorf("%s: without the last token: %+v, %v, want that it goes on", name, got, err)
			}
		}
		if got, err := e.Replay(t.Context(), again, append(slices.Clone(record.Tokens), 1), none); err != nil || got.First != len(record.Tokens) {
			t.Errorf("%s: with a token more: %+v, %v, want %d", name, got, err, len(record.Tokens))
		}
	}
}

// TestObserveOf: each of several answers shows its own logits.
func TestObserveOf(t *testing.T) {
	e := tinyEngine(t)
	seen := make([][]int32, 3)
	all, err := e.GenerateAll(t.Context(), Request{
		Prompt: "Once", MaxTokens: 9, Sampling: &Sampling{Temperature: 1, Seed: new(uint64(1))},
		ObserveOf: func(i int) func(int32, []float32) {
			return func(id int32, _ []float32) { seen[i] = append(seen[i], id) }
		},
	}, 3)
	if err != nil {
		t.Fatal(err)
	}
	for i, a := range all {
		if err := a.Wait(); err != nil || !slices.Equal(a.IDs(), seen[i]) {
			t.Errorf("answer %d: seen %v, %v, want %v", i, seen[i], err, a.IDs())
		}
	}
}
