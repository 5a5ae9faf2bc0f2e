package report

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/blitz-r1/blitz/internal/message"
	"github.com/blitz-r1/blitz/internal/task"
	"github.com/blitz-r1/blitz/internal/train/course"
	"github.com/blitz-r1/blitz/internal/train/grpo"
)

// Step is a line of metrics.jsonl, of whatever stage.
type Step struct {
	Stage string `json:"stage"`
	grpo.Metric
	Seconds  float64  `json:"seconds"`   // of a step that learns of examples
	DeadEnds *float64 `json:"dead_ends"` // of searches, an answer
}

// bound leaves out what is not shown of a step: many are kept.
func (s *Step) bound() {
	s.Rewards = slices.Clone(s.Rewards[:min(len(s.Rewards), shownRewards)])
	for i := range s.Rewards {
		s.Rewards[i].Name = word(s.Rewards[i].Name)
	}
}

// time returns the seconds that a step took.
func (s *Step) time() float64 { return s.Seconds + s.RolloutTime + s.TrainTime }

// Stage is a part of a run.
type Stage struct {
	Name  string
	Steps []Step

	operations float64 // that all of it took, where steps do not say; 0: unknown
}

// Draws says whether answers are drawn in a stage; else it learns of examples.
func (s *Stage) Draws() bool { return len(s.Steps) > 0 && s.Steps[0].Groups > 0 }

// Title names the stage.
func (s *Stage) Title() string {
	switch {
	case s.Name != "":
		return s.Name
	case s.Draws():
		return "grpo"
	}
	return "examples"
}

// Evaluation is a line of eval.jsonl.
type Evaluation struct {
	Stage    string   `json:"stage"`
	Step     int      `json:"step"`
	Split    string   `json:"split"`
	Problems int      `json:"problems"`
	Greedy   *float64 `json:"greedy"`
	Stderr   *float64 `json:"stderr"` // of greedy
	Length   *float64 `json:"length"`

	Pass     map[string]task.Score `json:"pass"`
	Majority map[string]task.Score `json:"maj"`
}

// Run is what a folder tells of a run.
type Run struct {
	Name        string
	Settings    string // the text of run.toml
	Table       string // the text of stages.md, of a recipe
	Stages      []*Stage
	Evaluations []Evaluation
	Samples     []Rollout
	Moments     []Moment
}

// Bounds on what is read.
const (
	maxLine     = 16 << 20 // bytes
	maxSteps    = 200_000
	maxStages   = 64
	maxFigures  = 1 << 20  // bytes of a line of figures
	maxSettings = 64 << 10 // bytes that are shown
	maxEval     = 1000
)

