package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/fit"
	"github.com/blitz-r1/blitz/internal/train/course"
	"github.com/blitz-r1/blitz/internal/train/grpo"
	"github.com/blitz-r1/blitz/internal/train/recipe"
)

// trainRecipeFlags are the flags of train recipe.
type trainRecipeFlags struct {
	trainFlags
	seed          int64
	seeds         count
	out, settings string
	dryRun        bool
}

func newTrainRecipe() *cobra.Command {
	f := &trainRecipeFlags{}
	cmd := &cobra.Command{
		Use:   "recipe --out DIR",
		Short: "Make a model that reasons, by the stages of DeepSeek-R1",
		Long: `Makes a model that reasons of random weights, by the stages of the R1 paper, on
Countdown and arithmetic, a token a character: a base model of DeepSeek-V3's
shape (5.7 million parameters, 6.6 with its module of multi-token prediction);
R1-Zero, by GRPO on right and wrong alone; a cold start from R1-Zero's own
readable answers; reinforcement learning with a reward for consistent language
and a curriculum; rejection sampling and fine-tuning; reinforcement learning on
all tasks; and the distillation into a dense student of 1.35 million, whose last
steps begin with its weights in bfloat16. Beside them stand reinforcement
learning of the student itself, with the compute of its distillation, and
supervised learning alone, with that of all stages to R1.

Each stage has a folder in DIR with its run.toml, metrics.jsonl, what it learned
of (examples.jsonl, problems.jsonl, answers.jsonl, samples.jsonl), its model,
which blitz run opens, score.json, and evaluation.jsonl with all answers of the
measurement. stages.md and stages.json are the table of all that are done:
accuracy, length, pass@k and maj@k on multisets of numbers that are never
trained on, a new range of numbers, and standard errors. DIR/countdown is the
last student in bfloat16, DIR/countdown-state what its last steps begin with.

What a run takes is measured and shown first; --dry-run ends there. A run that
was stopped, however, goes on with the same command, to the same bits. The same
seed gives the same models on any machine and number of threads. With --seeds N
there are N runs, each in a folder of its own, and a table over all.`,
		Example: `  blitz train recipe --out recipe
  blitz train recipe --out recipe --seeds 3 --settings recipe.toml
  blitz train recipe --out recipe --dry-run`,
		Args: atMost(0),
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	f.threads, f.seeds = count{min: 1, max: maxThreads}, count{min: 1, max: 1000}
	cmd.Flags().StringVar(&f.cpu, "cpu", "", "`implementation`: portable, avx2, avx512, amx … (default the best there is)")
	cmd.Flags().VarP(&f.threads, "threads", "t", "`processors` to use (default all)")
	cmd.Flags().Int64Var(&f.seed, "seed", 1, "what everything is drawn from")
	cmd.Flags().Var(&f.seeds, "seeds", "runs of so many `seeds`, from --seed on (default one run, in DIR itself)")
	cmd.Flags().StringVar(&f.out, "out", "", "`DIR` for all that comes of it")
	cmd.Flags().StringVar(&f.settings, "settings", "", "`FILE` with other settings, as run.toml has them")
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "show what the run would take, and train nothing")
	return cmd
}

func (f *trainRecipeFlags) run(cmd *cobra.Command) error {
	if f.out == "" {
		return fault.Misuse(fmt.Errorf("train recipe: --out DIR is missing"))
	}
	if err := f.check(); err != nil {
		return err
	}
	runs, err := f.runs(cmd)
	if err != nil {
		return err
	}
	ctx, out := cmd.Context(), cmd.OutOrStdout()
	p, err := runs[0].Preflight(ctx)
	if err != nil {
		return err
	}
	if err := writeRecipePreflight(out, p, len(runs)); err != nil || f.dryRun {
		return err
	}
	if err := checkTrainingRoom(int64(p.Teacher.Parameters), f.out); err != nil {
		return err
	}
	var doomed error
	for i, r := range runs {
		err := r.Go(ctx)
		if err != nil && !errors.Is(err, course.ErrDoomed) {
			return err
		}
		if err != nil { // other seeds may come to something
			doomed = errors.Join(doomed, fmt.Errorf("%s: %w", r.Folder, err))
		}
		if err := f.table(out, runs[:i+1], err == nil); err != nil {
			return err
		}
	}
	return doomed
}

