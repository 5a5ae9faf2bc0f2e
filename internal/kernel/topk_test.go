package kernel

import (
	"math"
	"slices"
	"sort"
	"testing"
)

func TestTopK(t *testing.T) {
	for range 500 {
		x := make([]float32, rng.IntN(60))
		for i := range x {
			if x[i] = float32(rng.IntN(12)); rng.IntN(20) == 0 {
				x[i] = float32(math.NaN())
			}
		}
		order := make([]int32, len(x))
		for i := range order {
			order[i] = int32(i)
		}
		sort.SliceStable(order, func(a, b int) bool {
			va, vb := x[order[a]], x[order[b]]
			return va > vb || va == va && vb != vb
		})
		for _, k := range []int{0, 1, 3, 20, 100} {
			got := TopK([]int32{77}, x, k)
			want := append([]int32{77}, order[:min(k, len(order))]...)
			if !slices.Equal(got, want) {
				t.Fatalf("best %d of %v are %v, want %v", k, x, got, want)
			}
		}
	}
}
