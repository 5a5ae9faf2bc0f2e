package engine

import (
	"math/rand/v2"
	"testing"
	"time"
)

// stepCosts are what steps of 1, 2, 3 … tokens take, beside one of a single token.
var stepCosts = map[string][]float64{
	"small model":    {1, 1.8, 1.8, 1.6, 2, 2.3, 2.7, 3.1, 3.2, 3.3, 3.4, 3.5, 3.6},
	"large model":    {1, 1.7, 1.8, 1.9, 2, 2, 2.1, 2.1, 2.2, 2.2, 2.3, 2.3, 2.4},
	"memory-bound":   {1, 1.02, 1.04, 1.06, 1.08, 1.1, 1.12, 1.14, 1.16, 1.18, 1.2, 1.22, 1.24},
	"no gain at all": {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13},
}

// betting is an engine of one sequence in virtual time: what its guesses cost and bring.
type betting struct {
	cost  []float64                                     // of a step of 1, 2, 3 … tokens
	hit   float64                                       // how often a guess is right
	slow  func(step int, rng *rand.Rand, k int) float64 // how much longer what disturbs a step has it take
	total float64                                       // in steps without guesses: what nothing disturbed would have taken
	worst float64                                       // the most that was lost beyond a share of the tokens so far
}

// run has so many tokens answered; share is what may be lost of each.
func (b *betting) run(tokens int, share float64) {
	const unit = 1e6
	rng := rand.New(rand.NewPCG(1, 2))
	var p pace
	var purse purse
	var g gamble
	for n, step := 0, 0; n < tokens; step++ {
		if n%200 == 0 {
			g = gamble{} // another answer
		}
		k := 0
		if purse.open() {
			k = g.bet(sureties-1, mostGuesses, 0, &p, purse.left)
		}
		right := 0
		for right < k && rng.Float64() < b.hit {
			right++
		}
		took := b.cost[k] * unit
		if b.slow != nil {
			took *= b.slow(step, rng, k)
		}
		p.decoded(1+k, took, time.Time{}, 0)
		if k > 0 {
			purse.bet(1, right, p.charge(1, k), p.about(1))
			g.note(k, right)
		} else {
			purse.rest(p.about(1))
		}
		n += 1 + right
		b.total += b.cost[k]
		b.worst = max(b.worst, b.total-(1+share)*float64(n))
	}
}

// TestPurse: guesses that are always wrong cost a hundredth of the time and, at first, what one
// bet does before it is known what bets cost; those that are right mostly pay at once.
func TestPurse(t *testing.T) {
	for name, cost := range stepCosts {
		for _, hit := range []float64{0, 0.2, 0.9} {
			const tokens = 4000
			b := betting{cost: cost, hit: hit}
			b.run(tokens, purseShare)
			if most := cost[3] + 0.5; b.worst > most { // three are guessed at first, for one step more
				t.Errorf("%s, %v are right: at the worst %.2f steps and a hundredth are lost", name, hit, b.worst)
			}
			if gain := tokens / b.total; hit == 0.9 && cost[3] < 2 && gain < 1.5 {
				t.Errorf("%s, %v are right: %.2f times as fast", name, hit, gain)
			}
		}
	}
}

// TestPurseDisturbed: what other programs do to single steps, or to all of them for a while,
// makes no guesses look as if they won: whatever is disturbed, no more than two hundredths are
// lost, and those that are right pay. Each step counts as long as
// it would have taken undisturbed.
func TestPurseDisturbed(t *testing.T) {
	once := func(at int, by float64) func(int, *rand.Rand, int) float64 {
		return func(step int, _ *rand.Rand, _ int) float64 {
			if step == at {
				return by
			}
			return 1
		}
	}
	for what, slow := range map[string]func(step int, rng *rand.Rand, k int) float64{
		"the first step":        once(0, 10),
		"the first step, much":  once(0, 1000),
		"the second step":       once(1, 10),
		"the last before a bet": once(2, 10),
		"a step in the middle":  once(1000, 10),
		"one step in twenty": func(_ int, rng *rand.Rand, _ int) float64 {
			if rng.IntN(20) == 0 {
				return 2 + 8*rng.Float64()
			}
			return 1
		},
		"all of them a little": func(_ int, rng *rand.Rand, _ int) float64 { return 1 + 0.2*rng.Float64() },
		"slow at first":        func(step int, _ *rand.Rand, _ int) float64 { return 1 + 2*float64(min(1, max(0, 200-step))) },
		"slow and fast in turns": func(step int, _ *rand.Rand, _ int) float64 {
			return 1 + float64(step/500%2)
		},
	} {
		for name, cost := range stepCosts {
			for _, hit := range []float64{0, 0.2, 0.5, 0.9} {
				const tokens = 5000
				quiet, b := betting{cost: cost, hit: hit}, betting{cost: cost, hit: hit, slow: slow}
				quiet.run(tokens, 0.02)
				b.run(tokens, 0.02)
				if b.total > 1.02*tokens {
					t.Errorf("%s is slow, %s, %v are right: %.1f %% are lost", what, name, hit, 100*(b.total/tokens-1))
				}
				if b.worst > purseSteps { // where what steps take changes, for a moment
					t.Errorf("%s is slow, %s, %v are right: at the worst %.2f steps and two hundredths are lost", what, name, hit, b.worst)
				}
				if gain, want := tokens/b.total, tokens/quiet.total; want > 1.2 && gain < 1+0.4*(want-1) {
					t.Errorf("%s is slow, %s, %v are right: %.2f times as fast, on a quiet machine %.2f", what, name, hit, gain, want)
				}
			}
		}
	}
}
