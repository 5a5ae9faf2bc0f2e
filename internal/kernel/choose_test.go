package kernel

import (
	"math"
	"slices"
	"testing"
)

// TestChoose holds the choice to TopK, which sorts: random values, equal ones, both zeros,
// infinities, NaN in some and nearly all places.
func TestChoose(t *testing.T) {
	kinds := map[string]func() float32{
		"normal":    func() float32 { return float32(rng.NormFloat64()) },
		"equal":     func() float32 { return float32(rng.IntN(3)) - 1 },
		"zeros":     func() float32 { return float32(math.Copysign(0, float64(rng.IntN(2))-0.5)) },
		"wide":      func() float32 { return float32(math.Exp(80 * rng.NormFloat64())) },
		"some NaN":  func() float32 { return []float32{1, 2, 3, float32(math.NaN())}[rng.IntN(4)] },
		"many NaN":  func() float32 { return []float32{1, float32(math.NaN())}[min(1, rng.IntN(50))] },
		"sometimes": func() float32 { return []float32{0, float32(rng.Float64())}[rng.IntN(100)/99] },
	}
	for name, value := range kinds {
		for _, n := range []int{1, 2, 63, 64, 65, 700, 5000} {
			x := make([]float32, n)
			for i := range x {
				x[i] = value()
			}
			for _, k := range []int{-1, 0, 1, 2, 60, 64, 500, 2048, 5001} {
				want := TopK([]int32{7}, x, k)
				slices.Sort(want[1:])
				onEach(t, func(t *testing.T) {
					if got := new(IndexScratch).Choose([]int32{7}, x, k); !slices.Equal(got, want) {
						t.Fatalf("%s: best %d of %d are %v, want %v", name, k, n, got, want)
					}
				})
			}
		}
	}
	// Ascending values: a sample that is spread evenly meets all of them.
	x := make([]float32, 40000)
	for i := range x {
		x[i] = float32(i / 3)
	}
	got := new(IndexScratch).Choose(nil, x, 2048)
	if len(got) != 2048 || got[2047] != 39999 || got[0] != 40000-2048-2 {
		t.Fatalf("best of ascending values: %d from %d to %d", len(got), got[0], got[len(got)-1])
	}
}
