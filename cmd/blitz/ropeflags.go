package main

import (
	"strconv"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/internal/spelling"
)

// ropeFlags set rotary embedding in place of what a model's files say.
type ropeFlags struct {
	scaling                                    choice
	scale, base, attention, betaFast, betaSlow number
	original                                   count
}

func (f *ropeFlags) add(cmd *cobra.Command) {
	f.scaling = choice{from: model.Scalings()}
	f.scale, f.base = number{min: 1, max: 1 << 20}, number{min: 1.5, max: 1e12}
	f.attention = number{min: 1e-3, max: 1 << 10}
	f.betaFast, f.betaSlow = number{min: 1e-3, max: 1 << 20}, number{min: 1e-3, max: 1 << 20}
	f.original = count{min: 1, max: maxPositions}
	flags := cmd.Flags()
	flags.Var(&f.scaling, "rope-scaling", "`form` of a longer context: "+spelling.OneOf(f.scaling.from)+" (default the model's; yarn with a --yarn flag, else linear)")
	flags.Var(&f.scale, "rope-scale", "the context grows by this `factor`, and rotary positions are scaled for it")
	flags.Var(&f.base, "rope-freq-base", "`base` of the rotary frequencies (default the model's)")
	flags.Var(&f.original, "yarn-orig-ctx", "`positions` that the model was first trained on (default the model's)")
	flags.Var(&f.attention, "yarn-attn-factor", "`factor` on sine and cosine (default 0.1 ln scale + 1)")
	flags.Var(&f.betaFast, "yarn-beta-fast", "`turns` from which a frequency stays as it is (default 32)")
	flags.Var(&f.betaSlow, "yarn-beta-slow", "`turns` up to which a frequency is scaled in full (default 1)")
}

// rope returns what the flags say.
func (f *ropeFlags) rope() blitz.Rope {
	return blitz.Rope{
		Scaling: f.scaling.v, Scale: f.scale.wide(), Base: f.base.wide(), OriginalContext: f.original.v,
		AttentionFactor: f.attention.wide(), BetaFast: f.betaFast.wide(), BetaSlow: f.betaSlow.wide(),
	}
}

// wide returns the number as its shortest decimal has it.
func (n *number) wide() float64 {
	v, _ := strconv.ParseFloat(strconv.FormatFloat(float64(n.v), 'g', -1, 32), 64)
	return v
}
