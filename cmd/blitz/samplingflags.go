package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz"
)

// samplingFlags say how tokens are drawn. Those that are not given are as the model's
// publisher suggests.
type samplingFlags struct {
	temp, topP, minP, penalty number
	topK, maxTokens           count
	seed                      seed
}

func (f *samplingFlags) add(cmd *cobra.Command) {
	*f = samplingFlags{
		temp: number{max: 100}, topP: number{max: 1}, minP: number{max: 1}, penalty: number{min: 1e-3, max: 1e3},
		topK: count{max: 1 << 30}, maxTokens: count{max: 1 << 30},
	}
	flags := cmd.Flags()
	flags.Var(&f.temp, "temp", "`temperature`, 0: always the likeliest token (default the model's, else 0.8)")
	flags.Var(&f.topK, "top-k", "draw among the `N` likeliest tokens, 0: all (default the model's, else 40)")
	flags.Var(&f.topP, "top-p", "draw among the likeliest tokens that together have this `probability`, 1: all (default the model's, else 0.95)")
	flags.Var(&f.minP, "min-p", "draw among tokens with at least this `share` of the likeliest one's probability (default the model's, else 0)")
	flags.Var(&f.penalty, "repeat-penalty", "`divisor` of the logits of tokens that occurred, 1: none (default the model's, else 1)")
	flags.Var(&f.seed, "seed", "`number` that the draws depend on (default random; --verbose shows it)")
	flags.VarP(&f.maxTokens, "max-tokens", "n", fmt.Sprintf("most `tokens` of an answer, 0: as many as the context has room for (default 0, or %d where the model has no chat template)", plainTokens))
}

// apply puts what was given in the place of what the publisher suggests.
func (f *samplingFlags) apply(s *blitz.Sampling) {
	for _, n := range []struct {
		from *number
		to   *float32
	}{{&f.temp, &s.Temperature}, {&f.minP, &s.MinP}, {&f.penalty, &s.RepeatPenalty}} {
		if n.from.set {
			*n.to = n.from.v
		}
	}
	if f.topP.set {
		s.TopP = new(f.topP.v)
	}
	if f.topK.set {
		s.TopK = f.topK.v
	}
}
