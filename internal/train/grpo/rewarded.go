package grpo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"github.com/blitz-r1/blitz/internal/message"
	"github.com/blitz-r1/blitz/internal/reward"
	"github.com/blitz-r1/blitz/internal/task"
	"github.com/blitz-r1/blitz/internal/train/course"
)

// Rewarded is a problem whose answers rewards judge: it has no answer of its own.
type Rewarded struct {
	Text string
	Row  json.RawMessage // the line that it was read from
}

// Question is the prompt.
func (r *Rewarded) Question() string { return r.Text }

// Short is the prompt.
func (r *Rewarded) Short() string { return r.Text }

// Check knows no right answer.
func (r *Rewarded) Check(string) (formed, right bool) { return true, false }

// ParseRewarded reads problems for rewards from JSON lines: a task with its fields, or a prompt
// (or question) with whatever the rewards ask for. The error wraps course.ErrDoomed, and names
// the line.
func ParseRewarded(name string, text []byte) (list []task.Problem, err error) {
	number := 0
	for line := range bytes.Lines(text) {
		number++
		if line = bytes.Trim(line, task.Blanks); len(line) == 0 {
			continue
		}
		var l struct {
			Task     string  `json:"task"`
			Prompt   *string `json:"prompt"`
			Question *string `json:"question"`
		}
		p := &Rewarded{Row: bytes.Clone(line)}
		err := json.Unmarshal(line, &l)
		switch {
		case err != nil:
		case l.Prompt != nil:
			p.Text = *l.Prompt
		case l.Question != nil:
			p.Text = *l.Question
		case l.Task != "":
			var made task.Problem
			if made, err = task.ParseProblem(l.Task, line); err == nil {
				p.Text = made.Question()
			}
		default:
			err = fmt.Errorf("prompt is missing, want a text, or a task")
		}
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w: %w", message.Clean(name), number, err, course.ErrDoomed)
		}
		list = append(list, p)
	}
	return list, nil
}

// rowOf returns what rewards know of a problem.
func rowOf(p task.Problem) (json.RawMessage, error) {
	switch p := p.(type) {
	case *Rewarded:
		return p.Row, nil
	case *task.Countdown:
		return json.Marshal(struct {
			Numbers []int64     `json:"numbers"`
			Target  json.Number `json:"target"`
		}{p.Numbers, json.Number(p.Target.RatString())})
	case *task.Arithmetic:
		return json.Marshal(map[string]string{"expression": p.Expression})
	}
	return json.Marshal(map[string]string{"problem": p.Short()})
}

// score puts what rewards say in place of the verdicts'. Right is what is worth more than
// nothing. An answer of which nothing is said counts as if it had not been drawn.
func (r *Round) score(ctx context.Context, d *Drawing) error {
	var samples []reward.Sample
	for i, p := range r.Problems {
		row, err := rowOf(p.Problem)
		if err != nil {
			return err
		}
		prompt, err := d.Decode(p.Prompt)
		if err != nil {
			return err
		}
		open := strings.HasSuffix(strings.TrimRight(prompt, task.Blanks), "<think>")
		for k, text := range r.Texts[i] {
			a := &r.Groups[i].Answers[k]
			samples = append(samples, reward.Sample{
				Prompt: p.Question(), Completion: text, Open: open, Tokens: len(a.IDs), Truncated: a.Truncated, Row: row,
			})
		}
	}
	outcomes, err := d.Score(ctx, samples)
	if err != nil {
		return err
	}
	for i := range r.Groups {
		g := &r.Groups[i]
		g.Skipped, g.Parts = make([]bool, len(g.Answers)), make([][]float64, len(g.Answers))
		g.Said = nil // rewards say what is right, not which answer was given
		for k := range g.Answers {
			total := outcomes[0].Total
			for _, p := range outcomes[0].Parts {
				v := p.Value
				if p.Skipped {
					v = math.NaN()
				}
				g.Parts[k] = append(g.Parts[k], v)
			}
			outcomes = outcomes[1:]
			g.Rewards[k], g.Correct[k], g.Skipped[k] = 0, false, total == nil
			if total != nil {
				g.Rewards[k], g.Correct[k] = *total, *total > 0
			}
		}
	}
	return nil
}

// skipped says whether an answer counts as if it had not been drawn.
func (g *Group) skipped(i int) bool { return g.Skipped != nil && g.Skipped[i] }
