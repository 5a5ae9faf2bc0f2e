package kernel

import (
	"math"
	"slices"
	"testing"
)

// TestSwigluClamped holds the gate of gpt-oss to its formula in float64, beyond both limits
// too, at lengths around those of registers and of a run; every implementation gives the same
// bits, in place too.
func TestSwigluClamped(t *testing.T) {
	const alpha, limit = 1.702, 7
	for _, n := range []int{0, 1, 15, 16, 33, swigluRun - 1, swigluRun, 2*swigluRun + 5} {
		gate, up := small(n), small(n)
		for i := range gate {
			gate[i], up[i] = 5*gate[i], 5*up[i]
		}
		before := Current()
		var first []float32
		for _, impl := range Implementations() {
			UseImpl(impl)
			y := append(make([]float32, n), 9)
			SwigluClamped(y[:n], gate, up, alpha, limit)
			if y[n] != 9 {
				t.Errorf("%s: %d numbers: wrote behind them", impl, n)
			}
			again := slices.Clone(gate)
			SwigluClamped(again, again, up, alpha, limit)
			if first == nil {
				first = slices.Clone(y[:n])
			}
			for i := range n {
				g, u := math.Min(float64(gate[i]), limit), math.Max(-limit, math.Min(float64(up[i]), limit))
				want := g / (1 + math.Exp(-float64(float32(alpha))*g)) * (u + 1)
				if math.Abs(float64(y[i])-want) > 1e-5*(1+math.Abs(want)) {
					t.Fatalf("%s: of %v and %v comes %v, want %v", impl, gate[i], up[i], y[i], want)
				}
				if y[i] != first[i] || again[i] != y[i] {
					t.Fatalf("%s: number %d of %d: %v, in place %v, want %v", impl, i, n, y[i], again[i], first[i])
				}
			}
		}
		UseImpl(before)
	}
}

// TestRouteChosen holds weights that are a softmax over the chosen experts to that over all,
// normalised; of equal logits the lower expert is chosen.
func TestRouteChosen(t *testing.T) {
	logits := []float32{1, 3, 2, 3, -4, 3, 0}
	r := Router{Chosen: true, TopK: 3, Factor: 1}
	ids, weights := make([]int32, 3), make([]float32, 3)
	r.Route(ids, weights, logits, new(RouteScratch))
	if !slices.Equal(ids, []int32{1, 3, 5}) || math.Abs(float64(weights[0])-1.0/3) > 1e-6 {
		t.Errorf("three equal ones: experts %v, weights %v", ids, weights)
	}
	logits = []float32{1, 3, 2, 2.5, -4, 0.5, 2}
	r.Route(ids, weights, logits, new(RouteScratch))
	all := Router{Normalise: true, TopK: 3, Factor: 1}
	want := make([]float32, 3)
	all.Route(make([]int32, 3), want, logits, new(RouteScratch))
	if !slices.Equal(ids, []int32{1, 2, 3}) {
		t.Errorf("experts %v, want 1, 2 and 3", ids)
	}
	for i := range want {
		if math.Abs(float64(weights[i]-want[i])) > 1e-6 {
			t.Errorf("weights %v, want %v", weights, want)
		}
	}
}
