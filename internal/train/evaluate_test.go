package train

import (
	"math"
	"slices"
	"testing"
)

// TestLoss holds that a batch that only measures has the loss that its log-probabilities
// say, to the bit: those of the golden data are checked with the gradients.
func TestLoss(t *testing.T) {
	for _, name := range []string{"llama", "deepseek-v3"} {
		g := loadGrad(t, name)
		x := newTrainer(t, openTiny(t, g.tiny), Options{Threads: 2})
		b := g.batch(t, "sft")
		r, err := x.Gradients(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		want := 0.0
		for _, s := range b.samples() {
			for i := 1; i < len(s.ids); i++ {
				want -= float64(s.weights[i]) * float64(r.LogP[s.at+i])
			}
		}
		got, err := x.Loss(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		if math.Float64bits(got) != math.Float64bits(want) {
			t.Errorf("%s: loss %v, want %v", name, got, want)
		}
	}
}

// TestContinue holds that how an answer came about changes none of it.
func TestContinue(t *testing.T) {
	g := loadGrad(t, "llama")
	x := newTrainer(t, openTiny(t, g.tiny), Options{Threads: 2})
	ids := []int32{5, 6, 7}
	all, err := x.Continue(t.Context(), ids, 12, nil)
	if err != nil || len(all) != 12 {
		t.Fatalf("%d tokens, error %v", len(all), err)
	}
	for n := 1; n < 12; n++ {
		rest, err := x.Continue(t.Context(), append(slices.Clone(ids), all[:n]...), 12-n, nil)
		if err != nil || !slices.Equal(rest, all[n:]) {
			t.Fatalf("behind %d tokens: %v, error %v, want %v", n, rest, err, all[n:])
		}
	}
	first := slices.Index(all, all[3])
	cut, err := x.Continue(t.Context(), ids, 12, []int32{all[3]})
	if err != nil || !slices.Equal(cut, all[:first+1]) {
		t.Errorf("up to %d: %v, error %v", all[3], cut, err)
	}
	if _, err := x.Continue(t.Context(), nil, 1, nil); err == nil {
		t.Error("no ids were accepted")
	}
}
