package demo

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/internal/newfile"
	"github.com/blitz-r1/blitz/internal/train"
	"github.com/blitz-r1/blitz/internal/train/course"
	"github.com/blitz-r1/blitz/internal/train/trained"
)

// The stages.
const (
	stagePretrain = "pretrain"
	stageGRPO     = "grpo"
	stageExamples = "sft" // in place of grpo, as long: what it is compared with
)

// Run is a demonstration.
type Run struct {
	Settings *Settings
	Folder   string // where all of it is written; nothing may stand there
	Threads  int
	Watch    func(v any) // is told each Pretrained, Metric and Evaluation
	Now      func() time.Time

	metrics, samples, evals *lines
	board                   *course.Board
}

// Pretrained is a line of metrics.jsonl: a step of learning of examples.
type Pretrained struct {
	Stage    string  `json:"stage"`
	Step     int     `json:"step"`
	Of       int     `json:"-"` // steps of the stage
	Loss     float64 `json:"loss"`
	GradNorm float64 `json:"grad_norm"`
	Rate     float64 `json:"learning_rate"`
	Tokens   int     `json:"tokens"`
	Seconds  float64 `json:"seconds"`

	Operations float64 `json:"operations"` // of floating point, attention left out
	Active     int64   `json:"active"`     // numbers that a token is multiplied with
}

// Go runs all stages. The folder gets run.toml, metrics.jsonl, samples.jsonl, eval.jsonl, and the
// models before and after reinforcement learning as base and model.
func (r *Run) Go(ctx context.Context) (err error) {
	if err := r.Settings.Check(); err != nil {
		return err
	}
	if err := r.begin(); err != nil {
		return err
	}
	defer func() {
		for _, l := range []*lines{r.metrics, r.samples, r.evals} {
			err = errors.Join(err, l.close())
		}
		if r.board != nil {
			err = errors.Join(err, r.board.Close())
		}
	}()
	base := filepath.Join(r.Folder, "base")
	if err := r.Settings.Shape.write(base); err != nil {
		return err
	}
	files, err := checkpoint.Open(base)
	if err != nil {
		return err
	}
	defer files.Close()
	m, err := model.Open(files, model.Options{Masters: true})
	if err != nil {
		return err
	}
	defer m.Close()
	trained.RandomizeByWidth(m.Weights(), r.Settings.Shape.Layers, r.Settings.Seed)
	if err := r.pretrain(ctx, m); err != nil {
		return err
	}
	if err := trained.Write(base, files, m.Weights(), trained.F32); err != nil {
		return err
	}
	var before [][]float32
	if r.Settings.Baseline {
		for _, w := range m.Weights() {
			before = append(before, slices.Clone(w.Values()))
		}
	}
	operations, err := r.reinforce(ctx, m)
	if err != nil {
		return err
	}
	if err := trained.Write(filepath.Join(r.Folder, "model"), files, m.Weights(), trained.F32); err != nil || !r.Settings.Baseline {
		return err
	}
	return r.baseline(ctx, m, before, operations)
}

// begin makes the folder and what is written on the way.
func (r *Run) begin() error {
	if entries, err := os.ReadDir(r.Folder); err == nil && len(entries) > 0 {
		return fmt.Errorf("demo: %s: is not empty: take another folder: %w", r.Folder, train.ErrSettings)
	}
	if err := os.MkdirAll(r.Folder, 0o777); err != nil {
		return err
	}
	text, err := r.Settings.TOML()
	if err != nil {
		return err
	}
	if err := newfile.Write(filepath.Join(r.Folder, "run.toml"), text); err != nil {
		return err
	}
	for _, x := range []struct {
		to   **lines
		name string
	}{{&r.metrics, "metrics.jsonl"}, {&r.samples, "samples.jsonl"}, {&r.evals, "eval.jsonl"}} {
		f, err := os.Create(filepath.Join(r.Folder, x.name))
		if err != nil {
			return err
		}
		*x.to = &lines{f, bufio.NewWriter(f)}
	}
	r.board, err = course.OpenBoard(r.Folder, r.Now)
	return err
}

// write adds a line to a file, and what TensorBoard shows of it.
func (r *Run) write(to *lines, v any) error {
	if err := to.write(v); err != nil {
		return err
	}
	return r.board.Write(v)
}

// pretrain makes the base model.
func (r *Run) pretrain(ctx context.Context, m *model.Model) error {
	t, err := train.New(m, m.Weights(), train.Options{Threads: r.Threads})
	if err != nil {
		return err
	}
	defer t.Close()
	s := &r.Settings.Pretrain
	return r.examples(ctx, t, &exampleSteps{stage: stagePretrain, steps: s.Steps, warmup: s.Warmup, decay: s.Decay, active: m.Active()})
}

// exampleSteps are some steps of learning of examples.
type exampleSteps struct {
	stage                       string
	first, steps, warmup, decay int // first: the number of its first batch
	active                      int64
}

// examples takes steps of learning of examples.
func (r *Run) examples(ctx context.Context, t *train.Trainer, x *exampleSteps) error {
	s := &r.Settings.Pretrain
	settings := &train.Settings{
		Optimizer: train.Optimizer{Kind: "adamw", Beta1: s.Beta1, Beta2: s.Beta2, Eps: 1e-8, WeightDecay: s.WeightDecay, ClipNorm: s.ClipNorm},
		Schedule:  train.Schedule{Kind: "wsd", LR: s.LearningRate, MinLR: s.LeastRate, Warmup: x.warmup, Steps: x.steps, Decay: x.decay, Shape: "linear"},
	}
	if err := settings.Check(); err != nil {
		return err
	}
	for step := range x.steps {
		began := r.Now()
		b := r.Settings.Mix.batch(uint64(r.Settings.Seed), x.first+step, s.Tokens)
		y, err := t.Step(ctx, settings, b)
		if err != nil {
			return err
		}
		n := len(b.IDs)
		p := &Pretrained{x.stage, step, x.steps, y.Loss, y.GradNorm, y.LR, n, r.Now().Sub(began).Seconds(), perToken * float64(x.active) * float64(n), x.active}
		if err := r.write(r.metrics, p); err != nil {
			return err
		}
		r.Watch(p)
	}
	return nil
}

// perToken is how many operations of floating point a token that is learned of takes for each
// number that it is multiplied with.
const perToken = 6

// lines is a file of JSON lines.
type lines struct {
	f *os.File
	w *bufio.Writer
}

// write adds a line, which others can read at once.
func (l *lines) write(v any) error {
	if err := course.Lines(l.w).Encode(v); err != nil {
		return err
	}
	return l.w.Flush()
}

func (l *lines) close() error {
	if l == nil {
		return nil
	}
	return errors.Join(l.w.Flush(), l.f.Close())
}
