package kernel

import (
	"math"
	"slices"
	"sort"
	"testing"
)

func TestTopK(t *testing.T) {
	for n := range 600 {
		x := make([]float32, rng.IntN([]int{60, 60, 3000}[n%3]))
		values := []int{12, 500}[n%2]
		for i := range x {
			if x[i] = float32(rng.IntN(values)); rng.IntN(20*values) == 0 {
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
		for _, k := range []int{-1, 0, 1, 3, 20, 100, 2000} {
			got := TopK([]int32{77}, x, k)
			want := append([]int32{77}, order[:min(max(k, 0), len(order))]...)
			if !slices.Equal(got, want) {
				t.Fatalf("best %d of %v are %v, want %v", k, x, got, want)
			}
		}
	}
}

func TestBlockMax(t *testing.T) {
	for _, n := range []int{0, 1, MaxBlock - 1, MaxBlock, MaxBlock + 1, 3*MaxBlock + 5} {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		got := BlockMax([]float32{7}, x)
		want := []float32{7}
		for block := range slices.Chunk(x, MaxBlock) {
			want = append(want, slices.Max(block))
		}
		if !slices.Equal(got, want) {
			t.Errorf("of %d values %v, want %v", n, got, want)
		}
	}
}

func TestLaneSumAt(t *testing.T) {
	for range 100 {
		x := make([]float32, 1+rng.IntN(300))
		var ids []int32
		for i := range x {
			if rng.IntN(5) == 0 {
				x[i] = float32(rng.NormFloat64())
				ids = append(ids, int32(i))
			}
		}
		if got, want := LaneSumAt(x, ids), LaneSum(x); got != want {
			t.Fatalf("%v at %v: got %v, want %v", x, ids, got, want)
		}
	}
}
