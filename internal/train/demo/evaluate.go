package demo

import (
	"context"
	"math"

	"github.com/blitz-r1/blitz/internal/task"
	"github.com/blitz-r1/blitz/internal/train/grpo"
)

// Evaluation is a line of eval.jsonl.
type Evaluation struct {
	Stage    string  `json:"stage"`
	Step     int     `json:"step"`  // that are done
	Split    string  `json:"split"` // SplitTest or SplitRange
	Problems int     `json:"problems"`
	Greedy   float64 `json:"greedy"` // the share that is right with the likeliest tokens
	Length   float64 `json:"length"` // tokens of those answers, mean
	DeadEnds float64 `json:"dead_ends"`
	Stderr   float64 `json:"stderr"` // of greedy

	// Of SplitTest also with answers that are drawn at temperature 1, K to a problem.
	Pass1   float64 `json:"pass_1"`
	PassK   float64 `json:"pass_k"`
	K       int     `json:"k"`
	Sampled float64 `json:"sampled_length"`
	task.Scores
}

// What is measured.
const (
	SplitTest  = "test"  // multisets of numbers that are held out
	SplitRange = "range" // numbers of a range that is never trained on
)

// The range of SplitRange. Targets and steps are those of the other problems.
const leastFar, mostFar = 31, 50

// farther returns a problem of SplitRange.
func (s *source) farther() (n [3]int, target int) {
	for {
		for i := range n {
			n[i] = leastFar + s.below(mostFar-leastFar+1)
		}
		var all []branch
		eachBranch(n, func(b branch) bool {
			if b.end >= leastTarget && b.end <= mostTarget {
				all = append(all, b)
			}
			return true
		})
		if len(all) > 0 {
			return n, all[s.below(len(all))].end
		}
	}
}

// evaluate measures the policy behind some steps of a stage, on problems that are held out and on
// such of a new range.
func (l *learner) evaluate(ctx context.Context, stage string, step int) error {
	s := &l.run.Settings.Eval
	problems := make([]grpo.Problem, s.Problems)
	for i := range problems {
		p, err := task.Generate("countdown", 3, uint64(l.run.Settings.Seed), i)
		if err != nil {
			return err
		}
		problems[i] = ask(p, i)
	}
	e, err := l.greedy(ctx, problems, step)
	if err != nil {
		return err
	}
	d := l.drawing
	d.Answers = s.Answers
	sampled, err := l.policy.Draw(ctx, problems[:min(s.Sampled, len(problems))], &d, l.seeds("evaluation", step))
	if err != nil {
		return err
	}
	k := sampled.Figures()
	e.Stage, e.Split, e.Pass1, e.PassK, e.K, e.Sampled = stage, SplitTest, k.Correct, k.Solved, s.Answers, k.Length
	if e.Scores, err = sampled.Scores(); err != nil {
		return err
	}
	if err := l.tell(e); err != nil || s.Range == 0 {
		return err
	}
	source := newSource("range", uint64(l.run.Settings.Seed), 0)
	far := make([]grpo.Problem, s.Range)
	for i := range far {
		n, target := source.farther()
		far[i] = ask(countdown(n, target), i)
	}
	if e, err = l.greedy(ctx, far, step); err != nil {
		return err
	}
	e.Stage, e.Split = stage, SplitRange
	return l.tell(e)
}

// greedy measures the likeliest answers.
func (l *learner) greedy(ctx context.Context, problems []grpo.Problem, step int) (*Evaluation, error) {
	d := l.drawing
	d.Answers, d.Temperature = 1, 0
	r, err := l.policy.Draw(ctx, problems, &d, l.seeds("greedy", step))
	if err != nil {
		return nil, err
	}
	f, n := r.Figures(), len(problems)
	return &Evaluation{
		Step: step, Problems: n, Greedy: f.Correct, Length: f.Length, DeadEnds: deadEnds(r), Stderr: math.Sqrt(f.Correct * (1 - f.Correct) / float64(n)),
	}, nil
}

// tell writes a measurement down.
func (l *learner) tell(e *Evaluation) error {
	if err := l.run.write(l.run.evals, e); err != nil {
		return err
	}
	l.run.Watch(e)
	return nil
}
