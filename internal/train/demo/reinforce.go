package demo

import (
	"context"
	"math"
	"strings"

	"github.com/blitz-r1/blitz/internal/engine"
	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/internal/policy"
	"github.com/blitz-r1/blitz/internal/task"
	"github.com/blitz-r1/blitz/internal/train"
	"github.com/blitz-r1/blitz/internal/train/grpo"
	"github.com/blitz-r1/blitz/internal/train/letters"
)

// Metric is a line of metrics.jsonl: a step of reinforcement learning.
type Metric struct {
	Stage string `json:"stage"`
	Step  int    `json:"step"`
	grpo.Figures
	Trained      int     `json:"tokens_trained"` // with those of prompts
	Loss         float64 `json:"loss"`
	KL           float64 `json:"kl"` // 0: there is no reference
	GradNorm     float64 `json:"grad_norm"`
	Rate         float64 `json:"learning_rate"`
	ClipFraction float64 `json:"clip_fraction"`
	LogPDiff     float64 `json:"logp_diff"`
	grpo.Learning
	DeadEnds    float64 `json:"dead_ends"` // of searches, an answer
	RolloutTime float64 `json:"rollout_seconds"`
	TrainTime   float64 `json:"train_seconds"`
}

// Sample is a line of samples.jsonl: an answer.
type Sample struct {
	Stage      string  `json:"stage"`
	Step       int     `json:"step"`
	Numbers    []int64 `json:"numbers"`
	Target     int64   `json:"target"`
	Completion string  `json:"completion"`
	Reward     float64 `json:"reward"`
	Advantage  float64 `json:"advantage"` // 0 in a group that is left out
	Correct    bool    `json:"correct"`
	Truncated  bool    `json:"truncated"`
	Tokens     int     `json:"tokens"`
}

// learner is what answers, is measured, and learns of its answers.
type learner struct {
	run     *Run
	policy  *grpo.Policy
	drawing grpo.Drawing
	lesson  grpo.Lesson
	// operations are those of floating point that learning took so far.
	operations float64
}

// atOnce is how many tokens are computed together.
const atOnce = 4096

// newLearner returns one that changes a model, and what ends it.
func (r *Run) newLearner(m *model.Model) (l *learner, end func(), err error) {
	s := &r.Settings.GRPO
	t, err := train.New(m, m.Weights(), train.Options{Threads: r.Threads})
	if err != nil {
		return nil, nil, err
	}
	e, err := engine.New(m, engine.Options{Threads: r.Threads, Sequences: s.Problems * s.Answers, Context: r.Settings.Shape.Context, Chunk: atOnce})
	if err != nil {
		t.Close()
		return nil, nil, err
	}
	loss := policy.GRPO()
	loss.Beta, loss.Norm = 0, policy.NormBatchTokens
	l = &learner{
		run:    r,
		policy: &grpo.Policy{Engine: e, Trainer: t, Ends: []int32{letters.End}, AtOnce: atOnce, Active: m.Active()},
		drawing: grpo.Drawing{
			Answers: s.Answers, MaxTokens: s.MaxTokens, Temperature: 1, Judge: task.Judge, Decode: vocabulary.Decode, Words: grpo.Searches,
		},
		lesson: grpo.Lesson{Loss: loss, Updates: 1, Steps: &train.Settings{
			Optimizer: train.Optimizer{Kind: "adamw", Beta1: s.Beta1, Beta2: s.Beta2, Eps: 1e-8, ClipNorm: s.ClipNorm},
			Schedule:  train.Schedule{Kind: "constant", LR: s.LearningRate, Warmup: s.Warmup},
		}},
	}
	end = func() {
		e.Close()
		t.Close()
	}
	if err := l.lesson.Steps.Check(); err != nil {
		end()
		return nil, nil, err
	}
	return l, end, nil
}

