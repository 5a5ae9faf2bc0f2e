package reward

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
)

const (
	thought = "<think>6*7 is 42</think>"
	right42 = thought + "<answer>6*7</answer>"
)

// TestText asks each reward that looks at text alone.
func TestText(t *testing.T) {
	row := `{"numbers": [6, 7], "target": 42, "expression": "6*7", "answer": "42", "choices": ["41", "42"], "language": "zh", "schema": {"type": "object", "required": ["a"]}}`
	for _, c := range []struct {
		name   string
		reward Reward
		sample Sample
		want   float64
	}{
		{"countdown", Reward{Kind: Countdown}, Sample{Completion: right42}, 1},
		{"countdown, nothing after it", Reward{Kind: Countdown}, Sample{Completion: right42 + " so"}, 0},
		{"countdown, the reasoning does not count", Reward{Kind: Countdown}, Sample{Completion: "<think><answer>6*7</answer>"}, 0},
		{"arithmetic", Reward{Kind: Arithmetic}, Sample{Completion: thought + "<answer>84/2</answer>"}, 1},
		{"exact", Reward{Kind: Exact}, Sample{Completion: thought + " 42\n"}, 1},
		{"exact, in tags", Reward{Kind: Exact}, Sample{Completion: thought + "it is <answer>42</answer>"}, 1},
		{"exact, other words", Reward{Kind: Exact}, Sample{Completion: thought + "it is 42"}, 0},
		{"exact, reasoning that does not end", Reward{Kind: Exact}, Sample{Completion: "<think>42"}, 0},
		{"exact, reasoning that the prompt opened", Reward{Kind: Exact}, Sample{Completion: "42", Open: true}, 0},
		{"exact, the answer alone", Reward{Kind: Exact, Part: PartAnswer}, Sample{Completion: thought + "42"}, 0},
		{"numeric", Reward{Kind: Numeric}, Sample{Completion: thought + "it is 42.0"}, 1},
		{"numeric, near", Reward{Kind: Numeric, Tolerance: 0.5}, Sample{Completion: "42.4"}, 1},
		{"numeric, far", Reward{Kind: Numeric, Tolerance: 0.5}, Sample{Completion: "42.6"}, 0},
		{"choice", Reward{Kind: Choice}, Sample{Completion: "It is B."}, 1},
		{"regex", Reward{Kind: Regex, Pattern: `^\d+$`, Part: PartAnswer}, Sample{Completion: thought + "<answer>7</answer>"}, 1},
		{"regex, no answer", Reward{Kind: Regex, Pattern: `.*`, Part: PartAnswer}, Sample{Completion: thought}, 0},
		{"regex of the example", Reward{Kind: Regex}, Sample{Completion: "about 42 or so"}, 1},
		{"schema of the example", Reward{Kind: Schema}, Sample{Completion: thought + `{"a": 1}`}, 1},
		{"schema", Reward{Kind: Schema, Schema: `{"type": "array"}`}, Sample{Completion: thought + `{"a": 1}`}, 0},
		{"schema, no JSON", Reward{Kind: Schema}, Sample{Completion: thought + `{"a": 1`}, 0},
		{"schema, deep", Reward{Kind: Schema, Schema: `{}`}, Sample{Completion: strings.Repeat("[", 1<<20)}, 0},
		{"format", Reward{Kind: Format}, Sample{Completion: right42}, 1},
		{"format, open", Reward{Kind: Format}, Sample{Completion: "hm</think><answer>1</answer>", Open: true}, 1},
		{"format, no beginning", Reward{Kind: Format}, Sample{Completion: "hm</think><answer>1</answer>"}, 0},
		{"format, two answers", Reward{Kind: Format}, Sample{Completion: thought + "<answer>1</answer><answer>2</answer>"}, 0},
		{"format, two ends", Reward{Kind: Format}, Sample{Completion: thought + "</think><answer>1</answer>"}, 0},
		{"format, an empty answer", Reward{Kind: Format}, Sample{Completion: thought + "<answer> </answer>"}, 0},
		{"format, plain", Reward{Kind: Format, Plain: true}, Sample{Completion: thought + "42"}, 1},
		{"format, plain, nothing", Reward{Kind: Format, Plain: true}, Sample{Completion: thought + "\n"}, 0},
		{"language", Reward{Kind: Language, Language: "en"}, Sample{Completion: "<think>we add 你好 and it's done</think>x"}, 5.0 / 7},
		{"language of the example", Reward{Kind: Language}, Sample{Completion: "<think>你好 world</think>"}, 2.0 / 3},
		{"language without words", Reward{Kind: Language, Language: "en"}, Sample{Completion: "<think>6*7=42</think>"}, 1},
		{"language, Cyrillic letters that look Latin", Reward{Kind: Language, Language: "en"}, Sample{Completion: "<think>с\u043eme words</think>"}, 0.5},
		{"length, free", Reward{Kind: Length, Max: 100, Cache: 20}, Sample{Tokens: 80}, 0},
		{"length, in the cache", Reward{Kind: Length, Max: 100, Cache: 20}, Sample{Tokens: 90}, -0.5},
		{"length, over", Reward{Kind: Length, Max: 100, Cache: 20, Penalty: 3}, Sample{Tokens: 1000}, -3},
		{"length without a cache", Reward{Kind: Length, Max: 100}, Sample{Tokens: 100}, 0},
		{"repetition, none", Reward{Kind: Repetition}, Sample{Completion: "a b c d e"}, 0},
		{"repetition", Reward{Kind: Repetition, Ngram: 2, Penalty: 2}, Sample{Completion: "a b a b a"}, -1},
		{"repetition, too short", Reward{Kind: Repetition}, Sample{Completion: "a a"}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.sample.Row = []byte(row)
			if c.reward.Kind == Exact || c.reward.Kind == Numeric {
				c.sample.Row = []byte(`{"answer": "42", "prompt": [{"role": "user"}], "score": "other", "tolerance": 0}`)
			}
			got := one(t, ready(t, Options{}, c.reward), c.sample)
			if got.Total == nil || math.Abs(*got.Total-c.want) > 1e-12 {
				t.Errorf("got %v, %+v, want %v", Want{got.Total}, got.Parts, c.want)
			}
		})
	}
}

