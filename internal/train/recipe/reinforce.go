package recipe

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/blitz-r1/blitz/internal/reward"
	"github.com/blitz-r1/blitz/internal/task"
	"github.com/blitz-r1/blitz/internal/train/course"
	"github.com/blitz-r1/blitz/internal/train/grpo"
	"github.com/blitz-r1/blitz/internal/train/trained"
)

// settings returns them as a run of package grpo has them.
func (x *Reinforced) settings(seed int64) grpo.Settings {
	s := grpo.Usual()
	s.Seed, s.Steps, s.Problems, s.Answers, s.MaxTokens, s.Reasoning = seed, x.Steps, x.Problems, x.Answers, x.MaxTokens, true
	s.Loss, s.Beta, s.Updates, s.Refill, s.Curriculum = x.Loss, x.Beta, x.Updates, x.Refill, x.Curriculum
	s.LearningRate, s.Warmup, s.Beta1, s.Beta2, s.ClipNorm, s.BiasGamma = x.LearningRate, x.Warmup, x.Beta1, x.Beta2, x.ClipNorm, x.BiasGamma
	s.AtOnce, s.SaveEvery, s.SampleEvery = atOnce, x.SaveEvery, x.SampleEvery
	return s
}

// judge returns what answers are worth: 1 for a right one, and of reasoning the share of its
// words that are in the wanted language, times a weight (DeepSeek-R1, section 2.3.2). One that
// does not reason has no such share.
func judge(consistency float64) func(p task.Problem, text string) task.Verdict {
	return func(p task.Problem, text string) task.Verdict {
		v := task.Judge(p, text)
		if consistency > 0 {
			if of, words := reward.LanguageShare(wanted, reasoning(text)); words > 0 {
				v.Reward += float64(consistency * of)
			}
		}
		return v
	}
}

// reasoning returns what stands before the answer.
func reasoning(text string) string {
	before, _, _ := strings.Cut(text, thinkClose)
	return before
}

// problems writes and reads the list of a stage.
func (r *Run) problems(s *stage, n int, arithmetic float64) ([]task.Problem, error) {
	path := filepath.Join(r.folder(s), problemsName)
	source := newSource(&r.Settings.Problems, "problems "+s.name, uint64(r.Settings.Seed), 0)
	if err := writeLines(path, func(write func(v any) error) error {
		for range n {
			line, err := problemLine(source.problem(practice, arithmetic))
			if err == nil {
				err = write(rawLine(line))
			}
			if err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return grpo.ParseList(path, text, task.Exact)
}

// rawLine is JSON as it is.
type rawLine []byte

// MarshalJSON returns it.
func (l rawLine) MarshalJSON() ([]byte, error) { return l, nil }

// fixed is what a stage is known by beside the settings of package grpo.
func fixed(list []task.Problem, budget int64, consistency float64) []byte {
	b := fmt.Appendf(nil, "%d %g\n", budget, consistency)
	for _, p := range list {
		b = append(append(b, p.Short()...), '\n')
	}
	return b
}

// reinforce has the model of a folder learn of its own answers to the problems of a stage, until
// its steps are done, or with a budget that is used up.
func (r *Run) reinforce(ctx context.Context, s *stage, from string, x *Reinforced, budget int64) error {
	folder := r.folder(s)
	list, err := r.problems(s, x.List, x.Arithmetic)
	if err != nil {
		return err
	}
	settings := x.settings(r.seed(s))
	settings.Model, settings.Data = beside(from), []string{problemsName}
	m, err := r.open(ctx, from, false)
	if err != nil {
		return err
	}
	defer m.close()
	if err := m.train(r); err != nil {
		return err
	}
	if err := m.answer(r, x.Problems*x.Answers); err != nil {
		return err
	}
	learner := &trained.Model{Trainer: m.trainer, States: filepath.Join(folder, "state")}
	if err := learner.Open(settings.Fixed(), fixed(list, budget, x.Consistency)); err != nil {
		return err
	}
	defer learner.Close()
	if err := writeOnce(filepath.Join(folder, course.SettingsName), settings.TOML()); err != nil {
		return err
	}
	c := &grpo.Course{
		Settings: &settings, Folder: folder, Policy: m.policy(), Now: r.Now, Budget: budget, States: learner.Folder(),
		Problems: &grpo.Problems{
			List: list, Seed: uint64(settings.Seed), Curriculum: x.Curriculum,
			Prompt: func(p task.Problem) ([]int32, error) { return vocabulary.Encode(nil, prompt(p)) },
		},
		Drawing: grpo.Drawing{Answers: x.Answers, MaxTokens: x.MaxTokens, Temperature: 1, Judge: judge(x.Consistency), Decode: vocabulary.Decode},
		Watch:   func(v any) { r.tell(s, v) },
	}
	if learner.Folder().Step() == 0 && budget == 0 { // what is compared with is run whatever it comes to
		before, err := c.Measure(ctx)
		if err == nil {
			err = before.Doomed()
		}
		if err != nil {
			return err
		}
	}
	if err := c.Go(ctx); err != nil {
		return err
	}
	if err := trained.Write(folder, m.files, m.Weights(), trained.F32); err != nil {
		return err
	}
	if err := writeDone(folder, "all rollouts"); err != nil {
		return err
	}
	return learner.Forget()
}
