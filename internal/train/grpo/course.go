package grpo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/blitz-r1/blitz/internal/task"
	"github.com/blitz-r1/blitz/internal/train"
	"github.com/blitz-r1/blitz/internal/train/course"
)

// Metric is a line of metrics.jsonl: what came of a rollout.
type Metric struct {
	Step int `json:"step"` // from 0 on
	Figures
	Rounds       int     `json:"rounds"`         // of problems that were drawn
	Learned      int     `json:"learned"`        // groups that were learned of
	Updates      int     `json:"updates"`        // steps of the optimizer
	Trained      int     `json:"tokens_trained"` // with those of prompts
	Loss         float64 `json:"loss"`
	KL           float64 `json:"kl"`
	ClipFraction float64 `json:"clip_fraction"`
	GradNorm     float64 `json:"grad_norm"`
	Rate         float64 `json:"learning_rate"`
	LogPDiff     float64 `json:"logp_diff"`
	Learning
	RolloutTime float64 `json:"rollout_seconds"`
	TrainTime   float64 `json:"train_seconds"`
}

// Learning is what learning of a rollout was.
type Learning struct {
	Compared   int     `json:"compared"`   // log-probabilities of rollout and trainer
	Operations float64 `json:"operations"` // of floating point, of drawing and learning (Policy.Operations)
	Active     int64   `json:"active"`     // numbers that a token is multiplied with
	// ExpertLoad is how many times as many tokens as the mean the busiest expert of a layer had, the
	// greatest of layers and steps; 0: there are no experts.
	ExpertLoad float64 `json:"expert_load,omitempty"`
}

// Learning returns what learning of a rollout was.
func (p *Policy) Learning(f *Figures, x *Learned) Learning {
	return Learning{Compared: x.Compared, Operations: p.Operations(f, x), Active: p.Active, ExpertLoad: x.expertLoad()}
}

// expertLoad returns the load of the busiest expert, of the mean of its layer and step.
func (x *Learned) expertLoad() (most float64) {
	for _, layers := range x.Loads {
		for _, load := range layers {
			sum, top := 0, 0
			for _, n := range load {
				sum, top = sum+int(n), max(top, int(n))
			}
			if sum > 0 {
				most = max(most, float64(top*len(load))/float64(sum))
			}
		}
	}
	return most
}

// Sample is a line of samples.jsonl: an answer, as it can be read.
type Sample struct {
	Step       int     `json:"step"`
	Problem    string  `json:"problem"`
	Completion string  `json:"completion"`
	Reward     float64 `json:"reward"`
	Advantage  float64 `json:"advantage"` // 0 in a group that is left out
	Correct    bool    `json:"correct"`
	Truncated  bool    `json:"truncated"`
	Tokens     int     `json:"tokens"`
}

// Course is a run.
type Course struct {
	Settings *Settings
	Folder   string
	Policy   *Policy
	Problems *Problems
	Drawing  Drawing
	States   *train.Folder
	Watch    func(v any) // is told each Metric, a Sample of those that are written down, and strings that are worth knowing
	Now      func() time.Time
	// Budget ends the run behind the rollout that has used it up: passes of tokens through the
	// model, as Metric.Passes counts them. 0: only the settings' steps do.
	Budget int64

	lesson           Lesson
	notes            notes
	metrics, samples *os.File
	board            *course.Board
}

// notes are what a state has beside weights and moments.
type notes struct {
	Step      int     `json:"step"` // rollouts that are done
	Passes    int64   `json:"passes"`
	Metrics   int64   `json:"metrics"`
	Samples   int64   `json:"samples"` // bytes of the files
	Tallies   []Tally `json:"tallies"`
	Reference string  `json:"reference"` // the name of its weights; "": those that the run began with
}

// Go trains until the end, from the last state of the folder on if there is one.
func (c *Course) Go(ctx context.Context) (err error) {
	if c.lesson.Loss, err = c.Settings.loss(); err != nil {
		return err
	}
	c.lesson.Steps, c.lesson.Updates = c.Settings.steps(), c.Settings.Updates
	if err := c.Policy.Engine.Swap(ctx, c.restore); err != nil {
		return err
	}
	if c.metrics, err = openAt(filepath.Join(c.Folder, "metrics.jsonl"), c.notes.Metrics); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.metrics.Close()) }()
	if c.samples, err = openAt(filepath.Join(c.Folder, "samples.jsonl"), c.notes.Samples); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.samples.Close()) }()
	if c.board, err = course.OpenBoard(c.Folder, c.Now, "metrics.jsonl", "samples.jsonl"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.board.Close()) }()
	for !c.ended() {
		if err := c.step(ctx); err != nil {
			return fmt.Errorf("rollout %d: %w; the same command goes on behind rollout %d", c.notes.Step, err, c.saved())
		}
		if c.notes.Step%c.Settings.SaveEvery == 0 || c.ended() {
			if err := c.save(); err != nil {
				return err
			}
		}
	}
	return nil
}

