package main

import (
	"fmt"
	"io"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/reward"
)

// maxCases is the longest file of cases, in bytes.
const maxCases = 64 << 20

type rewardTestFlags struct {
	settings        string
	attacks, asJSON bool
}

func newRewardTest() *cobra.Command {
	f := &rewardTestFlags{}
	cmd := &cobra.Command{
		Use:   "test FILE",
		Short: "Try the rewards of a run with cases whose scores are known",
		Long: `Tries rewards before anything is trained on them. FILE has cases: JSON lines, or
the tables [[cases]] of a TOML file. A case has completion, what a model might
write, and want, the score that it has to get (null or "none": none at all);
wants, an object, has what single rewards have to say, by their names; prompt,
open (the prompt ended within the reasoning), tokens and truncated may be given.
What else it has, such as answer, is the example's.

The rewards are the tables [[rewards]] of --settings, or of FILE where that is
a TOML file. Programs of theirs run in a sandbox; blitz doctor says whether this
system has one.

Of each case that is worth something, completions are made that answer nothing:
none of them may be worth as much. --attacks=false leaves that out. The exit
code is 1 where a score is not what is wanted.`,
		Example: `  blitz reward test cases.jsonl --settings run.toml
  blitz reward test rewards.toml --json`,
		Args: exactly("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0]) },
	}
	cmd.Flags().StringVar(&f.settings, "settings", "", "`FILE` with the rewards (default FILE of the cases)")
	cmd.Flags().BoolVar(&f.attacks, "attacks", true, "try completions that answer nothing, too")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print what came of it as JSON")
	return cmd
}

func (f *rewardTestFlags) run(cmd *cobra.Command, name string) error {
	ctx := cmd.Context()
	text, err := readFile(name, maxCases)
	if err != nil {
		return err
	}
	cases, err := reward.ParseCases(name, text)
	if err != nil {
		return err
	}
	settings := f.settings
	if settings == "" {
		settings = name
	} else if text, err = readFile(settings, maxCases); err != nil {
		return err
	}
	rewards, err := reward.Parse(settings, text)
	if err != nil {
		if f.settings == "" {
			err = fault.WithHint(err, "--settings FILE has the rewards")
		}
		return err
	}
	scorer, err := reward.New(ctx, rewards, rewardOptions())
	if err != nil {
		return err
	}
	defer scorer.Close()
	trial, err := scorer.Try(ctx, cases, f.attacks)
	if err != nil {
		return err
	}
	if f.asJSON {
		err = writeJSON(cmd.OutOrStdout(), trial)
	} else {
		err = writeTrial(cmd.OutOrStdout(), trial)
	}
	if err == nil && len(trial.Failures) > 0 {
		err = fmt.Errorf("%s: %s", cmd.CommandPath(), counted(len(trial.Failures), "failure"))
	}
	return err
}

// writeTrial prints what failed, and how much was tried.
func writeTrial(w io.Writer, t *reward.Trial) error {
	for _, f := range t.Failures {
		of := ""
		if f.Of != "" {
			of = ", " + f.Of
		}
		if _, err := fmt.Fprintf(w, "case %d%s: %s\n", f.Case, of, printable(f.Why)); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "%s, %s, %s\n", counted(t.Cases, "case"), counted(t.Attacks, "attack"), counted(len(t.Failures), "failure"))
	return err
}

// rewardOptions are what rewards need of this program.
func rewardOptions() reward.Options {
	return reward.Options{Confine: ownCommand(confineVerb), Script: ownCommand(scriptVerb), Workers: runtime.GOMAXPROCS(0)}
}
