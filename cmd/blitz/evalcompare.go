package main

import (
	"fmt"
	"math"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/eval"
)

func newEvalCompare() *cobra.Command {
	var pass, majority counts
	var csv string
	var asJSON bool
	pass, majority = counts{min: 1, max: maxSamples}, counts{min: 1, max: maxSamples}
	cmd := &cobra.Command{
		Use:   "compare A.jsonl B.jsonl",
		Short: "Compare the results of two models by paired differences",
		Long: `Compare the results of two models, or of one with different settings, that blitz
eval --out wrote of the same problems or the same text.

Differences are those of B to A, problem by problem, so that what makes one
hard for both does not count: the standard error is that of their mean, and the
interval 1.96 of it to each side, in which the true difference lies 19 of 20
times. better and worse are the numbers of problems whose figure is higher and
lower.`,
		Example: `  blitz eval compare before.jsonl after.jsonl
  blitz eval compare before.jsonl after.jsonl --pass 1,8 --csv change.csv`,
		Args: exactly("A.jsonl", "B.jsonl"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := eval.Compare(args[0], args[1], eval.Ks{Pass: pass.v, Majority: majority.v})
			if err != nil {
				return evalError(err)
			}
			if err := writeCSVFile(csv, c.WriteCSV); err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), c)
			}
			return writeComparison(cmd, c)
		},
	}
	cmd.Flags().Var(&pass, "pass", "the `k` of pass@k, several with commas (default 1 and all samples)")
	cmd.Flags().Var(&majority, "maj", "the `k` of maj@k, several with commas (default all samples, where there are more than one)")
	cmd.Flags().StringVar(&csv, "csv", "", "`FILE` to write the differences to as CSV")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the differences as JSON")
	return cmd
}

// intervalErrors are the standard errors to each side of a mean in which 95 % lie.
const intervalErrors = 1.96

func writeComparison(cmd *cobra.Command, c *eval.Comparison) error {
	out := cmd.OutOrStdout()
	fmt.Fprintf(out, "A %s, B %s: %s, %s\n", printable(c.A.Model), printable(c.B.Model), printable(c.A.Name), counted(c.A.Parts, "part"))
	rows := [][]string{{"metric", "A", "B", "B - A", "± stderr", "95 %", "higher", "lower"}}
	for _, d := range c.Differences {
		interval := ""
		if e := d.Change.StandardError; e != nil && !math.IsNaN(*e) {
			interval = fmt.Sprintf("%s … %s", formatFigure(d.Change.Value-intervalErrors**e), formatFigure(d.Change.Value+intervalErrors**e))
		}
		rows = append(rows, []string{
			d.Metric, formatFigure(d.A), formatFigure(d.B), formatFigure(d.Change.Value), formatError(d.Change.StandardError), interval, fmt.Sprint(d.Higher), fmt.Sprint(d.Lower),
		})
	}
	return writeTable(out, rows...)
}