// ended says whether nothing is left to do.
func (c *Course) ended() bool {
	return c.notes.Step >= c.Settings.Steps || c.Budget > 0 && c.notes.Passes >= c.Budget
}

// Passes returns how often a token went through the model: once where it was drawn, and three
// times where it was learned, as the way back multiplies twice as much.
func (m *Metric) Passes() int64 { return int64(m.Tokens) + 3*int64(m.Trained) }

// saved returns how many rollouts the last state is behind.
func (c *Course) saved() int {
	var n notes
	if err := c.States.Notes(&n); err != nil {
		return 0
	}
	return n.Step
}

// restore brings all to the last state, while the engine computes nothing.
func (c *Course) restore() error {
	t := c.Policy.Trainer
	if c.Settings.Beta != 0 {
		c.lesson.Referent = t.Copy()
	}
	if err := c.States.Restore(t); err != nil {
		return err
	}
	if err := c.States.Notes(&c.notes); err != nil {
		return err
	}
	if n := c.notes.Step; n > 0 {
		c.Watch(fmt.Sprintf("goes on behind rollout %d", n))
	}
	if n := len(c.notes.Tallies); n != 0 && n != len(c.Problems.List) {
		return fmt.Errorf("grpo: the state tells of %d problems, there are %d: %w", n, len(c.Problems.List), train.ErrState)
	}
	c.Problems.tallies = c.notes.Tallies
	if c.notes.Reference == "" {
		return nil
	}
	var err error
	c.lesson.Referent, err = c.States.Kept(c.notes.Reference, t)
	return err
}

// openAt opens a file of lines and cuts what stands behind size bytes.
func openAt(path string, size int64) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case !info.Mode().IsRegular() || info.Size() < size:
		err = fmt.Errorf("%s: has %d bytes, the state %d: %w", path, info.Size(), size, train.ErrState)
	default:
		if err = f.Truncate(size); err == nil {
			_, err = f.Seek(size, 0)
		}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// write adds a line.
func (c *Course) write(f *os.File, v any) error {
	if err := course.Lines(f).Encode(v); err != nil {
		return err
	}
	return c.board.Write(v)
}

// save brings everything to the disk. A state counts from the first step on that changed
// weights: before it the run begins anew, to the same bits.
func (c *Course) save() (err error) {
	if c.Policy.Trainer.Done() == 0 {
		return nil
	}
	n := c.notes
	n.Tallies = c.Problems.tallies
	for _, x := range []struct {
		f    *os.File
		size *int64
	}{{c.metrics, &n.Metrics}, {c.samples, &n.Samples}} {
		if err := x.f.Sync(); err != nil {
			return err
		}
		if *x.size, err = x.f.Seek(0, 1); err != nil {
			return err
		}
	}
	c.notes = n
	return c.States.Save(c.Policy.Trainer, &n)
}

// seeds returns the seed of each problem of a round.
func (c *Course) seeds(step, round int) func(i int) uint64 {
	source := c.Problems.draws("answers", step, round)
	var seeds []uint64
	return func(i int) uint64 {
		for len(seeds) <= i {
			seeds = append(seeds, source.Uint64())
		}
		return seeds[i]
	}
}

// rollout draws problems and answers until there are as many groups to learn of as are wanted,
// or problems were drawn often enough.
func (c *Course) rollout(ctx context.Context, step int) (all *Round, rounds int, err error) {
	all = &Round{}
	for round := 0; round <= c.Settings.Refill; round++ {
		live, _ := all.Live()
		lacking := c.Settings.Problems - len(live)
		if lacking <= 0 {
			break
		}
		problems, err := c.Problems.Draw(step, round, lacking)
		if err != nil {
			return nil, 0, err
		}
		r, err := c.Policy.Draw(ctx, problems, &c.Drawing, c.seeds(step, round))
		if err != nil {
			return nil, 0, err
		}
		c.Problems.Tell(r)
		all.Add(r)
		rounds++
	}
	return all, rounds, nil
}

// step makes a rollout and learns of it.
func (c *Course) step(ctx context.Context) error {
	step := c.notes.Step
	began := c.Now()
	r, rounds, err := c.rollout(ctx, step)
	if err != nil {
		return err
	}
	drawn := c.Now()
	live, which := r.Live()
	x, err := c.Policy.Learn(ctx, live, &c.lesson)
	if err != nil {
		return err
	}
	figures := r.Figures()
	m := &Metric{
		Step: step, Figures: figures, Learning: c.Policy.Learning(&figures, x), Rounds: rounds, Learned: len(live), Updates: x.Steps, Trained: x.Tokens, Loss: x.Loss, KL: x.KL, ClipFraction: x.ClipFraction,
		GradNorm: x.GradNorm, Rate: x.Rate, LogPDiff: x.LogPDiff, RolloutTime: drawn.Sub(began).Seconds(), TrainTime: c.Now().Sub(drawn).Seconds(),
	}
	if err := c.write(c.metrics, m); err != nil {
		return err
	}
	c.Watch(m)
	c.notes.Passes += m.Passes()
	if step%c.Settings.SampleEvery == 0 || step == c.Settings.Steps-1 || c.Budget > 0 && c.notes.Passes >= c.Budget {
		if err := c.keep(step, r, which, x); err != nil {
			return err
		}
	}
	c.notes.Step++
	if n := c.Settings.ReferenceEvery; n > 0 && c.lesson.Referent != nil && c.notes.Step%n == 0 && c.Policy.Trainer.Done() > 0 {
		name := fmt.Sprintf("reference-%d", c.notes.Step)
		if err := c.States.Keep(name, c.Policy.Trainer); err != nil {
			return err
		}
		c.lesson.Referent, c.notes.Reference = c.Policy.Trainer.Copy(), name
	}
	return nil
}

