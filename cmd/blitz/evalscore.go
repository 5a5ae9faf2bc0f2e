package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/task"
)

func newEvalScore() *cobra.Command {
	var jsonl bool
	cmd := &cobra.Command{
		Use:   "score --jsonl",
		Short: "Compute pass@k and maj@k, with standard errors, of checked answers",
		Long: `Compute scores of answers that were checked. Each line of the standard input is
an object: pass and maj, lists of k, and problems, a list of objects with
correct, a list of true and false in the order of the answers, and answers,
their texts, null where there is none, which maj needs; or with n, the number of
answers, and c, how many of them are right.

pass@k is 1 - C(n-c, k) / C(n, k), the share of sets of k answers with a right
one. maj@k is whether the most frequent of the first k answers is right: null is
no vote, of equally frequent ones the first counts. For each line comes one with
problems, how many there are, and for each k the value, a mean over problems,
and stderr, its standard error, null for one problem.

` + jsonLinesHelp,
		Example: `  echo '{"pass": [1, 4], "problems": [{"n": 8, "c": 2}, {"n": 8, "c": 5}]}' |
    blitz eval score --jsonl
  blitz eval score --jsonl < answers.jsonl`,
		Args: atMost(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !jsonl {
				return fault.Misuse(fmt.Errorf("eval score: --jsonl is missing"))
			}
			return answerLines(cmd, func(dst, line []byte) ([]byte, error) {
				s, err := task.ScoreLine(line)
				if err != nil {
					return dst, err
				}
				return appendJSON(dst, s)
			})
		},
	}
	cmd.Flags().BoolVar(&jsonl, "jsonl", false, "each line is an object with k and problems")
	return cmd
}
