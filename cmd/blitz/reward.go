package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/task"
)

func newReward() *cobra.Command {
	var jsonl bool
	kind := choice{from: task.Kinds}
	cmd := &cobra.Command{
		Use:   "reward --task KIND --jsonl",
		Short: "Check what a model answered to tasks whose answers can be checked",
		Long: `Check what a model answered. Each line of the standard input is an object with
a task and completion, the text that the model wrote:

countdown   numbers, target: an expression of + - * / whose exact value is the
            target and which has each of the numbers exactly once
arithmetic  expression: its exact value, as a whole number, a decimal or a
            fraction such as 3/4

Reasoning ends at the first </think>; the answer is the text of the first
<answer> behind it up to the next </answer>, and nothing but blanks may follow.
For each comes a line with reward, 1 or 0; format, whether the answer stands
where it should and has the form; correct; and answer, null where there is none.

` + jsonLinesHelp,
		Example: `  echo '{"numbers": [6, 7, 3], "target": 45,
    "completion": "6*7=42</think><answer>6*7+3</answer>"}' |
    blitz reward --task countdown --jsonl
  blitz reward --task arithmetic --jsonl < answers.jsonl`,
		Args: atMost(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case kind.v == "":
				return fault.Misuse(fmt.Errorf("reward: --task is missing"))
			case !jsonl:
				return fault.Misuse(fmt.Errorf("reward: --jsonl is missing"))
			}
			return answerLines(cmd, func(dst, line []byte) ([]byte, error) {
				p, completion, err := task.ParseLine(kind.v, line)
				if err != nil {
					return dst, err
				}
				return appendJSON(dst, task.Judge(p, completion))
			})
		},
	}
	cmd.Flags().Var(&kind, "task", "`KIND` of task: countdown or arithmetic")
	cmd.Flags().BoolVar(&jsonl, "jsonl", false, "each line is an object with a task and a completion")
	cmd.AddCommand(newRewardTest())
	return cmd
}