// reinforce has the model learn of its own answers, and returns the operations that it took.
func (r *Run) reinforce(ctx context.Context, m *model.Model) (operations float64, err error) {
	l, end, err := r.newLearner(m)
	if err != nil {
		return 0, err
	}
	defer end()
	if err := l.evaluate(ctx, stageGRPO, 0); err != nil {
		return 0, err
	}
	for step := range r.Settings.GRPO.Steps {
		if err := l.step(ctx, step); err != nil {
			return 0, err
		}
	}
	return l.operations, l.evaluate(ctx, stageGRPO, r.Settings.GRPO.Steps)
}

// ask returns a problem as the policy is asked it.
func ask(p task.Problem, number int) grpo.Problem {
	return grpo.Problem{Problem: p, Number: number, Prompt: encode(nil, question(p))}
}

// seeds returns the seed of each problem of a step.
func (l *learner) seeds(purpose string, step int) func(i int) uint64 {
	return func(i int) uint64 {
		return newSource(purpose, uint64(l.run.Settings.Seed), uint64(step)<<32|uint64(i)).Uint64()
	}
}

// step has the policy answer the problems of a step, and learn of its answers.
func (l *learner) step(ctx context.Context, step int) error {
	s := &l.run.Settings.GRPO
	source := newSource("problems", uint64(l.run.Settings.Seed), uint64(step))
	problems := make([]grpo.Problem, s.Problems)
	for i := range problems {
		n, target, _, _ := source.problem()
		problems[i] = ask(countdown(n, target), -1)
	}
	began := l.run.Now()
	round, err := l.policy.Draw(ctx, problems, &l.drawing, l.seeds("answers", step))
	if err != nil {
		return err
	}
	drawn := l.run.Now()
	m := &Metric{Stage: stageGRPO, Step: step, Figures: round.Figures(), DeadEnds: deadEnds(round), RolloutTime: drawn.Sub(began).Seconds()}
	live, which := round.Live()
	learned, err := l.policy.Learn(ctx, live, &l.lesson)
	if err != nil {
		return err
	}
	m.Learning = l.policy.Learning(&m.Figures, learned)
	l.operations += m.Operations
	m.KL, m.Trained = learned.KL, learned.Tokens
	m.Loss, m.GradNorm, m.Rate, m.ClipFraction, m.LogPDiff = learned.Loss, learned.GradNorm, learned.Rate, learned.ClipFraction, learned.LogPDiff
	m.TrainTime = l.run.Now().Sub(drawn).Seconds()
	if err := l.run.write(l.run.metrics, m); err != nil {
		return err
	}
	l.run.Watch(m)
	if step%s.SampleEvery == 0 || step == s.Steps-1 {
		return l.samples(step, round, which, learned)
	}
	return nil
}

// samples writes down all answers of a step.
func (l *learner) samples(step int, r *grpo.Round, live []int, learned *grpo.Learned) error {
	advantages := make([][]float64, len(r.Groups))
	for i, at := range live {
		advantages[at] = learned.Advantages[i]
	}
	for i, p := range r.Problems {
		c := p.Problem.(*task.Countdown)
		for k, text := range r.Texts[i] {
			g := &r.Groups[i]
			x := &Sample{
				Stage: stageGRPO, Step: step, Numbers: c.Numbers, Target: c.Target.Num().Int64(), Completion: text, Reward: g.Rewards[k],
				Correct: g.Correct[k], Truncated: g.Answers[k].Truncated, Tokens: len(g.Answers[k].IDs),
			}
			if a := advantages[i]; a != nil {
				x.Advantage = a[k]
			}
			if err := l.run.write(l.run.samples, x); err != nil {
				return err
			}
		}
	}
	return nil
}

// deadEnds returns how many lines of searches do not come to the target, an answer.
func deadEnds(r *grpo.Round) float64 {
	n, ends := 0, 0
	for _, texts := range r.Texts {
		for _, text := range texts {
			n++
			ends += strings.Count(text, "\n")
		}
	}
	return float64(ends) / math.Max(1, float64(n))
}
