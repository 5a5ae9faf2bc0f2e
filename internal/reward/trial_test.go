package reward

import (
	"errors"
	"strings"
	"testing"
)

func TestTry(t *testing.T) {
	s := ready(t, Options{}, Reward{Kind: Countdown, Name: "right"}, Reward{Kind: Format})
	cases, err := ParseCases("cases.jsonl", []byte(`
{"numbers": [6, 7], "target": 42, "completion": "<think>hm</think><answer>6*7</answer>", "want": 2}
{"numbers": [6, 7], "target": 42, "completion": "<think>hm</think><answer>42</answer>", "want": 1, "wants": {"right": 0, "format": 1}}
{"numbers": [6, 7], "target": 42, "completion": "42", "want": 1}
{"completion": "42", "wants": {"right": null, "format": 0}, "prompt": [{"role": "user", "content": "?"}]}
{"numbers": [6, 7], "target": 42, "completion": "42", "wants": {"right": "none"}}
`))
	if err != nil {
		t.Fatal(err)
	}
	trial, err := s.Try(t.Context(), cases, false)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range trial.Failures {
		got = append(got, f.Why)
	}
	want := []string{"the score is 0, want 1; right says 0; format says 0", "right says 0, want none; format says 0"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestAttacks finds rewards that are had for nothing.
func TestAttacks(t *testing.T) {
	honest, err := ParseCases("c.toml", []byte("[[cases]]\nnumbers = [6, 7]\ntarget = 42\nanswer = \"42\"\ncompletion = \"<think>hm</think><answer>6*7</answer>\"\nwant = 1\n"))
	if err != nil {
		t.Fatal(err)
	}
	trial, err := ready(t, Options{}, Reward{Kind: Countdown}).Try(t.Context(), honest, true)
	if err != nil || len(trial.Failures) > 0 || trial.Attacks < 8 {
		t.Errorf("%+v, %v", trial, err)
	}
	trial, err = ready(t, Options{}, Reward{Kind: Regex, Pattern: "<answer>.*</answer>"}).Try(t.Context(), honest, true)
	if err != nil || len(trial.Failures) < 3 || trial.Failures[0].Of == "" {
		t.Errorf("a reward for tags alone: %+v, %v", trial, err)
	}
}

func TestParseCaseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"": "object", "[]": "object", "{}": "completion is missing", `{"completion": 1}`: "completion", `{"completion": ""}`: "want is missing",
		`{"completion": "", "want": "much"}`: "want is", `{"completion": "", "want": 1, "tokens": -1}`: "tokens is -1",
	} {
		if _, err := ParseCase([]byte(text)); !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", text, err, want)
		}
	}
	if _, err := ParseCases("x.jsonl", []byte("\n")); !errors.Is(err, ErrConfig) {
		t.Errorf("error %v", err)
	}
	s := ready(t, Options{}, Reward{Kind: Format})
	if _, err := s.Try(t.Context(), []Case{{Parts: map[string]Want{"other": {}}}}, false); !errors.Is(err, ErrConfig) {
		t.Errorf("error %v", err)
	}
}
