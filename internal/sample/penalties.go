package sample

import "github.com/blitz-r1/blitz/internal/kernel"

// Penalties make tokens that occurred less likely.
type Penalties struct {
	Repetition float32 // divides or multiplies, over prompt and output
	Frequency  float32 // taken off for each occurrence in the output
	Presence   float32 // taken off once for any
}

func (p *Penalties) active() bool { return p.Repetition != 1 || p.Frequency != 0 || p.Presence != 0 }

// Apply changes the logit of one token among x [V]: text says whether it occurs in prompt or
// output, count how often in the output.
func (p *Penalties) Apply(x []float32, id int32, text bool, count int32) {
	if int(id) >= len(x) || id < 0 {
		return
	}
	v := x[id]
	if text {
		if v > 0 {
			v /= p.Repetition
		} else {
			v = float32(v * p.Repetition)
		}
	}
	if count > 0 {
		v = (v - float32(p.Frequency*float32(count))) - p.Presence
	}
	x[id] = v
}

// Logprobs writes y = (x - max) - log(sum of exp(x - max)); y, x [V], y is not x.
func Logprobs(y, x []float32) {
	top, log := normaliser(y, x)
	for i, v := range x {
		y[i] = (v - top) - log
	}
}

// Logprob returns the log-probability of one token; tmp [V] is scratch.
func Logprob(tmp, x []float32, id int32) float32 {
	top, log := normaliser(tmp, x)
	return (x[id] - top) - log
}

func normaliser(tmp, x []float32) (top, log float32) {
	top = kernel.Max(x)
	return top, kernel.Log(kernel.ExpSum(tmp, x, top))
}
