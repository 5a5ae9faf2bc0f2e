package main

import (
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/train/demo"
)

// trainDemoFlags are the flags of train demo.
type trainDemoFlags struct {
	trainFlags
	seed          int64
	out, settings string
}

func newTrainDemo() *cobra.Command {
	f := &trainDemoFlags{}
	cmd := &cobra.Command{
		Use:   "demo --out DIR",
		Short: "See a small model learn to think, from random weights",
		Long: `Trains a model of 0.86 million parameters from random weights, in minutes: it
learns Countdown (make a number of three others) in two manners, short guesses
and a few long searches, and then, by GRPO on right and wrong alone, comes to
search: accuracy and length of its answers rise together.

DIR gets run.toml with every setting; metrics.jsonl, a line a step; eval.jsonl,
measurements on problems that are never trained on, before and behind
reinforcement learning; samples.jsonl, all answers of some steps; and the models
of both times, base and model, which blitz run opens. In every step of
reinforcement learning the log-probabilities of the answers are, bit for bit,
those that the trainer computes: logp_diff is 0, or the run ends.

The same seed gives the same models on any machine and number of threads.`,
		Example: `  blitz train demo --out demo
  blitz train demo --seed 2 --out again -t 2`,
		Args: atMost(0),
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	f.threads = count{min: 1, max: maxThreads}
	cmd.Flags().StringVar(&f.cpu, "cpu", "", "`implementation`: portable, avx2, avx512, amx … (default the best there is)")
	cmd.Flags().VarP(&f.threads, "threads", "t", "`processors` to use (default all)")
	cmd.Flags().Int64Var(&f.seed, "seed", 1, "what everything is drawn from")
	cmd.Flags().StringVar(&f.out, "out", "", "`DIR` for all that comes of it; nothing may stand there")
	cmd.Flags().StringVar(&f.settings, "settings", "", "`FILE` with other settings, as run.toml has them")
	return cmd
}

func (f *trainDemoFlags) run(cmd *cobra.Command) error {
	if f.out == "" {
		return fault.Misuse(fmt.Errorf("train demo: --out DIR is missing"))
	}
	if err := f.check(); err != nil {
		return err
	}
	s := demo.Usual(f.seed)
	if f.settings != "" {
		text, err := readFile(f.settings, 1<<20)
		if err != nil {
			return err
		}
		if err := s.Parse(f.settings, text); err != nil {
			return err
		}
		if cmd.Flags().Changed("seed") {
			s.Seed = f.seed
		}
	}
	w := &demoWatch{w: cmd.OutOrStdout(), settings: s, began: time.Now()}
	r := &demo.Run{Settings: s, Folder: f.out, Threads: f.options().Threads, Watch: w.show, Now: time.Now}
	if err := r.Go(cmd.Context()); err != nil {
		return err
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s: done in %s; %s is the model, %s has its answers\n",
		printable(f.out), formatDuration(time.Since(w.began)), printable(filepath.Join(f.out, "model")), printable(filepath.Join(f.out, "samples.jsonl")))
	return err
}

// demoWatch shows how a demonstration goes on: a line for some steps.
type demoWatch struct {
	w        io.Writer
	settings *demo.Settings
	began    time.Time
}

// How many steps lie between two that are shown.
const (
	showPretrained = 50
	showReinforced = 5
)

func (d *demoWatch) show(v any) {
	at := formatDuration(time.Since(d.began))
	switch x := v.(type) {
	case *demo.Pretrained:
		if n := d.settings.Pretrain.Steps; x.Step%showPretrained == 0 || x.Step == n-1 {
			fmt.Fprintf(d.w, "%s: pretraining, step %d of %d: loss %.4f, norm %.2f, %.0f tokens/s\n", at, x.Step+1, n, x.Loss, x.GradNorm, float64(x.Tokens)/max(x.Seconds, 1e-9))
		}
	case *demo.Metric:
		if n := d.settings.GRPO.Steps; x.Step%showReinforced == 0 || x.Step == n-1 {
			fmt.Fprintf(d.w, "%s: GRPO, step %d of %d: right %.1f %%, %.0f tokens an answer, %d of %d groups without a difference, rollout %.1f s, training %.1f s\n",
				at, x.Step+1, n, 100*x.Correct, x.Length, x.DeadGroups, x.Groups, x.RolloutTime, x.TrainTime)
		}
	case *demo.Evaluation:
		fmt.Fprintf(d.w, "%s: held out, behind %d steps of GRPO: %.1f ± %.1f %% right, %.0f tokens an answer, %.1f dead ends; at temperature 1 %.1f %%, one of %d right %.1f %%\n",
			at, x.Step, 100*x.Greedy, 100*x.Stderr, x.Length, x.DeadEnds, 100*x.Pass1, x.K, 100*x.PassK)
	}
}
