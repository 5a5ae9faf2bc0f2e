package demo

import (
	"testing"

	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/engine"
	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/internal/task"
	"github.com/blitz-r1/blitz/internal/train"
	"github.com/blitz-r1/blitz/internal/train/grpo"
	"github.com/blitz-r1/blitz/internal/train/letters"
	"github.com/blitz-r1/blitz/internal/train/trained"
)

// begin opens the model of the demonstration with random weights.
func begin(b *testing.B) *model.Model {
	folder := b.TempDir()
	s := Usual(1)
	if err := s.Shape.write(folder); err != nil {
		b.Fatal(err)
	}
	files, err := checkpoint.Open(folder)
	if err != nil {
		b.Fatal(err)
	}
	defer files.Close()
	m, err := model.Open(files, model.Options{Masters: true})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(m.Close)
	trained.RandomizeByWidth(m.Weights(), s.Shape.Layers, 1)
	return m
}

// BenchmarkPretrain takes steps of pretraining.
func BenchmarkPretrain(b *testing.B) {
	m := begin(b)
	t, err := train.New(m, m.Weights(), train.Options{Threads: engine.DefaultThreads()})
	if err != nil {
		b.Fatal(err)
	}
	defer t.Close()
	s := &train.Settings{Optimizer: train.DefaultOptimizer, Schedule: train.Schedule{Kind: "constant", LR: 1e-3}}
	tokens, step := 0, 0
	for b.Loop() {
		x := Usual(1).Mix.batch(1, step, Usual(1).Pretrain.Tokens)
		if _, err := t.Step(b.Context(), s, x); err != nil {
			b.Fatal(err)
		}
		tokens += len(x.IDs)
		step++
	}
	b.ReportMetric(float64(tokens)/b.Elapsed().Seconds(), "tokens/s")
}

// BenchmarkRollout draws the answers of a step of GRPO, of a model that knows nothing.
func BenchmarkRollout(b *testing.B) {
	m := begin(b)
	s := Usual(1).GRPO
	e, err := engine.New(m, engine.Options{Threads: engine.DefaultThreads(), Sequences: s.Problems * s.Answers, Context: 320, Chunk: atOnce})
	if err != nil {
		b.Fatal(err)
	}
	defer e.Close()
	p := &grpo.Policy{Engine: e, Ends: []int32{letters.End}}
	source := newSource("problems", 1, 1)
	problems := make([]grpo.Problem, s.Problems)
	for i := range problems {
		n, target, _, _ := source.problem()
		problems[i] = ask(countdown(n, target), -1)
	}
	d := &grpo.Drawing{Answers: s.Answers, MaxTokens: s.MaxTokens, Temperature: 1, Judge: task.Judge, Decode: vocabulary.Decode}
	tokens := 0
	for b.Loop() {
		r, err := p.Draw(b.Context(), problems, d, func(i int) uint64 { return uint64(i) })
		if err != nil {
			b.Fatal(err)
		}
		tokens += r.Figures().Tokens
		if err := e.Swap(b.Context(), func() error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(tokens)/b.Elapsed().Seconds(), "tokens/s")
}
