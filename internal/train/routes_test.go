package train

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/model"
)

// TestRoutes has routers choose, changes weights, and goes on with the experts that were chosen:
// without a change log-probabilities and gradients have the bits of a batch that chooses, with one
// the experts are those of before and not those that routers choose now.
func TestRoutes(t *testing.T) {
	m := openTiny(t, loadGrad(t, "deepseek-v3").tiny)
	batch := func(routes *model.Routes) *Batch {
		b := &Batch{Rows: 1, Cols: 64, Divisor: 1, Routes: routes}
		for i := range b.Cols {
			b.IDs, b.Weights, b.Segments = append(b.IDs, int32(i*i*31%m.Config.VocabSize)), append(b.Weights, 1), append(b.Segments, int32(1+i/40))
		}
		return b
	}
	routes := new(model.Routes)
	x := newTrainer(t, m, Options{Threads: 2})
	first, err := x.LogP(t.Context(), batch(routes))
	if err != nil {
		t.Fatal(err)
	}
	bits := func(o Options, routes *model.Routes) (all []uint32, loads map[int][]int32) {
		x := newTrainer(t, m, o)
		r, err := x.Gradients(t.Context(), batch(routes))
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range r.LogP {
			all = append(all, math.Float32bits(v))
		}
		for _, g := range x.gradients.All {
			for _, v := range g.X {
				all = append(all, math.Float32bits(v))
			}
		}
		return all, r.Loads
	}
	chosen, loads := bits(Options{Threads: 1}, nil)
	for i, v := range first {
		if math.Float32bits(v) != chosen[i] {
			t.Fatalf("log p of token %d is %v where experts are noted, want %v", i, v, math.Float32frombits(chosen[i]))
		}
	}
	for what, o := range map[string]Options{"kept": {Threads: 2}, "recomputed": {Threads: 1, Recompute: true}} {
		if followed, _ := bits(o, routes); !slices.Equal(followed, chosen) {
			t.Errorf("%s: gradients along known experts have other bits", what)
		}
	}
	layers := 0
	for layer := range m.Config.NumHiddenLayers {
		if want := loads[layer]; want != nil {
			layers++
			if got := routes.Loads(layer, len(want)); !slices.Equal(got, want) {
				t.Errorf("layer %d: noted are loads %v, want %v", layer, got, want)
			}
		}
	}
	if layers == 0 {
		t.Fatal("no layer has experts")
	}
	for range 3 {
		s := &Settings{Optimizer: DefaultOptimizer, Schedule: Schedule{Kind: "constant", LR: 0.05}}
		if _, err := x.Step(t.Context(), s, batch(nil)); err != nil {
			t.Fatal(err)
		}
	}
	_, followed := bits(Options{Threads: 1}, routes)
	_, free := bits(Options{Threads: 1}, nil)
	for layer := range m.Config.NumHiddenLayers {
		if !slices.Equal(followed[layer], loads[layer]) {
			t.Errorf("layer %d: tokens go to %v, want %v", layer, followed[layer], loads[layer])
		}
		if loads[layer] != nil && slices.Equal(free[layer], loads[layer]) {
			t.Errorf("layer %d: routers choose what they chose: the test says nothing", layer)
		}
	}
	short := batch(routes)
	short.Cols, short.IDs, short.Segments, short.Weights = 8, short.IDs[:8], short.Segments[:8], short.Weights[:8]
	if _, err := x.LogP(t.Context(), short); err == nil || !strings.Contains(err.Error(), "are known, there are 8") {
		t.Errorf("experts of another batch: got %v", err)
	}
}