// TestWeights adds up what is said, and leaves out what is not.
func TestWeights(t *testing.T) {
	two, minus := 2.0, -0.5
	fault := errors.New("broken")
	o := Options{Workers: 3, Funcs: map[string]Func{
		"tokens": func(_ context.Context, s *Sample) (Score, error) { return Score{Value: float64(s.Tokens)}, nil },
		"silent": func(context.Context, *Sample) (Score, error) { return Score{Skipped: true, Value: 100}, nil },
		"broken": func(_ context.Context, s *Sample) (Score, error) { return Score{Value: 100}, fault },
		"none":   func(context.Context, *Sample) (Score, error) { return Score{Value: math.NaN()}, nil },
	}}
	fn := func(name string, w *float64) Reward { return Reward{Kind: Function, Name: name, Weight: w} }
	s := ready(t, o, fn("tokens", &two), Reward{Kind: Format, Weight: &minus}, fn("silent", nil), fn("broken", nil), fn("none", nil))
	var samples []Sample
	for n := range maxFaults - 1 {
		samples = append(samples, Sample{Tokens: n, Completion: right42})
	}
	out, err := s.Score(t.Context(), samples)
	if err != nil {
		t.Fatal(err)
	}
	for n, o := range out {
		if want := 2*float64(n) - 0.5; o.Total == nil || *o.Total != want {
			t.Errorf("sample %d: %v, want %v", n, Want{o.Total}, want)
		}
	}
	if got := s.Faults(); got[3] != maxFaults-1 || got[4] != maxFaults-1 || got[0] != 0 {
		t.Errorf("faults %v", got)
	}
	if _, err := s.Score(t.Context(), samples); !errors.Is(err, fault) && (err == nil || !strings.Contains(err.Error(), "want a number")) {
		t.Errorf("error %v: a reward that fails at everything is of no use", err)
	}
	silent := ready(t, o, fn("silent", nil))
	if got := one(t, silent, Sample{}); got.Total != nil {
		t.Errorf("nothing was said, and the total is %v", *got.Total)
	}
}

// TestParts finds code as people write it.
func TestParts(t *testing.T) {
	for text, want := range map[string]string{
		"```python\nprint(1)\n```":                 "print(1)\n",
		"a\n```\none\n```\nb\n```go\ntwo\n```\nc":  "two\n",
		"```\nwhole\n```\n```python\nnot finished": "whole\n",
		"```md\n```inner\nx\n```":                  "```inner\nx\n",
		"no code":                                  "",
		"<think>```\nx\n```":                       "",
	} {
		s := Sample{Completion: text}
		if got, ok := s.part(PartCode); got != want || ok != (want != "") {
			t.Errorf("%q: got %q, %v, want %q", text, got, ok, want)
		}
	}
}