// runs returns a run of each seed.
func (f *trainRecipeFlags) runs(cmd *cobra.Command) (runs []*recipe.Run, err error) {
	w := &recipeWatch{w: cmd.ErrOrStderr(), began: time.Now()}
	for i := range max(1, f.seeds.v) {
		s := recipe.Usual(f.seed)
		if f.settings != "" {
			text, err := readFile(f.settings, 1<<20)
			if err != nil {
				return nil, err
			}
			if err := s.Parse(f.settings, text); err != nil {
				return nil, err
			}
			if cmd.Flags().Changed("seed") {
				s.Seed = f.seed
			}
		}
		s.Seed += int64(i)
		if err := s.Check(); err != nil {
			return nil, err
		}
		folder := f.out
		if f.seeds.v > 0 {
			folder = filepath.Join(f.out, fmt.Sprintf("seed-%d", s.Seed))
		}
		runs = append(runs, &recipe.Run{Settings: s, Folder: folder, Threads: f.options().Threads, MemoryLimit: fit.MemoryLimit(), Watch: w.show, Now: time.Now})
	}
	return runs, nil
}

// table shows what came of runs, and of several writes what they have in common.
func (f *trainRecipeFlags) table(out io.Writer, runs []*recipe.Run, done bool) error {
	var all [][]*recipe.Score
	for _, r := range runs {
		scores, err := r.Scores()
		if err != nil {
			return err
		}
		all = append(all, scores)
	}
	last := runs[len(runs)-1]
	what := "done"
	if !done {
		what = "ended before its last stage"
	}
	if _, err := fmt.Fprintf(out, "%s: %s\n%s", printable(last.Folder), what, recipe.Markdown(all[len(all)-1])); err != nil {
		return err
	}
	if f.seeds.v == 0 {
		return nil
	}
	_, err := fmt.Fprint(out, recipe.MarkdownSeeds(recipe.OverSeeds(all)))
	if err != nil {
		return err
	}
	return recipe.WriteSeeds(f.out, all)
}

// writeRecipePreflight shows what a run takes.
func writeRecipePreflight(w io.Writer, p *recipe.Preflight, runs int) error {
	var rows [][]string
	for _, x := range []struct {
		name string
		p    *recipe.Pace
	}{{"teacher", &p.Teacher}, {"student", &p.Student}} {
		rows = append(rows,
			[]string{x.name, fmt.Sprintf("%.2f million parameters, %.2f million active", float64(x.p.Parameters)/1e6, float64(x.p.Active)/1e6)},
			[]string{"", fmt.Sprintf("%.0f tokens/s of examples, %.0f of its own answers, %.0f drawn", x.p.Read, x.p.Learned, x.p.Drawn)},
			[]string{"", fit.FormatMemory(x.p.Memory) + " beside the weights for a step"})
	}
	for _, s := range p.Stages {
		rows = append(rows, []string{s.Stage, "about " + formatDuration(s.Time) + ": " + s.Title})
	}
	rows = append(rows, []string{"time", fmt.Sprintf("about %s, if answers have %d tokens in the mean", formatDuration(p.Total), p.Length)})
	if runs > 1 {
		rows = append(rows, []string{"", fmt.Sprintf("about %s for %d seeds", formatDuration(p.Total*time.Duration(runs)), runs)})
	}
	return writeTable(w, rows...)
}

// recipeWatch shows how a run goes on: a line for some steps.
type recipeWatch struct {
	w     io.Writer
	began time.Time
}

func (d *recipeWatch) show(stage string, v any) {
	line := func(format string, args ...any) {
		fmt.Fprintf(d.w, "%s: %s: %s\n", formatDuration(time.Since(d.began)), stage, fmt.Sprintf(format, args...))
	}
	switch x := v.(type) {
	case string:
		line("%s", printable(x))
	case *course.Report:
		switch m := x.Metric; {
		case x.Note != "":
			line("%s", printable(x.Note))
		case m != nil && (m.Step%showPretrained == 0 || m.Step == 1):
			line("step %d: loss %.4f, norm %.2f, %.0f tokens/s, %s left", m.Step, m.Smoothed, m.GradNorm, m.TokensPerSecond, formatDuration(x.Left))
		}
	case *grpo.Metric:
		line("rollout %d: right %.1f %%, reward %.3f, %.0f tokens an answer, %d of %d groups without a difference, %.1f s and %.1f s",
			x.Step+1, 100*x.Correct, x.Reward, x.Length, x.DeadGroups, x.Groups, x.RolloutTime, x.TrainTime)
	case *recipe.Gathered:
		line("%d of %d problems answered: right %.1f %%, %.0f tokens an answer", x.Asked, x.Of, 100*x.Correct, x.Length)
	case *recipe.Score:
		line("held out %.1f %% right, %.0f tokens an answer; pass@1 %.1f %%, pass@%d %.1f %%, maj@%d %.1f %%; new range %.1f %%, arithmetic %.1f %%", 100*x.Greedy.Value, x.Length.Value,
			100*x.Pass1.Value, x.K, 100*x.PassK.Value, x.K, 100*x.MajorityK.Value, 100*x.NewRange.Value, 100*x.Arithmetic.Value)
	}
}
