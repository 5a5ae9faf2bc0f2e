package policy

import "github.com/blitz-r1/blitz/internal/kernel"

// A KL is how the distance from the reference is estimated of x = log ref/new of a token
// that was sampled: its value and its derivative by the token's log-probability. ratio is
// new/old, and moves with the log-probability by slope.
type KL func(x limited, ratio, slope float64) (value, byLogp float64)

// K3 is e^x - x - 1: Schulman 2020, "Approximating KL divergence"; GRPO, equation 4.
func K3(x limited, _, _ float64) (value, byLogp float64) {
	return k3(x.v), -float64(expm1(x.v) * x.slope)
}

// Unbiased is ratio (e^x - x - 1), whose gradient is that of the divergence from samples of
// the old policy, too: DeepSeek-V3.2 2025, equation 7.
func Unbiased(x limited, ratio, slope float64) (value, byLogp float64) {
	value = float64(ratio * k3(x.v))
	return value, float64(value*slope) - float64(ratio*float64(expm1(x.v)*x.slope))
}

// K2 is x²/2, whose gradient is that of the divergence of the policy from the reference where
// tokens are the policy's own: Schulman 2020; Tang and Munos 2025.
func K2(x limited, _, _ float64) (value, byLogp float64) {
	return float64(x.v*x.v) / 2, -float64(x.v * x.slope)
}

// seriesBelow is where differences of nearly equal numbers are made of their series instead,
// seriesTerms how many of its terms there are.
const (
	seriesBelow = 0.5
	seriesTerms = 18
)

// k3 returns e^x - x - 1.
func k3(x float64) float64 {
	if x > seriesBelow || x < -seriesBelow {
		return kernel.Exp64(x) - x - 1
	}
	return float64(x*x) / 2 * series(x, 3)
}

// expm1 returns e^x - 1.
func expm1(x float64) float64 {
	if x > seriesBelow || x < -seriesBelow {
		return kernel.Exp64(x) - 1
	}
	return x * series(x, 2)
}

// series returns 1 + x/n + x²/(n (n+1)) + …
func series(x float64, n int) float64 {
	y := 1.0
	for i := seriesTerms; i >= n; i-- {
		y = 1 + float64(x*y)/float64(i)
	}
	return y
}

// distances adds w beta kl of a sequence to the loss and its derivatives to d [token]. Of
// ratios of whole answers the distance is of the whole answer, too.
func (s *sums) distances(l *Loss, w float64, new, old, ref, d []float64, counted []int) {
	wb := float64(w * l.Beta)
	if l.Level == LevelSequence {
		sum := 0.0
		for _, t := range counted {
			sum += ref[t] - new[t]
		}
		value, byLogp := l.KL(limit(sum, l.Cap), 1, 0)
		n := float64(len(counted))
		s.distance(float64(wb*n), value, n)
		for _, t := range counted {
			d[t] += float64(float64(wb*n) * byLogp)
		}
		return
	}
	for _, t := range counted {
		ratio := limit(new[t]-old[t], l.Cap)
		value, byLogp := l.KL(limit(ref[t]-new[t], l.Cap), kernel.Exp64(ratio.v), ratio.slope)
		s.distance(wb, value, 1)
		d[t] += float64(wb * byLogp)
	}
}