// Read reads the folder of a run, or that of train recipe, whose stages are runs in folders of their
// own. words finds where answers look back.
func Read(folder string, words *grpo.Finder) (*Run, error) {
	r := &Run{Name: filepath.Base(filepath.Clean(folder))}
	var err error
	if r.Settings, err = readStart(filepath.Join(folder, "run.toml")); err != nil {
		return nil, err
	}
	parts, err := Parts(folder)
	if err != nil {
		return nil, err
	}
	if len(parts) == 0 {
		return r, r.add(folder, "", words)
	}
	if r.Table, err = readStart(filepath.Join(folder, "stages.md")); err != nil {
		return nil, err
	}
	for _, name := range parts {
		if err := r.add(filepath.Join(folder, name), name, words); err != nil {
			return nil, err
		}
		if err := r.score(filepath.Join(folder, name, "score.json"), r.Stages[len(r.Stages)-1]); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// Parts returns the folders of the stages of train recipe, in their order; none: the folder is that
// of one run.
func Parts(folder string) (names []string, err error) {
	if _, err := os.Stat(filepath.Join(folder, "metrics.jsonl")); !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, e := range entries { // which are in order
		if _, err := os.Stat(filepath.Join(folder, e.Name(), "metrics.jsonl")); err == nil && len(names) < maxStages {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// add reads the folder of a run, which is a part of the whole where it has a name.
func (r *Run) add(folder, name string, words *grpo.Finder) error {
	stages := map[string]*Stage{}
	steps := 0
	err := each(filepath.Join(folder, "metrics.jsonl"), maxFigures, func(line []byte) error {
		var s Step
		if err := json.Unmarshal(line, &s); err != nil {
			return err
		}
		if steps++; steps > maxSteps {
			return fmt.Errorf("more than %d steps", maxSteps)
		}
		s.bound()
		stage := stages[s.Stage]
		if stage == nil {
			if len(stages) == maxStages {
				return fmt.Errorf("more than %d stages", maxStages)
			}
			stage = &Stage{Name: cmp.Or(name, message.Line(s.Stage, 40))}
			stages[s.Stage] = stage
			r.Stages = append(r.Stages, stage)
		}
		stage.Steps = append(stage.Steps, s)
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) || err == nil && steps == 0 {
		return fmt.Errorf("%s: metrics.jsonl has no step: %w", message.Clean(folder), ErrRun)
	}
	if err != nil {
		return err
	}
	err = each(filepath.Join(folder, "eval.jsonl"), maxFigures, func(line []byte) error {
		var e Evaluation
		if err := json.Unmarshal(line, &e); err != nil {
			return err
		}
		if len(r.Evaluations) < maxEval {
			r.Evaluations = append(r.Evaluations, e)
		}
		return nil
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if name != "" && !r.Stages[len(r.Stages)-1].Draws() {
		return nil // its samples are answers to examples
	}
	if err := r.samples(filepath.Join(folder, "samples.jsonl"), name, words); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// score reads what the model of a part is like, where that was measured.
func (r *Run) score(path string, s *Stage) error {
	text, err := readStart(path)
	if err != nil || text == "" {
		return err
	}
	var x struct {
		Problems int        `json:"problems"`
		K        int        `json:"k"`
		Greedy   task.Score `json:"greedy"`
		Length   task.Score `json:"length"`
		Pass1    task.Score `json:"pass_1"`
		PassK    task.Score `json:"pass_k"`
		Majority task.Score `json:"maj_k"`
		NewRange task.Score `json:"new_range"`
		Products int64      `json:"multiply_adds"`
	}
	if err := json.Unmarshal([]byte(text), &x); err != nil {
		return fmt.Errorf("%s: %w: %w", message.Clean(path), err, ErrRun)
	}
	s.operations = 2 * float64(x.Products)
	k := fmt.Sprint(x.K)
	r.Evaluations = append(r.Evaluations,
		Evaluation{
			Stage: s.Name, Step: len(s.Steps), Split: "held out", Problems: x.Problems, Greedy: &x.Greedy.Value, Stderr: x.Greedy.StandardError, Length: &x.Length.Value,
			Pass: map[string]task.Score{"1": x.Pass1, k: x.PassK}, Majority: map[string]task.Score{k: x.Majority},
		},
		Evaluation{Stage: s.Name, Step: len(s.Steps), Split: "new range", Problems: x.Problems, Greedy: &x.NewRange.Value, Stderr: x.NewRange.StandardError})
	return nil
}

// open opens a regular file. Opening a pipe would wait.
func open(path string) (*os.File, error) {
	if info, err := os.Stat(path); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: is no regular file: %w", message.Clean(path), ErrRun)
	}
	return os.Open(path)
}

// readStart returns the text of a file, as much as is shown; "" of one that is not there.
func readStart(path string) (string, error) {
	f, err := open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxSettings))
	return string(b), err
}

// each calls f with each line of a file, of at most so many bytes. What no newline ends is left
// out: it was not written to its end, or is being written.
func each(path string, most int, f func(line []byte) error) error {
	file, err := open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	in := bufio.NewScanner(file)
	in.Buffer(nil, most)
	in.Split(course.WholeLines)
	for number := 1; in.Scan(); number++ {
		if len(in.Bytes()) == 0 {
			continue
		}
		if err := f(in.Bytes()); err != nil {
			return fmt.Errorf("%s:%d: %w: %w", message.Clean(path), number, err, ErrRun)
		}
	}
	if err := in.Err(); err != nil {
		return fmt.Errorf("%s: %w: %w", message.Clean(path), err, ErrRun)
	}
	return nil
}
