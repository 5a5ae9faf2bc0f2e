package recipe

import (
	"context"
	"path/filepath"

	"github.com/blitz-r1/blitz/internal/dataset"
	"github.com/blitz-r1/blitz/internal/newfile"
	"github.com/blitz-r1/blitz/internal/train"
	"github.com/blitz-r1/blitz/internal/train/course"
	"github.com/blitz-r1/blitz/internal/train/letters"
	"github.com/blitz-r1/blitz/internal/train/trained"
)

// settings returns what is said of steps, of which there are so many.
func (x *Supervised) settings(steps int) *train.Settings {
	warmup := min(x.Warmup, steps/2)
	return &train.Settings{
		Optimizer: train.Optimizer{Kind: "adamw", Beta1: x.Beta1, Beta2: x.Beta2, Eps: 1e-8, WeightDecay: x.WeightDecay, ClipNorm: x.ClipNorm},
		Schedule: train.Schedule{
			Kind: "wsd", LR: x.LearningRate, MinLR: x.LeastRate, Warmup: warmup, Steps: steps, Decay: min(int(x.Decay*float64(steps)), steps-warmup), Shape: "linear",
		},
		MTPWeight: x.MTPWeight, BalanceAlpha: x.BalanceAlpha, BiasGamma: x.BiasGamma,
	}
}

// course returns the settings as a run of examples has them.
func (x *Supervised) course(kind, model, data string, context int, seed int64) course.Settings {
	s := course.Usual(kind)
	s.Model, s.Data, s.Length, s.Prompts, s.Seed = model, []string{data}, context, "plain", seed
	s.Random, s.Epochs, s.Steps = kind == course.Pretrain, x.Epochs, x.Steps
	s.LearningRate, s.MinLearningRate, s.Schedule, s.DecayShape = x.LearningRate, x.LeastRate, "wsd", "linear"
	s.Beta1, s.Beta2, s.WeightDecay, s.ClipNorm = x.Beta1, x.Beta2, x.WeightDecay, x.ClipNorm
	s.MTPWeight, s.BalanceAlpha, s.BiasGamma, s.SaveEvery = x.MTPWeight, x.BalanceAlpha, x.BiasGamma, x.SaveEvery
	s.Warmup = 0
	return s
}

// lay lays a run of examples out: with a budget for so many tokens, else as the settings say.
func (x *Supervised) lay(set *dataset.Set, settings *course.Settings, budget int64) (*course.Plan, *train.Settings, error) {
	if budget > 0 {
		settings.Steps = 0
	}
	plan, err := course.NewPlan(set, settings)
	if err != nil {
		return nil, nil, err
	}
	settings.Rows = max(1, x.Tokens/plan.Length)
	if plan, err = course.NewPlan(set, settings); err != nil { // which knows the steps
		return nil, nil, err
	}
	n := plan.Steps
	if budget > 0 { // as many as take the budget, if each takes what those of the epochs do
		n = int(min(max(1, budget*int64(n)/(int64(len(set.Train.IDs))*int64(x.Epochs))), mostSteps))
	}
	steps := x.settings(n)
	settings.Steps, settings.Warmup, settings.Decay = n, steps.Schedule.Warmup, steps.Schedule.Decay
	plan, err = course.NewPlan(set, settings)
	return plan, steps, err
}

// mostSteps bounds the steps of a stage.
const mostSteps = 1 << 24

// supervise has the model of a folder learn the examples of a stage, with a budget for so many
// tokens; of one without weights it begins with random ones.
func (r *Run) supervise(ctx context.Context, s *stage, from string, x *Supervised, budget int64) error {
	folder := r.folder(s)
	set, err := readExamples(filepath.Join(folder, examplesName), r.Settings.Context)
	if err != nil {
		return err
	}
	kind := course.SFT
	if s.from == "" {
		kind = course.Pretrain
	}
	settings := x.course(kind, beside(from), examplesName, r.Settings.Context, r.seed(s))
	plan, steps, err := x.lay(set, &settings, budget)
	if err != nil {
		return err
	}
	if err := writeOnce(filepath.Join(folder, course.SettingsName), settings.TOML()); err != nil {
		return err
	}
	m, err := r.open(ctx, from, true)
	if err != nil {
		return err
	}
	defer m.close()
	if s.from == "" {
		trained.RandomizeByWidth(m.Weights(), m.Config.NumHiddenLayers, r.seed(s))
	}
	if err := m.train(r); err != nil {
		return err
	}
	learner := &trained.Model{
		Trainer: m.trainer, Settings: steps, Ends: []int32{letters.End}, States: filepath.Join(folder, "state"),
		Output: func(folder string) error { return trained.Write(folder, m.files, m.Weights(), trained.F32) },
	}
	if err := learner.Open(settings.Fixed(), []byte(set.Key)); err != nil {
		return err
	}
	defer learner.Close()
	c := &course.Course{
		Settings: &settings, Folder: folder, Model: learner, Plan: plan, Now: r.Now,
		Decode: func(ids []int32) string {
			text, _ := vocabulary.Decode(ids) // which fails at nothing
			return text
		},
		Watch: func(x *course.Report) { r.tell(s, x) },
	}
	return c.Go(ctx)
}

// beside returns the name of another folder of the run: its settings are the same wherever it lies.
func beside(folder string) string { return "../" + filepath.Base(folder) }

// writeOnce writes a file unless it is there.
func writeOnce(path string, b []byte) error {
	if exists(path) {
		return nil
	}
	return newfile.Write(path, b)
}
