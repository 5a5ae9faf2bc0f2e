package grpo

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/reward"
	"github.com/blitz-r1/blitz/internal/task"
	"github.com/blitz-r1/blitz/internal/train/course"
)

// TestScore puts rewards in place of verdicts: what is skipped is none, and no reason to learn.
func TestScore(t *testing.T) {
	list, err := ParseRewarded("list", []byte(`{"prompt": "a", "limit": 3}`+"\n\n"+`{"task": "countdown", "numbers": [1, 2], "target": 3}`+"\n"))
	if err != nil || len(list) != 2 || list[0].Question() != "a" || !strings.Contains(list[1].Question(), "1, 2") {
		t.Fatalf("%v, %v", list, err)
	}
	r := &Round{Texts: [][]string{{"x", "xx", "skip"}, {"skip", "y", "y"}}}
	for _, p := range list {
		r.Problems = append(r.Problems, Problem{Problem: p, Prompt: []int32{1}})
		r.Groups = append(r.Groups, Group{Answers: make([]Answer, 3), Rewards: make([]float64, 3), Correct: make([]bool, 3)})
	}
	d := &Drawing{
		Decode: func([]int32) (string, error) { return "asked <think>\n", nil },
		Score: func(_ context.Context, samples []reward.Sample) ([]reward.Outcome, error) {
			out := make([]reward.Outcome, len(samples))
			for i, s := range samples {
				if !s.Open || len(s.Row) == 0 {
					t.Errorf("sample %d: %+v", i, s)
				}
				if s.Completion != "skip" {
					v := float64(len(s.Completion)) - 1
					out[i].Total = &v
				}
			}
			return out, nil
		},
	}
	if err := r.score(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	g := &r.Groups[0]
	if g.Rewards[1] != 1 || !g.Correct[1] || g.Correct[0] || !g.skipped(2) || g.skipped(0) || g.dead() || !r.Groups[1].dead() {
		t.Errorf("got %+v", r.Groups)
	}
	if f := r.Figures(); f.Reward != 0.25 || f.DeadGroups != 1 {
		t.Errorf("got %+v", f)
	}
	for text, want := range map[string]string{`{}`: "list:1: prompt is missing", `[]`: "list:1", `{"task": "countdown"}`: "numbers"} {
		if _, err := ParseRewarded("list", []byte(text)); !errors.Is(err, course.ErrDoomed) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", text, err, want)
		}
	}
}

// TestRowOf says what rewards know of problems that are made.
func TestRowOf(t *testing.T) {
	p, err := task.ParseProblem("countdown", []byte(`{"numbers": [3, 4], "target": 12}`))
	if err != nil {
		t.Fatal(err)
	}
	if row, err := rowOf(p); err != nil || string(row) != `{"numbers":[3,4],"target":12}` {
		t.Errorf("got %s, %v", row, err)
	}
}
