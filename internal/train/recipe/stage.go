package recipe

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/blitz-r1/blitz/internal/train"
)

// stage is a part of a run, in a folder of its own.
type stage struct {
	name  string
	title string // in tables
	from  string // the stage whose model it begins with; "": random weights
	dense bool   // it is of the student
	learn func(ctx context.Context, s *stage, from string) error
	// passes returns how often a token went through the model of the stage and, where another
	// one answered for it, through that.
	passes func(s *stage) (own, other int64, err error)
	other  string // the stage whose model that was
}

// distilled is the stage whose compute the control has.
const distilled = "08-distilled"

// stages returns all parts of the run, in their order.
func (r *Run) stages() []*stage {
	x := r.Settings
	return []*stage{
		{name: "01-base", title: "base", learn: r.read(&x.Base), passes: r.trainedPasses},
		{name: "02-zero", title: "R1-Zero: RL of the base", from: "01-base", learn: r.rl(&x.Zero), passes: r.reinforcedPasses},
		{name: "03-cold-start", title: "cold start: SFT of the base", from: "01-base", learn: r.tune(&x.ColdStart, "02-zero"), passes: r.trainedPasses, other: "02-zero"},
		{name: "04-reasoning", title: "RL, consistent language", from: "03-cold-start", learn: r.rl(&x.Reasoning), passes: r.reinforcedPasses},
		{name: "05-rejection", title: "rejection sampling, SFT of the base", from: "01-base", learn: r.tune(&x.Rejection, "04-reasoning"), passes: r.trainedPasses, other: "04-reasoning"},
		{name: "06-all-tasks", title: "R1: RL on all tasks", from: "05-rejection", learn: r.rl(&x.AllTasks), passes: r.reinforcedPasses},
		{name: "07-student-base", title: "student: base", dense: true, learn: r.read(&x.StudentBase), passes: r.trainedPasses},
		{name: distilled, title: "student: distilled of R1", from: "07-student-base", dense: true, learn: r.tune(&x.Distillation, "06-all-tasks"), passes: r.trainedPasses, other: "06-all-tasks"},
		{name: settled, title: "student: last steps, from bfloat16", from: distilled, dense: true, learn: r.settle, passes: r.trainedPasses},
		{name: "09-control", title: "student: RL of its base, the compute of distillation", from: "07-student-base", dense: true, learn: r.control, passes: r.reinforcedPasses},
		{name: "10-sft-only", title: "SFT of the base's own right answers, the compute of 02 to 06", from: "01-base", learn: r.sftOnly, passes: r.trainedPasses, other: "01-base"},
	}
}

// folder is where a stage lies.
func (r *Run) folder(s *stage) string { return filepath.Join(r.Folder, s.name) }

// seed returns that of a stage.
func (r *Run) seed(s *stage) int64 {
	return int64(newSource(&r.Settings.Problems, "stage "+s.name, uint64(r.Settings.Seed), 0).Uint64() >> 1)
}

// read is a stage that reads the corpus.
func (r *Run) read(x *Supervised) func(ctx context.Context, s *stage, from string) error {
	return func(ctx context.Context, s *stage, from string) error {
		if err := writeLines(filepath.Join(r.folder(s), examplesName), func(write func(v any) error) error {
			return r.Settings.Corpus.read(&r.Settings.Problems, uint64(r.seed(s)), x.Steps*x.Tokens/x.Epochs, func(x *Example) error {
				ids, err := vocabulary.Encode(nil, x.Prompt+x.Completion)
				if n := len(ids); err == nil && n > r.Settings.Context {
					err = fmt.Errorf("recipe: context is %d, and an example of the corpus has %d tokens: %w", r.Settings.Context, n, train.ErrSettings)
				}
				if err != nil {
					return err
				}
				return write(x)
			})
		}); err != nil {
			return err
		}
		return r.supervise(ctx, s, from, x, 0)
	}
}

// rl is a stage that learns of its own answers.
func (r *Run) rl(x *Reinforced) func(ctx context.Context, s *stage, from string) error {
	return func(ctx context.Context, s *stage, from string) error { return r.reinforce(ctx, s, from, x, 0) }
}

// tune is a stage that learns of answers of another stage's model.
func (r *Run) tune(x *Tuned, of string) func(ctx context.Context, s *stage, from string) error {
	return func(ctx context.Context, s *stage, from string) error {
		if err := r.answered(ctx, s, of, x); err != nil {
			return err
		}
		return r.supervise(ctx, s, from, &x.Training, 0)
	}
}

// answered writes the examples of a stage that come of answers.
func (r *Run) answered(ctx context.Context, s *stage, of string, x *Tuned) error {
	if exists(filepath.Join(r.folder(s), examplesName)) {
		return nil
	}
	if err := r.gather(ctx, s, filepath.Join(r.Folder, of), x); err != nil {
		return err
	}
	return r.choose(s, x)
}

// control reinforces the student's base until it took the compute that distillation did.
func (r *Run) control(ctx context.Context, s *stage, from string) error {
	d, err := r.scoreOf(distilled)
	if err != nil {
		return err
	}
	return r.reinforce(ctx, s, from, &r.Settings.Control, max(1, d.MultiplyAdds/int64(d.Active)))
}

// sftOnly trains the base on those of its own answers that are right, for as long as the compute
// of the stages that lead to R1 allows.
func (r *Run) sftOnly(ctx context.Context, s *stage, from string) error {
	x := &r.Settings.SFTOnly
	if err := r.answered(ctx, s, s.other, x); err != nil {
		return err
	}
	base, err := r.scoreOf("01-base")
	if err != nil {
		return err
	}
	budget := int64(0)
	for _, name := range []string{"02-zero", "03-cold-start", "04-reasoning", "05-rejection", "06-all-tasks"} {
		d, err := r.scoreOf(name)
		if err != nil {
			return err
		}
		budget += d.MultiplyAdds
	}
	drawn, err := r.drawn(s)
	if err != nil {
		return err
	}
	return r.supervise(ctx, s, from, &x.Training, max(1, (budget/int64(base.Active)-drawn)/3))
}

// scoreOf reads what a stage that is done was like.
func (r *Run) scoreOf(name string) (*Score, error) {
	x, err := readScore(filepath.Join(r.Folder, name, scoreName))
	if err != nil {
		return nil, fmt.Errorf("recipe: stage %s is not done: %w", name, err)
	}
	return x, nil
}
