package recipe

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/blitz-r1/blitz/internal/newfile"
	"github.com/blitz-r1/blitz/internal/train"
	"github.com/blitz-r1/blitz/internal/train/letters"
	"github.com/blitz-r1/blitz/internal/train/trained"
)

// Settled is how the student's last steps are. They begin with its weights in bfloat16 and with
// nothing remembered of earlier gradients, at the least rate of its distillation, so that those
// weights and a few examples are all that the last model comes of.
type Settled struct {
	Steps int `toml:"steps"`
}

// settled is the stage whose model is the recipe's last.
const settled = "08-settled"

// ExportName is the folder of the last student in bfloat16, which is small enough to be carried
// within a program.
const ExportName = "countdown"

// StateName is the folder of all that the last steps begin with: a model in bfloat16, what they
// learn (examples.jsonl), and the settings of the recipe (recipe.toml), which are written last.
const StateName = "countdown-state"

// StateSettings is the file of a state that has the settings of its recipe.
const StateSettings = "recipe.toml"

// GenerationName is the file that says how the last student is asked.
const GenerationName = "generation_config.json"

// Generation returns that file: the likeliest tokens are taken where nobody says otherwise.
func Generation() []byte {
	return letters.JSON(letters.Object{"do_sample": false, "eos_token_id": letters.End})
}

// lastSteps returns how the last steps learn.
func (s *Settings) lastSteps() *Supervised {
	x := s.Distillation.Training
	x.Steps, x.Epochs, x.Warmup, x.Decay, x.SaveEvery = s.Settled.Steps, 1, 0, 0, 1
	x.LearningRate = x.LeastRate
	return &x
}

// settle is the stage of the last steps: it writes the state that they begin with, and takes them.
func (r *Run) settle(ctx context.Context, s *stage, from string) error {
	state := filepath.Join(r.Folder, StateName)
	if !exists(filepath.Join(state, StateSettings)) {
		if err := r.writeState(ctx, s, state, from); err != nil {
			return err
		}
	}
	return r.last(ctx, s, state)
}

// last takes the last steps, from a state on.
func (r *Run) last(ctx context.Context, s *stage, state string) error {
	examples, err := readSmall(filepath.Join(state, examplesName))
	if err != nil {
		return err
	}
	if err := writeOnce(filepath.Join(r.folder(s), examplesName), examples); err != nil {
		return err
	}
	return r.supervise(ctx, s, state, r.Settings.lastSteps(), 0)
}

// writeState writes what the last steps begin with: the model of a folder, and some of the
// examples that it learned.
func (r *Run) writeState(ctx context.Context, s *stage, state, from string) error {
	if err := os.MkdirAll(state, 0o777); err != nil {
		return err
	}
	if err := tidy(state); err != nil {
		return err
	}
	if err := r.narrow(ctx, from, state); err != nil {
		return err
	}
	if err := newfile.Write(filepath.Join(state, GenerationName), Generation()); err != nil {
		return err
	}
	if err := r.lastExamples(s, filepath.Join(state, examplesName), filepath.Join(from, examplesName)); err != nil {
		return err
	}
	text, err := r.Settings.TOML()
	if err != nil {
		return err
	}
	return newfile.Write(filepath.Join(state, StateSettings), text)
}

// narrow writes the model of a folder in bfloat16.
func (r *Run) narrow(ctx context.Context, from, to string) error {
	m, err := r.open(ctx, from, false)
	if err != nil {
		return err
	}
	defer m.close()
	return trained.Write(to, m.files, m.Weights(), trained.BF16)
}

// lastExamples draws as many of the examples of a file as the last steps learn, each at most once.
func (r *Run) lastExamples(s *stage, to, from string) error {
	var list []Example
	if _, err := readLines(from, func(x *Example) error {
		list = append(list, *x)
		return nil
	}); err != nil {
		return err
	}
	x := r.Settings.lastSteps()
	draws := newSource(&r.Settings.Problems, "last steps", uint64(r.seed(s)), 0)
	return writeLines(to, func(write func(v any) error) error {
		for tokens := 0; len(list) > 0 && tokens < x.Steps*x.Tokens; {
			i := draws.below(len(list))
			ids, err := vocabulary.Encode(nil, list[i].Prompt+list[i].Completion)
			if err == nil {
				err = write(&list[i])
			}
			if err != nil {
				return err
			}
			tokens += len(ids)
			list[i] = list[len(list)-1]
			list = list[:len(list)-1]
		}
		return nil
	})
}

// maxSmall bounds a file of a state, its weights aside, in bytes.
const maxSmall = 64 << 20

// readSmall reads a file of a state.
func readSmall(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err == nil && (!info.Mode().IsRegular() || info.Size() > maxSmall) {
		err = fmt.Errorf("%s: %d bytes, want a regular file of at most %d: %w", path, info.Size(), maxSmall, train.ErrState)
	}
	if err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

// Repeat takes the last steps of a recipe again, from a state that it wrote, and writes the model
// in bfloat16 to a folder: it has the bits of the recipe's. Of r it needs Threads, Watch and Now;
// what is written on the way lies in r.Folder.
func (r *Run) Repeat(ctx context.Context, state, to string) error {
	path := filepath.Join(state, StateSettings)
	text, err := readSmall(path)
	if err != nil {
		return err
	}
	again := &Run{Settings: Usual(0), Folder: r.Folder, Threads: r.Threads, MemoryLimit: r.MemoryLimit, Watch: r.Watch, Now: r.Now}
	if err := again.Settings.Parse(path, text); err != nil {
		return err
	}
	if err := again.Settings.Check(); err != nil {
		return err
	}
	list := again.stages()
	s := list[slices.IndexFunc(list, func(s *stage) bool { return s.name == settled })]
	if err := os.MkdirAll(again.folder(s), 0o777); err != nil {
		return err
	}
	if err := again.last(ctx, s, state); err != nil {
		return err
	}
	return again.narrow(ctx, again.folder(s), to)
}
