package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/policy"
)

func newTrainLoss() *cobra.Command {
	var jsonl bool
	cmd := &cobra.Command{
		Use:   "loss --jsonl",
		Short: "Compute losses of reinforcement learning, with their gradients",
		Long: `Compute losses of reinforcement learning, with their gradients. Each line of the
standard input is an object:

kind       grpo, dr_grpo, dapo, gspo, cispo, rloo or distill
settings   where wanted: scale (std, batch, none, others), std_ddof, std_eps,
           level (token, sequence, mean), eps_low, eps_high, beta, kl (k3,
           unbiased), norm (sequence, constant, group_tokens, batch_tokens,
           answers), max_tokens, dynamic, overlong {max, cache},
           filter_truncated, off_policy_delta, cap
groups     how many sequences each has, in order
rewards    of each sequence; null: it counts as never sampled
logp_new   of each token of each sequence; so are logp_old, and where wanted
           logp_ref and mask, 1 where the token counts
correct    where wanted, of each sequence; so is truncated

"nan", "inf" and "-inf" are strings; a value that counts has to be finite. For
each comes a line with loss, dlogp (its derivative by logp_new), advantages,
kept (of each group), tokens (that count), kl (their mean distance from the
reference) and clip_fraction (the share of them where the clip decides).
docs/EVAL.md has the formulas and where they were published.

` + jsonLinesHelp,
		Example: `  echo '{"kind": "grpo", "settings": {"beta": 0}, "groups": [2],
    "rewards": [1, 0], "logp_new": [[-1, -2], [-3]],
    "logp_old": [[-1, -2], [-3]]}' | blitz train loss --jsonl
  blitz train loss --jsonl < batches.jsonl`,
		Args: atMost(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !jsonl {
				return fault.Misuse(fmt.Errorf("train loss: --jsonl is missing"))
			}
			return answerLines(cmd, func(dst, line []byte) ([]byte, error) {
				l, b, err := policy.ParseLine(line)
				if err != nil {
					return dst, err
				}
				r, err := l.Compute(b)
				if err != nil {
					return dst, err
				}
				return appendJSON(dst, r)
			})
		},
	}
	cmd.Flags().BoolVar(&jsonl, "jsonl", false, "each line is an object with a kind of loss and a batch")
	return cmd
}
