package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/task"
	"github.com/blitz-r1/blitz/internal/train/demo"
	"github.com/blitz-r1/blitz/internal/train/grpo"
	"github.com/blitz-r1/blitz/internal/train/report"
)

// trainDemoFlags are the flags of train demo.
type trainDemoFlags struct {
	trainFlags
	seed            int64
	out, settings   string
	baseline        bool
	watts, kwhPrice float64
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
reinforcement learning; samples.jsonl, all answers of some steps; a file for
TensorBoard; report.html; and the models of both times, base and model, which
blitz run opens. In every step of reinforcement learning the log-probabilities
of the answers are, bit for bit, those that the trainer computes: logp_diff is
0, or the run ends.

At the end stands a table, whatever it says: right answers with the likeliest
tokens, one answer and the best and the most frequent of several, to numbers
that are held out, and to numbers of 31 to 50, which are far from all that was
trained on; ± is the standard error. --baseline has the base model go on with
examples, too, for as many operations as reinforcement learning took, and
measures that.

The same seed gives the same models on any machine and number of threads.`,
		Example: `  blitz train demo --out demo
  blitz train demo --seed 2 --baseline --out again -t 2`,
		Args: atMost(0),
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	f.threads = count{min: 1, max: maxThreads}
	cmd.Flags().StringVar(&f.cpu, "cpu", "", "`implementation`: portable, avx2, avx512, amx … (default the best there is)")
	cmd.Flags().VarP(&f.threads, "threads", "t", "`processors` to use (default all)")
	cmd.Flags().Int64Var(&f.seed, "seed", 1, "what everything is drawn from")
	cmd.Flags().StringVar(&f.out, "out", "", "`DIR` for all that comes of it; nothing may stand there")
	cmd.Flags().StringVar(&f.settings, "settings", "", "`FILE` with other settings, as run.toml has them")
	cmd.Flags().BoolVar(&f.baseline, "baseline", false, "have the base model also learn of as many examples as reinforcement learning took, and measure it")
	addPower(cmd, &f.watts, &f.kwhPrice)
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
	if f.baseline {
		s.Baseline = true
	}
	power := report.Power{Watts: f.watts, Price: f.kwhPrice}
	if err := power.Check(); err != nil {
		return fault.Misuse(fmt.Errorf("train demo: %w", err))
	}
	out := cmd.OutOrStdout()
	w := &demoWatch{grpoDashboard: newGRPODashboard(cmd.ErrOrStderr(), os.Getenv, "demo, GRPO", s.GRPO.Steps), out: out, settings: s, began: time.Now()}
	r := &demo.Run{Settings: s, Folder: f.out, Threads: f.options().Threads, Watch: w.show, Now: time.Now}
	err := r.Go(cmd.Context())
	w.end()
	if err != nil {
		return err
	}
	if err := report.Write(f.out, grpo.Searches, power); err != nil {
		return err
	}
	if err := w.table(); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s: done in %s; %s is the model, %s shows the run\n",
		printable(f.out), formatDuration(time.Since(w.began)), printable(filepath.Join(f.out, "model")), printable(filepath.Join(f.out, report.Name)))
	return err
}

// demoWatch shows how a demonstration goes on: where there is no terminal, a line for some steps.
type demoWatch struct {
	*grpoDashboard
	out      io.Writer
	settings *demo.Settings
	began    time.Time
	losses   []float64
	measured []*demo.Evaluation
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
		d.pretrained(at, x)
	case *demo.Metric:
		d.reinforced(at, x)
	case *demo.Evaluation:
		d.measured = append(d.measured, x)
		d.erase()
		behind := fmt.Sprintf("behind %d steps of GRPO", x.Step)
		if x.Stage != "grpo" {
			behind = fmt.Sprintf("behind %d more steps of examples", x.Step)
		}
		if x.Split == demo.SplitRange {
			fmt.Fprintf(d.out, "%s: numbers of 31 to 50, %s: %.1f ± %.1f %% right, %.0f tokens an answer\n", at, behind, 100*x.Greedy, 100*x.Stderr, x.Length)
			return
		}
		fmt.Fprintf(d.out, "%s: held out, %s: %.1f ± %.1f %% right, %.0f tokens an answer, %.1f dead ends; at temperature 1 %.1f %%, one of %d right %.1f %%\n",
			at, behind, 100*x.Greedy, 100*x.Stderr, x.Length, x.DeadEnds, 100*x.Pass1, x.K, 100*x.PassK)
	}
}

// pretrained shows a step of learning of examples.
func (d *demoWatch) pretrained(at string, x *demo.Pretrained) {
	if x.Step == 0 {
		d.losses = nil
	}
	d.losses = append(d.losses, x.Loss)
	line := fmt.Sprintf("%s: pretraining, step %d of %d: loss %.4f, norm %.2f, %.0f tokens/s", at, x.Step+1, x.Of, x.Loss, x.GradNorm, float64(x.Tokens)/max(x.Seconds, 1e-9))
	switch {
	case d.screen:
		d.redraw([]string{line, "loss    " + sparkline(d.losses, min(d.room()-8, 60))})
	case x.Step%showPretrained == 0 || x.Step == x.Of-1:
		fmt.Fprintln(d.out, line)
	}
}

// reinforced shows a step of reinforcement learning.
func (d *demoWatch) reinforced(at string, x *demo.Metric) {
	m := &grpo.Metric{
		Step: x.Step, Figures: x.Figures, Loss: x.Loss, KL: x.KL, ClipFraction: x.ClipFraction, GradNorm: x.GradNorm, Rate: x.Rate, LogPDiff: x.LogPDiff,
		Learning: x.Learning, RolloutTime: x.RolloutTime, TrainTime: x.TrainTime,
	}
	if n := d.settings.GRPO.Steps; !d.step(m) && (x.Step%showReinforced == 0 || x.Step == n-1) {
		fmt.Fprintf(d.out, "%s: GRPO, step %d of %d: right %.1f %%, %.0f tokens an answer, %d of %d groups without a difference, rollout %.1f s, training %.1f s\n",
			at, x.Step+1, n, 100*x.Correct, x.Length, x.DeadGroups, x.Groups, x.RolloutTime, x.TrainTime)
	}
}

// table writes what was measured, the base model first.
func (d *demoWatch) table() error {
	k := fmt.Sprint(d.settings.Eval.Answers)
	rows := [][]string{{"", "held out, greedy", "tokens", "pass@1", "pass@" + k, "maj@" + k, "31 to 50, greedy"}}
	for _, x := range d.measured {
		if x.Split == demo.SplitRange {
			rows[len(rows)-1][6] = scored(task.Score{Value: x.Greedy, StandardError: &x.Stderr})
			continue
		}
		name := "base model"
		switch {
		case x.Stage != "grpo":
			name = "examples alone, as many operations"
		case x.Step > 0:
			name = fmt.Sprintf("behind %d steps of GRPO", x.Step)
		}
		rows = append(rows, []string{
			name, scored(task.Score{Value: x.Greedy, StandardError: &x.Stderr}), fmt.Sprintf("%.1f", x.Length),
			scored(x.Pass["1"]), scored(x.Pass[k]), scored(x.Majority[k]), "–",
		})
	}
	if err := writeTable(d.out, rows...); err != nil {
		return err
	}
	if !d.settings.Baseline {
		fmt.Fprintln(d.out, "examples alone: not measured (--baseline)")
	}
	_, err := fmt.Fprintf(d.out, "seed %d, one run; rollout and trainer differed by at most %g over %d log-probabilities\n", d.settings.Seed, d.diff, d.compared)
	return err
}

// scored writes a score with its standard error.
func scored(s task.Score) string {
	if s.StandardError == nil {
		return fmt.Sprintf("%.1f %%", 100*s.Value)
	}
	return fmt.Sprintf("%.1f ± %.1f %%", 100*s.Value, 100**s.StandardError)
}

// addPower adds the flags by which a report computes energy and its price.
func addPower(cmd *cobra.Command, watts, kwhPrice *float64) {
	cmd.Flags().Float64Var(watts, "watts", report.UsualPower.Watts, "of the machine: what the report computes energy with")
	cmd.Flags().Float64Var(kwhPrice, "kwh-price", report.UsualPower.Price, "USD for a kWh of electricity: what it computes prices with")
}
