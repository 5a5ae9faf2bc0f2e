package policy

import (
	"fmt"
	"math"
)

// A Scale says what differences from the mean reward of a group are divided by.
type Scale string

// The scales.
const (
	ScaleStd   Scale = "std"   // the group's standard deviation: GRPO (Shao et al. 2024, section 4.1.2)
	ScaleBatch Scale = "batch" // that of all rewards: Magistral (Mistral 2025), ScaleRL (Khatri et al. 2025)
	ScaleNone  Scale = "none"  // nothing: Dr. GRPO (Liu et al. 2025, section 3)
	// ScaleOthers divides by (G-1)/G, which makes r - mean of the others of it: Ahmadian et
	// al. 2024, equation 8.
	ScaleOthers Scale = "others"
)

// Overlong takes off a reward the nearer an answer comes to its longest: DAPO (Yu et al.
// 2025), equation 13. Zero: nothing.
type Overlong struct {
	Max, Cache int // tokens
}

// penalty returns what n tokens cost: 0 up to Max-Cache, -1 beyond Max, linear between.
func (o Overlong) penalty(n int) float64 {
	switch {
	case n <= o.Max-o.Cache:
		return 0
	case n <= o.Max:
		return float64(o.Max-o.Cache-n) / float64(o.Cache)
	}
	return -1
}

// group is what there is of a group: sequences that were not skipped.
type group struct {
	at   []int // sequences of the batch
	kept bool
}

// groups returns the groups. One is kept where there is a sequence, and with dynamic
// sampling where some but not all are right: DAPO, equation 11.
func (b *Batch) groups(dynamic bool) []group {
	all := make([]group, len(b.Groups))
	n := 0
	for g, size := range b.Groups {
		right := 0
		for i := n; i < n+size; i++ {
			if b.skipped(i) {
				continue
			}
			all[g].at = append(all[g].at, i)
			if b.right(i) {
				right++
			}
		}
		all[g].kept = len(all[g].at) > 0 && (!dynamic || right > 0 && right < len(all[g].at))
		n += size
	}
	return all
}

// advantages returns A [sequence] = (r - mean of the group) / (std + eps), exactly 0 where
// all rewards of a group are equal, whatever rounding says.
func (l *Loss) advantages(b *Batch, groups []group) ([]float64, error) {
	rewards := make([]float64, len(b.Rewards))
	var all []float64
	for _, g := range groups {
		for _, i := range g.at {
			if !isFinite(b.Rewards[i]) {
				return nil, fmt.Errorf("rewards[%d] is %g: %w", i, b.Rewards[i], ErrNotFinite)
			}
			rewards[i] = b.Rewards[i]
			if l.Overlong != (Overlong{}) {
				rewards[i] += l.Overlong.penalty(len(b.LogpNew[i]))
			}
			all = append(all, rewards[i])
		}
	}
	a := make([]float64, len(rewards))
	var own []float64
	for _, g := range groups {
		own = own[:0]
		for _, i := range g.at {
			own = append(own, rewards[i])
		}
		if allEqual(own) {
			continue
		}
		by := 1.0
		switch l.Scale {
		case ScaleStd:
			by = deviation(own, l.StdDDoF) + l.StdEps
		case ScaleBatch:
			by = deviation(all, l.StdDDoF) + l.StdEps
		case ScaleOthers:
			by = float64(len(own)-1) / float64(len(own))
		}
		m := mean(own)
		if !isFinite(by) {
			return nil, fmt.Errorf("the advantages of sequences %d … are divided by %g: %w", g.at[0], by, ErrNotFinite)
		}
		for _, i := range g.at {
			if a[i] = (rewards[i] - m) / by; !isFinite(a[i]) {
				return nil, fmt.Errorf("the advantage of sequence %d is %g: %w", i, a[i], ErrNotFinite)
			}
		}
	}
	return a, nil
}

func allEqual(x []float64) bool {
	for _, v := range x {
		if v != x[0] {
			return false
		}
	}
	return true
}

func mean(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v
	}
	return sum / float64(len(x))
}

// deviation returns sqrt(sum (x-mean)² / (n-ddof)).
func deviation(x []float64, ddof int) float64 {
	m, square := mean(x), 0.0
	for _, v := range x {
		d := v - m
		square += float64(d * d)
	}
	return math.Sqrt(square / float64(len(x)-ddof))
}
