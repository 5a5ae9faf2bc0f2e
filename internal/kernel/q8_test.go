package kernel

import (
	"math"
	"slices"
	"testing"
)

func TestQuantise(t *testing.T) {
	onEach(t, func(t *testing.T) {
		for _, K := range lengths()[1:] {
			for _, T := range []int{1, 2, 4, 5, 16, 17, 35} {
				var got, want Q8
				got.Reset(T, K)
				want.Reset(T, K)
				for v := range T {
					x := random(K)
					if v == 3 {
						x[K/2] = float32(math.NaN())
					}
					got.Quantise(v, x)
					portably(func() { want.Quantise(v, x) })
				}
				q, scale, xsum := got.Groups()
				wantQ, wantScale, wantXsum := want.Groups()
				if !slices.Equal(q, wantQ) {
					t.Fatalf("K=%d T=%d: integers differ", K, T)
				}
				same(t, "scale", scale, wantScale)
				same(t, "xsum", xsum, wantXsum)
				for v := range T {
					_, n, first := tileAt(got.T, v/Tile)
					for g := range got.groups {
						at, at16 := first*got.groups+g*n+v-first, 2*first*got.groups+2*g*n+v-first
						if got.nsum[at] != want.nsum[at] || got.nsum16[at16] != want.nsum16[at16] || got.nsum16[at16+n] != want.nsum16[at16+n] {
							t.Fatalf("K=%d T=%d: sums of vector %d differ", K, T, v)
						}
						same(t, "xsum16", []float32{got.xsum16[at16], got.xsum16[at16+n]}, []float32{want.xsum16[at16], want.xsum16[at16+n]})
					}
				}
			}
		}
	})
}

func TestCopy(t *testing.T) {
	const T, K = 40, 96
	var all Q8
	var allF F32
	all.Reset(T, K)
	allF.Reset(T, K)
	rows := make([][]float32, T)
	for v := range T {
		rows[v] = random(K)
		all.Quantise(v, rows[v])
		allF.Set(v, rows[v])
	}
	for _, pick := range [][]int32{{0}, {39}, {3, 3, 17}, {1, 5, 9, 13, 17, 21, 25, 29, 33, 37, 38, 39, 0, 2, 4, 6, 8, 10}} {
		var got, want Q8
		var gotF, wantF F32
		got.Reset(len(pick), K)
		gotF.Reset(len(pick), K)
		for i, v := range pick {
			got.Copy(i, &all, int(v))
			gotF.Copy(i, &allF, int(v))
		}
		want.Reset(len(pick), K)
		wantF.Reset(len(pick), K)
		for i, v := range pick {
			want.Quantise(i, rows[v])
			wantF.Set(i, rows[v])
		}
		q, scale, xsum := got.Groups()
		wantQ, wantScale, wantXsum := want.Groups()
		if !slices.Equal(q, wantQ) {
			t.Fatalf("%v: integers differ", pick)
		}
		same(t, "scale", scale, wantScale)
		same(t, "xsum", xsum, wantXsum)
		for i := range pick {
			_, n, first := tileAt(gotF.T, i/Tile)
			for k := range K {
				at := first*K + k*n + i - first
				same(t, "float", gotF.x[at:at+1], wantF.x[at:at+1])
			}
		}
	}
}
