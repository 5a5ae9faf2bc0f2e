package engine

import (
	"math/rand/v2"
	"testing"
	"time"
)

// TestPurse: guesses that are always wrong cost a hundredth of the time and, at first, what one
// bet does before it is known what bets cost; those that are right mostly pay at once.
func TestPurse(t *testing.T) {
	for name, cost := range map[string][]float64{ // of a step of 1, 2, 3 … tokens
		"small model":    {1, 1.8, 1.8, 1.6, 2, 2.3, 2.7, 3.1, 3.2, 3.3, 3.4, 3.5, 3.6},
		"large model":    {1, 1.7, 1.8, 1.9, 2, 2, 2.1, 2.1, 2.2, 2.2, 2.3, 2.3, 2.4},
		"memory-bound":   {1, 1.02, 1.04, 1.06, 1.08, 1.1, 1.12, 1.14, 1.16, 1.18, 1.2, 1.22, 1.24},
		"no gain at all": {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13},
	} {
		for _, hit := range []float64{0, 0.2, 0.9} {
			rng := rand.New(rand.NewPCG(1, 2))
			var p pace
			var purse purse
			const tokens = 4000
			total, worst := 0.0, 0.0
			var g gamble
			for n := 0; n < tokens; {
				if n%200 == 0 {
					g = gamble{} // another answer
				}
				k := 0
				if purse.open {
					k = g.bet(sureties-1, mostGuesses, 0, &p, purse.left)
				}
				right := 0
				for right < k && rng.Float64() < hit {
					right++
				}
				took := cost[k] * 1e6
				alone := took
				if purse.open {
					alone = p.about(1)
				}
				purse.step(1, k, right, took, alone)
				p.decoded(1+k, took, time.Time{}, 0)
				if k > 0 {
					g.note(k, right)
				}
				n += 1 + right
				total += took
				worst = max(worst, total-1.01*float64(n)*1e6)
			}
			most := (cost[3] + 0.5) * 1e6 // three are guessed at first, for one step more
			if worst > most {
				t.Errorf("%s, %v are right: at the worst %.2f steps and a hundredth are lost", name, hit, worst/1e6)
			}
			if gain := tokens * 1e6 / total; hit == 0.9 && cost[3] < 2 && gain < 1.5 {
				t.Errorf("%s, %v are right: %.2f times as fast", name, hit, gain)
			}
		}
	}
}
