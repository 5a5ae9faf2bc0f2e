package kernel

import (
	"fmt"
	"math"
	"testing"
)

// filledPages returns the pages of n positions, with what was never stored set to
// what hurts most.
func filledPages(a *Attention, n int) Pages {
	p := Pages{Key: 64, Value: 64 + a.Kind.KeyBytes(a.KeyDim)}
	for range (n + PagePositions - 1) / PagePositions {
		page := make([]byte, p.Value+a.Kind.ValueBytes(a.ValueDim))
		for i := range page {
			page[i] = 0xff // NaN in every float
		}
		p.Splits = append(p.Splits, page)
	}
	key, value := make([]float32, a.KeyDim), make([]float32, a.ValueDim)
	for pos := range n {
		for i := range key {
			key[i] = float32(rng.NormFloat64())
		}
		for i := range value {
			value[i] = float32(rng.NormFloat64())
		}
		page := p.Splits[pos/PagePositions]
		a.Kind.StoreKey(page[p.Key:], pos%PagePositions, key, 0)
		a.Kind.StoreValue(page[p.Value:], pos%PagePositions, value)
	}
	return p
}

// TestAttendTogether holds queries that attend together, and splits that are shared
// out, to each query attending alone; on every implementation, over pages whose
// unseen positions hold NaN.
func TestAttendTogether(t *testing.T) {
	for kind := CacheF32; kind <= CacheQ8; kind++ {
		for _, c := range []struct{ n, dk, dv, window int }{{40, 64, 64, 0}, {300, 33, 50, 0}, {700, 48, 160, 270}, {520, 32, 32, 9}} {
			a := Attention{Kind: kind, KeyDim: c.dk, ValueDim: c.dv, Scale: 0.17, Window: c.window}
			pages := filledPages(&a, c.n)
			var queries []Query
			for i := range MaxQueries {
				q := Query{Q: random(c.dk)[:c.dk], Out: make([]float32, c.dv), Pos: max(0, c.n-1-i/3-(i%2)*20), Sink: NoSink}
				for k := range q.Q {
					q.Q[k] = float32(math.Tanh(float64(q.Q[k])))
				}
				if i == 5 {
					q.Sink = 0.5
				}
				queries = append(queries, q)
			}
			want := make([][]float32, len(queries))
			portably(func() {
				for i := range queries {
					q := queries[i]
					q.Out = make([]float32, c.dv)
					a.Attend([]Query{q}, pages, new(AttendScratch))
					want[i] = q.Out
				}
			})
			onEach(t, func(t *testing.T) {
				for _, n := range []int{1, 3, 4, 11, 16} {
					what := fmt.Sprintf("%s n=%d window %d, %d queries", kind, c.n, c.window, n)
					s := new(AttendScratch)
					a.Attend(queries[:n], pages, s)
					for i := range n {
						same(t, what, queries[i].Out, want[i])
						clear(queries[i].Out)
					}
					c0, c1 := a.Splits(queries[:n])
					parts := make([]float32, (c1-c0)*a.PartSize(n))
					for split := c0; split < c1; split++ {
						a.AttendSplits(queries[:n], pages, split, split+1, parts[(split-c0)*a.PartSize(n):], s)
					}
					a.CombineSplits(queries[:n], c0, parts, s)
					for i := range n {
						same(t, what+", splits apart", queries[i].Out, want[i])
					}
				}
			})
		}
	}
}

// TestAttendApart has queries attend together whose windows leave out a split between
// them, of which there is no page.
func TestAttendApart(t *testing.T) {
	a := Attention{Kind: CacheQ8, KeyDim: 32, ValueDim: 32, Scale: 0.2, Window: 20}
	pages := filledPages(&a, 3*PagePositions)
	pages.Splits[1] = nil
	var got, want [2]Query
	for i, pos := range []int{40, 3*PagePositions - 1} {
		q := random(32)
		got[i] = Query{Q: q, Out: make([]float32, 32), Pos: pos, Sink: NoSink}
		want[i] = got[i]
		want[i].Out = make([]float32, 32)
		a.Attend(want[i:i+1], pages, new(AttendScratch))
	}
	a.Attend(got[:], pages, new(AttendScratch))
	for i := range got {
		same(t, "apart", got[i].Out, want[i].Out)
	}
}

