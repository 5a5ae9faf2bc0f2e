package train

import (
	"math"
	"path/filepath"
	"testing"

	"github.com/blitz-r1/blitz/internal/golden/tiny"
)

// TestModuleLeftOut computes nothing of the module of multi-token prediction where it has no
// weight; gradients of all else are those of a model without it.
func TestModuleLeftOut(t *testing.T) {
	tm, err := tiny.Load(filepath.Join("..", "model", "testdata", "deepseek-v3-mtp"))
	if err != nil {
		t.Fatal(err)
	}
	layers := func(l Losses) (n int, x *Trainer) {
		x = newTrainer(t, openTiny(t, tm), Options{Threads: 2})
		x.Losses = l
		r, err := x.Gradients(t.Context(), someBatch(tm.Config.VocabSize))
		if err != nil {
			t.Fatal(err)
		}
		return len(r.Loads), x
	}
	with, _ := layers(Losses{MTPWeight: 1e-30})
	without, x := layers(Losses{})
	balanced, _ := layers(Losses{BalanceAlpha: 0.01})
	if without != with-1 || balanced != with {
		t.Errorf("%d layers have experts that were used, with a weight %d, balanced %d", without, with, balanced)
	}
	sum := 0.0
	for _, g := range gradientsOf(x.gradients) {
		for _, v := range g {
			sum += math.Abs(float64(v))
		}
	}
	if sum == 0 {
		t.Error("nothing is learned")
	}
}
