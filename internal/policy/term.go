package policy

import "github.com/blitz-r1/blitz/internal/kernel"

// A Level says of what a ratio of probabilities is one.
type Level string

// The levels.
const (
	LevelToken    Level = "token"    // new/old of each token
	LevelSequence Level = "sequence" // of the whole answer: GRPO as R1 prints it (DeepSeek 2025, equation 1)
	LevelMean     Level = "mean"     // its geometric mean over tokens: GSPO (Zheng et al. 2025, equation 7)
)

// limited is a value that was held within ±cap.
type limited struct {
	v     float64
	slope float64 // of v: 1, 0 where the limit acts
}

func limit(x, most float64) limited {
	switch {
	case x > most:
		return limited{most, 0}
	case x < -most:
		return limited{-most, 0}
	}
	return limited{x, 1}
}

// A Clip bounds a ratio.
type Clip struct {
	Low, High float64 // below and above 1
	NoLow     bool    // there is no lower bound
}

// apply returns the ratio within its bounds.
func (c Clip) apply(ratio float64) float64 {
	if low := 1 - c.Low; !c.NoLow && ratio < low {
		return low
	}
	return min(ratio, 1+c.High)
}

// A Term is what a token is worth, of the ratio and the advantage. byRatio is its derivative
// by the logarithm of the ratio, byLogp the one by the token's own log-probability beside
// that, and clipped says that the bound decides.
type Term func(c Clip, ratio, advantage, logp float64) (value, byRatio, byLogp float64, clipped bool)

// Clipped is min(ratio A, clip(ratio) A): PPO (Schulman et al. 2017, equation 7), GRPO.
func Clipped(c Clip, ratio, advantage, _ float64) (value, byRatio, byLogp float64, clipped bool) {
	free, bound := float64(ratio*advantage), float64(c.apply(ratio)*advantage)
	if bound < free {
		return bound, 0, 0, true
	}
	return free, free, 0, false
}

// Weighted is clip(ratio) A logp with a constant weight clip(ratio): CISPO (MiniMax 2025,
// equation 4).
func Weighted(c Clip, ratio, advantage, logp float64) (value, byRatio, byLogp float64, clipped bool) {
	w := c.apply(ratio)
	wa := float64(w * advantage)
	return float64(wa * logp), 0, wa, w != ratio
}

// Plain is A logp: REINFORCE (Williams 1992).
func Plain(_ Clip, _, advantage, logp float64) (value, byRatio, byLogp float64, clipped bool) {
	return float64(advantage * logp), 0, advantage, false
}

// None is 0: the distance from the reference is all there is.
func None(Clip, float64, float64, float64) (value, byRatio, byLogp float64, clipped bool) {
	return 0, 0, 0, false
}

// offPolicy says that a sequence was sampled by a policy too far from the one that is
// trained, and is bad besides: its term is left out (DeepSeek-V3.2 2025, section 3.1).
func offPolicy(delta, advantage float64, new, old []float64, counted []int) bool {
	if advantage >= 0 || len(counted) == 0 {
		return false
	}
	sum := 0.0
	for _, t := range counted {
		sum += old[t] - new[t]
	}
	return sum/float64(len(counted)) > delta
}

// logRatio returns log new/old at a level above tokens, and its derivative by each counted
// token's log-probability.
func (l *Loss) logRatio(new, old []float64, counted []int) (x limited, each float64) {
	sum := 0.0
	for _, t := range counted {
		sum += new[t] - old[t]
	}
	each = 1
	if l.Level == LevelMean {
		each = 1 / float64(len(counted))
		sum /= float64(len(counted))
	}
	x = limit(sum, l.Cap)
	return x, each * x.slope
}

// terms adds -w term of a sequence to the loss and its derivatives to d [token].
func (s *sums) terms(l *Loss, w, advantage float64, new, old, d []float64, counted []int) {
	if l.Level == LevelToken {
		for _, t := range counted {
			x := limit(new[t]-old[t], l.Cap)
			value, byRatio, byLogp, clipped := l.Term(l.Clip, kernel.Exp64(x.v), advantage, new[t])
			s.term(w, value, clipped)
			d[t] -= float64(w * (float64(byRatio*x.slope) + byLogp))
		}
		return
	}
	x, each := l.logRatio(new, old, counted)
	ratio := kernel.Exp64(x.v)
	sum := 0.0 // of the derivatives of all terms by the one ratio
	for _, t := range counted {
		value, byRatio, byLogp, clipped := l.Term(l.Clip, ratio, advantage, new[t])
		s.term(w, value, clipped)
		sum += byRatio
		d[t] -= float64(w * byLogp)
	}
	for _, t := range counted {
		d[t] -= float64(w * float64(sum*each))
	}
}