// TestAttendExactly compares with attention in float64.
func TestAttendExactly(t *testing.T) {
	for kind, limit := range map[CacheKind]float64{CacheF32: 1e-5, CacheF16: 2e-3, CacheBF16: 2e-2, CacheQ8: 4e-2} {
		const n, d = 280, 64
		a := Attention{Kind: kind, KeyDim: d, ValueDim: d, Scale: 0.125}
		p := Pages{Value: kind.KeyBytes(d)}
		var keys, values [][]float32
		for pos := range n {
			if pos%PagePositions == 0 {
				p.Splits = append(p.Splits, make([]byte, p.Value+kind.ValueBytes(d)))
			}
			k, v := make([]float32, d), make([]float32, d)
			for i := range k {
				k[i], v[i] = float32(rng.NormFloat64()), float32(rng.NormFloat64())
			}
			keys, values = append(keys, k), append(values, v)
			kind.StoreKey(p.Splits[pos/PagePositions], pos%PagePositions, k, 0)
			kind.StoreValue(p.Splits[pos/PagePositions][p.Value:], pos%PagePositions, v)
		}
		q := Query{Q: keys[7], Out: make([]float32, d), Pos: n - 1, Sink: NoSink}
		a.Attend([]Query{q}, p, new(AttendScratch))
		want, total := make([]float64, d), 0.0
		for pos := range n {
			score := 0.0
			for i := range d {
				score += float64(q.Q[i]) * float64(keys[pos][i])
			}
			w := math.Exp(score * 0.125)
			total += w
			for i := range d {
				want[i] += w * float64(values[pos][i])
			}
		}
		var off, size float64
		for i := range d {
			e := float64(q.Out[i]) - want[i]/total
			off, size = off+e*e, size+want[i]/total*want[i]/total
		}
		if e := math.Sqrt(off / size); e > limit {
			t.Errorf("%s: off by %.2g of the output, limit %.2g", kind, e, limit)
		}
	}
}

// TestChosen holds a sparse set to the same rows stored one after the other.
func TestChosen(t *testing.T) {
	for kind := CacheF32; kind <= CacheQ8; kind++ {
		for _, latent := range []bool{false, true} {
			a := Attention{Kind: kind, KeyDim: 160, ValueDim: 96, Scale: 0.2, Latent: latent}
			size := kind.KeyBytes(a.KeyDim) + kind.ValueBytes(a.ValueDim)
			newPages := func() Pages {
				p := Pages{Value: kind.KeyBytes(a.KeyDim)}
				for range 3 {
					p.Splits = append(p.Splits, make([]byte, size))
				}
				return p
			}
			all, some := newPages(), newPages()
			store := func(p Pages, pos int, k, v []float32) {
				kind.StoreKey(p.Splits[pos/PagePositions], pos%PagePositions, k, 96)
				kind.StoreValue(p.Splits[pos/PagePositions][p.Value:], pos%PagePositions, v)
			}
			var chosen []int32
			for pos := range 700 {
				k, v := make([]float32, 160), make([]float32, 96)
				for i := range k {
					k[i] = float32(rng.NormFloat64())
				}
				for i := range v {
					v[i] = float32(rng.NormFloat64())
				}
				store(all, pos, k, v)
				if rng.IntN(2) == 0 {
					store(some, len(chosen), k, v)
					chosen = append(chosen, int32(pos))
				}
			}
			q := Query{Q: make([]float32, 160), Out: make([]float32, 96), Sink: NoSink}
			for i := range q.Q {
				q.Q[i] = float32(rng.NormFloat64())
			}
			a.AttendChosen([]Query{q}, all, chosen, new(AttendScratch))
			want := q
			want.Out, want.Pos = make([]float32, 96), len(chosen)-1
			a.Attend([]Query{want}, some, new(AttendScratch))
			same(t, kind.String(), q.Out, want.Out)
		}
	}
}
