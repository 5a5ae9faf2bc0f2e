package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/train/course"
	"github.com/blitz-r1/blitz/internal/train/demo"
	"github.com/blitz-r1/blitz/internal/train/grpo"
	"github.com/blitz-r1/blitz/internal/train/report"
)

// newTrainReport makes the page of a run again.
func newTrainReport() *cobra.Command {
	var watts, kwhPrice float64
	cmd := &cobra.Command{
		Use:   "report DIR",
		Short: "Write the page of a run of reinforcement learning anew",
		Long: `Writes report.html of a run of train grpo, demo or recipe, at its end or under
way: what was measured, how rewards, lengths, entropy, KL and the rest went,
what it cost at a stated power and price of electricity, where answers look
back, and answers to read. It is one file that needs nothing else, of 1 MB at
most.`,
		Example: `  blitz train report demo
  blitz train report better --watts 120 --kwh-price 0.4`,
		Args: exactly("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			power := report.Power{Watts: watts, Price: kwhPrice}
			if err := power.Check(); err != nil {
				return fault.Misuse(fmt.Errorf("train report: %w", err))
			}
			words := grpo.Words
			parts, err := report.Parts(args[0])
			if err != nil {
				return err
			}
			text, err := readFile(filepath.Join(args[0], course.SettingsName), 1<<20)
			if len(parts) > 0 || err == nil && demo.Usual(0).Parse("run.toml", text) == nil {
				words = grpo.Searches // the answers of train recipe and train demo have no words
			}
			if err := report.Write(args[0], words, power); err != nil {
				if errors.Is(err, report.ErrRun) {
					err = fault.Refusal(err)
				}
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s shows the run\n", printable(filepath.Join(args[0], report.Name)))
			return err
		},
	}
	addPower(cmd, &watts, &kwhPrice)
	return cmd
}
