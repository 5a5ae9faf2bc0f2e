package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/train"
)

func newTrainSchedule() *cobra.Command {
	var jsonl bool
	cmd := &cobra.Command{
		Use:   "schedule --jsonl",
		Short: "Compute learning rates of schedules",
		Long: `Compute the learning rates of schedules. Each line of the standard input is an
object with schedule and steps, a list of steps from 0 on; for each comes a list
of their rates. A schedule has

kind     constant, cosine or wsd
lr       the rate behind the warm-up
min_lr   of cosine and wsd, the rate of the last step and those behind it
warmup   how many steps grow evenly to lr, lr / warmup the first
steps    of the run
decay    of wsd, how many steps at the end fall
shape    of that fall: linear, sqrt or cosine

` + jsonLinesHelp,
		Example: `  echo '{"schedule": {"kind": "cosine", "lr": 0.001, "min_lr": 0, "warmup": 2,
    "steps": 10}, "steps": [0, 1, 9]}' | blitz train schedule --jsonl
  blitz train schedule --jsonl < schedules.jsonl`,
		Args: atMost(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !jsonl {
				return fault.Misuse(fmt.Errorf("train schedule: --jsonl is missing"))
			}
			return answerLines(cmd, answerSchedule)
		},
	}
	cmd.Flags().BoolVar(&jsonl, "jsonl", false, "each line is an object with a schedule and steps")
	return cmd
}

func answerSchedule(dst, line []byte) ([]byte, error) {
	var l struct {
		Schedule json.RawMessage `json:"schedule"`
		Steps    []int           `json:"steps"`
	}
	if err := json.Unmarshal(line, &l); err != nil {
		return dst, err
	}
	if l.Schedule == nil || l.Steps == nil {
		return dst, fmt.Errorf("want an object with schedule and steps")
	}
	s, err := train.ParseSchedule(l.Schedule)
	if err != nil {
		return dst, err
	}
	rates := make([]float64, len(l.Steps))
	for i, step := range l.Steps {
		if step < 0 {
			return dst, fmt.Errorf("steps[%d] is %d, want 0 or more", i, step)
		}
		rates[i] = s.Rate(step)
	}
	return appendJSON(dst, rates)
}
