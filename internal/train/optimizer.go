package train

import (
	"math"

	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/model"
)

// Optimizer is AdamW (Loshchilov and Hutter 2019): decay of the weights apart from the
// gradient, none of vectors, behind a clip of the norm of all gradients together.
type Optimizer struct {
	Kind        string  `json:"kind"` // adamw
	Beta1       float64 `json:"beta1"`
	Beta2       float64 `json:"beta2"`
	Eps         float64 `json:"eps"`
	WeightDecay float64 `json:"weight_decay"`
	ClipNorm    float64 `json:"clip_norm"` // 0: none
}

// DefaultOptimizer is what settings that are not given are.
var DefaultOptimizer = Optimizer{Kind: "adamw", Beta1: 0.9, Beta2: 0.999, Eps: 1e-8}

// Check returns an error that names the first setting that cannot be.
func (o *Optimizer) Check() error {
	share := func(v float64) bool { return v >= 0 && v < 1 }
	positive := func(v float64) bool { return v >= 0 && v <= math.MaxFloat32 }
	switch {
	case o.Kind != "adamw":
		return wrongSetting("optimizer.kind", o.Kind, "adamw")
	case !share(o.Beta1):
		return wrongSetting("optimizer.beta1", o.Beta1, "0 or more, less than 1")
	case !share(o.Beta2):
		return wrongSetting("optimizer.beta2", o.Beta2, "0 or more, less than 1")
	case !(o.Eps >= 1e-30 && o.Eps <= 1):
		return wrongSetting("optimizer.eps", o.Eps, "1e-30 to 1")
	case !positive(o.WeightDecay):
		return wrongSetting("optimizer.weight_decay", o.WeightDecay, "0 or more")
	case !positive(o.ClipNorm):
		return wrongSetting("optimizer.clip_norm", o.ClipNorm, "0 or more")
	}
	return nil
}

// moments are running means of a gradient and of its square, as Weight.Values lie.
type moments struct{ m, v []float32 }

// normRun is how many squares are added up in float32.
const normRun = 4096

// Norm returns the Euclidean norm of all gradients together.
func Norm(g *model.Gradients) float64 {
	sum := 0.0
	for _, x := range g.All {
		if !x.Touched {
			continue
		}
		for v := x.X; len(v) > 0; v = v[min(normRun, len(v)):] {
			run := v[:min(normRun, len(v))]
			sum += float64(kernel.LaneDot(run, run))
		}
	}
	return math.Sqrt(sum)
}

// optimizerRun is how many numbers of a weight an item changes.
const optimizerRun = 32 << 10

// update is one step of the optimizer.
type update struct {
	Optimizer
	rate         float64
	clip         float64 // multiplies gradients
	bias1, bias2 float64 // 1 - beta^t
	gradients    []*model.Gradient
	moments      []moments
	items        []updateItem
}

type updateItem struct{ of, from, to int }

// newUpdate prepares step number t, from 1 on.
func newUpdate(o Optimizer, rate, norm float64, t int, g *model.Gradients, m []moments) *update {
	u := &update{Optimizer: o, rate: rate, clip: 1, gradients: g.All, moments: m, bias1: 1 - power(o.Beta1, t), bias2: 1 - power(o.Beta2, t)}
	if o.ClipNorm > 0 && norm > o.ClipNorm {
		u.clip = o.ClipNorm / norm
	}
	for i, x := range g.All {
		for from := 0; from < len(x.X); from += optimizerRun {
			u.items = append(u.items, updateItem{i, from, min(from+optimizerRun, len(x.X))})
		}
	}
	return u
}

// power returns x^n by multiplications, which are the same on every machine.
func power(x float64, n int) float64 {
	p := 1.0
	for ; n > 0; n >>= 1 {
		if n&1 == 1 {
			p = float64(p * x)
		}
		x = float64(x * x)
	}
	return p
}

// Do changes a run of a weight's numbers. A gradient that nothing was added to is zero: the
// weight decays and the moments fade.
func (u *update) Do(i int, _ *kernel.Thread) {
	item := u.items[i]
	x := u.gradients[item.of]
	w := x.Weight.Values()[item.from:item.to]
	m, v := u.moments[item.of].m[item.from:item.to], u.moments[item.of].v[item.from:item.to]
	keep := 1.0
	if len(x.Weight.Shape) >= 2 {
		keep = 1 - float64(u.rate*u.WeightDecay)
	}
	step, root := u.rate/u.bias1, 1/math.Sqrt(u.bias2)
	a, b := 1-u.Beta1, 1-u.Beta2
	for k := range w {
		g := 0.0
		if x.Touched {
			g = float64(float64(x.X[item.from+k]) * u.clip)
		}
		mean := float64(u.Beta1*float64(m[k])) + float64(a*g)
		square := float64(u.Beta2*float64(v[k])) + float64(b*float64(g*g))
		m[k], v[k] = float32(mean), float32(square)
		w[k] = float32(float64(float64(w[k])*keep) - float64(step*mean)/(float64(math.Sqrt(square)*root)+u.Eps))
	}
}