// keep writes down all answers of a rollout.
func (c *Course) keep(step int, r *Round, live []int, x *Learned) error {
	advantages := make([][]float64, len(r.Groups))
	for i, at := range live {
		advantages[at] = x.Advantages[i]
	}
	var best *Sample
	for i, p := range r.Problems {
		g := &r.Groups[i]
		for k, text := range r.Texts[i] {
			s := &Sample{
				Step: step, Problem: p.Short(), Completion: text, Reward: g.Rewards[k], Correct: g.Correct[k],
				Truncated: g.Answers[k].Truncated, Tokens: len(g.Answers[k].IDs),
			}
			if a := advantages[i]; a != nil {
				s.Advantage = a[k]
			}
			if best == nil || s.Advantage > best.Advantage {
				best = s
			}
			if err := c.write(c.samples, s); err != nil {
				return err
			}
		}
	}
	if best != nil {
		c.Watch(best)
	}
	return nil
}

// Preflight is what a policy is like before anything is learned.
type Preflight struct {
	Figures
	Scores   task.Scores
	Problems int
	Time     time.Duration // of a rollout and of learning of it, about
}

// Evaluation is a line of eval.jsonl: how a policy answers behind some steps.
type Evaluation struct {
	Step  int    `json:"step"` // rollouts that were learned of
	Split string `json:"split"`
	Figures
	task.Scores
}

// Evaluation returns what was measured behind some steps, of problems like those that are learned.
func (p *Preflight) Evaluation(step int) *Evaluation {
	return &Evaluation{Step: step, Split: "train", Figures: p.Figures, Scores: p.Scores}
}

// preflightProblems is how many problems are asked before a run.
const preflightProblems = 64

// Measure asks the policy some problems: the same ones whenever it is called. Nothing is learned.
func (c *Course) Measure(ctx context.Context) (*Preflight, error) {
	problems, err := c.Problems.Draw(-1, 0, preflightProblems)
	if err != nil {
		return nil, err
	}
	began := c.Now()
	r, err := c.Policy.Draw(ctx, problems, &c.Drawing, c.seeds(-1, 0))
	if err != nil {
		return nil, err
	}
	took := c.Now().Sub(began)
	// Learning runs forward and back over what was drawn, about three times as much as drawing.
	share := 4 * float64(c.Settings.Problems) / float64(len(problems))
	scores, err := r.Scores()
	if err != nil {
		return nil, err
	}
	return &Preflight{Figures: r.Figures(), Scores: scores, Problems: len(problems), Time: time.Duration(float64(took) * share)}, nil
}

// mostTruncated is the share of answers that are cut from which on a run is refused, where none of
// those is right: what is learned then is to be short.
const mostTruncated = 0.5

// Doomed returns an error that wraps course.ErrDoomed where a run cannot come to anything.
func (p *Preflight) Doomed() error {
	n := p.Groups
	switch {
	case p.Truncated > mostTruncated && p.CutCorrect == 0:
		return fmt.Errorf("%.0f %% of the answers are cut at their longest: a larger max-tokens, or a model that comes to an end: %w", 100*p.Truncated, course.ErrDoomed)
	case p.Solved == 0:
		return fmt.Errorf("none of the answers to %d problems is right: there is nothing to make likelier; examples first (train sft), or easier problems: %w", n, course.ErrDoomed)
	case p.Correct == 1:
		return fmt.Errorf("all answers to %d problems are right: there is nothing to learn; harder problems: %w", n, course.ErrDoomed)
	case p.DeadGroups == n:
		return fmt.Errorf("of %d problems none has answers of different reward: more answers, a higher temperature, or other problems: %w", n, course.ErrDoomed)
	}
	return nil
}

// Judge returns the verdict on an answer. With reasoning, what does not end it with </think> is
// wrong; else what stands behind it counts, or all where there is none.
func Judge(reasoning bool) func(p task.Problem, text string) task.Verdict {
	return func(p task.Problem, text string) task.Verdict { return task.JudgeAnswer(p, text, reasoning) }
}
