package engine

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/internal/sample"
)

// TestDrawsInParts: what threads draw together from long rows is what each would alone; a row
// that nothing can be drawn from leaves the others as they are.
func TestDrawsInParts(t *testing.T) {
	const V = 20_000
	w := kernel.NewWorkers(4)
	defer w.Close()
	rng := rand.New(rand.NewPCG(1, 9))
	settings := []sample.Settings{
		{TopP: 1}, {Temperature: 1, TopP: 1}, {Temperature: 0.7, TopP: 0.9}, {Temperature: 1, TopK: 40, TopP: 1}, {Temperature: 1, TopP: 1, MinP: 0.1}, {Temperature: 1, TopP: 1},
	}
	for n := 1; n <= len(settings); n++ {
		logits := &model.Act{T: n, D: V, X: make([]float32, n*V)}
		d := draws{logits: logits}
		var alone []*answer
		for i, s := range settings[:n] {
			s.Repetition, s.Seed = 1, uint64(i)
			d.answers, d.rows = append(d.answers, &answer{sampler: sample.New(s, nil), request: Request{Logprobs: 2}}), append(d.rows, n-1-i)
			alone = append(alone, &answer{sampler: sample.New(s, nil), request: Request{Logprobs: 2}})
		}
		for range 20 {
			for i := range logits.X {
				logits.X[i] = float32(rng.NormFloat64() * 4)
			}
			if n == 5 {
				d.row(2)[V-1] = float32(math.NaN())
			}
			if n == len(settings) {
				for _, all := range [][]*answer{d.answers, alone} {
					all[1].guidance.allowed = make([]uint64, sample.MaskWords(V))
				}
			}
			d.inParts(w)
			for i, a := range d.answers {
				want := alone[i]
				want.draw(d.row(i))
				got := a.drawn
				if !got.there || got.token.ID != want.drawn.token.ID || got.token.Logprob != want.drawn.token.Logprob || !errors.Is(got.err, want.drawn.err) {
					t.Fatalf("%d rows, answer %d: got %+v, alone %+v", n, i, got, want.drawn)
				}
				if wrong := n == 5 && i == 2 || n == len(settings) && i == 1; (got.err != nil) != wrong {
					t.Fatalf("%d rows, answer %d: got error %v", n, i, got.err)
				}
				a.drawn, want.drawn = drawn{}, drawn{}
			}
		}
	}
}
