package engine

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// stepTime is what a step takes on a machine whose memory is kept busy by so many threads,
// and whose barrier costs something for each.
func stepTime(threads, enough int, barrier float64) float64 {
	return 1/float64(min(threads, enough)) + barrier*float64(threads)
}

// TestCrew: the number that is found is nearly the best there is, on machines of any width,
// with noise and when the bound moves; and finding it costs next to nothing.
func TestCrew(t *testing.T) {
	for _, n := range []int{1, 2, 7, 8, 16, 48, 64, 192} {
		for _, enough := range []int{1, 4, 6, 12, 40, 1000} {
			for _, barrier := range []float64{1e-4, 1e-3} {
				t.Run(fmt.Sprintf("%d threads, %d are enough, %v", n, enough, barrier), func(t *testing.T) {
					rng := rand.New(rand.NewPCG(uint64(n), uint64(enough)))
					c := newCrew(n)
					for _, enough := range []int{enough, 2 * enough} { // as where text grows
						const steps = 20000
						var all, best float64
						best = math.Inf(1)
						for _, size := range c.sizes {
							best = min(best, stepTime(size, enough, barrier))
						}
						for i := range steps {
							took := stepTime(c.size(), enough, barrier)
							if i >= steps/4 {
								all += took
							}
							c.note(took * (1 + 0.02*rng.NormFloat64()))
						}
						if mean := all / (steps * 3 / 4); mean > 1.05*best {
							t.Errorf("%d are enough: a step takes %.4f, the best number %.4f", enough, mean, best)
						}
					}
				})
			}
		}
	}
}

// Few threads are not tried against each other, nor many tokens.
func TestCrewOfFew(t *testing.T) {
	c := newCrew(fewestTuned - 1)
	for range 1000 {
		if n := c.size(); n != fewestTuned-1 {
			t.Fatalf("%d threads, want all %d", n, fewestTuned-1)
		}
		c.note(1)
	}
	all := newCrews(64)
	for tokens, want := range map[int]*crew{0: nil, 1: &all[0], 2: &all[1], 3: &all[1], 4: &all[2], 7: &all[2], 8: nil, 500: nil} {
		if got := all.of(tokens); got != want {
			t.Errorf("%d tokens: got %p, want %p", tokens, got, want)
		}
	}
	if got := (*crews)(nil).of(1); got != nil {
		t.Errorf("where the number is fixed: got %p", got)
	}
}
