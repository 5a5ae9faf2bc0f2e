package model

import (
	"fmt"
	"slices"
	"strings"

	"github.com/blitz-r1/blitz/internal/kernel"
)

// mlp binds the three matrices of a gated MLP.
func (b *binder) mlp(m *GatedMLP, layer int, c *Config) {
	m.Act = c.HiddenAct
	b.biased(&m.Gate, c.MLPBias, "ffn_gate", layer, c.IntermediateSize, c.HiddenSize)
	b.biased(&m.Up, c.MLPBias, "ffn_up", layer, c.IntermediateSize, c.HiddenSize)
	b.biased(&m.Down, c.MLPBias, "ffn_down", layer, c.HiddenSize, c.IntermediateSize)
}

// softmaxExperts binds experts whose router is a softmax over all of them.
func (b *binder) softmaxExperts(layer int, c *Config) *Experts {
	e := &Experts{
		Choose: kernel.Router{TopK: c.NumExpertsPerTok, Normalise: c.NormTopKProb, Factor: 1},
		Act:    c.HiddenAct,
		number: layer,
	}
	E, D, I := c.NumExperts, c.HiddenSize, c.MoEIntermediateSize
	b.linear(&e.Router, "ffn_gate_inp", layer, E, D)
	first := len(b.plan)
	if b.hf && b.family.stacked || !b.hf && b.has("ffn_gate_up_exps", layer, ".weight") {
		e.Gate, e.Up = b.mergedExperts(layer, E, I, D)
	} else {
		e.Gate = b.experts("ffn_gate_exps", layer, E, I, D)
		e.Up = b.experts("ffn_up_exps", layer, E, I, D)
	}
	e.Down = b.experts("ffn_down_exps", layer, E, D, I)
	b.sameForm("ffn_gate_exps", layer, e.Gate, e.Up)
	b.sameForm("ffn_down_exps", layer, e.Down)
	b.byExpert(e, layer, first)
	return e
}

// byExpert orders the plan so that the matrices of each expert lie one behind the other,
// which are read together where not all experts are in memory.
func (b *binder) byExpert(e *Experts, layer, first int) {
	if b.err != nil {
		return
	}
	place := map[*kernel.Matrix]int{}
	for i := range e.Gate {
		place[&e.Gate[i].Matrix], place[&e.Up[i].Matrix], place[&e.Down[i].Matrix] = 3*i, 3*i+1, 3*i+2
	}
	slices.SortFunc(b.plan[first:], func(x, y packing) int { return place[x.matrix] - place[y.matrix] })
	b.sparse = append(b.sparse, sparseLayer{e, layer, first})
}

// expertsPart returns what stands behind the names of experts' tensors: stacked ones of a
// checkpoint have nothing there.
func (b *binder) expertsPart() string {
	if b.hf && b.family.stacked {
		return ""
	}
	return ".weight"
}

// experts binds E matrices [rows, cols]: one tensor [E, rows, cols] in GGUF, one each in
// most checkpoints and in GGUF files from before March 2024.
func (b *binder) experts(role string, layer, E, rows, cols int) []Linear {
	list := make([]Linear, E)
	name := b.name(role, layer, b.expertsPart())
	single := name // of one, with its number
	if !b.hf {
		single = ggufName(strings.TrimSuffix(role, "_exps")+".%d", layer, ".weight")
	}
	if _, ok := b.src.find(fmt.Sprintf(single, 0)); ok || b.hf && !b.family.stacked {
		for e := range list {
			one := fmt.Sprintf(single, e)
			if t, ok := b.find(one, rows, cols); ok {
				b.rows(&list[e], t, 0, rows, cols, 0)
			}
			if b.called != nil {
				b.called[one] = Role{Name: role, Layer: layer, Part: ".weight", Expert: e}
			}
		}
		return list
	}
	t, ok := b.find(name, E, rows, cols)
	for e := range list {
		if ok {
			b.rows(&list[e], t, e*rows, rows, cols, e)
		}
	}
	return list
}

// mergedExperts binds the two inner matrices of experts that one tensor holds, [E, 2I,
// D], the gate first.
func (b *binder) mergedExperts(layer, E, I, D int) (gate, up []Linear) {
	gate, up = make([]Linear, E), make([]Linear, E)
	t, ok := b.find(b.name("ffn_gate_up_exps", layer, b.expertsPart()), E, 2*I, D)
	for e := range E {
		if ok {
			b.rows(&gate[e], t, 2*e*I, I, D, e)
			b.rows(&up[e], t, (2*e+1)*I, I, D, e)
		}
	}
	return gate, up
}

// sameForm refuses experts of which some are float and some quantised, since one form of
// their inputs serves them all.
func (b *binder) sameForm(role string, layer int, lists ...[]Linear) {
	if b.err != nil {
		return
	}
	for _, list := range lists {
		for i := range list {
			if list[i].IsFloat() != lists[0][0].IsFloat() {
				b.fail(wrongTensor(b.src, b.name(role, layer, ".weight"), fmt.Sprintf("expert %d is of another form than expert 0", i), "all float or all quantised"))
				return
			}
		}
	}
}

// deepseekExperts binds the chosen experts of a layer.
func (b *binder) deepseekExperts(layer int, c *Config) *Experts {
	e := b.softmaxExperts(layer, c)
	e.Choose = kernel.Router{
		Sigmoid: c.SigmoidScores, Groups: c.NGroup, GroupsKept: c.TopKGroup, TopK: c.NumExpertsPerTok,
		Normalise: c.NormTopKProb, Factor: c.RoutedScalingFactor,
	}
	if c.CorrectionBias || b.has("exp_probs_b", layer, ".bias") {
		e.Choose.Bias, e.BiasParam = b.vector("exp_probs_b", layer, ".bias", c.NumExperts)
		b.last().Corrects = e.number
	}
	return e
}

// sharedExperts binds the experts that all tokens share: one MLP.
func (b *binder) sharedExperts(m *GatedMLP, layer int, c *Config) {
	b.sharedMLP(m, layer, c.NumSharedExperts*c.MoEIntermediateSize, c)
}

// sharedMLP is sharedExperts with I numbers inside.
func (b *binder) sharedMLP(m *GatedMLP, layer, I int, c *Config) {
	m.Act = c.HiddenAct
	b.linear(&m.Gate, "ffn_gate_shexp", layer, I, c.HiddenSize)
	b.linear(&m.Up, "ffn_up_shexp", layer, I, c.HiddenSize)
	b.linear(&m.Down, "ffn_down_shexp", layer, c.HiddenSize, I)
}
